package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keyFile is the content of the file beside the database: whoever has both can read the secrets.
type keyFile struct {
	Secrets      json.RawMessage `json:"secrets"`      // a tink keyset (AES-256-GCM) that seals secrets
	CookieHash   []byte          `json:"cookieHash"`   // 32 bytes: authenticates cookies and sealed form fields
	CookieBlock  []byte          `json:"cookieBlock"`  // 32 bytes: encrypts them
	Fingerprints []byte          `json:"fingerprints"` // 32 bytes: keys the fingerprints of secrets
}

// keys are the opened key file.
type keys struct {
	file    keyFile
	handle  *keyset.Handle
	ids     map[int64]bool
	primary int64 // seals
	last    int64 // was added last
	sealer  tink.AEAD
}

// openKeys reads the key file. It makes one when there is none, but only while the database holds nothing sealed: a new
// key could not open what is there.
func openKeys(path string, used usedKeys) (*keys, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if len(used.now) > 0 {
			return nil, fmt.Errorf("the database holds secrets sealed with key %d, and there is no key file %s: put it back, or name it with STACKHOOK_KEY_FILE", used.now[0], path)
		}
		text, err = makeKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	k, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("the key file %s cannot be used: %w", path, err)
	}
	for _, id := range used.now {
		if !k.ids[id] {
			return nil, fmt.Errorf("the database holds secrets sealed with key %d, which the key file %s lacks: put back the file that has it, or name it with STACKHOOK_KEY_FILE", id, path)
		}
	}
	if used.retired[k.primary] {
		return nil, fmt.Errorf("the key file %s is from before a rotation: it seals with key %d, which was retired; put the newest key file in its place, or name it with STACKHOOK_KEY_FILE", path, k.primary)
	}
	return k, nil
}

func parseKeys(text []byte) (*keys, error) {
	var k keys
	if err := json.Unmarshal(text, &k.file); err != nil {
		return nil, err
	}
	if len(k.file.CookieHash) != 32 || len(k.file.CookieBlock) != 32 || len(k.file.Fingerprints) != 32 {
		return nil, errors.New("a key is missing or has not 32 bytes")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(k.file.Secrets)))
	if err != nil {
		return nil, err
	}
	if k.sealer, err = aead.New(handle); err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	k.handle, k.primary, k.ids = handle, int64(info.GetPrimaryKeyId()), map[int64]bool{}
	for _, key := range info.GetKeyInfo() {
		k.last = int64(key.GetKeyId())
		k.ids[k.last] = true
	}
	return &k, nil
}

// makeKeyFile writes a new key file that only its owner may read. Of two processes that make one at once, one wins, and
// both read the winner's.
func makeKeyFile(path string) ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	var secrets bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&secrets)); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(keyFile{Secrets: secrets.Bytes(), CookieHash: random(32), CookieBlock: random(32), Fingerprints: random(32)}, "", "  ")
	if err != nil {
		return nil, err
	}
	// Written aside and linked into place: a crash leaves either no key file or a whole one.
	aside, err := os.CreateTemp(filepath.Dir(path), ".stackhook-key-*") // CreateTemp uses mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(text)
	err = errors.Join(err, aside.Sync(), aside.Close())
	if err != nil {
		return nil, err
	}
	if err := os.Link(aside.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil { // what it seals would outlive a power cut, and it would not
		return nil, err
	}
	return os.ReadFile(path)
}

// seal encrypts a secret so that only the row with that id can be given it.
func (k *keys) seal(kind sealedKind, id, secret string) ([]byte, error) {
	sealed, err := k.sealer.Encrypt([]byte(secret), sealContext(kind, id))
	if err != nil {
		return nil, errors.New("seal a secret: the key file's key refuses") // never the cause: it might hold the text
	}
	return sealed, nil
}

// open decrypts what seal made; nothing sealed is no secret.
func (k *keys) open(kind sealedKind, id string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	secret, err := k.sealer.Decrypt(sealed, sealContext(kind, id))
	if err != nil {
		return "", fmt.Errorf("the %s %s cannot be opened with the key file", kind, id)
	}
	return string(secret), nil
}

func sealContext(kind sealedKind, id string) []byte { return []byte(string(kind) + " " + id) }

// fingerprint returns 8 hex digits that tell two secrets apart; "" for no secret. It is keyed, so that a copy of the
// database does not let weak secrets be searched.
func (k *keys) fingerprint(secret string) string {
	if secret == "" {
		return ""
	}
	mac := hmac.New(sha256.New, k.file.Fingerprints)
	mac.Write([]byte(secret))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}
