package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// spool is the folder in which the reports to one server and stack wait, each run's in a folder of its own:
//
//	runs/01K6…/00000003.json   a report that waits; the number is its place in the run
//	runs/01K6…/00000002.done   the last one that does not wait any more
//	refused/01K6…-00000001.json   what the server will never take, for somebody to look at
//	pipelines/6f2a…            the run that was started last in a working folder
//
// Several processes use it at once. A file comes into being whole, by being renamed, and two locks keep the order; both
// end with the process that holds them. The token is in none of them.
type spool struct {
	dir     string
	mu      sync.Mutex
	folders map[string]*folder // by run: those of this process take turns
}

const (
	// keepFor is how long reports wait. A server that was away for a week has other worries, and a receiver has no use
	// for states that old.
	keepFor = 7 * 24 * time.Hour
	// keepEnded is how long it is known here that a run has ended: its pipeline's last steps may come to that late.
	keepEnded = time.Hour
	// keepRefused is how long what was given up can be looked at.
	keepRefused = 30 * 24 * time.Hour
)

// place returns the folder for a server and a stack below base, "" for the user's folder for such things.
func place(base, server, stack string) (string, error) {
	if base == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(cache, "stackhook")
	}
	sum := sha256.Sum256([]byte(strings.TrimRight(server, "/") + "\n" + stack))
	return filepath.Join(base, hex.EncodeToString(sum[:12])), nil
}

// openSpool makes the folder if need be, and tidies it up.
func openSpool(dir string) (*spool, error) {
	s := &spool{dir: dir, folders: map[string]*folder{}}
	for _, name := range []string{"", "runs", "refused", "pipelines"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil { // it may be older than this rule
		return nil, err
	}
	s.clean(time.Now())
	return s, nil
}

// runs returns the ids of the runs that have a folder, oldest first.
func (s *spool) runs() []string {
	list, err := os.ReadDir(filepath.Join(s.dir, "runs"))
	if err != nil {
		return nil // then there is nothing that could be sent
	}
	var ids []string
	for _, found := range list {
		if _, err := ulid.ParseStrict(found.Name()); err == nil && found.IsDir() {
			ids = append(ids, found.Name())
		}
	}
	return ids
}

// run returns the folder of one run, which is made when something is put there.
func (s *spool) run(id string) *folder {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folders[id]
	if f == nil {
		f = &folder{spool: s, id: id, dir: filepath.Join(s.dir, "runs", id)}
		s.folders[id] = f
	}
	return f
}

// clean removes what nobody needs any more. It is no matter if it cannot.
func (s *spool) clean(now time.Time) {
	for _, id := range s.runs() {
		f := s.run(id)
		rec, err := f.read()
		keep := keepFor
		if rec.last != nil && rec.last.state().Terminal() {
			keep = keepEnded
		}
		if err != nil || len(rec.waiting) > 0 || !old(f.dir, now, keep) {
			continue
		}
		_ = f.locked(func() error { return os.RemoveAll(f.dir) })
	}
	for folder, keep := range map[string]time.Duration{"refused": keepRefused, "pipelines": keepFor} {
		list, _ := os.ReadDir(filepath.Join(s.dir, folder))
		for _, found := range list {
			if path := filepath.Join(s.dir, folder, found.Name()); old(path, now, keep) {
				_ = os.Remove(path)
			}
		}
	}
}

func old(path string, now time.Time, than time.Duration) bool {
	about, err := os.Stat(path)
	return err == nil && now.Sub(about.ModTime()) > than
}

// awayFor is how long it is remembered that the server was away. A pipeline's steps are seldom further apart.
const awayFor = 10 * time.Minute

// away says whether the server was away a moment ago.
func (s *spool) away(now time.Time) bool {
	return s != nil && !missingOrOlder(s.awayFile(), now, awayFor)
}

// note notes whether the server is away. It is no matter if that cannot be noted: then the next step waits longer.
func (s *spool) note(away bool) {
	switch {
	case s == nil:
	case away:
		_ = write(s.awayFile(), nil, false)
	default:
		_ = os.Remove(s.awayFile())
	}
}

func (s *spool) awayFile() string { return filepath.Join(s.dir, "away") }

func missingOrOlder(path string, now time.Time, than time.Duration) bool {
	_, err := os.Stat(path)
	return err != nil || old(path, now, than)
}

// RunFile is where the later steps of a pipeline find the run that was started last in a working folder. It is known
// from the options alone: steps of other stacks, servers or folders have others.
func (o Options) RunFile(dir string) (string, error) {
	spool, err := place(o.Spool, o.URL, o.Stack)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(spool, "pipelines", hex.EncodeToString(sum[:12])), nil
}

// Remember notes in a file where a run is: its id and the version of its last state, if that is known.
func (n *Run) Remember(path string) error {
	text := n.id
	if _, version := n.Last(); version != unknown {
		text += ":" + strconv.FormatInt(version, 10)
	}
	return write(path, []byte(text+"\n"), false)
}

// ParseRun reads what names a run: its id, or its id and the version of its last state, as in “01K6…:3”. Without one,
// the version is unknown, -1.
func ParseRun(text string) (id string, version int64, err error) {
	id, number, numbered := strings.Cut(strings.TrimSpace(text), ":")
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return "", 0, errors.New("a run's id is a ULID, such as 01EF9PFPNFFM2MQXTJKHK1B869")
	}
	version = unknown
	if numbered {
		if version, err = strconv.ParseInt(number, 10, 64); err != nil || version < 0 {
			return "", 0, errors.New("what follows a run's id and “:” is the version of its last state, 0 or more")
		}
	}
	return parsed.String(), version, nil
}

// writeJSON writes a file as write does.
func writeJSON(path string, v any, sync bool) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return write(path, append(text, '\n'), sync)
}

// write makes or replaces a file at once: whoever reads it, after a crash too, reads the old or the new one. With sync
// it also survives that the machine loses its power.
func write(path string, text []byte, sync bool) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(text)
	if err == nil && sync {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// why returns what is wrong with a file, without the library's words about what it was doing.
func why(err error) string {
	if wrong, is := errors.AsType[*fs.PathError](err); is {
		return fmt.Sprintf("%s: %v", wrong.Path, wrong.Err)
	}
	return err.Error()
}
