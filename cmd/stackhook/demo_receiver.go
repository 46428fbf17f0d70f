package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"
	"time"
)

// practiceReceiver is what the demo's webhooks send to: a receiver such as anybody may write, which believes nothing
// before it has verified both signatures. It shares no code with the sender.
type practiceReceiver struct {
	mu      sync.Mutex
	secrets map[string]string // by path; a path without an entry has the empty secret
	got     []receipt         // the newest last
}

// receipt is one request as the receiver saw it.
type receipt struct {
	at           time.Time
	path, id     string
	state        string
	stateVersion int
	answer       string
}

const (
	maxReceipts = 200
	maxBody     = 1 << 20 // a payload is a few kilobytes
)

// answers are how the paths answer a request with valid signatures; others accept it.
var answers = map[string]func(http.ResponseWriter, *http.Request) string{
	pathBroken: func(w http.ResponseWriter, _ *http.Request) string {
		http.Error(w, "The deploy bot is out of order.", http.StatusInternalServerError)
		return "500, as it always does"
	},
	pathSlow: func(w http.ResponseWriter, r *http.Request) string {
		<-r.Context().Done()                         // until the sender gives up, or the demo ends
		w.WriteHeader(http.StatusServiceUnavailable) // without it a demo that ends would say 200
		return "nothing, and the sender hung up"
	},
}

func accept(w http.ResponseWriter, _ *http.Request) string {
	fmt.Fprintln(w, "Thank you.")
	return "200"
}

func newPracticeReceiver() *practiceReceiver { return &practiceReceiver{secrets: map[string]string{}} }

// expect tells the receiver the secret of a path, as a person would set it up.
func (p *practiceReceiver) expect(path, secret string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets[path] = secret
}

// handler routes requests: POST to any path is a delivery, GET / shows what came.
func (p *practiceReceiver) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", p.receive)
	mux.HandleFunc("GET /{$}", p.show)
	return mux
}

func (p *practiceReceiver) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "The body could not be read.", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	secret := p.secrets[r.URL.Path]
	p.mu.Unlock()
	got := receipt{at: time.Now(), path: r.URL.Path, id: r.Header.Get("webhook-id")}
	if !signed(r.Header, body, secret) {
		http.Error(w, "The signatures do not match.", http.StatusUnauthorized)
		got.answer = "401, a signature was wrong"
		p.note(got)
		return
	}
	var payload struct {
		State        string `json:"state"`
		StateVersion int    `json:"stateVersion"`
	}
	if err := json.Unmarshal(body, &payload); err != nil {
		http.Error(w, "The body is not a run's state.", http.StatusBadRequest)
		return
	}
	answer, special := answers[r.URL.Path]
	if !special {
		answer = accept
	}
	got.state, got.stateVersion, got.answer = payload.State, payload.StateVersion, answer(w, r)
	p.note(got)
}

// signed verifies both signatures of the raw body, in constant time.
func signed(header http.Header, body []byte, secret string) bool {
	return hmac.Equal([]byte(header.Get("X-Signature")), signature("sha1=", sha1.New, body, secret)) &&
		hmac.Equal([]byte(header.Get("X-Signature-256")), signature("sha256=", sha256.New, body, secret))
}

func signature(prefix string, algorithm func() hash.Hash, body []byte, secret string) []byte {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write(body)
	return []byte(prefix + hex.EncodeToString(mac.Sum(nil)))
}

func (p *practiceReceiver) note(r receipt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, r)
	if len(p.got) > maxReceipts {
		p.got = p.got[len(p.got)-maxReceipts:]
	}
}

// show lists what came, newest first, as plain text.
func (p *practiceReceiver) show(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rows := [][]string{{"TIME", "PATH", "STATE", "VERSION", "ANSWERED", "WEBHOOK-ID"}}
	p.mu.Lock()
	for i := len(p.got) - 1; i >= 0; i-- {
		r := p.got[i]
		rows = append(rows, []string{r.at.Format(time.TimeOnly), r.path, r.state, fmt.Sprint(r.stateVersion), r.answer, r.id})
	}
	p.mu.Unlock()
	fmt.Fprintln(w, "The practice receiver verifies X-Signature and X-Signature-256 of every request. Newest first:")
	fmt.Fprintln(w)
	printTable(w, rows) // whoever asked has gone
}
