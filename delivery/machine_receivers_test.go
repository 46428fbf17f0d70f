package delivery

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// mood is how a receiver answers.
type mood struct {
	code  int // 0 is a connection that is closed without an answer
	after time.Duration
}

// retryAfter is what a busy receiver asks for.
const retryAfter = time.Minute

var (
	well      = mood{200, 0}
	slow      = mood{200, 3 * time.Second}
	refusing  = mood{500, 0}
	gone      = mood{410, 0}
	busy      = mood{503, 0} // with Retry-After
	resetting = mood{0, time.Second}
	hanging   = mood{200, time.Minute} // longer than anybody waits
)

// post is a request as a receiver saw it.
type post struct {
	at, ended  time.Time // ended is zero while nothing is answered
	id, body   string
	code       int
	test, lost bool   // lost: the process died before it could see the answer
	webhook    string // of a probe: one that came while the circuit was open
}

// receivers are all there are, each under a host of its own, with what they received. They know the rules that a request
// breaks at the moment when it comes.
type receivers struct {
	stack models.Stack

	mu     sync.Mutex
	store  *store.Store
	moods  map[string]mood    // by host
	posts  map[string][]*post // by delivery, oldest first
	bodies map[string]string  // by delivery
	conns  []net.Conn
	broken []string // rules, in words
}

func newReceivers() *receivers {
	return &receivers{moods: map[string]mood{}, posts: map[string][]*post{}, bodies: map[string]string{}}
}

func (r *receivers) reads(s *store.Store) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store = s
}

func (r *receivers) connected(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
}

func (r *receivers) change(host string, m mood) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moods[host] = m
}

func (r *receivers) recover() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.moods)
}

func (r *receivers) complain(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, fmt.Sprintf(format, args...))
}

// cut is the death of the process that sends.
func (r *receivers) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
	for _, posts := range r.posts {
		for _, p := range posts {
			if p.ended.IsZero() {
				p.ended, p.lost = time.Now(), true
			}
		}
	}
}

// answer keeps a request, and answers it in the mood of its receiver.
func (r *receivers) answer(got received) string {
	r.mu.Lock()
	m, known := r.moods[got.host]
	if !known {
		m = well
	}
	p := &post{at: time.Now(), id: got.id, body: string(got.body), test: got.header.Get("X-Stackhook-Test") != ""}
	if before, there := r.bodies[p.id]; there && before != p.body {
		r.broken = append(r.broken, fmt.Sprintf("%s got another body", p.id))
	}
	r.bodies[p.id] = p.body
	s := r.store
	r.mu.Unlock()
	r.note(s, p)
	time.Sleep(min(m.after, 10*time.Second)) // the bubble's time; after 10 s nobody listens
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.ended.IsZero() {
		p.ended = time.Now()
		p.code = m.code
	}
	switch {
	case m == hanging:
		p.code = 0
		return ""
	case m.code == 0:
		return ""
	case m == busy:
		return status(http.StatusServiceUnavailable, fmt.Sprintf("Retry-After: %.0f", retryAfter.Seconds()))
	}
	return status(m.code)
}

// note keeps the request, and checks that it may come: while its webhook's circuit is open only one probe at a time is
// made.
func (r *receivers) note(s *store.Store, p *post) {
	d, err := s.Delivery(context.Background(), r.stack, p.id)
	var w models.Webhook
	if err == nil {
		w, err = s.Webhook(context.Background(), r.stack, d.WebhookID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posts[p.id] = append(r.posts[p.id], p)
	// One that left at the moment when the circuit opened is no probe.
	opened := w.Probes == 0 && w.OpenUntil.Equal(p.at.Add(30*time.Second))
	if err != nil || p.test || !w.CircuitOpen() || opened {
		return
	}
	p.webhook = w.ID
	for _, posts := range r.posts {
		for _, other := range posts {
			if other != p && other.webhook == p.webhook && other.ended.IsZero() && d.RedeliveredAt.Before(other.at) {
				r.broken = append(r.broken, fmt.Sprintf("%s is a probe beside %s", p.id, other.id))
			}
		}
	}
}

// accepted returns how many requests of a delivery were answered by a success that the sender could see.
func (r *receivers) accepted(id string) (n int) {
	for _, p := range r.of(id) {
		if p.code == http.StatusOK && !p.lost {
			n++
		}
	}
	return n
}

// of returns the requests of a delivery, oldest first.
func (r *receivers) of(id string) (posts []post) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.posts[id] {
		posts = append(posts, *p)
	}
	return posts
}
