package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"

	"stackhook/models"
)

const (
	livePages    = 500
	liveWebhooks = 4 // for an event
	liveEvery    = 20 * time.Millisecond
	liveCount    = 500 // events, 50 a second: 200 deliveries a second for ten seconds
	// livePerBrowser is how many of the pages one session has.
	livePerBrowser = 15
	livePassword   = "correct horse battery staple"
)

// live measures pages on SQLite.
func (b *bench) live(ctx context.Context) error {
	return b.liveOn(ctx, "SQLite", filepath.Join(b.dir, "live.db"))
}

// livePostgres measures them on PostgreSQL.
func (b *bench) livePostgres(ctx context.Context) error {
	return withPostgres(func(database string) error { return b.liveOn(ctx, "PostgreSQL", database) })
}

// liveOn measures how far pages that follow the log are behind, and what they take from deliveries.
func (b *bench) liveOn(ctx context.Context, kind, database string) error {
	s, err := b.start(ctx, database, liveWebhooks)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := s.loadFor(ctx, 2*time.Second, liveWebhooks); err != nil { // warm
		return err
	}
	without, _, err := s.paced(ctx, b.receiver)
	if err != nil {
		return err
	}
	before, err := s.loadFor(ctx, 4*time.Second, liveWebhooks)
	if err != nil {
		return err
	}
	pages, err := s.openPages(ctx)
	if err != nil {
		return err
	}
	defer pages.close()
	with, accepted, err := s.paced(ctx, b.receiver)
	if err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // what comes later than that counts as that late
	behind := pages.behind(accepted)
	perSecond, megabytes := pages.rates()
	watched, err := s.loadFor(ctx, 4*time.Second, liveWebhooks)
	if err != nil {
		return err
	}
	pages.close()
	after, err := s.loadFor(ctx, 4*time.Second, liveWebhooks)
	if err != nil {
		return err
	}
	alone := (before.rate() + after.rate()) / 2
	b.print(behind.at(100).Seconds(), goal{least: 1, aim: 0.6, most: true}, "Seconds, the worst: accepted (answered) to shown on each of %d open live pages of %d different logs on %s, at %d deliveries a second.\np99 %.2f, p50 %.2f; %.0f events a second in all, %.1f MB a second.",
		livePages, pages.topics, kind, liveWebhooks*int(time.Second/liveEvery), behind.at(99).Seconds(), behind.at(50).Seconds(), perSecond, megabytes)
	b.print(millis(with.at(99))/millis(without.at(99)), goal{least: 4, aim: 2, most: true}, "p99 from accepted to received at that pace, with the pages open, to without them. Their readers are on the same CPUs.\n%.2f ms to %.2f ms; p50 %.2f ms to %.2f ms.",
		millis(with.at(99)), millis(without.at(99)), millis(with.at(50)), millis(without.at(50)))
	b.print(watched.rate()/alone, goal{}, "As many reports as it takes: deliveries with the pages open, to without them before and after. The readers share the CPUs.\n%s deliveries/s to %s.", round(watched.rate()), round(alone))
	return nil
}

// paced reports runs at the pace and returns how long each took to its receiver, and when each was accepted.
func (s *server) paced(ctx context.Context, r *receiver) (delays, map[string]time.Time, error) {
	r.watching.Store(true)
	defer r.watching.Store(false)
	accepted := map[string]time.Time{}
	var mu sync.Mutex
	var ids []string
	var failed error
	var reports sync.WaitGroup
	pace := time.NewTicker(liveEvery)
	defer pace.Stop()
	for range liveCount {
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-pace.C:
		}
		reports.Go(func() { // whoever waits for an answer would slow the pace down
			id, err := s.reportOne(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			accepted[id] = time.Now()
			ids = append(ids, id)
		})
	}
	reports.Wait()
	if failed != nil {
		return nil, nil, failed
	}
	came := r.await(ids, endWithin)
	if len(came) < len(ids) {
		return nil, nil, fmt.Errorf("%d of %d events did not come within %v", len(ids)-len(came), len(ids), endWithin)
	}
	var all delays
	for id, at := range came {
		all = append(all, max(0, at.Sub(accepted[id])))
	}
	slices.Sort(all)
	return all, accepted, nil
}

