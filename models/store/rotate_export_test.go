package store

import (
	"context"
	"time"

	"stackhook/models"
)

// RotateUntil rotates the key as Rotate does, and stops where at returns an error, as if the process had ended there.
func RotateUntil(ctx context.Context, s *Store, by models.Actor, say func(string), at func(point string) error) (int64, error) {
	r := &rotation{store: s, by: by, say: say, at: at, look: 5 * time.Millisecond}
	return r.run(ctx)
}

// SealedWith returns the id of the key that sealed something.
func SealedWith(sealed []byte) int64 { return sealedWith(sealed) }

// LookOften makes a server look at its key file all the time.
func LookOften(o Options) Options {
	o.look = 5 * time.Millisecond
	return o
}
