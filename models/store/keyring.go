package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"stackhook/models"
)

// keyring is the key file as it was when it was last read. What a newer key sealed makes it read the file again.
type keyring struct {
	path  string
	known atomic.Pointer[keys]

	mu      sync.Mutex  // for one reading at a time
	read    os.FileInfo // what was read last; the same file is not read twice
	trouble error       // why that could not be used
}

func newKeyring(path string, used usedKeys) (*keyring, error) {
	r := &keyring{path: path}
	r.read, _ = os.Stat(path) // before it is read: what changes meanwhile is read again
	k, err := openKeys(path, used)
	if err != nil {
		return nil, err
	}
	r.known.Store(k)
	return r, nil
}

// now returns the keys. Whoever uses them twice for one purpose asks once.
func (r *keyring) now() *keys { return r.known.Load() }

// refresh reads the file if it is another one than was read last, and reports whether the keys are others now. What cannot
// be used changes nothing: a server goes on with what it has.
func (r *keyring) refresh() (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.path)
	if err != nil {
		r.trouble = fmt.Errorf("look for the key file: %w", err)
		return false
	}
	if r.read != nil && os.SameFile(info, r.read) && info.ModTime().Equal(r.read.ModTime()) && info.Size() == r.read.Size() {
		return false
	}
	r.read, r.trouble = info, nil
	text, err := os.ReadFile(r.path)
	if err != nil {
		r.read, r.trouble = nil, fmt.Errorf("read the key file: %w", err)
		return false
	}
	k, err := parseKeys(text)
	if err == nil && !k.succeeds(r.now()) {
		err = errors.New("it is another server's; start again to use it")
	}
	if err != nil {
		r.trouble = fmt.Errorf("the key file %s cannot be used: %w", r.path, err)
		return false
	}
	r.known.Store(k)
	return true
}

// inTrouble says why the file, as it is now, cannot be used; nil if it can.
func (r *keyring) inTrouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// seal and the others do what those of keys do.
func (r *keyring) seal(kind sealedKind, id, secret string) ([]byte, error) {
	return r.now().seal(kind, id, secret)
}

func (r *keyring) fingerprint(secret string) string { return r.now().fingerprint(secret) }

func (r *keyring) open(kind sealedKind, id string, sealed []byte) (string, error) {
	if key := sealedWith(sealed); len(sealed) > 0 && !r.now().ids[key] {
		r.refresh()
		if !r.now().ids[key] {
			return "", fmt.Errorf("the %s %s is sealed with key %d, which the key file %s lacks: put the newest key file in its place", kind, id, key, r.path)
		}
	}
	return r.now().open(kind, id, sealed)
}

// errKeyRetired says that something was sealed with a key that a rotation has retired. Nothing of it was stored.
var errKeyRetired = fmt.Errorf("%w: the key file seals with a key that was retired; put the newest key file in its place", models.ErrUnavailable)

// sealing runs f, which seals something, in one transaction; and once more if the key was retired since the file was read.
func (s *Store) sealing(ctx context.Context, f func(tx *gorm.DB) error) error {
	err := s.transact(ctx, f)
	if errors.Is(err, errKeyRetired) && s.keys.refresh() {
		err = s.transact(ctx, f)
	}
	return err
}

// KeyFile returns the path of the key file.
func (s *Store) KeyFile() string { return s.keys.path }
