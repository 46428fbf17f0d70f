package models

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

var ids = struct {
	sync.Mutex
	entropy *ulid.MonotonicEntropy
	last    uint64
}{entropy: ulid.Monotonic(rand.Reader, 0)}

// NewID returns a ULID of the given time. Ids made by one process grow, even within one millisecond and when the clock
// steps back: a log in order of ids is in order of creation.
func NewID(now time.Time) string {
	ids.Lock()
	defer ids.Unlock()
	ids.last = max(ids.last, ulid.Timestamp(now))
	id, err := ulid.New(ids.last, ids.entropy)
	if err != nil { // 2^80 ids in one millisecond: the next millisecond starts afresh
		ids.last++
		id = ulid.MustNew(ids.last, ids.entropy)
	}
	return id.String()
}

// LeastID returns the least id that NewID can make at the given time: ids of that moment and later ones are not
// below it.
func LeastID(at time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(at)) // fails before 1970, which leaves the least of all, and from the year 10889 on
	return id.String()
}

// IDTime returns the time that an id begins with, the zero time if it is none.
func IDTime(id string) time.Time {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return time.Time{}
	}
	return parsed.Timestamp()
}

// IDBefore returns the greatest id below an id: what is newer than that one begins with this one.
func IDBefore(id string) string {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return ""
	}
	for i := len(parsed) - 1; i >= 0; i-- {
		parsed[i]--
		if parsed[i] != 0xff {
			break
		}
	}
	return parsed.String()
}
