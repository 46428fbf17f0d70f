package web_test

import (
	"bytes"
	"net/http"
	"runtime"
	"testing"

	"stackhook/views"
	"stackhook/web/webtest"
)

// weighing throws an answer away, and remembers the most memory that was in use while it came.
type weighing struct {
	header http.Header
	lines  int
	pieces int
	most   uint64
}

func (w *weighing) Header() http.Header { return w.header }

func (w *weighing) WriteHeader(int) {}

func (w *weighing) Write(text []byte) (int, error) {
	w.lines += bytes.Count(text, []byte("\n"))
	if w.pieces++; w.pieces%5 == 0 { // weighing takes longer than writing
		w.most = max(w.most, inUse())
	}
	return len(text), nil
}

// inUse is how much memory holds something.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An export of many deliveries takes no more memory than one of few. This test is not parallel: it measures the process.
func TestAnExportTakesTheSameMemoryHoweverLong(t *testing.T) {
	weigh := func(rows int) uint64 {
		site := webtest.Offline(t)
		many(t, site, rows)
		b := site.As(t, "admin")
		request := b.Request(http.MethodGet, views.DeliveriesPath("net")+".csv", nil)
		for _, c := range b.Cookies() {
			request.AddCookie(c)
		}
		w := &weighing{header: http.Header{}}
		before := inUse()
		w.most = before
		site.Echo.ServeHTTP(w, request)
		if w.lines != rows+1 || w.pieces < rows/1000 {
			t.Fatalf("%d lines of %d rows in %d pieces", w.lines, rows, w.pieces)
		}
		return w.most - before
	}
	weigh(100) // what is made once is made now
	few, many := weigh(1_000), weigh(20_000)
	t.Logf("1,000 rows take %d KiB, 20,000 rows %d KiB", few>>10, many>>10)
	if many > 2*few+1<<20 {
		t.Errorf("20,000 rows take %d KiB, 1,000 rows %d KiB", many>>10, few>>10)
	}
}
