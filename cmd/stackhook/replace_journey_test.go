package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// A secret is replaced in the browser, step by step, with scripts and without. The receiver verifies with a library and is given
// the new secret in between: it refuses the test that only the new one signs while it has the old one, and nothing else.
func TestReplacementJourney(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := newLibrary(t)
			env := append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL="+adminEmail, "STACKHOOK_ADMIN_PASSWORD="+password)
			_, base := serving(t, env)
			succeed(t, env, "stack", "add", "--name", "site")
			token := succeed(t, env, "token", "create", "--name", "ci", "--scope", "report", "--stack", "site")
			p := openBrowser(t, base, scripts)
			p.signIn(adminEmail)
			p.open("/stacks/site/settings/integrations/webhooks/new")
			p.fill("endpoint", receiver.URL)
			p.press("Generate")
			receiver.secret.Store(p.generated())
			p.press("Save")
			p.sees("Webhook to " + receiver.URL)
			receiver.answers(reportRun(t, base, token)[0], http.StatusNoContent)

			p.press("Replace")
			p.sees("Replace the secret", "Prepare a new secret")
			p.press("Generate")
			next := p.generated()
			p.press("Prepare")
			p.sees("signs nothing yet")
			p.press("Send a test signed only with it")
			p.sees("401 Unauthorized")
			receiver.answers("", http.StatusUnauthorized)
			p.openReplacement()
			p.press("Promote")
			p.sees("signs too")
			receiver.answers(reportRun(t, base, token)[0], http.StatusNoContent)
			receiver.secret.Store(next)
			receiver.answers(reportRun(t, base, token)[0], http.StatusNoContent)
			p.openReplacement()
			p.press("Retire the previous")
			p.sees("New secret", "Generate")
			p.lacks("signs too")
			receiver.answers(reportRun(t, base, token)[0], http.StatusNoContent)
		})
	}
}

// openReplacement opens the page of the only webhook's replacement.
func (p page) openReplacement() {
	p.Helper()
	p.open("/stacks/site/settings/integrations")
	p.press("Replace")
	p.sees("Replace the secret")
}

// library is a receiver that verifies with the library of Standard Webhooks.
type library struct {
	*httptest.Server
	t      *testing.T
	secret atomic.Value
	came   chan answered
}

type answered struct {
	id     string // webhook-id
	status int
}

func newLibrary(t *testing.T) *library {
	l := &library{t: t, came: make(chan answered, 100)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		status := http.StatusNoContent
		verifier, err := standardwebhooks.NewWebhook(l.secret.Load().(string))
		if err != nil || verifier.Verify(body, r.Header) != nil {
			status = http.StatusUnauthorized
		}
		w.WriteHeader(status)
		l.came <- answered{r.Header.Get("webhook-id"), status}
	}))
	t.Cleanup(l.Close)
	return l
}

// answers waits for the next request, which is for that delivery, or any if it is "", and is answered that way.
func (l *library) answers(id string, status int) {
	l.t.Helper()
	select {
	case got := <-l.came:
		if id != "" && got.id != id || got.status != status {
			l.t.Errorf("%s was answered %d, want %s %d", got.id, got.status, id, status)
		}
	case <-l.t.Context().Done():
		l.t.Fatal("nothing arrived")
	}
}
