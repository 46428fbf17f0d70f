package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"gorm.io/gorm"

	"stackhook/models"
)

// Key is a key that seals secrets, without itself.
type Key struct {
	ID        int64
	Primary   bool // seals
	InFile    bool
	Sealed    int       // how many secrets
	UsedAt    time.Time // when it sealed for the first time; zero if it never did
	RetiredAt time.Time // zero: it is in use, or waits to be
}

// Keys returns the keys of the key file, in its order, and before them those that are no longer there.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	var rows []struct {
		ID, CreatedAt int64
		RetiredAt     sql.NullInt64
	}
	if err := s.reader(ctx).Raw(`SELECT id, created_at, retired_at FROM key_ids ORDER BY created_at, id`).Scan(&rows).Error; err != nil {
		return nil, unavailable(err)
	}
	counts, err := sealedBy(s.reader(ctx))
	if err != nil {
		return nil, err
	}
	k := s.keys.now()
	var keys []Key
	at := map[int64]int{}
	for _, row := range rows {
		key := Key{ID: row.ID, UsedAt: time.UnixMicro(row.CreatedAt)}
		if row.RetiredAt.Valid {
			key.RetiredAt = time.UnixMicro(row.RetiredAt.Int64)
		}
		at[row.ID] = len(keys)
		keys = append(keys, key)
	}
	for _, info := range k.handle.KeysetInfo().GetKeyInfo() {
		id := int64(info.GetKeyId())
		if _, has := at[id]; !has {
			at[id] = len(keys)
			keys = append(keys, Key{ID: id})
		}
		key := &keys[at[id]]
		key.InFile, key.Primary, key.Sealed = true, id == k.primary, counts[id]
	}
	return keys, nil
}

// Prune removes from the key file the keys that are retired, and returns their ids. Backups from before cannot be used
// afterwards, except with a copy of the file that has them.
func (s *Store) Prune(ctx context.Context, by models.Actor) (removed []int64, err error) {
	r := &rotation{store: s, by: by, at: func(string) error { return nil }}
	unlock, err := s.lockKeys(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s.keys.refresh()
	used, err := s.usedKeys(ctx)
	if err != nil {
		return nil, err
	}
	k := s.keys.now()
	var names []string
	for id := range k.ids {
		if used.retired[id] && id != k.primary {
			removed = append(removed, id)
		}
	}
	if len(removed) == 0 {
		return nil, nil
	}
	slices.Sort(removed)
	for _, id := range removed {
		names = append(names, fmt.Sprint(id))
	}
	err = s.transact(ctx, func(tx *gorm.DB) error {
		return audit(tx, by, models.AuditRecord{Action: models.KeysPruned, Subject: "key file", Detail: strings.Join(names, ", ")})
	})
	if err != nil {
		return nil, err
	}
	return removed, r.changeFile(func(m *keyset.Manager) error {
		for _, id := range removed {
			if err := m.Delete(uint32(id)); err != nil {
				return err
			}
		}
		return nil
	})
}
