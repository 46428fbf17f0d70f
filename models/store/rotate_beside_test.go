package store_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestOneRotationAtATime(t *testing.T) {
	t.Parallel()
	eachVault(t, 1, func(t *testing.T, v *vault) {
		_, err := store.RotateUntil(t.Context(), v.store, storetest.Shell, func(string) {}, func(string) error {
			other := v.options
			if strings.HasPrefix(other.Database, "postgres") {
				other.KeyFile = copyKeys(t, other.KeyFile) // on another machine
			}
			s := v.open(other)
			_, err := s.Rotate(t.Context(), storetest.Shell, func(string) {})
			wantError(t, err, "being changed by another process")
			_, err = s.Prune(t.Context(), storetest.Shell)
			wantError(t, err, "being changed by another process")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		v.rotate()
	})
}

// A server on another machine gets the file when its operator copies it. The rotation waits for that, twice.
func TestARotationWaitsForEveryServer(t *testing.T) {
	t.Parallel()
	eachVault(t, 3, func(t *testing.T, v *vault) {
		far := copyKeys(t, v.options.KeyFile)
		server := v.serve(far)
		var said []string
		id, err := store.RotateUntil(t.Context(), v.store, storetest.Shell, func(text string) {
			said = append(said, text)
			if strings.HasPrefix(text, "Waiting") {
				v.check(server)
				v.add(fmt.Sprintf("https://example.com/waiting/%d", len(said)), "added meanwhile")
				if err := os.Rename(copyKeys(t, v.options.KeyFile), far); err != nil { // whole: half a file is a trouble to be told
					t.Error(err)
				}
			}
		}, func(string) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		waits := slices.DeleteFunc(slices.Clone(said), func(text string) bool { return !strings.Contains(text, fmt.Sprintf("(pid %d) to", os.Getpid())) })
		if len(waits) != 2 || !strings.Contains(waits[0], "to have key") || !strings.Contains(waits[1], "to seal with key") {
			t.Errorf("it said %q", said)
		}
		if by := v.check(server); len(by) != 1 || by[id] != 5 {
			t.Errorf("sealed with %v", by)
		}
	})
}

// What a server that went away says is forgotten: at once if it ended in order.
func TestARotationDoesNotWaitForServersThatEnded(t *testing.T) {
	t.Parallel()
	eachVault(t, 1, func(t *testing.T, v *vault) {
		server := v.serve(copyKeys(t, v.options.KeyFile))
		if replicas, err := v.store.Replicas(t.Context()); err != nil || len(replicas) != 1 {
			t.Fatal(replicas, err)
		}
		ctx, end := context.WithCancel(t.Context())
		_, err := store.RotateUntil(ctx, v.store, storetest.Shell, func(text string) {
			if strings.HasPrefix(text, "Waiting") {
				end()
			}
		}, func(string) error { return nil })
		wantError(t, err, "repeat the command")
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		v.rotate()
	})
}

// What seals with the old key until it is refused, a server that does not answer and counts as ended, leaves nothing that
// only the retired key opens.
func TestWhatTheOldKeySealsMeanwhileIsSealedAnew(t *testing.T) {
	t.Parallel()
	eachVault(t, 2, func(t *testing.T, v *vault) {
		old := v.options
		old.KeyFile = copyKeys(t, v.options.KeyFile)
		var writers sync.WaitGroup
		var seals atomic.Int64
		const many = 2
		refused := make(chan error, many)
		for i := range many {
			running := v.open(old)
			writers.Go(func() {
				for n := 0; ; n++ {
					_, err := running.CreateWebhook(t.Context(), storetest.Shell, v.stack, models.WebhookForm{Endpoint: fmt.Sprintf("https://example.com/%d/%d", i, n), Secret: "late"})
					if err != nil {
						refused <- err
						return
					}
					seals.Add(1)
					time.Sleep(time.Millisecond) // SQLite's lock is whose turn it happens to be
				}
			})
		}
		sealed := false
		id, err := store.RotateUntil(t.Context(), v.store, storetest.Shell, func(string) {}, func(point string) error {
			for before := seals.Load(); point == "a batch is sealed" && seals.Load() < before+2 && len(refused) == 0; {
				sealed = true // after the last batch, before the end
				time.Sleep(time.Millisecond)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		writers.Wait()
		close(refused)
		for err := range refused {
			wantError(t, err, "retired")
		}
		webhooks, err := v.store.Webhooks(t.Context(), v.stack)
		if err != nil || !sealed {
			t.Fatal(sealed, err)
		}
		for _, w := range webhooks {
			if got := store.SealedWith(w.SecretSealed); got != id {
				t.Errorf("%s is sealed with %d, not %d", w.Endpoint, got, id)
			}
		}
	})
}
