package store

import (
	"context"
	"slices"
	"time"

	"stackhook/models"
)

// SecretViewer is who viewed one secret from one address.
type SecretViewer struct {
	Actor       models.Actor `gorm:"embedded;embeddedPrefix:actor_"`
	Fingerprint string       // of the secret; "" if it was not recorded
	Views       int
	At          time.Time `gorm:"serializer:micros"` // of the last view
}

// viewsLooked is how many views of a secret are looked through for who viewed it: programs may view it every minute.
const viewsLooked = 10_000

// SecretViewers returns who viewed the webhook's secrets with these fingerprints, whoever did so last first. Views from before
// fingerprints were recorded are among them: those may be of any secret that it had.
func (s *Store) SecretViewers(ctx context.Context, w models.Webhook, fingerprints []string) (viewers []SecretViewer, err error) {
	for _, print := range append(slices.Clone(fingerprints), "") {
		var of []SecretViewer
		err := s.reader(ctx).Raw(`SELECT actor_kind, actor_id, actor_name, actor_address, COUNT(*) AS views, MAX(at) AS at, MAX(detail) AS fingerprint
			FROM (SELECT * FROM audit_records WHERE webhook_id = ? AND detail = ? AND action = 'secret.revealed' ORDER BY id DESC LIMIT ?) AS v
			GROUP BY actor_kind, actor_id, actor_name, actor_address`, w.ID, print, viewsLooked).Scan(&of).Error
		if err != nil {
			return nil, unavailable(err)
		}
		viewers = append(viewers, of...)
	}
	slices.SortStableFunc(viewers, func(a, b SecretViewer) int { return b.At.Compare(a.At) })
	return viewers, nil
}

// How many attempts LastSigned returns, and of how many deliveries of a kind at most.
const (
	signedMost   = 10
	signedLooked = 100
)

// LastSigned returns the last attempts for the webhook, newest first: of which delivery, when, what came of it, and which secrets
// signed it. No index has them in this order: it looks at the newest deliveries, at those that have waited longest, of which
// the probes of an open circuit are, and at some that are being retried. So an old one that was redelivered may be missing.
func (s *Store) LastSigned(ctx context.Context, w models.Webhook) (attempts []models.Attempt, err error) {
	const of = `SELECT id, attempt FROM (SELECT id, attempt FROM deliveries WHERE webhook_id = ? `
	err = s.reader(ctx).Raw(`SELECT a.delivery_id, a.number, a.started_at, a.reason, a.code, a.signed_by FROM (
			`+of+`ORDER BY id DESC LIMIT ?) AS newest
			UNION `+of+`AND status = 'pending' AND status <> 'delivered' ORDER BY id LIMIT ?) AS oldest
			UNION `+of+`AND status = 'pending' AND tries > 0 AND NOT test LIMIT ?) AS retried
		) AS d JOIN attempts a ON a.delivery_id = d.id AND a.number > d.attempt - ?
		WHERE a.started_at IS NOT NULL ORDER BY a.started_at DESC, a.delivery_id DESC LIMIT ?`,
		w.ID, signedLooked, w.ID, signedLooked, w.ID, signedLooked, signedMost, signedMost).Scan(&attempts).Error
	return attempts, unavailable(err)
}
