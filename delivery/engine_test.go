package delivery

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

// A first attempt starts when those of all earlier states have ended; retries may come later than newer states.
func TestFirstAttemptsAreInOrder(t *testing.T) {
	answer := func(r received) string {
		time.Sleep(3 * time.Second) // the bubble's time
		if r.count == 1 {
			return status(500)
		}
		return status(200)
	}
	inWorld(t, answer, func(t *testing.T, w *world) {
		w.start()
		begun := time.Now()
		first := w.report()
		ids := []string{first.ID}
		for _, state := range []models.State{models.Preparing, models.Planning, models.Finished} {
			ids = append(ids, storetest.State(t, w.store, w.stack, first.RunID, state).Deliveries[0])
		}
		w.wait(time.Minute)
		for i, want := range []struct {
			id   string
			from time.Duration
		}{{ids[0], 0}, {ids[1], 3 * time.Second}, {ids[2], 6 * time.Second}, {ids[0], 8 * time.Second}, {ids[3], 9 * time.Second}} {
			got := w.inbox.all()[i]
			if late := got.at.Sub(begun) - want.from; got.id != want.id || late < 0 || late > time.Second {
				t.Errorf("request %d is of delivery %d at %v, want %v at %v", i, indexOf(ids, got.id), got.at.Sub(begun), indexOf(ids, want.id), want.from)
			}
		}
	})
}

func indexOf(ids []string, id string) int {
	for i := range ids {
		if ids[i] == id {
			return i
		}
	}
	return -1
}

// What another process was sending when it died is sent again as soon as its lease ends.
func TestEndedLease(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		e, _ := w.start()
		w.store.HandTo(nil, "", 0) // so that the other one is first
		w.store.OnCommit(func() {})
		d := w.report()
		storetest.Claim(t, w.store, "another process")
		e.Wake()
		w.wait(59 * time.Second)
		w.expect(d.ID, models.Pending, "", 0)
		w.wait(time.Second)
		w.expect(d.ID, models.Delivered, "", 2)
		if first := w.attempts(d)[0]; first.Reason != models.ReasonInterrupted {
			t.Errorf("the attempt that was cut is recorded as %q", first.Reason)
		}
	})
}

// After a crash nothing waits for a lease: whoever held one is dead.
func TestRestart(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		d := w.report()
		storetest.Claim(t, w.store, "the crashed process")
		w.start()
		w.expect(d.ID, models.Delivered, "", 2)
		if got := w.inbox.all(); len(got) != 1 || got[0].id != d.ID {
			t.Errorf("received %+v", got)
		}
	})
}

// A delivery whose every attempt is interrupted ends too, instead of crashing the process for ever.
func TestInterruptedForEver(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		d := w.report()
		for range 11 {
			storetest.Claim(t, w.store, "a process that will crash")
			w.wait(time.Minute)
		}
		w.start()
		w.expect(d.ID, models.Failed, models.ReasonInterrupted, 11)
	})
}

func TestDisablingKeepsWhatIsPending(t *testing.T) {
	inWorld(t, func(r received) string { return status(map[bool]int{true: 500, false: 200}[r.count == 1]) }, func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		synctest.Wait()
		w.enable(false)
		w.wait(24 * time.Hour)
		w.expect(d.ID, models.Pending, models.Reason5xx, 1)
		w.enable(true)
		synctest.Wait()
		w.expect(d.ID, models.Delivered, "", 2)
	})
}

// The next attempt goes to the endpoint and with the secret of that moment.
func TestEditIsReadByTheNextAttempt(t *testing.T) {
	inWorld(t, func(r received) string { return status(map[bool]int{true: 500, false: 200}[r.host == "example.com"]) }, func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(10 * time.Second)
		before := w.inbox.all()
		w.edit(models.WebhookForm{Endpoint: "http://example.org/new", Secret: "another", Change: models.ReplaceSecret, Enabled: true})
		synctest.Wait()
		w.expect(d.ID, models.Delivered, "", len(before)+1)
		last := w.inbox.all()[len(before)]
		checkSignatures(t, before[0].header, before[0].body, secret)
		checkGitHubSignatures(t, last.header, last.body, "another")
		attempts := w.attempts(d)
		if last.host != "example.org" || attempts[0].URL != endpoint || attempts[len(before)].URL != "http://example.org/new" {
			t.Errorf("sent to %s, recorded %s, then %s", last.host, attempts[0].URL, attempts[len(before)].URL)
		}
	})
}

