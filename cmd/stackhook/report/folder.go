package report

import (
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

	"stackhook/models"
)

// folder holds the reports of one run that wait.
type folder struct {
	spool   *spool
	id, dir string
	mu      sync.Mutex // goroutines of this process wait for each other here, without looking again and again
}

// record is what a folder says of its run.
type record struct {
	last    *done   // the last report that does not wait any more, nil if there is none
	waiting []entry // those behind it, in order
}

// done is a report that does not wait any more: the server has it, or it was given up.
type done struct {
	entry
	Refused string `json:"refused,omitempty"` // why it was given up
}

// newest returns the report that was made last, nil if there is none.
func (r record) newest() *entry {
	switch {
	case len(r.waiting) > 0:
		return &r.waiting[len(r.waiting)-1]
	case r.last != nil:
		return &r.last.entry
	}
	return nil
}

// addWithin is how long a report waits for the others of its run that are being put down. Each takes milliseconds.
const addWithin = time.Second

// errBusy says that another process holds a lock.
var errBusy = errors.New("another process is at work there")

// locked does what changes the folder, while no other process does.
func (f *folder) locked(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for until := time.Now().Add(addWithin); ; {
		unlock, err := lock(filepath.Join(f.dir, "adding.lock"))
		if err == nil {
			defer unlock()
			return do()
		}
		if !errors.Is(err, errBusy) || time.Now().After(until) {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// sending takes the right to send the run's reports, or returns errBusy.
func (f *folder) sending() (release func(), err error) {
	if f == nil {
		return func() {}, nil
	}
	release, err = lock(filepath.Join(f.dir, "sending.lock"))
	if err != nil && !errors.Is(err, errBusy) { // there is no folder: what is to be sent is in memory
		return func() {}, nil
	}
	return release, err
}

// add puts down one report, with the number that follows: after what is there, and after the newest that the
// caller knows of.
func (f *folder) add(e entry, newest tail) (entry, error) {
	var err error
	for range 2 { // the folder may just have been removed as an old one
		if err = os.MkdirAll(f.dir, 0o700); err != nil {
			return e, err
		}
		err = f.locked(func() error {
			rec, err := f.read()
			if err != nil {
				return err
			}
			e = e.after(newest.and(rec))
			return writeJSON(f.path(e.Seq, waits), e, true)
		})
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return e, err
}

// end notes that a report waits no more: the server has it, or it was refused. Of the reports that do not wait only the
// last is kept, which the next one follows.
func (f *folder) end(e entry, refused string) error {
	return f.locked(func() error {
		if refused != "" {
			if err := writeJSON(f.aside(e.Seq), done{e, refused}, false); err != nil {
				return err
			}
		}
		// Lost with the machine's power it is sent again, which is a repeat.
		if err := writeJSON(f.path(e.Seq, ended), done{e, refused}, false); err != nil {
			return err
		}
		return f.each(func(seq int64, kind, path string) error {
			if seq < e.Seq || seq == e.Seq && kind == waits {
				return os.Remove(path)
			}
			return nil
		})
	})
}

func (f *folder) aside(seq int64) string {
	return filepath.Join(f.spool.dir, "refused", fmt.Sprintf("%s-%08d.json", f.id, seq))
}

// refused says whether a report was refused.
func (f *folder) refused(seq int64) bool {
	if f == nil {
		return false
	}
	_, err := os.Stat(f.aside(seq))
	return err == nil
}

// change gives reports that wait another version.
func (f *folder) change(number func([]entry)) error {
	return f.locked(func() error {
		rec, err := f.read()
		if err != nil {
			return err
		}
		number(rec.waiting)
		for _, e := range rec.waiting {
			if err := writeJSON(f.path(e.Seq, waits), e, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// What a file of the folder is about.
const (
	waits = ".json"
	ended = ".done"
)

func (f *folder) path(seq int64, kind string) string {
	return filepath.Join(f.dir, fmt.Sprintf("%08d%s", seq, kind))
}

// each calls do with each report, in order.
func (f *folder) each(do func(seq int64, kind, path string) error) error {
	list, err := os.ReadDir(f.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, found := range list {
		kind := filepath.Ext(found.Name())
		seq, err := strconv.ParseInt(strings.TrimSuffix(found.Name(), kind), 10, 64)
		if err != nil || kind != waits && kind != ended {
			continue
		}
		if err := do(seq, kind, filepath.Join(f.dir, found.Name())); err != nil {
			return err
		}
	}
	return nil
}

// read returns what is there. Other processes may be at work: a report that is gone when it is read was ended, and then
// the folder is read anew.
func (f *folder) read() (rec record, err error) {
	if f == nil {
		return record{}, nil
	}
	for range 5 {
		rec = record{}
		err = f.each(func(seq int64, kind, path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var d done
			if err := json.Unmarshal(text, &d); err != nil || (d.Start == nil) == (d.State == nil) {
				d = done{entry{At: time.Now(), State: &stateBody{State: unreadable}}, string(unreadable)}
			}
			d.Seq = seq
			switch {
			case kind == ended:
				rec.last = &d
			default:
				rec.waiting = append(rec.waiting, d.entry)
			}
			return nil
		})
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	for rec.last != nil && len(rec.waiting) > 0 && rec.waiting[0].Seq <= rec.last.Seq { // a crash came between the two
		rec.waiting = rec.waiting[1:]
	}
	return rec, err
}

// unreadable stands for the state of a report whose file was damaged.
const unreadable models.State = "a file that cannot be read"

// tail is the newest report of a run that somebody knows of.
type tail struct {
	seq     int64 // -1 if none is known here
	version int64
}

// and returns the newest of t and of what a folder says.
func (t tail) and(rec record) tail {
	newest := rec.newest()
	if newest == nil || newest.Seq < t.seq {
		return t
	}
	found := tail{newest.Seq, newest.version()}
	switch {
	case len(rec.waiting) == 0 && rec.last.Refused != "": // the server does not count it
		found.version = unknown
	case found.version != unknown:
		found.version = max(found.version, t.version) // an older step may have handed on its version
	}
	return found
}
