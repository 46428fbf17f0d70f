package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"gorm.io/gorm"

	"stackhook/models"
)

// resealBatch is how many secrets are sealed anew in one transaction: some 5 ms, in which nothing else is written on SQLite.
const resealBatch = 100

// rotation replaces the key that seals. What is to be done next follows from the key file and the database alone, so that one
// that was interrupted anywhere goes on when it is started again:
//
//   - a key is added to the file, last, and seals nothing until every server has it;
//   - it becomes the primary one in the file, and the servers follow;
//   - what other keys sealed is sealed anew;
//   - the other keys are retired: from then on nothing that they seal is stored. They stay in the file, for backups.
type rotation struct {
	store *Store
	by    models.Actor
	say   func(string)
	at    func(point string) error // tests interrupt it there
	look  time.Duration            // how often it looks whether the servers have followed
}

// Rotate replaces the key that seals the secrets, or goes on with doing so, and returns the new key's id. say is told what
// happens and what it waits for.
func (s *Store) Rotate(ctx context.Context, by models.Actor, say func(string)) (id int64, err error) {
	r := &rotation{store: s, by: by, say: say, at: func(string) error { return nil }, look: lookEvery / 4}
	return r.run(ctx)
}

// run does all of it. Whatever fails because ctx has ended is an interruption.
func (r *rotation) run(ctx context.Context) (id int64, err error) {
	id, err = r.steps(ctx)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("interrupted; repeat the command to go on: %w", err)
	}
	return id, err
}

func (r *rotation) steps(ctx context.Context) (id int64, err error) {
	unlock, err := r.store.lockKeys(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if id, err = r.begin(ctx); err != nil {
		return 0, err
	}
	if err := r.await(ctx, fmt.Sprintf("to have key %d", id), func(s Replica) bool { return s.Holds(id) }); err != nil {
		return 0, err
	}
	if r.store.keys.now().primary != id {
		err := r.changeFile(func(m *keyset.Manager) error { return m.SetPrimary(uint32(id)) })
		if err != nil {
			return 0, err
		}
	}
	if err := r.await(ctx, fmt.Sprintf("to seal with key %d", id), func(s Replica) bool { return s.Primary == id }); err != nil {
		return 0, err
	}
	for retired := false; !retired; {
		if err := r.resealAll(ctx, id); err != nil {
			return 0, err
		}
		if retired, err = r.retire(ctx, id); err != nil {
			return 0, err
		}
	}
	return id, r.at("the others are retired")
}

// begin returns the id of the key that is to seal: of one that was added and does not yet, or does so already while others
// are still in use; otherwise of a new one.
func (r *rotation) begin(ctx context.Context) (id int64, err error) {
	r.store.keys.refresh()
	used, err := r.store.usedKeys(ctx)
	if err != nil {
		return 0, err
	}
	k := r.store.keys.now()
	others := slices.DeleteFunc(slices.Clone(used.now), func(id int64) bool { return id == k.primary })
	if k.last != k.primary && !used.retired[k.last] || len(others) > 0 && k.last == k.primary {
		r.say(fmt.Sprintf("Going on with the rotation to key %d, which was interrupted.", k.last))
		return k.last, nil
	}
	if id, err = r.addKey(used); err != nil {
		return 0, err
	}
	r.say(fmt.Sprintf("Added key %d to %s.", id, r.store.keys.path))
	return id, nil
}

// await waits until all servers are as they must be, however long that takes: one that cannot read the new key would fail.
func (r *rotation) await(ctx context.Context, what string, ready func(Replica) bool) error {
	look := time.NewTicker(r.look)
	defer look.Stop()
	for said := ""; ; {
		replicas, err := r.store.Replicas(ctx)
		if err != nil {
			return err
		}
		var missing []string
		for _, s := range replicas {
			switch {
			case ready(s):
			case s.Trouble != "":
				missing = append(missing, s.Name+": "+s.Trouble)
			default:
				missing = append(missing, s.Name)
			}
		}
		if len(missing) == 0 {
			return r.at("all are ready " + what)
		}
		if now := strings.Join(missing, ", "); now != said {
			r.say(fmt.Sprintf("Waiting for %s %s. On another machine, copy the key file there now.", now, what))
			said = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// resealAll seals with the key what others sealed.
func (r *rotation) resealAll(ctx context.Context, id int64) error {
	sealed := 0
	for _, c := range sealedColumns {
		changed, err := r.resealColumn(ctx, c, id)
		if err != nil {
			return err
		}
		sealed += changed
	}
	r.say(fmt.Sprintf("Sealed %d secrets with key %d.", sealed, id))
	return nil
}

func (r *rotation) resealColumn(ctx context.Context, c sealedColumn, id int64) (sealed int, err error) {
	for next := ""; ; {
		var changed int
		began := time.Now()
		if next, changed, err = r.store.reseal(ctx, c, id, next, resealBatch); err != nil {
			return sealed, fmt.Errorf("seal the secrets with key %d: %w", id, err)
		}
		sealed += changed
		if err := r.at("a batch is sealed"); err != nil || next == "" {
			return sealed, err
		}
		select { // deliveries have the database to themselves for as long
		case <-ctx.Done():
			return sealed, ctx.Err()
		case <-time.After(time.Since(began)):
		}
	}
}

// retire ends the use of all other keys. Whoever is about to store what one of them sealed has its row locked and is waited
// for, or finds it retired. What they sealed since the last batch is sealed anew first; it is not done if that is much.
func (r *rotation) retire(ctx context.Context, id int64) (done bool, err error) {
	known := r.store.keys.now().ids
	err = r.store.transact(ctx, func(tx *gorm.DB) error {
		done = false
		others := map[int64]bool{}
		var used []int64
		if err := locked(tx.Table("key_ids")).Where("retired_at IS NULL AND id <> ?", id).Order("id").Pluck("id", &used).Error; err != nil {
			return err
		}
		if left, err := r.store.resealRest(tx, id, resealBatch); err != nil || left {
			return err
		}
		for _, other := range used {
			others[other] = true
		}
		for other := range known {
			others[other] = other != id
		}
		done = true
		return r.recordRetired(tx, id, others)
	})
	return done && err == nil, err
}

// recordRetired also notes keys that never sealed anything.
func (r *rotation) recordRetired(tx *gorm.DB, id int64, others map[int64]bool) error {
	var names []string
	now := micros(time.Now())
	for other, is := range others {
		if !is {
			continue
		}
		done := tx.Exec(`INSERT INTO key_ids (id, created_at, retired_at) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET retired_at = excluded.retired_at WHERE key_ids.retired_at IS NULL`, other, now, now)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected > 0 {
			names = append(names, fmt.Sprint(other))
		}
	}
	slices.Sort(names)
	return audit(tx, r.by, models.AuditRecord{Action: models.KeyRotated, Subject: "key file", Detail: strings.Join(names, ", ") + " → " + fmt.Sprint(id)})
}
