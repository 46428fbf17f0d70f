package delivery

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-github/v84/github"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// judge is a receiver that verifies every request.
type judge struct{ accepted, refused atomic.Int64 }

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || github.ValidateSignature(r.Header.Get("X-Signature-256"), body, []byte(secret)) != nil {
		j.refused.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	j.accepted.Add(1)
}

// While the key of the secrets is rotated every attempt is made at once and signed with the webhook's secret.
func TestSignaturesWhileTheKeyIsRotated(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		o := store.Options{Database: filepath.Join(t.TempDir(), "stackhook.db"), KeyFile: filepath.Join(t.TempDir(), "stackhook.key"), Create: true, Serve: true}
		rotateUnderLoad(t, o, o)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		o := store.Options{Database: storetest.NewPostgres(t), KeyFile: filepath.Join(t.TempDir(), "stackhook.key"), Create: true, Serve: true}
		far := o
		far.KeyFile = filepath.Join(t.TempDir(), "far.key") // on another machine
		rotateUnderLoad(t, o, o, far)
	})
}

// rotateUnderLoad starts a server for all but the first of the options, which are the command's.
func rotateUnderLoad(t *testing.T, command store.Options, servers ...store.Options) {
	var s *site
	var on []*store.Store
	for i, o := range servers {
		if i > 0 {
			copyOver(t, command.KeyFile, o.KeyFile)
		}
		on = append(on, openStore(t, o))
		if i == 0 {
			s = newSite(t, on[i])
		}
		s.start(on[i])
	}
	var j judge
	w := storetest.Webhook(t, s.store, s.stack, receiver(t, j.ServeHTTP).URL, secret)
	ctx, stop := context.WithCancel(t.Context())
	var ids []string
	var reports sync.WaitGroup
	reports.Go(func() {
		for i := int64(0); ctx.Err() == nil; i++ {
			rec, err := on[i%int64(len(on))].StartRun(t.Context(), s.stack, models.RunReport{}) // which sends it itself, mostly
			if err != nil {
				t.Error(err)
				return
			}
			ids = append(ids, rec.Deliveries...)
			await(t, "some of the last reports are delivered", func() bool { return i-j.accepted.Load()-j.refused.Load() < 10 })
		}
	})
	command.Serve = false
	shell := openStore(t, command)
	for range 3 - len(servers) {
		_, err := shell.Rotate(t.Context(), storetest.Shell, func(text string) {
			if last := servers[len(servers)-1]; strings.HasPrefix(text, "Waiting") && last.KeyFile != command.KeyFile {
				copyOver(t, command.KeyFile, last.KeyFile)
			}
		})
		if err != nil {
			t.Error(err)
		}
		before, ended := j.accepted.Load(), time.Now()
		await(t, "deliveries go on, with what was read after it", func() bool {
			return j.accepted.Load() > before+20 && time.Since(ended) > targetAge+100*time.Millisecond
		})
	}
	stop()
	reports.Wait()
	await(t, "all are delivered", func() bool { return j.accepted.Load() >= int64(len(ids)) })
	eachAtOnce(t, s, ids)
	if j.refused.Load() != 0 {
		t.Errorf("%d of %d requests had a wrong signature", j.refused.Load(), len(ids))
	}
	if target, err := shell.Target(t.Context(), w.ID, 0); err != nil || target.Secret != secret {
		t.Errorf("%v", err)
	}
}

// eachAtOnce waits for each delivery to be recorded as delivered by its first attempt.
func eachAtOnce(t *testing.T, s *site, ids []string) {
	t.Helper()
	for _, id := range ids {
		await(t, "its result is recorded", func() bool { d, _ := s.attempts(id); return d.Status == models.Delivered })
		if _, attempts := s.attempts(id); len(attempts) != 1 {
			t.Errorf("%d attempts: %+v", len(attempts), attempts)
		}
	}
}

func openStore(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// copyOver puts a whole copy in the place of a file.
func copyOver(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to+".aside", text, 0o600)
	}
	if err == nil {
		err = os.Rename(to+".aside", to)
	}
	if err != nil {
		t.Error(err)
	}
}
