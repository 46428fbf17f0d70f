package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestABadEndpointComesBackWithItsMessage(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	for typed, want := range map[string]string{
		"":                                       "Enter the URL",
		"example.com/hook":                       "Start with https:// or http://",
		"/hook":                                  "Start with https:// or http://",
		"ftp://example.com/":                     "not ftp",
		"https://":                               "Name the host",
		"https://ada:pw@example.com/":            "Leave out the user name and password",
		"https://example.com/#top":               "Leave out the part from # on",
		"https://example.com/a b":                "A URL has no blanks",
		"https://example.com/a\nb":               "A URL has no blanks",
		"https://example.com/" + long("a", 3000): "Use at most 2048 bytes",
		"https://xn--a\u00e4.example/":           "not a name that DNS can hold",
		"https://example.com:99999/":             "The port must be a number",
		"https://example.com/\xff":               "not valid UTF-8",
		"https://example.com/\u202egpj":          "Leave out control characters",
	} {
		page := admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {typed}, "secret": {"kept"}, "enabled": {"on"}})
		input := page.Doc.Find("#endpoint")
		if got := input.AttrOr("value", ""); page.Status != http.StatusUnprocessableEntity || got != strings.ToValidUTF8(typed, "\uFFFD") {
			t.Errorf("%.40q: %d with %.40q", typed, page.Status, got)
		}
		if message := page.Doc.Find("#endpoint-error").Text(); !strings.Contains(message, want) {
			t.Errorf("%.40q: %q does not say %q", typed, message, want)
		}
		if page.Doc.Find(`[role=alert] a[href="#endpoint"]`).Length() != 1 || input.AttrOr("aria-invalid", "") != "true" ||
			!strings.Contains(input.AttrOr("aria-describedby", ""), "endpoint-error") {
			t.Errorf("%.40q: the message is not joined to its field", typed)
		}
		if page.Doc.Find("#secret").AttrOr("value", "") != "kept" || page.Doc.Find("#enabled[checked]").Length() != 1 {
			t.Errorf("%.40q: the other fields are lost", typed)
		}
	}
	if ws, err := site.Store.Webhooks(t.Context(), stack); err != nil || len(ws) != 0 {
		t.Errorf("%d were stored, %v", len(ws), err)
	}
}

func TestABadSecretIsRefused(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	for typed, want := range map[string]string{
		"two\nlines":     "Leave out line breaks",
		"two\r\nlines":   "Leave out line breaks",
		"bell\a":         "Leave out line breaks and control characters",
		"\xff\xfe":       "not valid UTF-8",
		long("a", 1025):  "Use at most 1024 bytes; this secret has 1025",
		long("ä", 513):   "this secret has 1026",
		"over\u202eride": "Leave out line breaks and control characters",
	} {
		page := admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {"https://example.com/"}, "secret": {typed}})
		if message := page.Doc.Find("#secret-error").Text(); page.Status != http.StatusUnprocessableEntity || !strings.Contains(message, want) {
			t.Errorf("%.20q: %d, %q does not say %q", typed, page.Status, message, want)
		}
		if page.Doc.Find(`[role=alert] a[href="#secret"]`).Length() != 1 || page.Doc.Find("#endpoint").AttrOr("value", "") != "https://example.com/" {
			t.Errorf("%.20q: the summary or the endpoint is missing", typed)
		}
	}
	page := admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {"https://example.com/"}, "secret": {long("a", 1<<20)}})
	if page.Status != http.StatusRequestEntityTooLarge || !strings.Contains(page.Body, "KiB") {
		t.Errorf("1 MiB: %d", page.Status)
	}
	if ws, err := site.Store.Webhooks(t.Context(), stack); err != nil || len(ws) != 0 {
		t.Errorf("%d were stored, %v", len(ws), err)
	}
}

func TestASecretIsKeptExactlyAsTyped(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	for i, typed := range []string{"  both ends\u00a0 ", " ", "a  b", `<b>"&'`, "пароль", long("x", 1024)} {
		path := long("p", i+1)
		page := admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {"https://example.com/" + path}, "secret": {typed}, "enabled": {"on"}})
		if page.Status != http.StatusSeeOther {
			t.Fatalf("%q: %d", typed, page.Status)
		}
		w := newest(t, site, stack)
		page = admin.POST(views.WebhookSecretPath(stack.ID, w.ID), nil)
		if got := page.Doc.Find("[data-secret]").Text(); got != typed {
			t.Errorf("%q is shown as %q", typed, got)
		}
		if target, err := site.Store.Target(t.Context(), w.ID, 0); err != nil || target.Secret != typed {
			t.Errorf("%q signs as %q, %v", typed, target.Secret, err)
		}
	}
}

func long(text string, n int) string { return strings.Repeat(text, n) }
