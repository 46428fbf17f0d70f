package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// RedeliveryPreview is what an order would do now.
type RedeliveryPreview struct {
	Groups []PreviewGroup // the largest first
	Fates  map[models.Fate]int
	Total  int // counting stops at 10,001
	// LookedTo is set where looking for them took too long: only those of later events are counted.
	LookedTo time.Time
}

// PreviewGroup is the deliveries of one webhook in one state of their runs.
type PreviewGroup struct {
	Webhook   models.Webhook
	StackID   string
	StackName string
	State     models.State
	Fates     map[models.Fate]int
	Count     int
}

// More reports whether there are more than were counted.
func (p RedeliveryPreview) More() bool { return p.Total >= maxCount || !p.LookedTo.IsZero() }

// words are for the audit log.
func (p RedeliveryPreview) words() string {
	words := expected(p.Total, p.More()) + " matched"
	for _, f := range models.Fates() {
		n, word := p.Fates[f], string(f)
		if f == models.FateSent { // nothing is yet
			word = "to send"
		}
		if n > 0 {
			words += fmt.Sprintf(", %d %s", n, word)
		}
	}
	return words
}

// previewLooks is how often a preview looks through MaxLooked deliveries for what no index tells: that takes a quarter of a
// second.
const previewLooks = 5

// redeliveryBatch is how many deliveries are looked at or changed at once.
const redeliveryBatch = 200

// PreviewRedelivery counts what an order would do, without doing it: by webhook and state, newest first.
func (s *Store) PreviewRedelivery(ctx context.Context, o RedeliveryOrder) (RedeliveryPreview, error) {
	return s.previewLooking(ctx, o, previewLooks)
}

func (s *Store) previewLooking(ctx context.Context, o RedeliveryOrder, looks int) (RedeliveryPreview, error) {
	p := previewer{
		store: s, order: o, looks: looks, groups: map[previewKey]*PreviewGroup{}, webhooks: map[string]models.Webhook{},
		preview: RedeliveryPreview{Fates: map[models.Fate]int{}},
	}
	var err error
	if len(o.Chosen) > 0 {
		for some := range slices.Chunk(unique(slices.Clone(o.Chosen)), redeliveryBatch) {
			if err = p.add(ctx, some); err != nil {
				break
			}
		}
	} else {
		err = p.search(ctx)
	}
	if err == nil {
		err = p.finish(ctx)
	}
	return p.preview, unavailable(err)
}

type previewKey struct {
	webhook string
	state   models.State
}

// previewer counts deliveries.
type previewer struct {
	store    *Store
	order    RedeliveryOrder
	looks    int // that are left
	preview  RedeliveryPreview
	groups   map[previewKey]*PreviewGroup
	webhooks map[string]models.Webhook
}

// everywhere sees all stacks: whoever gave the order may.
var everywhere = models.Viewer{User: &models.User{Role: models.Administrator}}

// search counts what the filter lets through.
func (p *previewer) search(ctx context.Context) error {
	q, err := p.order.Filter.search(p.store.reader(ctx), everywhere)
	if err != nil || q.nothing {
		return err
	}
	page := Page{Limit: redeliveryBatch}
	for p.preview.Total < maxCount {
		ids, searchedTo, err := q.turn(p.store.reader(ctx), page)
		if err != nil {
			return err
		}
		more := len(ids) > page.Limit
		if more {
			ids = ids[:page.Limit]
		}
		if err := p.add(ctx, ids); err != nil {
			return err
		}
		switch {
		case more:
			page.Older = ids[len(ids)-1]
			continue
		case searchedTo == "":
			return nil
		}
		page.Older = searchedTo
		if p.looks--; p.looks == 0 {
			p.preview.LookedTo = models.IDTime(searchedTo)
			return nil
		}
	}
	return nil
}

// turn finds the ids of a page and of one row more, see find.
func (q search) turn(db *gorm.DB, page Page) (ids []string, searchedTo string, err error) {
	err = inOrder(db, func(db *gorm.DB) error {
		ids, searchedTo, err = q.find(db, page)
		return err
	})
	return ids, searchedTo, err
}

// add counts these deliveries.
func (p *previewer) add(ctx context.Context, ids []string) error {
	if len(ids) > maxCount-p.preview.Total {
		ids = ids[:maxCount-p.preview.Total]
	}
	if len(ids) == 0 {
		return nil
	}
	db := p.store.reader(ctx)
	deliveries, err := all[models.Delivery](scoped(db, p.order.Filter.Stack).Where(among(db, "id", ids)))
	if err != nil {
		return err
	}
	if err := p.loadWebhooks(db, deliveries); err != nil {
		return err
	}
	over, err := overtaken(db, ids, p.order.Overtaken)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, d := range deliveries {
		w := p.webhooks[d.WebhookID]
		g := p.groups[previewKey{w.ID, d.State}]
		if g == nil {
			g = &PreviewGroup{Webhook: w, State: d.State, Fates: map[models.Fate]int{}}
			p.groups[previewKey{w.ID, d.State}] = g
		}
		f := fate(d, w, over, now)
		g.Fates[f]++
		g.Count++
		p.preview.Fates[f]++
	}
	if gone := len(ids) - len(deliveries); gone > 0 {
		p.preview.Fates[models.FateGone] += gone
	}
	p.preview.Total += len(ids)
	return nil
}

func scoped(db *gorm.DB, stack *models.Stack) *gorm.DB {
	if stack == nil {
		return db
	}
	return db.Where("stack_key = ?", stack.Key)
}

// loadWebhooks reads those of the deliveries that were not met before.
func (p *previewer) loadWebhooks(db *gorm.DB, deliveries []models.Delivery) error {
	var missing []string
	for _, d := range deliveries {
		if _, known := p.webhooks[d.WebhookID]; !known {
			missing = append(missing, d.WebhookID)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := all[models.Webhook](db.Where(among(db, "id", unique(missing))))
	for _, w := range found {
		p.webhooks[w.ID] = w
	}
	return err
}

// finish names the stacks and sorts.
func (p *previewer) finish(ctx context.Context) error {
	keys := []int64{}
	for _, g := range p.groups {
		keys = append(keys, g.Webhook.StackKey)
	}
	db := p.store.reader(ctx)
	stacks, err := all[models.Stack](db.Where(among(db, "key", unique(keys))))
	if err != nil {
		return err
	}
	for _, g := range p.groups {
		if i := slices.IndexFunc(stacks, func(s models.Stack) bool { return s.Key == g.Webhook.StackKey }); i >= 0 {
			g.StackID, g.StackName = stacks[i].ID, stacks[i].Name
		}
		p.preview.Groups = append(p.preview.Groups, *g)
	}
	slices.SortFunc(p.preview.Groups, func(a, b PreviewGroup) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Webhook.ID+string(a.State), b.Webhook.ID+string(b.State))
	})
	return nil
}