// pages are open live pages.
type pages struct {
	topics int
	began  time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex
	shown [][]shown // of each page
	bytes int
}

// shown is the newest delivery that a page knew at some time.
type shown struct {
	at time.Time
	id string
}

// openPages opens the pages and waits until each shows something. Half of them are of the logs of all, of the stack and of
// the webhooks; the others have a filter each that nobody else has.
func (s *server) openPages(ctx context.Context) (*pages, error) {
	user, err := s.store.CreateUser(ctx, by, models.User{Email: "ada@example.com", Name: "Ada", Role: models.Administrator}, livePassword)
	if err != nil {
		return nil, err
	}
	var logs []string
	for _, w := range s.webhooks {
		logs = append(logs, "/stacks/bench/settings/integrations/webhooks/"+w.ID)
	}
	logs = append(logs, "/deliveries", "/stacks/bench/deliveries")
	ctx, cancel := context.WithCancel(ctx)
	p := &pages{cancel: cancel, shown: make([][]shown, livePages), topics: len(logs) + livePages/2}
	var client *http.Client
	for i := range livePages {
		if i%livePerBrowser == 0 {
			if client, err = s.signIn(ctx, user.Email, byte(2+i/livePerBrowser)); err != nil {
				cancel()
				return nil, err
			}
		}
		topic := logs[i%len(logs)]
		if i%2 == 1 {
			topic = fmt.Sprintf("/deliveries?from=2020-01-01T00:%02d:%02d", i/60, i%60)
		}
		if err := p.open(ctx, client, s.url+"/live?topic="+url.QueryEscape(topic), i); err != nil {
			p.close()
			return nil, err
		}
	}
	p.begin()
	return p, nil
}

// signIn returns a client with a session of its own, at an address of its own: one may not sign in that often.
func (s *server) signIn(ctx context.Context, email string, address byte) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, address)}}
	client := &http.Client{
		Jar: jar, Transport: &http.Transport{DialContext: dialer.DialContext, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	body := url.Values{"email": {email}, "password": {livePassword}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/login", bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("sign in: %s", resp.Status)
	}
	return client, nil
}

// open opens one page, which reads until it is closed.
func (p *pages) open(ctx context.Context, client *http.Client, from string, page int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return fmt.Errorf("%s: %s", from, resp.Status)
	}
	p.done.Go(func() {
		defer resp.Body.Close()
		lines := bufio.NewReaderSize(resp.Body, 128<<10)
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil && err != bufio.ErrBufferFull {
				return
			}
			p.read(page, line)
		}
	})
	return nil
}

// read notes what a line shows: rows are newest first.
func (p *pages) read(page int, line []byte) {
	const before = `"id":"`
	id := ""
	if i := bytes.Index(line, []byte(before)); i >= 0 && bytes.HasPrefix(line, []byte("data: ")) {
		id = string(line[i+len(before):][:26])
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += len(line)
	if list := p.shown[page]; id != "" && (len(list) == 0 || id > list[len(list)-1].id) {
		p.shown[page] = append(list, shown{now, id})
	}
}

// begin forgets what came so far.
func (p *pages) begin() {
	time.Sleep(time.Second) // for the last page to have begun
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began, p.bytes = time.Now(), 0
	for i := range p.shown {
		p.shown[i] = nil
	}
}

func (p *pages) close() {
	p.cancel()
	p.done.Wait()
}

// behind returns how long each delivery took to each page: until that showed it, or a newer one in its place.
func (p *pages) behind(accepted map[string]time.Time) delays {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := time.Now()
	var all delays
	for _, list := range p.shown {
		for id, at := range accepted {
			came := end
			if i := sort.Search(len(list), func(i int) bool { return list[i].id >= id }); i < len(list) {
				came = list[i].at
			}
			all = append(all, max(0, came.Sub(at)))
		}
	}
	slices.Sort(all)
	return all
}

// rates are the events and the megabytes of a second.
func (p *pages) rates() (events, megabytes float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, seconds := 0, time.Since(p.began).Seconds()
	for _, list := range p.shown {
		n += len(list)
	}
	return float64(n) / seconds, float64(p.bytes) / 1e6 / seconds
}
