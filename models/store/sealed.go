package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// sealedColumns are the columns that hold what a key sealed, each with the row's id within the associated data. Whatever is
// sealed must be listed here: a rotation of the key seals it anew, and a key is kept while it sealed one of them. A test
// compares the list with the tables.
var sealedColumns = []sealedColumn{
	{"webhooks", "secret_sealed", webhookSecret},
	{"webhooks", "next_secret_sealed", webhookSecret},
	{"webhooks", "previous_secret_sealed", webhookSecret},
	{"inlets", "token_sealed", inletToken},
}

type sealedColumn struct {
	table, name string
	kind        sealedKind
}

// sealedKind is what was sealed, in words, which are part of the associated data: one is never opened as the other.
type sealedKind string

const (
	webhookSecret sealedKind = "webhook secret"
	inletToken    sealedKind = "inlet token"
)

// sealedRow is a row with what is sealed in one column of it.
type sealedRow struct {
	ID     string
	Sealed []byte
}

// rows reads the column.
func (c sealedColumn) rows(tx *gorm.DB) *gorm.DB {
	return tx.Table(c.table).Select("id, " + c.name + " AS sealed")
}

// sealedWith returns the id of the key that sealed something, 0 if it does not say: tink writes a byte 1 and the id before
// what is sealed.
func sealedWith(sealed []byte) int64 {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0
	}
	return int64(binary.BigEndian.Uint32(sealed[1:5]))
}

// mark is how what a key sealed carries its id, as substr(column, 2, 4) has it.
func mark(id int64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(id)) }

// usedKeys are the keys that sealed something in the database: those that are needed, and those that no longer are.
type usedKeys struct {
	now     []int64
	retired map[int64]bool
}

func (s *Store) usedKeys(ctx context.Context) (used usedKeys, err error) {
	var rows []struct {
		ID        int64
		RetiredAt sql.NullInt64
	}
	if err := s.reader(ctx).Raw(`SELECT id, retired_at FROM key_ids ORDER BY id`).Scan(&rows).Error; err != nil {
		return used, unavailable(err)
	}
	used.retired = map[int64]bool{}
	for _, row := range rows {
		if row.RetiredAt.Valid {
			used.retired[row.ID] = true
		} else {
			used.now = append(used.now, row.ID)
		}
	}
	return used, nil
}

// recordKeys notes the keys that sealed what is about to be stored, in the transaction that does. It fails if one is retired:
// then the key file may have lost it already. On PostgreSQL the row stays locked, so that a key is not retired meanwhile.
func recordKeys(tx *gorm.DB, all ...[]byte) error {
	var ids []int64
	for _, sealed := range all {
		if len(sealed) > 0 {
			ids = append(ids, sealedWith(sealed))
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if err := recordKey(tx, id); err != nil {
			return err
		}
	}
	return nil
}

// recordWebhookKeys is recordKeys for all secrets of a webhook.
func recordWebhookKeys(tx *gorm.DB, w models.Webhook) error {
	return recordKeys(tx, w.SecretSealed, w.NextSecret.Sealed, w.PreviousSecret.Sealed)
}

func recordKey(tx *gorm.DB, id int64) error {
	done := tx.Exec(`INSERT INTO key_ids (id, created_at) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET created_at = key_ids.created_at WHERE key_ids.retired_at IS NULL`, id, micros(time.Now()))
	if done.Error == nil && done.RowsAffected == 0 {
		return errKeyRetired
	}
	return done.Error
}

// tryKey opens something that the key sealed. A file may have a key of that id which is another one; the few that are tried
// tell that from one row that was damaged.
func (s *Store) tryKey(ctx context.Context, id int64) (failed error) {
	const tries = 3
	for _, c := range sealedColumns {
		rows, err := all[sealedRow](c.rows(s.reader(ctx)).Where(c.name+" IS NOT NULL AND substr("+c.name+", 2, 4) = ?", mark(id)).Limit(tries))
		if err != nil {
			return fmt.Errorf("read what key %d sealed: %w", id, unavailable(err))
		}
		for _, row := range rows {
			if _, err := s.keys.open(c.kind, row.ID, row.Sealed); err == nil {
				return nil
			}
			failed = fmt.Errorf("the key file %s has a key %d that does not open what key %d sealed in the database: put back the file that does, or name it with STACKHOOK_KEY_FILE", s.keys.path, id, id)
		}
	}
	return failed
}

// reseal seals a batch of what another key than this one sealed in a column, beginning after a row; next is "" when that was
// the last.
func (s *Store) reseal(ctx context.Context, c sealedColumn, id int64, after string, most int) (next string, changed int, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		next, changed = "", 0
		rows, err := all[sealedRow](c.rows(tx).Where("id > ?", after).Order("id").Limit(most))
		if err != nil {
			return err
		}
		for _, row := range rows {
			n, err := s.resealRow(tx, c, id, row)
			if err != nil {
				return err
			}
			changed += n
		}
		if len(rows) == most {
			next = rows[most-1].ID
		}
		return nil
	})
	return next, changed, err
}

