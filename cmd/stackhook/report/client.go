package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stackhook/models"
)

const (
	// requestTimeout is of one call. A healthy server answers within milliseconds, and within its own 10 s when its
	// database is busy.
	requestTimeout = 10 * time.Second
	// connectTimeout is shorter: a server that is away often does not even refuse.
	connectTimeout = 3 * time.Second
	// maxAnswer is more than the API ever answers to a report.
	maxAnswer = 64 << 10
)

// client talks to the API of one stack.
type client struct {
	http  *http.Client
	runs  *url.URL
	token string
}

func newTransport() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	return transport
}

func newClient(base *url.URL, stack, token string, transport http.RoundTripper) *client {
	return &client{
		http: &http.Client{
			Transport: transport, Timeout: requestTimeout,
			// A redirect would turn a POST into a GET, and may lead the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		runs: base.JoinPath("api/v1/stacks", url.PathEscape(stack), "runs"), token: token,
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// fate is what an answer means for a report.
type fate int

const (
	recorded fate = iota // the server has it
	later                // it may be taken when it is sent again
	mended               // it may be taken once somebody has mended the token, the stack or the address
	refused              // it is never taken
	again                // it is sent again at once, under another version
	nothing              // nothing was sent: nothing waits
	busy                 // nothing was sent: another process is at it
)

// answer is what became of one call.
type answer struct {
	fate    fate
	status  int           // 0: none came
	says    string        // what is wrong, for a person; never with the token
	wait    time.Duration // what the server asked for before the next call, 0 if it did not
	state   models.State  // where the run is, as far as the answer says so
	version int64
}

// send reports one entry of a run.
func (c *client) send(ctx context.Context, run string, e entry) answer {
	var body any = e.State
	to := c.runs.JoinPath(url.PathEscape(run), "states")
	if e.Start != nil {
		body, to = e.Start, c.runs
	}
	text, err := json.Marshal(body)
	if err != nil {
		return answer{fate: refused, says: err.Error()}
	}
	got := c.call(ctx, http.MethodPost, to, text)
	if got.fate == recorded && (got.version != e.version() || got.state != e.state()) {
		return notOurs(got.status)
	}
	return got
}

// ask asks where a run is.
func (c *client) ask(ctx context.Context, run string) answer {
	got := c.call(ctx, http.MethodGet, c.runs.JoinPath(url.PathEscape(run)), nil)
	if got.fate == recorded && !got.state.Known() {
		return notOurs(got.status)
	}
	return got
}

// notOurs is the answer of something else, such as a page for people, which must not pass for a server that took it.
func notOurs(status int) answer {
	return answer{fate: mended, status: status, says: fmt.Sprintf(
		"something that is not Stackhook's API answered %d: check the URL", status)}
}

func (c *client) call(ctx context.Context, method string, to *url.URL, body []byte) answer {
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return answer{fate: mended, says: "the URL cannot be called"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{fate: later, says: "the server does not answer: " + without(c.token, cause(err))}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{fate: later, status: resp.StatusCode, says: "the server's answer broke off: " + without(c.token, cause(err))}
	}
	got := answer{fate: judge(resp.StatusCode), status: resp.StatusCode, version: unknown}
	if got.fate == recorded {
		var said struct {
			State        models.State `json:"state"`
			StateVersion *int64       `json:"stateVersion"`
		}
		if json.Unmarshal(text, &said) != nil || said.StateVersion == nil {
			return notOurs(resp.StatusCode)
		}
		got.state, got.version = said.State, *said.StateVersion
		return got
	}
	got.says = without(c.token, problem(resp, text))
	got.wait = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	return got
}

// judge says what a status means for a report.
func judge(status int) fate {
	switch {
	case status == http.StatusOK, status == http.StatusCreated:
		return recorded
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return later
	}
	switch status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return refused
	}
	return mended
}

// problem says what the server said, and what to do.
func problem(resp *http.Response, text []byte) string {
	var said struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct {
			Location string `json:"location"`
			Message  string `json:"message"`
		} `json:"errors"`
	}
	words := fmt.Sprintf("the server answered %d", resp.StatusCode)
	if json.Unmarshal(text, &said) == nil {
		detail := said.Detail
		if detail == "" {
			detail = said.Title
		}
		for _, e := range said.Errors {
			if e.Message != said.Detail {
				detail += "; " + e.Location + " " + e.Message
			}
		}
		if detail != "" {
			words += ": " + oneLine(detail)
		}
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		words += " (check the token: STACKHOOK_TOKEN or --token)"
	case http.StatusForbidden:
		words += " (the token needs the scope report)"
	case http.StatusNotFound:
		words += " (check the URL, that the stack and the run exist, and that the token is for this stack)"
	}
	if location := resp.Header.Get("Location"); resp.StatusCode/100 == 3 && location != "" {
		words += " (it leads elsewhere: use the address that it leads to as URL)"
	}
	return words
}

// longest is more than the API says of an error; another server's page must not fill the pipeline's log.
const longest = 500

// oneLine makes what a server said fit for a terminal, which nothing in it may colour or clear.
func oneLine(text string) string {
	return models.CleanLine(strings.Join(strings.Fields(text), " "), longest)
}

// cause returns why a call failed, without the URL that the library puts before it.
func cause(err error) string {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		if wrapped.Timeout() || errors.Is(err, context.Canceled) { // Close would not wait any longer
			return "it took too long"
		}
		err = wrapped.Err
	}
	return oneLine(err.Error())
}

// without hides the token should anything repeat it.
func without(token, text string) string {
	if token == "" {
		return text
	}
	return strings.ReplaceAll(text, token, "(token)")
}

// retryAfter reads the header, in seconds or as a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
