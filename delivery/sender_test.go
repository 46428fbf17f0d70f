package delivery

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v84/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"stackhook/models"
)

// What is recorded of a request is what its receiver got.
func TestSendIsWhatIsRecorded(t *testing.T) {
	t.Parallel()
	for _, test := range []bool{false, true} {
		var got http.Request
		var body []byte
		server := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			got = *r
			body, _ = io.ReadAll(r.Body)
			w.Header().Set("X-Answer", "yes")
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, "thanks")
		})
		job, target := sample(), targetOf(server.URL+"/hook?token=abc")
		job.Delivery.Test = test
		a := newTestSender(t).send(t.Context(), job, target)

		if a.Reason != "" || a.Detail != "" || a.Code != 202 || string(a.Exchange.ResponseBody) != "thanks" || a.Exchange.Cut {
			t.Errorf("test %v: recorded %+v", test, a.Attempt)
		}
		if a.DeliveryID != job.Delivery.ID || a.Number != 3 || a.URL != target.Webhook.EndpointURL || a.Protocol != "HTTP/1.1" || a.Address != server.Listener.Addr().String() {
			t.Errorf("test %v: recorded %+v", test, a.Attempt)
		}
		if got.Method != "POST" || got.RequestURI != "/hook?token=abc" || !bytes.Equal(body, job.Payload) {
			t.Errorf("test %v: received %s %s %q", test, got.Method, got.RequestURI, body)
		}
		checkRecordedHeaders(t, got, a.Exchange.RequestHeaders)
		checkSignatures(t, got.Header, body, target.Secret)
		if id := got.Header.Get("webhook-id"); id != job.Delivery.ID {
			t.Errorf("webhook-id %q", id)
		}
		want := ""
		if test {
			want = "1"
		}
		if got := got.Header.Get("X-Stackhook-Test"); got != want {
			t.Errorf("test %v: X-Stackhook-Test %q", test, got)
		}
		if !slices.Contains(a.Exchange.ResponseHeaders, models.Header{Name: "X-Answer", Value: "yes"}) {
			t.Errorf("response headers %v", a.Exchange.ResponseHeaders)
		}
	}
}

// checkRecordedHeaders compares both ways: nothing is sent that is not recorded, and the other way around.
func checkRecordedHeaders(t *testing.T, got http.Request, recorded []models.Header) {
	t.Helper()
	received := got.Header.Clone()
	received.Set("Host", got.Host)
	want := headerOf(recorded)
	for name := range want {
		if received.Get(name) != want.Get(name) {
			t.Errorf("recorded %s: %q, received %q", name, want.Get(name), received.Get(name))
		}
		received.Del(name)
	}
	if len(received) > 0 {
		t.Errorf("received, but not recorded: %v", received)
	}
	if want.Get("User-Agent") != "Stackhook/dev" || want.Get("Content-Type") != "application/json" {
		t.Errorf("User-Agent %q, Content-Type %q", want.Get("User-Agent"), want.Get("Content-Type"))
	}
}

func checkSignatures(t *testing.T, h http.Header, body []byte, secret string) {
	t.Helper()
	checkGitHubSignatures(t, h, body, secret)
	library, err := standardwebhooks.NewWebhook(secret)
	if err == nil {
		err = library.VerifyIgnoringTimestamp(body, h)
	}
	if err != nil {
		t.Error(err)
	}
}

