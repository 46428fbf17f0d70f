package web_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web"
	"stackhook/web/webtest"
)

// signedIn reports whether the browser gets a page that needs a session.
func signedIn(b *webtest.Browser) bool { return b.GET("/stacks").Status == http.StatusOK }

func TestCookieOfSession(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base, name string
		secure     bool
	}{
		{"http://stackhook.example", "stackhook", false},
		{"https://stackhook.example", "__Host-stackhook", true},
	} {
		site := webtest.Offline(t, withBase(c.base))
		page := site.As(t, "").POST("/login", url.Values{"email": {site.Admin.Email}, "password": {webtest.Password}})
		cookies := (&http.Response{Header: page.Header}).Cookies()
		if len(cookies) != 2 || !strings.HasSuffix(cookies[1].Name, "-device") {
			t.Fatal(cookies)
		}
		got := cookies[0]
		if got.Name != c.name || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode ||
			got.Path != "/" || got.Domain != "" || got.MaxAge != 30*24*60*60 {
			t.Errorf("%+v", got)
		}
	}
}

func withBase(address string) func(*web.Config) {
	return func(c *web.Config) {
		base, err := url.Parse(address)
		if err != nil {
			panic(err)
		}
		c.Handlers.BaseURL = base
	}
}

// TestSessionFixation: a session that somebody planted before the sign-in must be worth nothing afterwards.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	attacker := site.As(t, "reader")
	planted := attacker.Cookies()
	victim := site.As(t, "")
	victim.SetCookies(planted...)
	victim.SignIn(site.Admin.Email)
	if got := victim.Cookies(); len(got) != 1 || got[0].Value == planted[0].Value {
		t.Fatalf("the cookie is the planted one: %v", got)
	}
	if page := victim.GET("/users"); page.Status != http.StatusOK {
		t.Errorf("the victim is not signed in: %d", page.Status)
	}
	if signedIn(attacker) {
		t.Error("the planted session is still worth something")
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	b, other := site.As(t, "admin"), site.As(t, "admin")
	kept := b.Cookies()
	if page := b.POST("/logout", nil); page.Status != http.StatusSeeOther || page.Location() != "/login" {
		t.Fatalf("%d %s", page.Status, page.Location())
	}
	if len(b.Cookies()) != 0 {
		t.Error("the browser keeps the cookie")
	}
	b.SetCookies(kept...)
	if signedIn(b) {
		t.Error("the cookie still signs in")
	}
	if !signedIn(other) {
		t.Error("another browser is signed out too")
	}
}

func TestForgedCookiesAreNone(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	good := site.As(t, "admin").Cookies()[0]
	for _, value := range []string{"", "x", good.Value[:len(good.Value)-4] + "AAAA", strings.ToLower(good.Value), strings.Repeat("A", 5000)} {
		b := site.As(t, "")
		b.SetCookies(&http.Cookie{Name: good.Name, Value: value, Path: "/"})
		if signedIn(b) {
			t.Errorf("%.20q signs in", value)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		idle, busy := site.As(t, "reader"), site.As(t, "admin")
		start := time.Now()
		for time.Since(start) < 14*24*time.Hour-time.Second {
			if !signedIn(busy) {
				t.Fatalf("signed out after %s", time.Since(start))
			}
			time.Sleep(23*time.Hour + 59*time.Minute)
		}
		time.Sleep(time.Until(start.Add(14*24*time.Hour + time.Second)))
		if signedIn(busy) {
			t.Error("a session lives longer than 14 days")
		}
		if signedIn(idle) {
			t.Error("an unused session lives")
		}
	})
}

func TestUnusedSessionEndsAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		b := site.As(t, "reader")
		time.Sleep(24*time.Hour - time.Second)
		if !signedIn(b) {
			t.Error("signed out within a day")
		}
		time.Sleep(24*time.Hour + time.Second)
		if signedIn(b) {
			t.Error("signed in after a day without use")
		}
	})
}

func TestSessionsFollowThePerson(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*models.User){
		"deactivated":    func(u *models.User) { u.Active = false },
		"another role":   func(u *models.User) { u.Role = models.Administrator },
		"all the stacks": func(u *models.User) { u.AllStacks = true },
	} {
		site := webtest.Offline(t)
		storetest.Stack(t, site.Store, "net")
		b := site.As(t, "reader")
		user := site.Reader
		change(&user)
		if err := site.Store.UpdateUser(t.Context(), storetest.Shell, user); err != nil {
			t.Fatal(err)
		}
		if got, want := signedIn(b), name == "all the stacks"; got != want {
			t.Errorf("%s: signed in: %t, want %t", name, got, want)
		}
		if want := map[bool]int{true: http.StatusOK, false: http.StatusSeeOther}[name == "all the stacks"]; b.GET("/stacks/net").Status != want {
			t.Errorf("%s: the stack is not answered with %d", name, want)
		}
	}
}

// TestPagesAreReadWhileNothingIsWritten: that somebody was seen is not worth a page.
func TestPagesAreReadWhileNothingIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		site := webtest.Offline(t, func(c *web.Config) { c.Handlers.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		b := site.As(t, "reader")
		db, err := sql.Open("sqlite3", site.Database)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if page := b.GET("/stacks"); page.Status != http.StatusOK || !strings.Contains(log.String(), "the disk is full") {
			t.Errorf("%d\n%s\n%s", page.Status, page.Text("main"), log.String())
		}
	})
}

// TestNoticeIsShownOnce: and only to the browser that did what it tells.
func TestNoticeIsShownOnce(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "net")
	b, other := site.As(t, "admin"), site.As(t, "admin")
	page := b.POST("/stacks/"+stack.ID, url.Values{"id": {"net"}, "name": {"Networking"}})
	if page.Status != http.StatusSeeOther {
		t.Fatalf("%d\n%s", page.Status, page.Text("main"))
	}
	if got := other.Follow(page).Text(".flash"); got != "" {
		t.Errorf("another browser shows %q", got)
	}
	if got := b.Follow(page).Text(".flash"); !strings.HasPrefix(got, "Saved") {
		t.Errorf("the notice is %q", got)
	}
	if got := b.Follow(page).Text(".flash"); got != "" {
		t.Errorf("the notice is shown twice: %q", got)
	}
}