// resealRest seals anew whatever another key sealed, unless that is more than so many; then there is some left.
func (s *Store) resealRest(tx *gorm.DB, id int64, most int) (left bool, err error) {
	for _, c := range sealedColumns {
		rows, err := all[sealedRow](c.rows(tx).Where(c.name+" IS NOT NULL AND substr("+c.name+", 2, 4) <> ?", mark(id)).Limit(most + 1))
		if err != nil || len(rows) > most {
			return true, err
		}
		for _, row := range rows {
			if _, err := s.resealRow(tx, c, id, row); err != nil {
				return true, err
			}
		}
	}
	return false, nil
}

func (s *Store) resealRow(tx *gorm.DB, c sealedColumn, id int64, row sealedRow) (changed int, err error) {
	if len(row.Sealed) == 0 || sealedWith(row.Sealed) == id {
		return 0, nil
	}
	secret, err := s.keys.open(c.kind, row.ID, row.Sealed)
	if err != nil {
		return 0, err
	}
	anew, err := s.keys.seal(c.kind, row.ID, secret)
	if err != nil {
		return 0, err
	}
	if got := sealedWith(anew); got != id {
		return 0, fmt.Errorf("the key file %s was changed meanwhile: it seals with key %d and not with %d", s.keys.path, got, id)
	}
	if err := recordKey(tx, id); err != nil {
		return 0, err
	}
	// Somebody may have replaced or removed it since it was read.
	done := tx.Exec(`UPDATE `+c.table+` SET `+c.name+` = ? WHERE id = ? AND `+c.name+` = ?`, anew, row.ID, row.Sealed)
	return int(done.RowsAffected), done.Error
}

// sealedBy counts what each key sealed, by the keys' ids.
func sealedBy(tx *gorm.DB) (counts map[int64]int, err error) {
	counts = map[int64]int{}
	for _, c := range sealedColumns {
		var rows []struct {
			Mark   []byte
			Number int
		}
		err := tx.Raw(`SELECT substr(` + c.name + `, 2, 4) AS mark, COUNT(*) AS number FROM ` + c.table + ` WHERE ` + c.name + ` IS NOT NULL GROUP BY 1`).Scan(&rows).Error
		if err != nil {
			return nil, unavailable(err)
		}
		for _, row := range rows {
			counts[sealedWith(slices.Concat([]byte{1}, row.Mark))] += row.Number
		}
	}
	return counts, nil
}

// succeeds reports whether a key file is a later one of the same server, or an earlier.
func (k *keys) succeeds(before *keys) bool {
	return bytes.Equal(k.file.CookieHash, before.file.CookieHash) && bytes.Equal(k.file.Fingerprints, before.file.Fingerprints)
}
