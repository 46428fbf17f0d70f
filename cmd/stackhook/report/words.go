package report

import (
	"fmt"
	"io"
	"sync"
)

// words tell the person at the terminal what they should know, once.
type words struct {
	mu   sync.Mutex
	to   io.Writer
	told map[int]bool // by status: the troubles that were told since the server last took a report

	unkeptTold bool
}

// say prints one line. That it cannot is no reason to fail.
func (w *words) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.print(format, args...)
}

func (w *words) print(format string, args ...any) {
	_, _ = fmt.Fprintf(w.to, "stackhook: "+format+"\n", args...)
}

// trouble tells why reports have to wait.
func (w *words) trouble(got answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[got.status] {
		return
	}
	if w.told == nil {
		w.told = map[int]bool{}
	}
	w.told[got.status] = true
	w.print("%s; reports are kept", got.says)
}

// unkept tells, once, that the spool does not work. Nothing else fails because of it.
func (w *words) unkept(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && !w.unkeptTold {
		w.unkeptTold = true
		w.print("reports are kept in memory only: %s", why(err))
	}
}

// back tells that the trouble is over.
func (w *words) back() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.told) > 0 {
		w.told = nil
		w.print("the server takes reports again")
	}
}
