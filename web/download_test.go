package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

var instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)

// The file has its documented shape, fields in order, and neither the endpoint nor what lets somebody in.
func TestDownloadedDelivery(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	w := storetest.Webhook(t, site.Store, stack, "https://good.example/in/B00KSHELF?key=p4ss", "s3cret")
	id := storetest.Run(t, site.Store, stack).Deliveries[0]
	for _, answer := range []func(*models.Attempt){
		func(a *models.Attempt) {
			a.Code, a.Reason, a.Cause, a.Detail = 0, models.ReasonTimeout, models.CauseLateAnswer, "203.0.113.80:443 did not answer within 10s."
			a.Exchange.ResponseHeaders, a.Exchange.ResponseBody = nil, nil
		},
		func(a *models.Attempt) {
			a.Exchange.ResponseHeaders = []models.Header{{Name: "Location", Value: "/in/B00KSHELF/"}, {Name: "Server", Value: "nginx"}, {Name: "Set-Cookie", Value: "sid=1234"}}
			a.Exchange.ResponseBody = []byte("nothing at /in/B00KSHELF?key=p4ss")
		},
	} {
		deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
			a := exchanged(w)
			answer(&a)
			return a, store.Outcome{Status: models.Pending, Reason: a.Reason, DueAt: time.Now()}
		})
	}
	d, err := site.Store.Delivery(t.Context(), stack, id)
	if err != nil {
		t.Fatal(err)
	}
	event, err := site.Store.Event(t.Context(), d.EventID)
	if err != nil {
		t.Fatal(err)
	}
	page := site.As(t, "admin").GET(views.DownloadPath(stack.ID, id))
	if page.Status != http.StatusOK || page.Header.Get("Content-Type") != "application/json" ||
		page.Header.Get("Content-Disposition") != `attachment; filename="delivery-`+id+`.json"` || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", page.Status, page.Header)
	}
	for _, secret := range []string{"s3cret", "B00KSHELF", "p4ss", "1234"} {
		if strings.Contains(page.Body, secret) {
			t.Errorf("%s is in the file:\n%s", secret, page.Body)
		}
	}
	payload, err := json.Marshal(string(event.Payload))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(event.Payload)
	got := strings.NewReplacer(string(payload), "PAYLOAD", hex.EncodeToString(sum[:]), "SHA256", id, "DELIVERY", w.ID, "WEBHOOK", event.ID, "EVENT", event.RunID, "RUN").
		Replace(instant.ReplaceAllString(page.Body, "TIME"))
	got = regexp.MustCompile(`"bytes": \d{3,}`).ReplaceAllString(got, `"bytes": MANY`)
	want, err := os.ReadFile("testdata/delivery.json.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the file is\n%s", got)
	}
}

func TestDownloadBeforeTheFirstAttempt(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, _, id := oneDelivery(t, site)
	file := download(t, site, stack, id)
	if len(file.Attempts) != 0 || !strings.Contains(file.raw, `"attempts": []`) || file.Payload.Text == nil {
		t.Errorf("the file is\n%s", file.raw)
	}
}

// What a receiver wrote is in the file exactly, and does no harm in a browser, a terminal or an editor.
func TestDownloadedTextDoesNoHarm(t *testing.T) {
	t.Parallel()
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := webtest.New(t)
			stack, w, id := oneDelivery(t, site)
			pageOf(t, site, stack, w, id, c.received)
			file := download(t, site, stack, id)
			r := file.Attempts[0].Response
			if got := r.Body.is(); got != c.received {
				t.Errorf("the body is %.200q", got)
			}
			if got := r.Headers[2].is(); got != c.received[:min(len(c.received), 1<<10)] {
				t.Errorf("the header is %.200q", got)
			}
			bad := strings.IndexFunc(file.raw, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) || strings.ContainsRune("<>&", r) })
			if bad >= 0 || !utf8.ValidString(file.raw) {
				t.Errorf("the file holds %q", file.raw[max(bad, 0):min(max(bad, 0)+20, len(file.raw))])
			}
		})
	}
}

// downloaded is as much of the file as these tests look at.
type downloaded struct {
	raw      string
	Payload  content
	Attempts []struct {
		Response struct {
			Headers []content
			Body    content
		}
	}
}

type content struct {
	Text, Value *string
	Base64      []byte
}

func (c content) is() string {
	switch {
	case c.Text != nil:
		return *c.Text
	case c.Value != nil:
		return *c.Value
	}
	return string(c.Base64)
}

func download(t *testing.T, site *webtest.Site, stack models.Stack, id string) downloaded {
	t.Helper()
	page := site.As(t, "admin").GET(views.DownloadPath(stack.ID, id))
	file := downloaded{raw: page.Body}
	if err := json.NewDecoder(bytes.NewReader([]byte(page.Body))).Decode(&file); err != nil || page.Status != http.StatusOK {
		t.Fatalf("%d, %v:\n%s", page.Status, err, page.Body)
	}
	return file
}
