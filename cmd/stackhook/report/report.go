package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"stackhook/models"
)

// Options say where reports go.
type Options struct {
	URL, Token, Stack string
	Spool             string        // folder of reports that wait; "" is the usual place for this user, URL and stack
	Strict            bool          // a report that cannot be delivered is an error of Close
	Words             io.Writer     // what the person at the terminal is told: a short line each; nil: nothing
	Patience          time.Duration // how long Close waits; 0 is DefaultPatience
}

// DefaultPatience is how long Close waits for what is not sent yet: enough for the answer of a busy server, or for one
// that is being restarted; too short for a pipeline to be called slow because of it.
const DefaultPatience = 10 * time.Second

// Reporter reports the runs of one stack. Its methods may be called from several goroutines.
type Reporter struct {
	options Options
	client  *client
	words   *words

	ctx     context.Context // of what is being sent
	cancel  context.CancelFunc
	senders sync.WaitGroup
	closing chan struct{} // closed when Close begins

	mu    sync.Mutex
	until time.Time // when Close stops waiting; zero before it
	runs  map[string]*Run
	added time.Duration // how long callers were kept waiting
}

// Summary is what became of the reports.
type Summary struct {
	Sent    int           // the server has them
	Waiting int           // they are kept, and sent later
	Refused int           // the server will never take them
	Added   time.Duration // what reporting has added to the pipeline: how long its callers were kept waiting
}

// Open begins to report. An error is wrong usage; a server that is away is none.
func Open(o Options) (*Reporter, error) {
	base, err := checkURL(o.URL)
	switch {
	case err != nil:
		return nil, err
	case o.Token == "":
		return nil, errors.New("no token: set STACKHOOK_TOKEN or --token")
	case o.Stack == "":
		return nil, errors.New("no stack: set STACKHOOK_STACK or --stack")
	}
	if o.Words == nil {
		o.Words = io.Discard
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	r := &Reporter{
		options: o, client: newClient(base, o.Stack, o.Token), words: &words{to: o.Words},
		closing: make(chan struct{}), runs: map[string]*Run{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// checkURL reads the server's address. Its errors do not repeat it: somebody may have put a password into it.
func checkURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("no server: set STACKHOOK_URL or --url")
	}
	base, err := url.Parse(text)
	switch {
	case err != nil, base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, errors.New("STACKHOOK_URL or --url must be an address such as https://hooks.example.com")
	case base.User != nil:
		return nil, errors.New("STACKHOOK_URL or --url must have no user and no password: the token is enough")
	case base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("STACKHOOK_URL or --url must have no “?” and no “#”: it is the server's address alone")
	}
	return base, nil
}

// Start reports a new run, with its first state. What the report leaves out has the API's defaults; the id and the times
// are set here, so that sending it again is a repeat.
func (r *Reporter) Start(report models.RunReport) *Run {
	defer r.count(time.Now())
	first := startOf(report, time.Now())
	run := r.run(first.Start.ID, unknown)
	run.add(first)
	return run
}

// Resume goes on with a run that an earlier process started; version is that of its last state. A negative one is not
// known: then it is what this machine has reported, or else the server is asked.
func (r *Reporter) Resume(id string, version int64) *Run {
	defer r.count(time.Now())
	return r.run(id, max(version, unknown))
}

// run returns the run of that id, whose reports have a sender of their own: they are sent in order, and held up by no
// other run's.
func (r *Reporter) run(id string, version int64) *Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run := r.runs[id]; run != nil {
		return run
	}
	run := newRun(r, id, version)
	r.runs[id] = run
	r.senders.Go(run.send)
	return run
}

// count adds what a caller was kept waiting since then.
func (r *Reporter) count(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.added += time.Since(since)
}

// Close waits, at most for the options' patience, until what was reported is sent.
func (r *Reporter) Close(ctx context.Context) (Summary, error) {
	began := time.Now()
	r.mu.Lock()
	r.until = began.Add(r.options.Patience)
	r.mu.Unlock()
	close(r.closing)
	over := time.AfterFunc(r.options.Patience, r.cancel)
	defer over.Stop()
	defer context.AfterFunc(ctx, r.cancel)()
	r.senders.Wait()
	r.cancel()
	r.client.close()

	var s Summary
	for _, run := range r.runs {
		run.mu.Lock()
		s.Sent, s.Refused, s.Waiting = s.Sent+run.sent, s.Refused+run.refused, s.Waiting+len(run.waiting)
		run.mu.Unlock()
	}
	r.count(began)
	s.Added = r.added
	if n := s.Waiting + s.Refused; n > 0 && r.options.Strict {
		return s, fmt.Errorf("%d of %d reports were not delivered", n, n+s.Sent)
	}
	return s, nil
}

// patient says whether a sender may wait that long before it tries again.
func (r *Reporter) patient(wait time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until.IsZero() || time.Now().Add(wait).Before(r.until)
}
