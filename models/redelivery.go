package models

import (
	"slices"
	"time"
)

// Redelivery is the request to send many deliveries again. It is worked off in the background, oldest delivery first, at a
// speed that somebody chose; what was done of it is committed with what it did.
type Redelivery struct {
	Key      int64 `gorm:"primaryKey;autoIncrement"` // in order of their starts
	ID       string
	StackKey int64  `gorm:"serializer:nullzero"` // 0 for all stacks
	StackID  string // as it was then
	By       Actor  `gorm:"embedded;embeddedPrefix:by_"`
	// Filter is what package store looks for, Query the same as it stands in the address of a log. Chosen are the ids of
	// the deliveries where somebody chose them one by one.
	Filter string
	Query  string
	Chosen []string `gorm:"serializer:json"`
	// SendOvertaken says to send also those of which a newer state of the same run has arrived at their webhook.
	SendOvertaken bool
	PerSecond     int
	State         RedeliveryState
	// Expected is how many there were at the start, or More: counting stops at 10,001, and where looking takes too long.
	Expected int
	More     bool
	// UpTo is the newest delivery that there was at the start, DoneTo the one up to which all are done.
	UpTo, DoneTo string
	DueAt        time.Time `gorm:"serializer:micros"` // when it goes on
	// What became of those that were met, see Fate.
	Sent, Overtaken, InFlight, Disabled, Deleted, Tests, Gone int
	StartedAt                                                 time.Time `gorm:"serializer:micros"`
	EndedAt                                                   time.Time `gorm:"serializer:micros"`
	CanceledBy                                                string    // the name of who did
}

// RedeliveryState is how far a redelivery is.
type RedeliveryState string

// The states of a redelivery.
const (
	RedeliveryRunning  RedeliveryState = "running"
	RedeliveryDone     RedeliveryState = "done"
	RedeliveryCanceled RedeliveryState = "canceled"
)

// Fate is what becomes of a delivery that is asked to be sent again.
type Fate string

// The fates.
const (
	FateSent      Fate = "sent"
	FateOvertaken Fate = "overtaken" // left out: a newer state of its run has arrived
	FateInFlight  Fate = "in_flight" // refused, as are the following
	FateDisabled  Fate = "webhook_disabled"
	FateDeleted   Fate = "webhook_deleted"
	FateTest      Fate = "test"
	FateGone      Fate = "gone" // it is not there, or not any more
)

// Fates returns all fates, in the order in which pages name them.
func Fates() []Fate {
	return []Fate{FateSent, FateOvertaken, FateInFlight, FateDisabled, FateDeleted, FateTest, FateGone}
}

// FateOf is what becomes of a delivery by its own rules and its webhook's.
func FateOf(d Delivery, w Webhook, now time.Time) Fate {
	switch {
	case w.Deleted():
		return FateDeleted
	case d.Test:
		return FateTest
	case !w.Enabled:
		return FateDisabled
	case d.InFlight(now):
		return FateInFlight
	}
	return FateSent
}

// Count returns how many had the fate.
func (r Redelivery) Count(f Fate) int { return *r.counter(f) }

// Add counts one of that fate.
func (r *Redelivery) Add(f Fate) { *r.counter(f)++ }

func (r *Redelivery) counter(f Fate) *int {
	switch f {
	case FateSent:
		return &r.Sent
	case FateOvertaken:
		return &r.Overtaken
	case FateInFlight:
		return &r.InFlight
	case FateDisabled:
		return &r.Disabled
	case FateDeleted:
		return &r.Deleted
	case FateTest:
		return &r.Tests
	}
	return &r.Gone
}

// Met is how many deliveries were met so far, whatever became of them.
func (r Redelivery) Met() int {
	n := 0
	for _, f := range Fates() {
		n += r.Count(f)
	}
	return n
}

const (
	// DefaultPerSecond is how many deliveries a redelivery sends a second unless it says otherwise: what most receivers can
	// take beside what else they get.
	DefaultPerSecond = 10
	// MaxPerSecond is the most: beyond it what is pending would only grow.
	MaxPerSecond = 200
	// MaxChosen is how many can be chosen one by one; their ids are kept with the redelivery.
	MaxChosen = 1000
)

// Check returns what is wrong with the request. Ids are whole ones, as they are stored.
func (r *Redelivery) Check() error {
	var bad Invalid
	if r.PerSecond < 1 || r.PerSecond > MaxPerSecond {
		bad.Add("perSecond", "Enter a number of deliveries a second from 1 to %d.", MaxPerSecond)
	}
	if len(r.Chosen) > MaxChosen {
		bad.Add("ids", "Choose at most %d deliveries, or those that match a filter.", MaxChosen)
	}
	slices.Sort(r.Chosen)
	r.Chosen = slices.Compact(r.Chosen)
	return bad.Err()
}
