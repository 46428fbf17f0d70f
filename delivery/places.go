package delivery

import (
	"slices"
	"sync"

	"stackhook/models"
	"stackhook/models/store"
)

const (
	// maxWaiting is how many deliveries of one webhook wait in memory for a request to end: enough to keep its
	// connections busy while the next claim is made, little enough that their leases last.
	maxWaiting = 64
	// maxHeld is how many deliveries this process has in memory, in all. From half of it on a webhook gets places for
	// its requests and none to wait in: some dozens with slow receivers must not leave no place for the others.
	maxHeld = 4096
)

// places keeps which deliveries are in this process's hands, and starts each when its webhook and the process have a
// request to spare. A delivery's place is reserved, then it waits, is sent, and is given back once its result is durable.
type places struct {
	perWebhook, inAll int // requests at once

	mu       sync.Mutex
	start    func(store.Job) // sends a job; nil until open
	closed   bool
	trusted  bool // this machine's clock, which leases are given by
	webhooks map[string]*place
	held     int      // in any of the stages
	sending  int      // requests
	ready    []*place // those that could send more if the process could: each gets one request in turn
	// behind are the webhooks of which something due may lie in the database, which a claim has to take before anything
	// newer is taken from a commit; during are those that became so while a claim was running.
	behind, during map[string]bool
	claiming       bool
	stuck          int            // jobs that wait for the database to be available again
	working        map[string]int // jobs in any of the stages, by delivery
	empty          *sync.Cond     // when held falls to 0
}

// place is what there is of one webhook.
type place struct {
	id                           string
	reserved, sending, recording int
	waiting                      []store.Job
	isReady                      bool // it is in places.ready
}

func (p *place) held() int { return p.reserved + len(p.waiting) + p.sending }

func newPlaces(c Config) *places {
	p := &places{
		perWebhook: c.MaxPerWebhook, inAll: c.MaxInFlight, webhooks: map[string]*place{}, behind: map[string]bool{},
		during: map[string]bool{}, working: map[string]int{},
	}
	p.empty = sync.NewCond(&p.mu)
	return p
}

// trust says whether leases may be given by this machine's clock. Until it is called they may not.
func (p *places) trust(clock bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trusted = clock
}

// open makes places start jobs from now on. start must not block.
func (p *places) open(start func(store.Job)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start, p.closed = start, false
}

// Reserve keeps a place for a new delivery. A webhook of which older ones lie in the database is refused until a claim
// has taken those, and all are while jobs wait for the database or the clock is wrong.
func (p *places) Reserve(webhook string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.of(webhook)
	if p.start == nil || p.closed || !p.trusted || p.stuck > 0 || p.behind[webhook] || p.held >= maxHeld || w.held() >= p.mostOfOne() {
		p.behind[webhook] = true
		if p.claiming {
			p.during[webhook] = true
		}
		p.drop(w)
		return false
	}
	w.reserved++
	p.held++
	return true
}

// mostOfOne is how many deliveries of one webhook may be held.
func (p *places) mostOfOne() int {
	if p.held >= maxHeld/2 {
		return p.perWebhook
	}
	return p.perWebhook + maxWaiting
}

// Return gives reserved places back.
func (p *places) Return(webhook string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.of(webhook)
	w.reserved -= n
	p.release(w, n)
}

// Take starts the deliveries whose places were reserved, or lets them wait.
func (p *places) Take(jobs []store.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, job := range jobs {
		w := p.of(job.Delivery.WebhookID)
		w.reserved--
		p.working[job.Delivery.ID]++
		w.waiting = append(w.waiting, job)
		p.dispatch(w)
	}
}

// sent gives the request of a job back, which then waits for its result to be durable.
func (p *places) sent(webhook string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.of(webhook)
	w.sending--
	w.recording++
	p.sending--
	p.dispatch(w)
}

// done gives the place of a job back.
func (p *places) done(d models.Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.of(d.WebhookID)
	w.recording--
	if p.working[d.ID]--; p.working[d.ID] <= 0 {
		delete(p.working, d.ID)
	}
	p.release(w, 1)
}

// works reports whether the delivery is in this process's hands: whatever the clock says of its lease, nobody crashed.
func (p *places) works(delivery string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.working[delivery] > 0
}

// dispatch starts what may be sent, now that there may be more of one webhook. It takes its turn behind those that have
// waited for longer: a webhook with much to send must not keep the process's requests to itself.
func (p *places) dispatch(w *place) {
	p.queue(w)
	for len(p.ready) > 0 && (p.sending < p.inAll || p.closed) {
		next := p.ready[0]
		p.ready = slices.Delete(p.ready, 0, 1)
		next.isReady = false
		if !p.maySend(next) {
			p.drop(next)
			continue
		}
		job := next.waiting[0]
		next.waiting = next.waiting[1:]
		next.sending++
		p.sending++
		p.start(job)
		p.queue(next)
	}
}

// queue gives a webhook a turn, if it has something to send and none yet.
func (p *places) queue(w *place) {
	if !w.isReady && p.maySend(w) {
		w.isReady = true
		p.ready = append(p.ready, w)
	}
}

// maySend reports whether there is something of a webhook that its own limit lets be sent. Once closed, everything is
// started: nothing is sent any more, and each job finds that out.
func (p *places) maySend(w *place) bool {
	return len(w.waiting) > 0 && (w.sending < p.perWebhook || p.closed)
}

// close refuses everything from now on, and lets go what waits.
func (p *places) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.webhooks {
		p.dispatch(w)
	}
}

// wait returns when nothing is held.
func (p *places) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.held > 0 {
		p.empty.Wait()
	}
}

// noteStuck counts jobs that wait for the database to be available again.
func (p *places) noteStuck(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck += n
}

func (p *places) stuckJobs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stuck
}

func (p *places) of(webhook string) *place {
	w := p.webhooks[webhook]
	if w == nil {
		w = &place{id: webhook}
		p.webhooks[webhook] = w
	}
	return w
}

func (p *places) release(w *place, n int) {
	p.held -= n
	p.drop(w)
	if p.held == 0 {
		p.empty.Broadcast()
	}
}

// drop forgets a webhook of which nothing is held.
func (p *places) drop(w *place) {
	if w.held() == 0 && w.recording == 0 && !w.isReady {
		delete(p.webhooks, w.id)
	}
}
