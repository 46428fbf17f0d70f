package web_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// fillsDisk is set for the process of its own that TestPagesWhileNothingCanBeWritten needs.
const fillsDisk = "TEST_FILLS_DISK=yes"

// limitFiles says how long the files of this process may be. While that is 0 no file can be written, whatever its length,
// which is as good as a full disk.
func limitFiles(t *testing.T, limit uint64) {
	t.Helper()
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		t.Fatal(err)
	}
	now.Cur = min(limit, now.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		t.Fatal(err)
	}
}

// inOwnProcess runs the test in a process of its own, unless this is that one.
func inOwnProcess(t *testing.T) (done bool) {
	t.Helper()
	if name, value, _ := strings.Cut(fillsDisk, "="); os.Getenv(name) == value {
		return false
	}
	alone := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	alone.Env = append(os.Environ(), fillsDisk)
	if out, err := alone.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

func TestPagesWhileNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	if inOwnProcess(t) {
		return
	}
	site, stack, p := reporting(t)
	run := storetest.Run(t, site.Store, stack).Run
	b := site.As(t, "admin")
	signIn := url.Values{"email": {site.Reader.Email}, "password": {webtest.Password}}
	webhook := url.Values{"endpoint": {"https://example.com/typed?a=b"}, "secret": {"typed too"}, "enabled": {"on"}}
	const webhooks, runs = "/stacks/a/settings/integrations/webhooks", "/api/v1/stacks/a/runs"

	limitFiles(t, 0)
	if a := p.call("POST", runs, `{}`); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" ||
		a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
	if a := p.call("GET", runs+"/"+run.ID, ""); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.text)
	}
	for _, path := range []string{"/stacks", "/stacks/a", "/stacks/a/runs/" + run.ID, "/stacks/a/deliveries", webhooks + "/new", "/users", "/healthz", "/readyz"} {
		if page := b.GET(path); page.Status != http.StatusOK {
			t.Errorf("%s: %d\n%s", path, page.Status, page.Text("main"))
		}
	}
	for path, form := range map[string]url.Values{"/login": signIn, webhooks: webhook, "/stacks/a/delete": {"confirm": {"a"}}, "/logout": {}} {
		browser := b
		if path == "/login" {
			browser = site.As(t, "")
		}
		page := browser.POST(path, form)
		if page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") != "5" ||
			!strings.Contains(page.Text("main"), "The database cannot commit at the moment") {
			t.Errorf("%s: %d %v\n%s", path, page.Status, page.Header, page.Text("main"))
		}
		if path != webhooks {
			continue
		}
		for field, want := range map[string]string{"#endpoint": form.Get("endpoint"), "#secret": form.Get("secret")} {
			if got := page.Doc.Find(field).AttrOr("value", ""); got != want {
				t.Errorf("%s has %q, want %q", field, got, want)
			}
		}
	}

	limitFiles(t, 1<<62)
	if a := p.call("POST", runs, `{}`); a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, a.text)
	}
	if page := b.POST(webhooks, webhook); page.Status != http.StatusSeeOther {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	if page := site.As(t, "").POST("/login", signIn); page.Status != http.StatusSeeOther {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	if log, err := site.Store.Webhooks(t.Context(), stack); err != nil || len(log) != 1 || log[0].Endpoint != webhook.Get("endpoint") {
		t.Errorf("%+v, %v", log, err)
	}
}
