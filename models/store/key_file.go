package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// rotateLock is the key of the advisory lock of the one process that changes the keys.
const rotateLock = 0x5354_4143_4b03

// lockKeys makes this process the only one that changes the key file, and on PostgreSQL the only one of all machines.
func (s *Store) lockKeys(ctx context.Context) (unlock func(), err error) {
	busy := errors.New("the keys are being changed by another process: wait until it has ended, or end it and repeat this command")
	f, err := os.OpenFile(s.keys.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file of the key file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, busy
	}
	free := func() {
		syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // also of a process that is just being started, and still has all our files
		f.Close()
	}
	if !onPostgres(s.write) {
		return free, nil
	}
	c := newConn(s.write)
	held, err := c.lock(ctx, rotateLock)
	if err == nil && !held {
		err = busy
	}
	if err != nil {
		c.close()
		free()
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
		defer cancel()
		c.unlock(ctx, rotateLock)
		c.close()
		free()
	}, nil
}

// addKey adds a key to the file that seals nothing yet, and returns its id, which is none of those that were used before.
func (r *rotation) addKey(used usedKeys) (id int64, err error) {
	err = r.changeFile(func(m *keyset.Manager) error {
		for {
			added, err := m.Add(aead.AES256GCMKeyTemplate())
			if err != nil {
				return err
			}
			if id = int64(added); !used.retired[id] {
				return nil
			}
			if err := m.Delete(added); err != nil {
				return err
			}
		}
	})
	return id, err
}

// changeFile changes the keyset in the key file, and what this process knows of it. Everything else in the file stays.
func (r *rotation) changeFile(change func(*keyset.Manager) error) error {
	ring := r.store.keys
	path, err := filepath.EvalSymlinks(ring.path) // a link stays one
	if err != nil {
		return fmt.Errorf("find the key file: %w", err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the key file: %w", err)
	}
	k, err := parseKeys(before)
	if err != nil {
		return fmt.Errorf("the key file %s cannot be used: %w", path, err)
	}
	manager := keyset.NewManagerFromHandle(k.handle)
	if err := change(manager); err != nil {
		return fmt.Errorf("change the keys: %w", err)
	}
	text, err := withKeyset(before, manager)
	if err != nil {
		return err
	}
	if err := r.replaceFile(path, text); err != nil {
		return fmt.Errorf("replace the key file %s: %w", path, err)
	}
	ring.refresh()
	return ring.inTrouble()
}

// withKeyset returns the text of a key file with another keyset. It is read again first: a file that this program could not
// read must not take the place of one that it could.
func withKeyset(text []byte, manager *keyset.Manager) ([]byte, error) {
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("change the keys: %w", err)
	}
	var secrets bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&secrets)); err != nil {
		return nil, fmt.Errorf("write the keys: %w", err)
	}
	var content map[string]json.RawMessage
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	for name := range content { // as the decoder, which also takes another case for it
		if strings.EqualFold(name, "secrets") {
			delete(content, name)
		}
	}
	content["secrets"] = secrets.Bytes()
	changed, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the keys: %w", err)
	}
	_, err = parseKeys(changed)
	return changed, err
}

// replaceFile puts a new file in the place of the old one: whoever reads it, also after a crash, finds one or the other,
// whole. It belongs to whom the old one did: the command may be run by another account than the server.
func (r *rotation) replaceFile(path string, text []byte) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	aside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new") // one name: a crash leaves one at most
	if err := os.Remove(aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if owner, is := old.Sys().(*syscall.Stat_t); is && (int(owner.Uid) != os.Geteuid() || int(owner.Gid) != os.Getegid()) {
		err = f.Chown(int(owner.Uid), int(owner.Gid))
	}
	if err == nil {
		_, err = f.Write(text)
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(aside)
		return err
	}
	if err := r.at("the file is written aside"); err != nil {
		return err
	}
	if err := os.Rename(aside, path); err != nil {
		os.Remove(aside)
		if errors.Is(err, syscall.EBUSY) {
			err = fmt.Errorf("it is mounted by itself, so it cannot be replaced: mount its folder (%w)", err)
		}
		return err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return err
	}
	return r.at("the file is replaced")
}
