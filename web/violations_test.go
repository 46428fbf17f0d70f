package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/web"
	"stackhook/web/webtest"
)

// logging is a site and what it logs, as JSON, without the line of each request.
func logging(t *testing.T, change ...func(*web.Config)) (*webtest.Site, func() []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	site := webtest.Offline(t, append(change, func(c *web.Config) {
		c.Handlers.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})...)
	return site, func() (lines []map[string]any) {
		for line := range strings.Lines(log.String()) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			if fields["msg"] != "request" {
				lines = append(lines, fields)
			}
		}
		return lines
	}
}

func report(t *testing.T, b *webtest.Browser, body string) {
	t.Helper()
	r := b.Request(http.MethodPost, "/csp-reports", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/csp-report")
	if page := b.Do(r); page.Status != http.StatusNoContent || page.Body != "" {
		t.Errorf("%d %q", page.Status, page.Body)
	}
}

// Both ways in which browsers report are one line, of which nothing is longer than it must be, or secret.
func TestAViolationIsOneLineInTheLog(t *testing.T) {
	t.Parallel()
	const marked = "marked-secret"
	old := `{"csp-report":{"violated-directive":%s,"blocked-uri":%s,"document-uri":%s,"script-sample":"marked-secret","referrer":"https://x/?marked-secret","original-policy":"marked-secret"}}`
	newer := `[{"type":"deprecation","body":{}},{"type":"csp-violation","url":"https://x/?marked-secret","user_agent":"marked-secret","body":{"effectiveDirective":%s,"blockedURL":%s,"documentURL":%s,"sample":"marked-secret"}},{"type":"csp-violation","body":{}}]`
	for _, form := range []string{old, newer} {
		for _, c := range []struct{ directive, blocked, page, want string }{
			{"script-src-elem", "inline", "https://hooks.example/stacks/net?token=" + marked, "script-src-elem inline /stacks/net"},
			{"img-src 'self' " + marked, "https://evil.example:81/" + marked + "?" + marked + "#" + marked, "https://hooks.example/setup?token=" + marked, "img-src https://evil.example:81 /setup"},
			{"connect-src", "https://user:" + marked + "@evil.example/", "/x", "connect-src https://evil.example /x"},
			{"img-src", "data:text/plain," + marked, "about:blank", "img-src data "},
			{"font-src", "data", "https://h/", "font-src data /"},
			{"x\nlevel=ERROR", "\x00", "%zz", "x something "},
			{"<b>", "://" + marked, "https://h/a%0ab\\n", " something /a%0Ab%5Cn"},
			{strings.Repeat("a", 1000), "https://" + strings.Repeat("a", 1000), "/" + strings.Repeat("é", 1000), strings.Repeat("a", 40) + " https://" + strings.Repeat("a", 112) + " /" + strings.Repeat("%C3%A9", 19) + "%C3%A"},
		} {
			site, logged := logging(t)
			report(t, site.As(t, ""), fmt.Sprintf(form, inJSON(c.directive), inJSON(c.blocked), inJSON(c.page)))
			lines := logged()
			if len(lines) != 1 {
				t.Fatalf("%+v: %v", c, lines)
			}
			got := fmt.Sprintf("%v %v %v", lines[0]["directive"], lines[0]["blocked"], lines[0]["page"])
			if got != c.want || lines[0]["level"] != "WARN" || lines[0]["address"] != "192.0.2.1" || strings.Contains(fmt.Sprint(lines), marked) {
				t.Errorf("%+v is logged as %q\n%v", c, got, lines[0])
			}
		}
	}
}

func TestWhatIsNoViolationIsNotLogged(t *testing.T) {
	t.Parallel()
	site, logged := logging(t)
	b := site.As(t, "")
	for _, body := range []string{
		"", "null", "[]", "{}", `{"csp-report":null}`, `[{"type":"crash","body":{}}]`, `{"csp-report":`, `"csp-report"`, strings.Repeat("[", 10_000),
		`{"csp-report":{"violated-directive":"img-src","blocked-uri":"` + strings.Repeat("x", 16<<10) + `"}}`,
	} {
		report(t, b, body)
	}
	if lines := logged(); len(lines) != 0 {
		t.Errorf("%v", lines)
	}
	r := b.Request(http.MethodPost, "/csp-reports", strings.NewReader(strings.Repeat("x", 100<<10)))
	if page := b.Do(r); page.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", page.Status)
	}
}

// However many are sent, ten a minute are logged, and how many were not is said with the next one.
func TestViolationsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site, logged := logging(t)
		b := site.As(t, "")
		for range 500 {
			report(t, b, `{"csp-report":{"violated-directive":"img-src"}}`)
		}
		if lines := logged(); len(lines) != 10 {
			t.Errorf("%d lines", len(lines))
		}
		time.Sleep(6 * time.Second)
		report(t, b, `{"csp-report":{"violated-directive":"img-src"}}`)
		if lines := logged(); len(lines) != 11 || lines[10]["notLoggedBefore"] != float64(490) {
			t.Errorf("%d lines, the last one %v", len(lines), lines[len(lines)-1])
		}
	})
}

// A report keeps no session alive, and says nothing about who is signed in.
func TestAViolationIsNoUseOfASession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		b := site.As(t, "admin")
		for range 30 {
			time.Sleep(time.Hour)
			report(t, b, `{"csp-report":{"violated-directive":"img-src"}}`)
		}
		if signedIn(b) {
			t.Error("signed in after 30 hours in which only reports came")
		}
	})
}

func inJSON(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // no text fails
	}
	return string(quoted)
}