func checkGitHubSignatures(t *testing.T, h http.Header, body []byte, secret string) {
	t.Helper()
	for _, name := range []string{"X-Signature", "X-Signature-256"} {
		if err := github.ValidateSignature(h.Get(name), body, []byte(secret)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSendTimings(t *testing.T) {
	t.Parallel()
	server := receiver(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	s := newTestSender(t)
	first := s.send(t.Context(), sample(), targetOf(server.URL))
	second := s.send(t.Context(), sample(), targetOf(server.URL))
	if first.Reused || first.Connect <= 0 || first.FirstByte <= 0 || first.Total < first.Connect+first.FirstByte+first.Body {
		t.Errorf("the first attempt: %+v", first.Attempt)
	}
	if !second.Reused || second.Connect != 0 || second.DNS != 0 || second.FirstByte <= 0 {
		t.Errorf("the second attempt, on the same connection: %+v", second.Attempt)
	}
	if since := time.Since(first.StartedAt); since < 0 || since > time.Minute {
		t.Errorf("started %v ago", since)
	}
}

// Whatever the receiver answers is judged by its status, and nothing is followed.
func TestSendStatuses(t *testing.T) {
	t.Parallel()
	requests := 0
	server := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		code, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Location", "/200")
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(code)
	})
	s := newTestSender(t)
	for code := 200; code < 1000; code++ {
		requests = 0
		a := s.send(t.Context(), sample(), targetOf(fmt.Sprintf("%s/%d", server.URL, code)))
		if a.Code != code || a.Reason != judgeStatus(code) || requests != 1 || a.retryAfter != 90*time.Second {
			t.Errorf("%d: reason %q, code %d, %d requests, retry after %v", code, a.Reason, a.Code, requests, a.retryAfter)
		}
		if !slices.Contains(a.Exchange.ResponseHeaders, models.Header{Name: "Location", Value: "/200"}) {
			t.Errorf("%d: no Location in %v", code, a.Exchange.ResponseHeaders)
		}
	}
}

// No error, detail or recorded line but the URL itself holds the path or the query, which may be secret.
func TestSendKeepsEndpointsSecret(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{
		"http://127.0.0.1:1/s3cret?token=s3cret",    // refused
		"http://10.0.0.1/s3cret?token=s3cret",       // blocked
		"http://unknown.test/s3cret",                // unknown
		"http://broken.test/s3cret",                 // DNS fails
		"http://[::1/s3cret",                        // not a URL
		"http://127.0.0.1:1/%zz/s3cret",             // not a URL
		"://s3cret", "/s3cret", "ftp://host/s3cret", // nothing to send to
	} {
		s := newTestSender(t)
		d := newDialer(s.config)
		d.Resolver = resolver(t, map[string][]string{"broken.test.": {"!"}})
		s.transport.DialContext = d.dial
		a := s.send(t.Context(), sample(), targetOf(endpoint))
		if a.Reason == "" || a.Detail == "" {
			t.Errorf("%s: reason %q, detail %q", endpoint, a.Reason, a.Detail)
		}
		if strings.Contains(a.Detail, "s3cret") || strings.Contains(a.Address, "s3cret") {
			t.Errorf("%s: detail %q, address %q", endpoint, a.Detail, a.Address)
		}
	}
}

func TestSendOverNobodysPort(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	address := server.Listener.Addr().String()
	server.Close()
	a := newTestSender(t).send(t.Context(), sample(), targetOf("http://"+address))
	if a.Reason != models.ReasonRefused || a.Address != address || a.Detail != address+" refused the connection: nothing listens on that port." {
		t.Errorf("%+v", a.Attempt)
	}
}

// An environment's proxy would connect where the guard cannot see.
func TestSendUsesNoProxy(t *testing.T) {
	t.Parallel()
	if newTestSender(t).transport.Proxy != nil {
		t.Error("the transport may use a proxy")
	}
}

// An idle connection is used again only while common servers keep it open too.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	for pause, want := range map[time.Duration]int{3 * time.Second: 1, 5 * time.Second: 2} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestSender(t)
			in := inbox{answer: always(200)}
			connections := 0
			overPipe(t, s, func(conn net.Conn) { connections++; in.serve(conn) })
			for range 2 {
				s.send(t.Context(), sample(), targetOf("http://example.com/"))
				time.Sleep(pause) // the bubble's time
			}
			if connections != want {
				t.Errorf("%v apart: %d connections, want %d", pause, connections, want)
			}
		})
	}
}

// The end of the context cuts an attempt off, and it is known whether its request had begun.
func TestSendCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestSender(t)
		overPipe(t, s, untilClosed)
		a := s.send(endsAfter(t, 3*time.Second), sample(), targetOf("http://example.com/"))
		if a.Reason != models.ReasonInterrupted || !a.begun || a.Total != 3*time.Second || !strings.Contains(a.Detail, "may have been received") {
			t.Errorf("%+v", a)
		}
		s.close() // else the next attempt could be given what is left of the first
		s.transport.DialContext = hangingDial
		if a := s.send(endsAfter(t, time.Second), sample(), targetOf("http://example.com/")); a.Reason != models.ReasonInterrupted || a.begun {
			t.Errorf("%+v", a)
		}
	})
}
