package views

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stackhook/models"
)

func TestPhasesFillTheWholeTime(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		attempt models.Attempt
		want    string
	}{
		{models.Attempt{Code: 200, DNS: 4 * ms, Connect: 18 * ms, TLS: 31 * ms, FirstByte: 40 * ms, Body: 2 * ms, Total: 95 * ms}, "DNS 0+4 Connect 4+18 TLS 22+31 First byte 53+40 Body 93+2"},
		{models.Attempt{Code: 200, FirstByte: 40 * ms, Body: 2 * ms, Total: 50 * ms}, "First byte 8+40 Body 48+2"}, // reused, 8 ms of writing
		{models.Attempt{Code: 204, FirstByte: 40 * ms, Total: 40 * ms}, "First byte 0+40"},
		{models.Attempt{DNS: 3 * ms, Connect: 19 * ms, TLS: 33 * ms, Total: 10000 * ms}, "DNS 0+3 Connect 3+19 TLS 22+33 Unfinished 55+9945"},
		{models.Attempt{DNS: 3 * ms, Total: 3 * ms}, "DNS 0+3"},
		{models.Attempt{Total: 7 * ms}, "Unfinished 0+7"},
		{models.Attempt{FirstByte: 40 * ms, Body: 60 * ms, Total: 100 * ms}, "First byte 0+40 Body 40+60"}, // its headers never ended
		{models.Attempt{}, ""},
	} {
		var got []string
		for _, p := range phases(c.attempt) {
			got = append(got, fmt.Sprintf("%s %d+%d", p.Name, p.Start.Milliseconds(), p.Took.Milliseconds()))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("got %s, want %s", text, c.want)
		}
	}
}

func TestConnectionWords(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		attempt models.Attempt
		want    string
	}{
		{models.Attempt{}, ""},
		{models.Attempt{Address: "192.0.2.1:80"}, "Dialled 192.0.2.1:80."},
		{models.Attempt{Address: "192.0.2.1:80", Protocol: "HTTP/1.1", Code: 200, Reused: true}, "Dialled 192.0.2.1:80 over HTTP/1.1, on a connection kept open."},
		{
			models.Attempt{Address: "[2001:db8::1]:443", Protocol: "HTTP/2.0", TLSVersion: "TLS 1.3", Code: 200, CertificateExpiresAt: started.AddDate(0, 1, 0), StartedAt: started},
			"Dialled [2001:db8::1]:443 over HTTP/2.0 and TLS 1.3, on a new connection. The certificate expires on 6 November 2026.",
		},
		{
			models.Attempt{Address: "192.0.2.1:443", CertificateExpiresAt: started.AddDate(0, 0, -5), StartedAt: started},
			"Dialled 192.0.2.1:443. The certificate expired on 1 October 2026.",
		},
	} {
		if got := connectionWords(c.attempt); got != c.want {
			t.Errorf("got “%s”, want “%s”", got, c.want)
		}
	}
}

func TestCutWordsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	body := []byte("x")
	for want, x := range map[string]models.Exchange{
		"Complete: nothing was cut.":                                                          {ResponseBody: body},
		"The response had no body.":                                                           {},
		"Cut: the body was longer than what is kept, or it broke off.":                        {ResponseBody: body, Cut: true},
		"The body is complete; some headers were left out or shortened.":                      {ResponseBody: body, HeadersCut: true},
		"Cut: the body was longer or broke off, and some headers were left out or shortened.": {Cut: true, HeadersCut: true},
	} {
		if got := cutWords(x); got != want {
			t.Errorf("got “%s”, want “%s”", got, want)
		}
	}
}

func TestSilenceWordsSayWhetherItWasSent(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		attempt models.Attempt
		sent    bool
	}{
		{models.Attempt{Reason: models.ReasonDNS, URL: "https://a.example/"}, false},
		{models.Attempt{Reason: models.ReasonTimeout, URL: "https://a.example/", DNS: ms}, false},
		{models.Attempt{Reason: models.ReasonTLS, URL: "https://a.example/", DNS: ms, Connect: ms}, false},
		{models.Attempt{Reason: models.ReasonTimeout, URL: "https://a.example/", Connect: ms, TLS: ms}, true},
		{models.Attempt{Reason: models.ReasonReset, URL: "https://a.example/", Reused: true}, true},
		{models.Attempt{Reason: models.ReasonProtocol, URL: "http://a.example/", Connect: ms}, true},
		{models.Attempt{Reason: models.ReasonInterrupted}, true},
	} {
		if got := strings.Contains(silenceWords(c.attempt), "may have been received"); got != c.sent {
			t.Errorf("%+v: “%s”", c.attempt.Reason, silenceWords(c.attempt))
		}
	}
}

func TestFirstLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attempt           models.Attempt
		request, response string
	}{
		{models.Attempt{URL: "https://a.example/", Protocol: "HTTP/1.1", Code: 200}, "POST / HTTP/1.1", "HTTP/1.1 200 OK"},
		{models.Attempt{URL: "https://a.example/a%20b?c=d&e", Protocol: "HTTP/2.0", Code: 599}, "POST /a%20b?c=d&e HTTP/2.0", "HTTP/2.0 599"},
	} {
		if got := requestLine(c.attempt); got != c.request {
			t.Errorf("the request begins %s, not %s", got, c.request)
		}
		if got := statusLine(c.attempt); got != c.response {
			t.Errorf("the response begins %s, not %s", got, c.response)
		}
	}
}

func TestLaidOut(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"a":1,"b":[]}`:   "{\n  \"a\": 1,\n  \"b\": []\n}",
		`{"a":"\u003c<&"}`: "{\n  \"a\": \"\\u003c<&\"\n}",
		`{"a":`:            `{"a":`,
		"":                 "",
	} {
		if got := laidOut([]byte(body)); got != want {
			t.Errorf("%s is laid out as %s", body, got)
		}
	}
}
