package web_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// hostile are texts of receivers that want to be more than text, with how a page shows them.
var hostile = map[string]struct{ received, shown string }{
	"markup":      {`<script>alert(1)</script><img src=x onerror=alert(1)><style>*{display:none}</style>`, `<script>alert(1)</script>`},
	"ends early":  {`</pre></code></details></main><h1>Signed out</h1><form action=//evil.example>`, `</pre></code></details></main><h1>Signed out</h1>`},
	"attribute":   {`" onmouseover="alert(1)" x='`, `" onmouseover="alert(1)" x='`},
	"entities":    {`&lt;b&gt; &amp; &#60;`, `&lt;b&gt; &amp; &#60;`},
	"ANSI escape": {"\x1b[2J\x1b[31mred\x07\x9b0m", `␛[2J␛[31mred␇`},
	"bidi":        {"safe\u202e\u2066gnirts\u2069\u200f", `safe\u202E\u2066gnirts\u2069\u200F`},
	"invisible":   {"a\u200bb\u2060c\ufeffd\U000e0041", `a\u200Bb\u2060c\uFEFFd\U000E0041`},
	"binary":      {"\x00\x01\xff\xfe\xc0\x80\x7f", `␀␁\xFF\xFE\xC0\x80␡`},
	"long line":   {strings.Repeat("x", 16<<10), strings.Repeat("x", 16<<10)},
	"no UTF-8":    {strings.Repeat("\xff", 16<<10), strings.Repeat(`\xFF`, 16<<10)},
}

func TestReceiversTextDoesNoHarm(t *testing.T) {
	t.Parallel()
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := webtest.New(t)
			stack, w, id := oneDelivery(t, site)
			harmless := pageOf(t, site, stack, w, id, "x")
			page := pageOf(t, site, stack, w, id, c.received)
			if got := page.Doc.Find("pre[aria-label='Response body']").First().Text(); !strings.HasPrefix(strings.TrimSpace(got), c.shown) {
				t.Errorf("the body is shown as %.200q", got)
			}
			if got := page.Doc.Find("pre[aria-label='Response headers']").First().Text(); len(c.received) < 1000 && utf8.ValidString(c.received) && strings.Count(got, c.shown) != 3 {
				t.Errorf("the headers are shown as %.200q", got)
			}
			const command = "pre[aria-label='curl command']"
			if got, want := page.Doc.Find(command).First().Text(), harmless.Doc.Find(command).First().Text(); got != want || want == "" {
				t.Errorf("the command that sends the request again is %s", got)
			}
			for _, element := range []string{"script", "style", "img", "form", "h1", "main"} {
				if got, want := page.Doc.Find(element).Length(), harmless.Doc.Find(element).Length(); got != want {
					t.Errorf("%d <%s>, not %d", got, element, want)
				}
			}
			if page.Doc.Find("[onmouseover], [onerror]").Length() != 0 {
				t.Error("an attribute came through")
			}
			expectReadable(t, page)
		})
	}
}

// pageOf records an attempt whose answer is that text all over, and returns the delivery's page.
func pageOf(t *testing.T, site *webtest.Site, stack models.Stack, w models.Webhook, id, text string) *webtest.Page {
	t.Helper()
	deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
		a := exchanged(w)
		header := text[:min(len(text), 1<<10)] // as the engine cuts it
		a.Exchange.ResponseHeaders = []models.Header{{Name: "Location", Value: header}, {Name: header, Value: "1"}, {Name: "X-Text", Value: header}}
		a.Exchange.ResponseBody = []byte(text)
		_, o := busy(job)
		return a, o
	})
	return site.As(t, "admin").GET(views.DeliveryPath(stack.ID, id))
}

// expectReadable checks that nothing in a page hides, reorders or overwrites what is read. What is there to be copied is
// not shown: it is exactly what was sent.
func expectReadable(t *testing.T, page *webtest.Page) {
	t.Helper()
	if !utf8.ValidString(page.Body) {
		t.Error("the page is not valid UTF-8")
	}
	page.Doc.Find("code[hidden]").Remove()
	shown, err := page.Doc.Html()
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.IndexFunc(shown, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\n\t", r) || unicode.Is(unicode.Bidi_Control, r)
	})
	if bad >= 0 {
		t.Errorf("the page holds %q", shown[bad:min(bad+20, len(shown))])
	}
}

func TestPipelinesTextDoesNoHarm(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	for name, c := range hostile {
		if !utf8.ValidString(c.received) || len(c.received) > models.MaxCommitMessage {
			continue // the API refuses it
		}
		run := startRun(t, site, stack, c.received+"\nsecond line")
		admin := site.As(t, "admin")
		delivery := storetest.State(t, site.Store, stack, run.ID, models.Finished).Deliveries[0]
		for _, path := range []string{views.StackPath(stack.ID), views.RunPath(stack.ID, run.ID), views.DeliveryPath(stack.ID, delivery), views.DeliveriesPath(stack.ID)} {
			page := admin.GET(path)
			if page.Doc.Find("main img, main script, main style").Length() != 0 || page.Doc.Find("h1").Length() != 1 {
				t.Errorf("%s: markup came through to %s", name, path)
			}
			expectReadable(t, page)
		}
		if got := admin.GET(views.RunPath(stack.ID, run.ID)).Doc.Find("h1").Text(); !strings.HasPrefix(got, c.shown) {
			t.Errorf("%s: the title is %q", name, got)
		}
	}
}

func TestCopiedBodyIsTheOneThatWasSent(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	run := startRun(t, site, stack, "it's “quoted” \u202e & <b>\r\n\ttabs")
	rec := storetest.State(t, site.Store, stack, run.ID, models.Finished)
	event, err := site.Store.Event(t.Context(), rec.Event.ID)
	if err != nil {
		t.Fatal(err)
	}
	page := site.As(t, "admin").GET(views.DeliveryPath(stack.ID, rec.Deliveries[0]))
	if got := page.Doc.Find("main code[data-copy-text]").First().Text(); got != string(event.Payload) {
		t.Errorf("copied would be %q", got)
	}
	if bytes.Contains(event.Payload, []byte("\\u202e")) || !bytes.Contains(event.Payload, []byte("\u202e")) {
		t.Error("the payload escapes the mark itself: this test shows nothing")
	}
}
