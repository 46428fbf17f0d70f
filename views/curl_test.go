package views_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"testing"

	"stackhook/models"
	"stackhook/views"
)

// received is what a request looked like on the wire.
type received struct {
	method, target, body string
	header               http.Header
}

func TestCurlCommandSendsTheSameRequest(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "sh"} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Skipf("no %s: %v", shell, err)
		}
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skipf("no curl: %v", err)
	}
	got := make(chan received, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- received{r.Method, r.RequestURI, string(body), r.Header}
	}))
	t.Cleanup(receiver.Close)
	for _, c := range []struct{ name, target, body string }{
		{"plain", "/hooks", `{"account":"acme"}`},
		{"quotes of all kinds", "/hooks?a='b'&c=\"d\"", `{"message":"it's \"quoted\" ` + "`id`" + ` $(id) $HOME \\n"}`},
		{"what curl would expand", "/a/../b/./c?list[]={1,2}&range=[1-3]", `@/etc/hostname`},
		{"exclamation marks and percent signs", "/100%25!!", `!! %s %d !$`},
		{"line breaks and blanks at the ends", "/", "  {\r\n\t}\n\n"},
		{"beyond ASCII", "/", `{"message":"Zürich ☃ 🚀 ` + "\u202e" + `"}`},
		{"over a kilobyte, where curl would ask first", "/", string(slices.Repeat([]byte("x"), 5000))},
		{"empty", "/", ""},
	} {
		for _, shell := range []string{"bash", "sh"} {
			headers := []models.Header{
				{Name: "Host", Value: receiver.Listener.Addr().String()},
				{Name: "Content-Length", Value: "unused"},
				{Name: "User-Agent", Value: "Stackhook/1.4.2"},
				{Name: "Content-Type", Value: "application/json"},
				{Name: "X-Signature-256", Value: "sha256=it's"},
				{Name: "webhook-signature", Value: "v1,e263WEgP+aZ/0/Ixi9LGwRwAPSnnA+3TRUwgv+kE7Qk="},
			}
			command := views.CurlCommand(models.Attempt{
				URL: receiver.URL + c.target, Exchange: models.Exchange{RequestHeaders: headers},
			}, []byte(c.body))
			// An empty environment, so that no proxy of the machine that tests stands between.
			run := exec.CommandContext(t.Context(), shell, "-c", command)
			run.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent"}
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("%s in %s: %v\n%s\n%s", c.name, shell, err, command, out)
			}
			r := <-got
			if r.method != http.MethodPost || r.target != c.target || r.body != c.body {
				t.Errorf("%s in %s: received %s %s %q", c.name, shell, r.method, r.target, r.body)
			}
			r.header.Del("Content-Length")
			if len(r.header) != len(headers)-2 {
				t.Errorf("%s in %s: received the headers %v", c.name, shell, r.header)
			}
			for _, h := range headers[2:] {
				if r.header.Get(h.Name) != h.Value {
					t.Errorf("%s in %s: %s is %q, not %q", c.name, shell, h.Name, r.header.Get(h.Name), h.Value)
				}
			}
		}
	}
}

func TestCurlCommandNeedsARequest(t *testing.T) {
	t.Parallel()
	if got := views.CurlCommand(models.Attempt{Reason: models.ReasonInterrupted}, []byte("{}")); got != "" {
		t.Errorf("an attempt without a request gives %q", got)
	}
}
