package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-github/v84/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	adminEmail, readerEmail = "ada@example.com", "grace@example.com"
	password                = "correct horse battery"
)

// The main journey, once as most people see the pages and once without JavaScript: set a webhook up, see a run arrive,
// edit it, switch it off and on, and view its secret as somebody who may only read.
func TestJourney(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL="+adminEmail, "STACKHOOK_ADMIN_PASSWORD="+password)
			_, base := serving(t, env)
			succeed(t, env, "stack", "add", "--name", "site")
			addReader(t, env)
			token := succeed(t, env, "token", "create", "--name", "ci", "--scope", "report", "--stack", "site")
			p := openBrowser(t, base, scripts)
			administratorsJourney(p, token)
			readersJourney(p)
		})
	}
}

func addReader(t *testing.T, env []string) {
	t.Helper()
	if r := command(t, env, password+"\n", "user", "add", "--email", readerEmail, "--role", "reader", "--password-stdin"); r.code != 0 {
		t.Fatal(r.err)
	}
	succeed(t, env, "user", "grant", "--email", readerEmail, "--stack", "site")
}

func administratorsJourney(p page, token string) {
	receiver := newStranger(p.T)
	p.signIn(adminEmail)
	p.open("/stacks/site/settings/integrations")
	p.press("Add webhook")
	p.sees("How webhooks work", "Endpoint", "Secret")
	if !value[bool](p, `document.querySelector("[name=enabled]").checked`) {
		p.Error("a new webhook is not enabled")
	}
	p.fill("endpoint", receiver.URL)
	p.press("Generate")
	secret := p.generated()
	receiver.secret <- secret
	p.press("Save")
	p.sees("Webhook to "+receiver.URL, "Enabled")
	if strings.Contains(value[string](p, `document.documentElement.outerHTML`), secret) {
		p.Error("the secret is in the list before it was asked for")
	}

	reportRun(p.T, p.base, token)
	receiver.await()
	p.comesToSee("/stacks/site/deliveries", "QUEUED", "204 No content")

	p.open("/stacks/site/settings/integrations")
	p.press("Edit")
	p.sees("Leave empty to keep the stored secret")
	p.fill("endpoint", receiver.URL+"/edited")
	p.expectSwitch("rgb(29, 143, 82)")
	p.toggle("enabled")
	p.expectSwitch("rgb(127, 131, 140)")
	p.press("Save")
	p.sees("Webhook to "+receiver.URL+"/edited", "Disabled")

	reportRun(p.T, p.base, token)
	p.comesToSee("/stacks/site/deliveries", "Skipped QUEUED")

	p.open("/stacks/site/settings/integrations")
	p.press("Edit")
	p.sees("Leave empty to keep the stored secret")
	p.toggle("enabled")
	p.press("Save")
	p.sees("/edited", "Enabled")
	reportRun(p.T, p.base, token)
	receiver.await()
	receiver.secret <- "" // ends the receiver's checks

	p.do(chromedp.Click(chromedp.CSS(".top-tools .menu:last-child summary")))
	p.press("Sign out")
	p.sees("Sign in to")
}

func readersJourney(p page) {
	p.signIn(readerEmail)
	p.open("/stacks/site/settings/integrations")
	p.sees("Webhook to http://127.0.0.1", "Enabled")
	p.lacks("Add webhook", "Edit", "Delete")
	p.press("Reveal")
	p.sees("Recorded", "whsec_")
	if shown := value[string](p, `document.querySelector("[data-secret]").textContent`); !strings.HasPrefix(shown, "whsec_") {
		p.Errorf("the secret shown is %q", shown)
	}
	p.open("/stacks/site/settings/integrations")
	p.sees("Secret viewed by 1 person")
	p.lacks("whsec_")
	p.comesToSee("/stacks/site/deliveries", "204 No content", "Skipped QUEUED")
	p.lacks("Redeliver")
	p.open("/users")
	p.lacks(adminEmail)
}

func (p page) signIn(email string) {
	p.Helper()
	p.open("/login")
	p.fill("email", email)
	p.fill("password", password)
	p.press("Sign in")
	p.sees("Stacks", "site")
}

// generated waits for the secret that Generate puts into the form, with or without a round trip to the server.
func (p page) generated() string {
	p.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS(`[name=secret]`)))
	p.sees("Strong")
	return value[string](p, `document.querySelector("[name=secret]").value`)
}

// expectSwitch waits for the colour of the toggle, in the light theme.
func (p page) expectSwitch(colour string) {
	p.Helper()
	over, look := time.After(patience), time.NewTicker(20*time.Millisecond) // it changes gradually
	defer look.Stop()
	for {
		got := value[string](p, `(() => {
			const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
			c.fillStyle = getComputedStyle(document.querySelector("[name=enabled]")).backgroundColor;
			c.fillRect(0, 0, 1, 1);
			const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
			return "rgb(" + [r, g, b].join(", ") + ")";
		})()`)
		if got == colour {
			return
		}
		select {
		case <-look.C:
		case <-over:
			p.Fatalf("the toggle is %s, and never becomes %s", got, colour)
		}
	}
}

// stranger is a receiver that verifies both kinds of signature with libraries that nobody here wrote.
type stranger struct {
	*httptest.Server
	t        *testing.T
	secret   chan string
	accepted chan string // bodies
}

func newStranger(t *testing.T) *stranger {
	s := &stranger{t: t, secret: make(chan string, 2), accepted: make(chan string, 100)}
	var secret string
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if secret == "" {
			secret = <-s.secret
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.verify(r, body, secret)
		w.WriteHeader(http.StatusNoContent)
		s.accepted <- string(body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stranger) verify(r *http.Request, body []byte, secret string) {
	for _, header := range []string{"X-Signature", "X-Signature-256"} {
		if err := github.ValidateSignature(r.Header.Get(header), body, []byte(secret)); err != nil {
			s.t.Errorf("go-github refuses %s: %v", header, err)
		}
	}
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		s.t.Error(err)
		return
	}
	if err := library.Verify(bytes.Clone(body), r.Header); err != nil {
		s.t.Errorf("standard-webhooks refuses: %v", err)
	}
}

func (s *stranger) await() string {
	s.t.Helper()
	select {
	case body := <-s.accepted:
		return body
	case <-s.t.Context().Done():
		s.t.Fatal("nothing arrived")
	}
	return ""
}
