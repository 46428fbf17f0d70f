package delivery

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-github/v84/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

// verifier is a receiver that refuses whatever does not verify.
type verifier struct {
	*testing.T
	mu       sync.Mutex
	verify   func(body []byte, h http.Header) error
	accepted int
	refused  []error
}

func (v *verifier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		err = v.verify(body, r.Header)
	}
	if err != nil {
		v.refused = append(v.refused, err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	v.accepted++
}

// with makes it verify in another way from now on.
func (v *verifier) with(verify func([]byte, http.Header) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.verify = verify
}

// count returns how many requests it accepted.
func (v *verifier) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.accepted
}

// standard verifies with one secret, as libraries for Standard Webhooks do.
func standard(t *testing.T, secret string) func([]byte, http.Header) error {
	t.Helper()
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return library.Verify
}

// either verifies X-Signature-256 with any of the secrets.
func either(secrets ...string) func([]byte, http.Header) error {
	return func(body []byte, h http.Header) (err error) {
		for _, secret := range secrets {
			if err = github.ValidateSignature(h.Get("X-Signature-256"), body, []byte(secret)); err == nil {
				return nil
			}
		}
		return err
	}
}

// Under a stream of deliveries a secret is replaced in steps. Receivers that verify each request never refuse one: not the one that
// has one secret at a time and is given the new one between promotion and retirement, and not the one that checks X-Signature-256
// and accepts either meanwhile.
func TestReplacementUnderLoad(t *testing.T) {
	t.Parallel()
	const old, fresh = secret, "whsec_c3RhY2tob29rIHRlc3Qgc2VjcmV0IDMyIGJ5dGVzISE="
	for name, c := range map[string]struct {
		first, prepared, promoted, retired func([]byte, http.Header) error
		test                               bool // a test of the prepared secret is accepted
	}{
		"Standard Webhooks": {standard(t, old), standard(t, old), standard(t, fresh), standard(t, fresh), false},
		"X-Signature-256":   {either(old), either(old, fresh), either(old, fresh), either(fresh), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &verifier{T: t, verify: c.first}
			l := newReplacement(t, v)
			l.stream()
			l.goOn()
			l.step("prepare", func() error {
				return l.store.PrepareSecret(t.Context(), storetest.Shell, l.stack, l.webhook.ID, l.webhook.SecretFingerprint, fresh)
			})
			next := l.now().NextSecret.Fingerprint
			v.with(c.prepared)
			if c.test {
				d, err := l.store.SendNextTest(t.Context(), storetest.Shell, l.stack, l.webhook.ID, next)
				if err == nil {
					d, err = l.store.AwaitEnd(t.Context(), l.stack, d.ID)
				}
				if err != nil || d.Status != models.Delivered {
					t.Errorf("the test: %+v, %v", d, err)
				}
			}
			l.goOn()
			l.step("promote", func() error {
				return l.store.PromoteSecret(t.Context(), storetest.Shell, l.stack, l.webhook.ID, next)
			})
			l.goOn()
			l.settle() // what was signed with the old one alone has arrived
			v.with(c.promoted)
			l.goOn()
			l.step("retire", func() error {
				return l.store.RetireSecret(t.Context(), storetest.Shell, l.stack, l.webhook.ID, l.webhook.SecretFingerprint)
			})
			l.goOn()
			l.settle()
			v.with(c.retired)
			l.goOn()
			l.end(next)
		})
	}
}

// replacement is a site whose pipelines report runs all the time, to one receiver that verifies.
type replacement struct {
	*site
	receiver  *verifier
	webhook   models.Webhook // as it was at first
	pipelines sync.WaitGroup
	halt      context.CancelFunc

	noted    sync.RWMutex // held for reading by who reports, until what was stored is noted
	mu       sync.Mutex
	reported []string // deliveries
}

func newReplacement(t *testing.T, v *verifier) *replacement {
	s := newSite(t, storetest.New(t))
	r := &replacement{site: s, receiver: v, webhook: storetest.Webhook(t, s.store, s.stack, receiver(t, v.ServeHTTP).URL, secret)}
	s.start(s.store)
	return r
}

// stream reports runs until the end, each pipeline one after the other.
func (r *replacement) stream() {
	ctx, halt := context.WithCancel(r.t.Context())
	r.halt = halt
	for range 4 {
		r.pipelines.Go(func() {
			for ctx.Err() == nil {
				r.note()
			}
		})
	}
	r.t.Cleanup(func() { halt(); r.pipelines.Wait() })
}

// note reports a run, and notes its delivery.
func (r *replacement) note() {
	r.noted.RLock()
	defer r.noted.RUnlock()
	rec, err := r.store.StartRun(context.Background(), r.stack, models.RunReport{})
	if err != nil || len(rec.Deliveries) != 1 {
		r.t.Error(rec, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reported = append(r.reported, rec.Deliveries[0])
}

// goOn waits until so many more requests were accepted.
func (r *replacement) goOn() {
	r.t.Helper()
	before := r.receiver.count()
	await(r.t, "deliveries go on", func() bool { return r.receiver.count() >= before+30 })
}

func (r *replacement) step(name string, do func() error) {
	r.t.Helper()
	if err := do(); err != nil {
		r.t.Fatal(name, err)
	}
}

// settle waits until everything that was reported by now has arrived.
func (r *replacement) settle() {
	r.t.Helper()
	r.noted.Lock()
	reported := slices.Clone(r.reported)
	r.noted.Unlock()
	for _, id := range reported {
		if d, err := r.store.AwaitEnd(r.t.Context(), r.stack, id); err != nil || d.Status != models.Delivered {
			r.t.Fatalf("%+v, %v", d, err)
		}
	}
}

func (r *replacement) now() models.Webhook {
	r.t.Helper()
	w, err := r.store.Webhook(r.t.Context(), r.stack, r.webhook.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

// end ends the stream and looks at all that was sent: one attempt each, accepted, and signed in the order of the steps.
func (r *replacement) end(next string) {
	r.t.Helper()
	r.halt()
	r.pipelines.Wait()
	r.settle()
	if n := len(r.receiver.refused); n > 0 {
		r.t.Errorf("%d of %d requests were refused: %v", n, r.receiver.accepted+n, r.receiver.refused[0])
	}
	old := r.webhook.SecretFingerprint
	signed := map[string]int{}
	for _, id := range r.reported {
		_, attempts := r.attempts(id)
		if len(attempts) != 1 {
			r.t.Errorf("%s took %d attempts", id, len(attempts))
			continue
		}
		signed[attempts[0].SignedBy]++
	}
	if len(signed) != 3 || signed[old] == 0 || signed[next+" "+old] == 0 || signed[next] == 0 {
		r.t.Errorf("signed %v", signed)
	}
	last, err := r.store.LastSigned(r.t.Context(), r.now())
	if err != nil || len(last) != 10 || slices.ContainsFunc(last, func(a models.Attempt) bool { return a.SignedBy != next }) {
		r.t.Errorf("the last ones: %+v, %v", last, err)
	}
}
