package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const secret = "a secret of the crash test"

// receivers are a good, a slow and a failing one, which remember all that came.
type receivers struct {
	server *http.Server
	url    string

	mu       sync.Mutex
	count    map[string]int      // requests, by path
	came     map[string]*arrival // by delivery
	wrong    []string
	arrivals int
}

// arrival is what came of one delivery.
type arrival struct {
	path     string
	run      string
	version  int64
	body     [32]byte
	requests int
	accepted int       // requests that were answered with success
	first    time.Time // when the first request came
}

// paths are those of the receivers.
var paths = []string{"/good", "/slow", "/failing"}

func newReceivers() (*receivers, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receivers{url: "http://" + listener.Addr().String(), count: map[string]int{}, came: map[string]*arrival{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go r.server.Serve(listener) // it ends with close
	return r, nil
}

func (r *receivers) close() { r.server.Close() }

// ServeHTTP takes a delivery. The failing receiver fails every fifth request, seldom enough that its circuit mostly stays
// closed, each time in another way.
func (r *receivers) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed: nothing came
	}
	n := r.note(req, body)
	switch {
	case req.URL.Path == "/slow":
		time.Sleep(time.Duration(10+n%5*10) * time.Millisecond)
	case req.URL.Path == "/failing" && n%15 == 0:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case req.URL.Path == "/failing" && n%15 == 5:
		panic(http.ErrAbortHandler) // closes the connection without an answer
	case req.URL.Path == "/failing" && n%15 == 10:
		time.Sleep(1100 * time.Millisecond) // more than the time-out
	}
	r.accept(req.Header.Get("webhook-id"))
	w.WriteHeader(http.StatusNoContent)
}

// note checks a request against those of the same delivery before it, and returns how many came to its receiver.
func (r *receivers) note(req *http.Request, body []byte) int {
	id := req.Header.Get("webhook-id")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	var payload struct {
		StateVersion int64 `json:"stateVersion"`
		Run          struct {
			ID string `json:"id"`
		} `json:"run"`
	}
	err := json.Unmarshal(body, &payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[req.URL.Path]++
	n := r.count[req.URL.Path]
	r.arrivals++
	if err != nil || id == "" || req.Header.Get("X-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
		r.wrong = append(r.wrong, "delivery "+id+": no payload, or a wrong signature")
		return n
	}
	a := r.came[id]
	if a == nil {
		a = &arrival{path: req.URL.Path, run: payload.Run.ID, version: payload.StateVersion, body: sha256.Sum256(body), first: time.Now()}
		r.came[id] = a
	}
	a.requests++
	if a.body != sha256.Sum256(body) || a.path != req.URL.Path {
		r.wrong = append(r.wrong, "delivery "+id+": another body or endpoint than before")
	}
	return n
}

func (r *receivers) accept(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.came[id]; a != nil {
		a.accepted++
	}
}