// A slow receiver has eight requests at once and no more, and delays nobody else.
func TestLimitPerWebhook(t *testing.T) {
	answer := func(r received) string {
		if r.host == "example.com" {
			time.Sleep(5 * time.Second) // the bubble's time
		}
		return status(200)
	}
	inWorld(t, answer, func(t *testing.T, w *world) {
		w.start()
		for range 20 {
			w.report()
		}
		other := storetest.Stack(t, w.store, "other")
		storetest.Webhook(t, w.store, other, "http://example.org/", "")
		rec := storetest.Run(t, w.store, other)
		synctest.Wait()
		if d, err := w.store.Delivery(t.Context(), other, rec.Deliveries[0]); err != nil || d.Status != models.Delivered {
			t.Errorf("the other receiver's delivery is %s, %v", d.Status, err)
		}
		if got := len(w.inbox.all()); got != 8+1 {
			t.Errorf("%d requests at once, want 8 and the other one", got)
		}
		w.wait(15 * time.Second)
		if n, err := w.store.PendingDeliveries(t.Context(), w.webhook.ID); err != nil || n != 0 || len(w.inbox.all()) != 21 {
			t.Errorf("%d still pending after three rounds, %d requests, %v", n, len(w.inbox.all()), err)
		}
	})
}

func TestLimitPerProcess(t *testing.T) {
	inWorld(t, after(time.Second, 200), func(t *testing.T, w *world) {
		w.config.MaxInFlight = 3
		for i := range 9 {
			storetest.Webhook(t, w.store, w.stack, fmt.Sprintf("http://example.com/%d", i), "")
		}
		w.start()
		w.report()
		w.wait(time.Minute)
		if got := len(w.inbox.all()); got != 10 || w.inbox.most != 3 {
			t.Errorf("%d requests, at most %d at once; want 10 and 3", got, w.inbox.most)
		}
	})
}

// A test is sent once, marked, and whatever comes back changes nothing but its own row.
func TestTestDeliveries(t *testing.T) {
	for _, c := range []struct {
		name    string
		enabled bool
		answer  string
		status  models.Status
		reason  models.Reason
	}{
		{"success", true, status(200), models.Delivered, ""},
		{"to a disabled webhook", false, status(200), models.Delivered, ""},
		{"failure is not retried", true, status(500), models.Failed, models.Reason5xx},
		{"gone disables nothing", true, status(410), models.Failed, models.ReasonGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(received) string { return c.answer }, func(t *testing.T, w *world) {
				w.start()
				w.enable(c.enabled)
				d, err := w.store.SendTest(t.Context(), storetest.Shell, w.stack, w.webhook.ID)
				if err != nil {
					t.Fatal(err)
				}
				w.wait(100 * time.Hour)
				w.expect(d.ID, c.status, c.reason, 1)
				if got := w.inbox.all(); len(got) != 1 || got[0].header.Get("X-Stackhook-Test") != "1" || !strings.Contains(string(got[0].body), `"stackhook-test"`) {
					t.Errorf("received %+v", got)
				}
				webhook, err := w.store.Webhook(t.Context(), w.stack, w.webhook.ID)
				if err != nil || webhook.Enabled != c.enabled || webhook.Failures != 0 {
					t.Errorf("enabled %v, failures %d, %v", webhook.Enabled, webhook.Failures, err)
				}
			})
		})
	}
}

// A nudge that never came costs at most the poll's interval.
func TestPoll(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		w.config.Poll = 0 // its default, 1 s
		w.start()
		w.store.HandTo(nil, "", 0)
		w.store.OnCommit(func() {})
		d := w.report()
		w.wait(time.Second)
		w.expect(d.ID, models.Delivered, "", 1)
	})
}

// Logs name a webhook by its id and host; the rest of its endpoint, and its secret, are nobody's.
func TestLogsKeepSecrets(t *testing.T) {
	answers := []string{status(500), "nonsense t0ken\r\n\r\n", status(301, "Location: /t0ken"), "", status(410)}
	inWorld(t, func(r received) string { return answers[(r.count-1)%len(answers)] }, func(t *testing.T, w *world) {
		_, stop := w.start()
		d := w.report()
		w.wait(time.Hour)
		w.expect(d.ID, models.Failed, models.ReasonGone, 5)
		stop()
		logs := w.logs.String()
		for _, part := range []string{"t0ken", "qu3ry", secret, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
			if strings.Contains(logs, part) {
				t.Errorf("the log holds %q:\n%s", part, logs)
			}
		}
		for _, part := range []string{"delivery=" + d.ID, "webhook=" + w.webhook.ID, "host=example.com", "reason=status_5xx", "reason=protocol", "reason=redirect", "reason=reset", "reason=gone"} {
			if !strings.Contains(logs, part) {
				t.Errorf("the log lacks %q:\n%s", part, logs)
			}
		}
	})
}
