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
	"slices"
	"sort"
	"sync"
	"time"

	"stackhook/models"
)

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
