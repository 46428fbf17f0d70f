// Package webtest gives tests the whole server with a real store behind it, and browsers that are signed in.
package webtest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/labstack/echo/v4"

	"stackhook/handlers"
	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web"
)

// Password is everybody's.
const Password = "correct horse battery"

// Site is a running server with an administrator and a reader, and no stack.
type Site struct {
	Store    *store.Store
	Handlers *handlers.Handlers
	Echo     *echo.Echo
	Database string // the path of the store's file, "" for Over
	URL      string // without a slash at its end
	Admin    models.User
	Reader   models.User // granted nothing

	offline bool
}

// New starts a server that ends with the test. change may alter what it is made of before it starts.
func New(t testing.TB, change ...func(*web.Config)) *Site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	site := newSite(t, "http://"+server.Listener.Addr().String(), change)
	server.Config.Handler = site.Echo
	server.Start()
	return site
}

const offlineAddress = "http://stackhook.example"

// Offline is a server without a socket, whose browsers call it directly: it works inside a testing/synctest bubble.
func Offline(t testing.TB, change ...func(*web.Config)) *Site {
	t.Helper()
	site := newSite(t, offlineAddress, change)
	site.offline = true
	return site
}

// Over is a server as Offline's, over a store that is there already.
func Over(t testing.TB, st *store.Store) *Site {
	t.Helper()
	site := overStore(t, offlineAddress, st, nil)
	site.offline = true
	return site.peopled(t)
}

func newSite(t testing.TB, address string, change []func(*web.Config)) *Site {
	t.Helper()
	return emptySite(t, address, change).peopled(t)
}

// peopled adds the administrator and the reader.
func (s *Site) peopled(t testing.TB) *Site {
	t.Helper()
	s.Admin = s.User(t, models.User{Email: "ada@example.com", Name: "Ada Lovelace", Role: models.Administrator})
	s.Reader = s.User(t, models.User{Email: "grace@example.com", Name: "Grace Hopper", Role: models.Reader})
	return s
}

// Empty is a server as Offline's, to which nobody was added yet.
func Empty(t testing.TB, change ...func(*web.Config)) *Site {
	t.Helper()
	site := emptySite(t, offlineAddress, change)
	site.offline = true
	return site
}

func emptySite(t testing.TB, address string, change []func(*web.Config)) *Site {
	t.Helper()
	database := filepath.Join(t.TempDir(), "stackhook.db")
	site := overStore(t, address, storetest.Open(t, database), change)
	site.Database = database
	return site
}

func overStore(t testing.TB, address string, st *store.Store, change []func(*web.Config)) *Site {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	config := web.Config{Handlers: Handlers(t, st, base)}
	for _, f := range change {
		f(&config)
	}
	return &Site{Store: st, Handlers: config.Handlers, Echo: web.New(config), URL: address}
}

// Handlers returns handlers over a store whose engine is well and finds nothing wrong with any endpoint.
func Handlers(t testing.TB, st *store.Store, base *url.URL) *handlers.Handlers {
	return &handlers.Handlers{
		Store: st, Account: "acme", Version: "1.2.3", BaseURL: base,
		Log:    slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Delays: []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}, Timeout: 10 * time.Second, Expire: 168 * time.Hour, DisableAfter: 72 * time.Hour, AuditRetention: 365 * 24 * time.Hour,
		Hint:         func(context.Context, models.Endpoint) string { return "" },
		EngineHealth: func() error { return nil },
	}
}

// cheapHash is Password hashed with the least of parameters: the costly ones are for guessers, and tests sign in often.
var cheapHash = sync.OnceValues(func() (string, error) {
	return argon2id.CreateHash(Password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 8, KeyLength: 16})
})

// User adds a user with Password.
func (s *Site) User(t testing.TB, user models.User) models.User {
	t.Helper()
	hash, err := cheapHash()
	if err != nil {
		t.Fatal(err)
	}
	user.PasswordHash = hash
	user, err = s.Store.CreateUser(t.Context(), storetest.Shell, user, "")
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// Grant lets the reader read the stack.
func (s *Site) Grant(t testing.TB, stack models.Stack) {
	t.Helper()
	if err := s.Store.GrantStack(t.Context(), storetest.Shell, s.Reader, stack); err != nil {
		t.Fatal(err)
	}
}

// As returns a browser in which the administrator ("admin"), the reader ("reader") or nobody ("") is signed in.
func (s *Site) As(t testing.TB, who string) *Browser {
	t.Helper()
	b := newBrowser(t, s)
	switch who {
	case "admin":
		b.SignIn(s.Admin.Email)
	case "reader":
		b.SignIn(s.Reader.Email)
	case "":
	default:
		t.Fatalf("nobody is called %q", who)
	}
	return b
}

// SignIn signs a person with Password in.
func (b *Browser) SignIn(email string) {
	b.t.Helper()
	page := b.POST("/login", url.Values{"email": {email}, "password": {Password}})
	if page.Status != http.StatusSeeOther {
		b.t.Fatalf("sign in as %s: %d\n%s", email, page.Status, page.Body)
	}
}
