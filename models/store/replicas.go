package store

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

const (
	// lookEvery is how often a server looks whether its key file is another one.
	lookEvery = time.Second
	// reportEvery is how often it says so although nothing changed, and replicaGone how long after that it counts as ended: it
	// may have been killed.
	reportEvery = 10 * time.Second
	replicaGone = 30 * time.Second
)

// Replica is a server that runs on the database, with the keys that it holds.
type Replica struct {
	ID, Name string
	Keys     []int64
	Primary  int64
	Trouble  string // why its key file, as it is now, cannot be used
}

// Holds reports whether it can open what the key sealed.
func (r Replica) Holds(key int64) bool { return slices.Contains(r.Keys, key) }

// reporter says in the database which keys this process holds.
type reporter struct {
	store *Store
	id    string
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func newReporter(s *Store, look time.Duration) *reporter {
	ctx, stop := context.WithCancel(context.Background())
	r := &reporter{store: s, id: models.NewID(time.Now()), stop: stop}
	r.report(ctx) // before it can seal anything
	r.done.Go(func() { r.keep(ctx, look) })
	return r
}

// keep reports until ctx ends. A report that fails is made up for by the next one.
func (r *reporter) keep(ctx context.Context, every time.Duration) {
	look := time.NewTicker(every)
	defer look.Stop()
	reported, trouble := time.Now(), ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		changed := r.store.keys.refresh()
		if now := words(r.store.keys.inTrouble()); now != trouble {
			changed, trouble = true, now
		}
		if changed || time.Since(reported) >= reportEvery {
			reported = time.Now()
			if r.report(ctx) != nil {
				reported = time.Time{}
			}
		}
	}
}

// close takes the report back: nobody waits for a server that ended.
func (r *reporter) close() {
	r.stop()
	r.done.Wait()
	r.store.transact(context.Background(), func(tx *gorm.DB) error { // otherwise it counts as ended soon
		return tx.Exec(`DELETE FROM replicas WHERE id = ?`, r.id).Error
	})
}

// databaseNow is the database's clock in microseconds: those of replicas differ.
func databaseNow(db *gorm.DB) string {
	if onPostgres(db) {
		return `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)`
	}
	return `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
}

func (r *reporter) report(ctx context.Context) error {
	k := r.store.keys.now()
	var ids []string
	for id := range k.ids {
		ids = append(ids, strconv.FormatInt(id, 10))
	}
	host, _ := os.Hostname()
	name := fmt.Sprintf("%s (pid %d)", host, os.Getpid())
	return r.store.transact(ctx, func(tx *gorm.DB) error {
		now := databaseNow(tx)
		// On SQLite one process serves: others have ended.
		gone, args := `DELETE FROM replicas WHERE id <> ?`, []any{r.id}
		if onPostgres(tx) {
			gone, args = `DELETE FROM replicas WHERE seen_at < `+now+` - ?`, []any{time.Hour.Microseconds()}
		}
		if err := tx.Exec(gone, args...).Error; err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO replicas (id, name, key_ids, primary_id, trouble, seen_at) VALUES (?, ?, ?, ?, ?, `+now+`)
			ON CONFLICT (id) DO UPDATE SET key_ids = excluded.key_ids, primary_id = excluded.primary_id, trouble = excluded.trouble,
			seen_at = excluded.seen_at`, r.id, name, strings.Join(ids, ","), k.primary, words(r.store.keys.inTrouble())).Error
	})
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Replicas returns the servers that run on the database, by name.
func (s *Store) Replicas(ctx context.Context) ([]Replica, error) {
	var rows []struct {
		ID, Name, KeyIDs, Trouble string
		PrimaryID                 int64
	}
	db := s.quickReader(ctx)
	err := db.Raw(`SELECT id, name, key_ids, primary_id, trouble FROM replicas WHERE seen_at > `+databaseNow(db)+` - ? ORDER BY name, id`,
		replicaGone.Microseconds()).Scan(&rows).Error
	if err != nil {
		return nil, unavailable(err)
	}
	var replicas []Replica
	for _, row := range rows {
		r := Replica{ID: row.ID, Name: row.Name, Primary: row.PrimaryID, Trouble: row.Trouble}
		for text := range strings.SplitSeq(row.KeyIDs, ",") {
			if id, err := strconv.ParseInt(text, 10, 64); err == nil {
				r.Keys = append(r.Keys, id)
			}
		}
		replicas = append(replicas, r)
	}
	return replicas, nil
}
