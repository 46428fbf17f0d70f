package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web"
	"stackhook/web/webtest"
)

// from posts a form as somebody at an address, behind a proxy.
func from(b *webtest.Browser, address, path string, form url.Values) *webtest.Page {
	r := b.Request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", address)
	return b.Do(r)
}

// A wrong password takes as long for somebody who has an account as for nobody, somebody deactivated and somebody who never chose
// one. What is compared are medians of turns that alternate, of more of them while a machine is busy with something else. An account
// that tells took a hundredth.
func TestSignInTakesAsLongForEverybody(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t, behindProxy)
	kinds := []string{"here", "nobody", "gone", "invited"}
	b, took, said := site.As(t, ""), map[string][]time.Duration{}, ""
	for round := range 10 {
		accounts(t, site, round) // an account, and an address, has ten tries
		for turn := range 4 {
			for i, kind := range kinds {
				address := fmt.Sprintf("198.51.%d.%d", 10*round+turn, i)
				began := time.Now()
				page := from(b, address, "/login", url.Values{"email": {ofRound(kind, round)}, "password": {"a wrong password"}})
				took[kind] = append(took[kind], time.Since(began))
				if page.Status != http.StatusUnprocessableEntity {
					t.Fatalf("%s: %d", kind, page.Status)
				}
			}
		}
		if said = compareTimes(kinds, took); said == "" {
			return
		}
	}
	t.Error(said)
}

func ofRound(kind string, round int) string { return fmt.Sprintf("%s-%d@example.com", kind, round) }

// accounts adds a round's.
func accounts(t *testing.T, site *webtest.Site, round int) {
	t.Helper()
	gone, err := site.Store.CreateUser(t.Context(), storetest.Shell, models.User{Email: ofRound("gone", round), Role: models.Reader}, "a password of mine")
	if err == nil {
		gone.Active = false
		err = site.Store.UpdateUser(t.Context(), storetest.Shell, gone)
	}
	for kind, password := range map[string]string{"here": "a password of mine", "invited": ""} {
		if err == nil {
			_, err = site.Store.CreateUser(t.Context(), storetest.Shell, models.User{Email: ofRound(kind, round), Role: models.Reader}, password)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// compareTimes says what took another time than the first, "" if nothing did.
func compareTimes(kinds []string, took map[string][]time.Duration) string {
	first := median(took[kinds[0]])
	for _, kind := range kinds[1:] {
		if ratio := float64(median(took[kind])) / float64(first); ratio < 0.6 || ratio > 1.7 {
			return fmt.Sprintf("%s takes %.2f times as long as %s: %v, %v", kind, ratio, kinds[0], took[kind], took[kinds[0]])
		}
	}
	return ""
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// A list of stolen passwords gets ten tries from one address, however many accounts it has, whatever it says about where it comes
// from, and all at once.
func TestStolenPasswordsGetTenTries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*web.Config)
		address func(i int) string
	}{
		"from one address":          {behindProxy, func(int) string { return "198.51.100.7" }},
		"from one IPv6 network":     {behindProxy, func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i+1) }},
		"with forged headers":       {func(*web.Config) {}, func(i int) string { return fmt.Sprintf("198.51.100.%d", i) }},
		"with more forged proxies":  {behindProxy, func(i int) string { return fmt.Sprintf("10.0.0.%d, 198.51.100.7", i) }},
		"with what is no address":   {behindProxy, func(i int) string { return fmt.Sprintf("nonsense%d", i) }},
		"mapped from IPv4 or plain": {behindProxy, func(i int) string { return []string{"198.51.100.7", "::ffff:198.51.100.7"}[i%2] }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := webtest.Offline(t, c.change)
			var tried, refused atomic.Int64
			var all sync.WaitGroup
			for i := range 40 {
				site.User(t, models.User{Email: fmt.Sprintf("person%d@example.com", i), Role: models.Reader})
				b := site.As(t, "")
				all.Go(func() {
					page := from(b, c.address(i), "/login", url.Values{"email": {fmt.Sprintf("person%d@example.com", i)}, "password": {"123456"}})
					switch page.Status {
					case http.StatusUnprocessableEntity:
						tried.Add(1)
					case http.StatusTooManyRequests:
						refused.Add(1)
					default:
						t.Errorf("%d", page.Status)
					}
				})
			}
			began := time.Now()
			all.Wait()
			more := int64(time.Since(began)/(6*time.Second)) + 1 // those that a slow machine takes so long for
			if tried.Load() < 10 || tried.Load() > 10+more || refused.Load() != 40-tried.Load() {
				t.Errorf("%d were tried, %d refused", tried.Load(), refused.Load())
			}
		})
	}
}

// A cookie that was stolen is worth nothing once its person signs out there, signs out everywhere, changes the password, is
// deactivated or gets another role.
func TestAStolenCookieEndsWithItsSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(site *webtest.Site, victim *webtest.Browser){
		"signed out": func(_ *webtest.Site, victim *webtest.Browser) { victim.POST("/logout", nil) },
		"signed out elsewhere": func(site *webtest.Site, _ *webtest.Browser) {
			site.As(t, "reader").POST("/profile/sessions", nil)
		},
		"another password": func(site *webtest.Site, _ *webtest.Browser) {
			site.As(t, "reader").POST("/profile/password", url.Values{"current": {webtest.Password}, "password": {"a much better one"}})
		},
		"deactivated": func(site *webtest.Site, _ *webtest.Browser) {
			site.As(t, "admin").POST(fmt.Sprintf("/users/%d", site.Reader.ID), url.Values{"name": {"Grace"}, "role": {"reader"}})
		},
		"another role": func(site *webtest.Site, _ *webtest.Browser) {
			site.As(t, "admin").POST(fmt.Sprintf("/users/%d", site.Reader.ID), url.Values{"name": {"Grace"}, "role": {"admin"}, "active": {"on"}})
		},
		"a new sign-in in the same browser": func(site *webtest.Site, victim *webtest.Browser) { victim.SignIn(site.Reader.Email) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := webtest.Offline(t)
			victim, thief := site.As(t, "reader"), site.As(t, "")
			thief.SetCookies(victim.Cookies()...)
			if !signedIn(thief) {
				t.Fatal("the cookie is worth nothing to begin with")
			}
			end(site, victim)
			if signedIn(thief) {
				t.Error("the stolen cookie still signs in")
			}
		})
	}
}
