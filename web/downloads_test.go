package web_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/views"
	"stackhook/web"
	"stackhook/web/webtest"
)

// pipes is a listener whose connections hold nothing: what is written waits until it is read. It works in a
// testing/synctest bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// taker is somebody who takes a file from a server with the limits of the real one.
type taker struct {
	conn   net.Conn
	answer *http.Response
	done   chan struct{} // closed when the server has done with the request
	wrote  atomic.Int64  // bytes that the server wrote or tried to
}

// counting counts what is written.
type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counting) Write(text []byte) (int, error) {
	c.n.Add(int64(len(text)))
	return c.ResponseWriter.Write(text)
}

func (c counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// take asks for a file as the administrator and reads the head of the answer.
func take(t *testing.T, site *webtest.Site, path string) *taker {
	t.Helper()
	taken := &taker{done: make(chan struct{})}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(taken.done)
		site.Echo.ServeHTTP(counting{w, &taken.wrote}, r)
	})
	request := site.As(t, "admin").Request(http.MethodGet, path, nil)
	for _, c := range site.As(t, "admin").Cookies() {
		request.AddCookie(c)
	}
	listener := newPipes()
	ctx, stop := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		if err := web.Serve(ctx, listener, handler, site.Handlers.Log); err != nil {
			t.Error(err)
		}
	})
	ours, theirs := net.Pipe()
	taken.conn = ours
	t.Cleanup(func() { ours.Close(); stop(); served.Wait() })
	listener.conns <- theirs
	served.Go(func() { request.Write(ours) })
	var err error
	if taken.answer, err = http.ReadResponse(bufio.NewReaderSize(ours, 512), request); err != nil {
		t.Fatal(err)
	}
	return taken
}

// Whoever is slow gets the whole file, long after the limits of other answers.
func TestASlowClientGetsItsExport(t *testing.T) {
	t.Parallel()
	for _, ending := range []string{".csv", ".ndjson"} {
		synctest.Test(t, func(t *testing.T) {
			site := webtest.Offline(t)
			many(t, site, 2000)
			taken := take(t, site, views.DeliveriesPath("net")+ending)
			start, piece, rows := time.Now(), make([]byte, 32<<10), 0
			for {
				n, err := io.ReadFull(taken.answer.Body, piece)
				rows += bytes.Count(piece[:n], []byte("\n"))
				if err == io.EOF || err == io.ErrUnexpectedEOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(40 * time.Second) // of the bubble
			}
			if took := time.Since(start); took < 5*time.Minute || rows != 2000+strings.Count(ending, "csv") {
				t.Errorf("%s: %d rows in %s", ending, rows, took)
			}
		})
	}
}

// Whoever takes nothing any more is not waited for.
func TestAnExportEndsWithItsClient(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*taker){
		"closes":       func(taken *taker) { taken.conn.Close() },
		"says nothing": func(*taker) { time.Sleep(2 * time.Minute) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			site := webtest.Offline(t, func(c *web.Config) {
				c.Handlers.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
			})
			many(t, site, 2000)
			taken := take(t, site, views.DeliveriesPath("net")+".csv")
			if _, err := io.CopyN(io.Discard, taken.answer.Body, 1000); err != nil {
				t.Fatal(err)
			}
			leave(taken)
			synctest.Wait()
			select {
			case <-taken.done:
			default:
				t.Errorf("%s: it goes on", name)
			}
			if wrote := taken.wrote.Load(); wrote > 100<<10 {
				t.Errorf("%s: %d bytes were written", name, wrote)
			}
			if log.Len() > 0 { // it is nothing that anybody has to look after
				t.Errorf("%s: logged as %s", name, log.String())
			}
		})
	}
}

// A file that cannot be ended breaks off: it does not look like all there is.
func TestAnExportThatFailsBreaksOff(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	db := many(t, site, 2000)
	for _, ending := range []string{".csv", ".ndjson"} {
		taken := take(t, site, views.DeliveriesPath("net")+ending)
		if taken.answer.StatusCode != http.StatusOK {
			t.Fatal(taken.answer.Status)
		}
		if _, err := db.Exec(`ALTER TABLE webhooks RENAME TO kept`); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(taken.answer.Body)
		if err != io.ErrUnexpectedEOF || len(body) < 1000 || bytes.Count(body, []byte("\n")) >= 2000 {
			t.Errorf("%s: %v after %d bytes", ending, err, len(body))
		}
		// Before it began, it is an error like any other.
		page := site.As(t, "admin").GET(views.DeliveriesPath("net") + ending)
		if page.Status != http.StatusInternalServerError || page.Header.Get("Content-Disposition") != "" || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v", ending, page.Status, page.Header)
		}
		if _, err := db.Exec(`ALTER TABLE kept RENAME TO webhooks`); err != nil {
			t.Fatal(err)
		}
	}
}
