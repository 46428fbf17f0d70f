package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
)

// liveLog is a log in a browser, with the server behind it and a receiver that answers when it may.
type liveLog struct {
	page
	env    []string
	server *process
	token  string
	gate   chan struct{} // closed, or taken from for each answer
}

const metricsToken = "a token of this test"

func newLiveLog(t *testing.T) *liveLog {
	l := &liveLog{gate: make(chan struct{}, 1000)}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-l.gate:
			w.WriteHeader(http.StatusNoContent)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(receiver.Close)
	t.Cleanup(func() { close(l.gate) })
	l.env = append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL="+adminEmail, "STACKHOOK_ADMIN_PASSWORD="+password, "STACKHOOK_METRICS_TOKEN="+metricsToken)
	var base string
	l.server, base = serving(t, l.env)
	succeed(t, l.env, "stack", "add", "--name", "site")
	l.token = succeed(t, l.env, "token", "create", "--name", "ci", "--scope", "report", "--stack", "site")
	l.page = openBrowser(t, base, true)
	l.signIn(adminEmail)
	l.open("/stacks/site/settings/integrations/webhooks/new")
	l.fill("endpoint", receiver.URL)
	l.press("Save")
	l.sees("Webhook to " + receiver.URL)
	return l
}

// await waits until something is so.
func (l *liveLog) await(what string, is func() bool) {
	l.Helper()
	over, look := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-look.C:
		case <-over:
			l.Fatalf("%s does not come; the page reads:\n%s", what, l.reads())
		}
	}
}

// run reports a run, whose delivery is answered or not, and returns its id.
func (l *liveLog) run(answered bool) string {
	l.Helper()
	if answered {
		l.gate <- struct{}{}
	}
	return reportRun(l.T, l.base, l.token)[0]
}

var liveStreams = regexp.MustCompile(`(?m)^stackhook_live_streams (\d+)`)

// streams waits until the server has so many.
func (l *liveLog) streams(want string) {
	l.Helper()
	l.await(want+" streams", func() bool {
		r, err := http.NewRequestWithContext(l.Context(), http.MethodGet, l.base+"/metrics", nil)
		if err != nil {
			l.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+metricsToken)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		found := liveStreams.FindSubmatch(text)
		return err == nil && found != nil && string(found[1]) == want
	})
}

// row is the text of a delivery's row, "" if there is none.
func (p page) row(id string) string {
	p.Helper()
	return value[string](p, fmt.Sprintf(`document.querySelector("[data-delivery='%s']")?.innerText.replace(/\s+/g, " ") ?? ""`, id))
}

func (l *liveLog) comes(id, text string) {
	l.Helper()
	l.await(text+" in the row of "+id, func() bool { return strings.Contains(l.row(id), text) })
}

// aside moves the pointer away from the table, over which nothing moves.
func (l *liveLog) aside() {
	l.Helper()
	l.do(call(input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: 1, Y: 1}))
}

func (l *liveLog) follow(path string) {
	l.Helper()
	l.open(path)
	l.aside()
	l.streams("1")
}

const siteLog = "/stacks/site/deliveries"
