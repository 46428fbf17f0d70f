package web

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"stackhook/handlers"
)

const (
	// triesPerMinute is how often one address may try to sign in: enough for a person who looks for the right
	// password, and 14,400 guesses a day for a program, which a password of 12 characters outlasts.
	triesPerMinute = 10
	// signOnsPerMinute bounds what one address can make the identity provider do, and the database keep: there is nothing to
	// guess, and a whole office may come from one address in the morning.
	signOnsPerMinute = 120
	// maxAddresses bounds the memory for addresses: some 2 MB.
	maxAddresses = 10_000
)

// tries limits how often an address may try to sign in. It keeps two generations of limiters: one that was not asked
// for a minute is full again and can be forgotten.
type tries struct {
	mu     sync.Mutex
	recent map[netip.Prefix]*rate.Limiter
	before map[netip.Prefix]*rate.Limiter
	turned time.Time
	most   int // a minute
}

func newTries(most int) *tries { return &tries{recent: map[netip.Prefix]*rate.Limiter{}, most: most} }

// limit refuses the request with 429 when its address tried too often.
func (t *tries) limit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		wait := t.wait(c.RealIP(), time.Now())
		if wait == 0 {
			return next(c)
		}
		seconds := int(math.Ceil(wait.Seconds()))
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(seconds))
		return &handlers.Problem{
			Status: http.StatusTooManyRequests,
			Detail: "There were too many tries to sign in from your address. Try again in " + strconv.Itoa(seconds) + " seconds.",
		}
	}
}

// wait counts a try and returns 0, or how long to wait before the next one.
func (t *tries) wait(address string, now time.Time) time.Duration {
	limiter := t.of(network(address), now)
	r := limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

func (t *tries) of(from netip.Prefix, now time.Time) *rate.Limiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.turned) >= time.Minute || len(t.recent) >= maxAddresses {
		t.recent, t.before, t.turned = map[netip.Prefix]*rate.Limiter{}, t.recent, now
	}
	limiter := t.recent[from]
	if limiter == nil {
		limiter = t.before[from]
	}
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Every(time.Minute/time.Duration(t.most)), t.most)
	}
	t.recent[from] = limiter
	return limiter
}

// network is what one household or machine has: an IPv4 address, or 64 bits of an IPv6 one.
func network(address string) netip.Prefix {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{} // all that cannot be told apart share one limit
	}
	a = a.Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // both lengths fit
	return p
}
