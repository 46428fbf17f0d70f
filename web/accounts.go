package web

import (
	"crypto/sha256"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/handlers"
	"stackhook/models"
)

const (
	// freeTries is how many wrong passwords an account may be sent, from wherever they come, before it makes them wait.
	freeTries = 10
	// firstWait doubles with each further one, up to longestWait: then a password is guessed some hundred times a day.
	firstWait   = 5 * time.Second
	longestWait = 15 * time.Minute
	// forgetAfter is how long an account that nobody tries is remembered.
	forgetAfter = time.Hour
	// maxAccounts bounds the memory for accounts, some 2 MB. Whoever would push one out needs as many tries, at ten a minute
	// from each address.
	maxAccounts = 10_000
)

// account is what is remembered of one, whether it exists or not.
type account struct {
	wrong int
	next  time.Time // before it no try is taken
	last  time.Time
}

// accounts make whoever guesses the password of one account from many addresses wait. Its owner is never locked out: waits
// are short and forgotten, and a browser in which they signed in before is counted by itself.
type accounts struct {
	mu    sync.Mutex
	known map[[32]byte]*account
}

func newAccounts() *accounts { return &accounts{known: map[[32]byte]*account{}} }

// wait takes a try, as a wrong one until right is called, and returns 0; or how long to wait before the next one.
func (a *accounts) wait(key [32]byte, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.known[key]
	if it == nil || now.Sub(it.last) >= forgetAfter {
		if len(a.known) >= maxAccounts {
			a.forget(now)
		}
		it = &account{}
		a.known[key] = it
	}
	if wait := it.next.Sub(now); wait > 0 {
		return wait
	}
	it.wrong, it.last = it.wrong+1, now
	if more := it.wrong - freeTries; more >= 0 {
		it.next = now.Add(min(longestWait, firstWait<<min(more, 10)))
	}
	return 0
}

// right forgets the tries of an account whose password was right.
func (a *accounts) right(key [32]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, key)
}

// forget makes room: what is forgotten goes, or else what was tried longest ago.
func (a *accounts) forget(now time.Time) {
	var oldest [32]byte
	var at time.Time
	for key, it := range a.known {
		if now.Sub(it.last) >= forgetAfter {
			delete(a.known, key)
			continue
		}
		if at.IsZero() || it.last.Before(at) {
			oldest, at = key, it.last
		}
	}
	if len(a.known) >= maxAccounts {
		delete(a.known, oldest)
	}
}

// tryPassword counts a try to sign in to an account, and refuses one too many. An address that nobody has is counted in the
// same way, so that the answer does not tell who has an account.
func (e *edge) tryPassword(c echo.Context, email string, user models.User) error {
	wait := e.accounts.wait(e.accountKey(c, email, user), time.Now())
	if wait == 0 {
		return nil
	}
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	c.Response().Header().Set(echo.HeaderRetryAfter, seconds)
	return &handlers.Problem{
		Status: http.StatusTooManyRequests,
		Detail: "There were too many wrong passwords for this email address. Try again in " + seconds + " seconds, or from a browser in which you signed in before.",
	}
}

func (e *edge) passwordWasRight(c echo.Context, user models.User) {
	e.accounts.right(e.accountKey(c, user.Email, user))
}

// accountKey is what tries are counted by: the address as stored, or the browser if that user, and no other one, signed in
// there before. user is the zero User where there is none.
func (e *edge) accountKey(c echo.Context, email string, user models.User) [32]byte {
	if d, is := e.device(c); is && user.ID != 0 && d.User == user.ID {
		return sha256.Sum256([]byte("device " + d.ID))
	}
	return sha256.Sum256([]byte("email " + models.NormalizeEmail(email)))
}
