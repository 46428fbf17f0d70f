package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stackhook/models"
)

// Options say where reports go.
type Options struct {
	URL, Token, Stack string        // without a token nothing is reported, see Silent
	Spool             string        // folder of reports that wait, in one of its own; "" is the usual place for this user
	Strict            bool          // a report that cannot be delivered is an error of Close
	Words             io.Writer     // what the person at the terminal is told: a short line each; nil: nothing
	Patience          time.Duration // how long Close waits; 0 is DefaultPatience
	Flush             bool          // Close waits for what earlier processes left, too
}

// DefaultPatience is how long Close waits for what is not sent yet: enough for the answer of a busy server, or for one
// that is being restarted; too short for a pipeline to be called slow because of it.
const DefaultPatience = 10 * time.Second

// Brief is the patience of a step in the middle of a pipeline, whose later steps send what it leaves: a healthy server
// has answered long before.
const Brief = 3 * time.Second

// Reporter reports the runs of one stack. Its methods may be called from several goroutines.
type Reporter struct {
	options Options
	client  *client
	spool   *spool // nil: it cannot be used, or is not needed
	words   *words

	ctx     context.Context // of what is being sent
	cancel  context.CancelFunc
	senders sync.WaitGroup
	closing chan struct{} // closed when Close begins

	away atomic.Bool // the last answer, or silence, means that the server is

	mu      sync.Mutex
	until   time.Time // when Close stops waiting; zero before it
	runs    map[string]*Run
	earlier map[string]*Run // what processes before this one left
	added   time.Duration   // how long callers were kept waiting
}

// Counts are numbers of reports.
type Counts struct {
	Sent    int // the server has them
	Waiting int // they are kept, and sent later
	Refused int // they were given up: the server would never take them
}

// Summary is what became of the reports.
type Summary struct {
	Counts                // of this process's runs
	Earlier Counts        // of the runs that processes before this one left
	Added   time.Duration // what reporting has added to the pipeline: how long its callers were kept waiting
}

// Open begins to report, and to send what earlier processes left. An error is wrong usage; a server that is away is none,
// nor is a folder that cannot be written.
func Open(o Options) (*Reporter, error) { return open(o, newTransport()) }

func open(o Options, through http.RoundTripper) (*Reporter, error) {
	began := time.Now()
	if err := o.Check(); err != nil {
		return nil, err
	}
	base, err := url.Parse(o.URL)
	if err != nil {
		return nil, err // Check has read it
	}
	if o.Words == nil {
		o.Words = io.Discard
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	r := &Reporter{
		options: o, client: newClient(base, o.Stack, o.Token, through), words: &words{to: o.Words},
		closing: make(chan struct{}), runs: map[string]*Run{}, earlier: map[string]*Run{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if o.Silent() {
		r.words.say("there is no token, so nothing is reported: STACKHOOK_TOKEN or --token")
		return r, nil
	}
	dir, err := place(o.Spool, o.URL, o.Stack)
	if err == nil {
		r.spool, err = openSpool(dir)
	}
	r.words.unkept(err)
	r.senders.Go(r.sendEarlier)
	r.count(began)
	return r, nil
}

// Check returns what is wrong with the options. It does not repeat the address: somebody may have put a password into it.
func (o Options) Check() error {
	base, err := url.Parse(o.URL)
	switch {
	case o.URL == "":
		return errors.New("no server: set STACKHOOK_URL or --url")
	case o.Token == "" && o.Strict:
		return errors.New("no token: set STACKHOOK_TOKEN or --token")
	case strings.ContainsFunc(o.Token, func(c rune) bool { return c <= ' ' || c > '~' }):
		return errors.New("the token has characters that no token has: STACKHOOK_TOKEN or --token")
	case o.Stack == "":
		return errors.New("no stack: set STACKHOOK_STACK or --stack")
	case err != nil, base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return errors.New("STACKHOOK_URL or --url must be an address such as https://hooks.example.com")
	case base.User != nil:
		return errors.New("STACKHOOK_URL or --url must have no user and no password: the token is enough")
	case base.RawQuery != "" || base.Fragment != "":
		return errors.New("STACKHOOK_URL or --url must have no “?” and no “#”: it is the server's address alone")
	}
	return nil
}

// Silent reports whether nothing is reported, for there is no token. A CI keeps its secrets from pull requests of strangers,
// and those must not fail because of that.
func (o Options) Silent() bool { return o.Token == "" }

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
	run := r.earlier[id] // it may just be being sent
	if delete(r.earlier, id); run == nil {
		run = newRun(r, id)
	}
	run.after(version)
	r.runs[id] = run
	if !r.options.Silent() {
		r.senders.Go(run.send)
	}
	return run
}

// count adds what a caller was kept waiting since then.
func (r *Reporter) count(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.added += time.Since(since)
}

// Close waits, at most for the options' patience, until what was reported is sent. What is not stays in the spool, and is
// sent by the next process that reports to the same stack.
func (r *Reporter) Close(ctx context.Context) (Summary, error) {
	began := time.Now()
	patience := r.options.Patience
	if patience < DefaultPatience && r.spool.away(began) {
		patience = min(patience, hopeless)
	}
	r.mu.Lock()
	r.until = began.Add(patience)
	r.mu.Unlock()
	close(r.closing)
	over := time.AfterFunc(patience, r.cancel)
	defer over.Stop()
	defer context.AfterFunc(ctx, r.cancel)()
	r.senders.Wait()
	r.cancel()
	r.client.close()

	var s Summary
	for _, run := range r.runs {
		s.Counts = s.plus(run.left())
	}
	for _, run := range r.earlier {
		s.Earlier = s.Earlier.plus(run.left())
	}
	r.spool.note(r.away.Load())
	r.count(began)
	s.Added = r.added
	return s, r.verdict(s)
}

// hopeless is the patience with a server that did not answer the step before either.
const hopeless = time.Second

// verdict tells what was not delivered, which with Strict is an error.
func (r *Reporter) verdict(s Summary) error {
	counts := s.Counts
	if r.options.Flush {
		counts = counts.plus(s.Earlier)
	}
	if s.Waiting+s.Earlier.Waiting > 0 {
		r.words.say("%s", r.whereTheyWait(s.Waiting+s.Earlier.Waiting))
	}
	if n := counts.Waiting + counts.Refused; n > 0 && r.options.Strict {
		return fmt.Errorf("%s not delivered, and --strict is set", plural(n, "report was", "reports were"))
	}
	return nil
}

func (r *Reporter) whereTheyWait(n int) string {
	if r.spool == nil {
		return plural(n, "report is", "reports are") + " lost: there was no folder to keep them in"
	}
	return plural(n, "report waits", "reports wait") + " in " + r.spool.dir +
		" for the next “stackhook exec” or “stackhook report” here; “stackhook report flush” sends them too"
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

func (c Counts) plus(other Counts) Counts {
	return Counts{c.Sent + other.Sent, c.Waiting + other.Waiting, c.Refused + other.Refused}
}

// patient says whether a sender may wait that long before it tries again.
func (r *Reporter) patient(wait time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until.IsZero() || time.Now().Add(wait).Before(r.until)
}
