package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Replicas on one PostgreSQL tell each other what they changed only while one of them has pages that show it. That one
// says so on the channel from time to time; the others then gather what they change and say it at most four times a
// second, on a connection of its own: a notice in the transactions that made the changes would have them commit one after
// the other.

const (
	relayEvery = 250 * time.Millisecond
	// watchingEvery is how often a replica with pages says that it has some, watchingFor how long the others believe it.
	watchingEvery = 10 * time.Second
	watchingFor   = 25 * time.Second
	// relayMost bounds the webhooks of one notice: with 46 bytes each it stays below PostgreSQL's 8,000.
	relayMost = 150
)

// The notices of replicas, with the replica that sends them. That something is due has no text.
const (
	noticeWatching = "watching"
	noticeChanged  = "changed"
)

// relay is a replica's part in that.
type relay struct {
	store  *Store
	self   string       // of all replicas
	wanted atomic.Int64 // until when others want to hear, in Unix microseconds
	watch  *Watch       // while they do
	said   time.Time    // when this one last said that it has pages
}

// believe notes that another replica has pages, or may have: one that has just connected cannot know.
func (r *relay) believe() { r.wanted.Store(time.Now().Add(watchingFor).UnixMicro()) }

// run says what there is to say until ctx ends.
func (r *relay) run(ctx context.Context) {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.rest()
			return
		case now := <-tick.C:
			r.sayWatching(ctx, now)
			r.sayChanged(ctx, now)
		}
	}
}

func (r *relay) rest() {
	if r.watch != nil {
		r.watch.Close()
		r.watch = nil
	}
}

func (r *relay) sayWatching(ctx context.Context, now time.Time) {
	if !r.store.watchers.pages.Load() {
		r.said = time.Time{} // the next page says it at once
		return
	}
	if now.Sub(r.said) >= watchingEvery && r.say(ctx, noticeWatching+" "+r.self) == nil {
		r.said = now
	}
}

func (r *relay) sayChanged(ctx context.Context, now time.Time) {
	if now.UnixMicro() > r.wanted.Load() {
		r.rest()
		return
	}
	if r.watch == nil { // what changed since somebody wanted to hear is not known
		r.watch = r.store.watchers.begin(true)
		r.watch.note(func(c *Changes) { c.merge(Changes{Everything: true, Access: true}) })
	}
	changes := r.watch.Take()
	if !changes.any() {
		return
	}
	if r.say(ctx, changedNotice(r.self, changes)) != nil { // the database says elsewhere what is wrong with it
		r.watch.note(func(c *Changes) { c.merge(Changes{Everything: true, Access: changes.Access}) })
	}
}

func (r *relay) say(ctx context.Context, text string) error {
	return r.store.quickReader(ctx).Exec(`SELECT pg_notify(?, ?)`, channel, text).Error
}

// hear takes a notice. It reports whether it was one of these.
func (r *relay) hear(text string) bool {
	kind, rest, _ := strings.Cut(text, " ")
	from, rest, _ := strings.Cut(rest, " ")
	switch {
	case kind != noticeWatching && kind != noticeChanged:
		return false
	case from == r.self:
	case kind == noticeWatching:
		r.believe()
	default:
		r.store.noteElsewhere(changesOf(rest))
	}
	return true
}

// changedNotice says changes: the words "access" and "everything", and each webhook with the key of its stack.
func changedNotice(from string, c Changes) string {
	words := []string{noticeChanged, from}
	if c.Access {
		words = append(words, "access")
	}
	if c.Everything || len(c.Webhooks) > relayMost {
		return strings.Join(append(words, "everything"), " ")
	}
	for webhook, stack := range c.Webhooks {
		words = append(words, fmt.Sprintf("%s:%d", webhook, stack))
	}
	return strings.Join(words, " ")
}

// changesOf reads what changedNotice wrote. What another version may say more is everything.
func changesOf(text string) (c Changes) {
	for _, word := range strings.Fields(text) {
		webhook, key, _ := strings.Cut(word, ":")
		stack, err := strconv.ParseInt(key, 10, 64)
		switch {
		case word == "access":
			c.Access = true
		case err != nil:
			c.merge(Changes{Everything: true})
		default:
			c.add(webhook, stack)
		}
	}
	return c
}
