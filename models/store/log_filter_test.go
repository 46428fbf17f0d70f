package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// mixed is a log of deliveries of all kinds, in order of their ids.
type mixed struct {
	stacks   []models.Stack
	webhooks []models.Webhook
	runs     []models.Run // one of each stack
	rows     []models.Delivery
}

// began is when the first of them happened: they follow one another every 10 ms.
var began = time.Date(2026, 10, 6, 14, 0, 0, 0, time.UTC)

// fillMixed writes so many deliveries of so many stacks past the store.
func fillMixed(t *testing.T, s *store.Store, stacks, deliveries int) (m mixed) {
	t.Helper()
	var events []models.Event
	id := models.NewID(began)
	for i := range stacks {
		stack := storetest.Stack(t, s, fmt.Sprintf("s%d", i))
		rec, err := s.StartRun(t.Context(), stack, models.RunReport{ID: &id}) // ids are a stack's own
		if err != nil {
			t.Fatal(err)
		}
		m.stacks, m.runs, events = append(m.stacks, stack), append(m.runs, rec.Run), append(events, rec.Event)
		m.webhooks = append(m.webhooks, storetest.Webhook(t, s, stack, "https://example.com/", ""))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range deliveries {
		of := random.IntN(stacks) * random.IntN(2) // half of them are the first one's
		at := began.Add(time.Duration(i) * 10 * time.Millisecond)
		d := models.Delivery{
			ID: models.LeastID(at)[:20] + fmt.Sprintf("%06d", i), StackKey: m.stacks[of].Key, WebhookID: m.webhooks[of].ID, EventID: events[of].ID,
			RunID: m.runs[of].ID, State: one(random, models.Queued, models.Planning), StateVersion: int64(i), CreatedAt: at, ExpireFrom: at,
			Status: one(random, models.Statuses()...), Reason: one(random, "", models.ReasonTimeout, models.Reason5xx), Code: one(random, 0, 200, 204, 404, 500, 503),
		}
		if d.Status != models.Pending {
			d.EndedAt = at.Add(one(random, 0, time.Second))
		}
		if random.IntN(4) == 0 {
			d.RunKey = m.runs[of].Key
		}
		m.rows = append(m.rows, d)
	}
	if err := store.Insert(s, m.rows); err != nil {
		t.Fatal(err)
	}
	return m
}

func one[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// passes says by itself what a filter lets through.
func (m mixed) passes(v models.Viewer, f store.DeliveryFilter, d models.Delivery) bool {
	runKeys := map[int64]bool{}
	for _, r := range m.runs {
		runKeys[r.Key] = r.ID == f.Run
	}
	return v.Sees(d.StackKey) && (f.Stack == nil || f.Stack.Key == d.StackKey) && (f.Webhook == "" || f.Webhook == d.WebhookID) &&
		(f.Status == "" || f.Status == d.Status) && (f.State == "" || f.State == d.State) && (f.Reason == "" || f.Reason == d.Reason) &&
		(f.Code == 0 || f.Code == d.Code) && (f.CodeClass == 0 || f.CodeClass == d.Code/100) && (f.Run == "" || runKeys[d.RunKey]) &&
		strings.HasPrefix(d.ID, f.ID) && (f.From.IsZero() || !d.CreatedAt.Before(f.From)) && (f.To.IsZero() || d.CreatedAt.Before(f.To)) &&
		(f.EndedFrom.IsZero() || !d.EndedAt.IsZero() && !d.EndedAt.Before(f.EndedFrom))
}

// randomFilter narrows by a few things at once.
func (m mixed) randomFilter(random *rand.Rand) (f store.DeliveryFilter) {
	d := one(random, m.rows...)
	for range random.IntN(4) {
		switch random.IntN(11) {
		case 0:
			f.Stack = &m.stacks[random.IntN(len(m.stacks))]
		case 1:
			f.Webhook = d.WebhookID
		case 2:
			f.Status = d.Status
		case 3:
			f.State = d.State
		case 4:
			f.Reason = models.ReasonTimeout
		case 5:
			f.Code = d.Code
		case 6:
			f.CodeClass = one(random, 2, 3, 4, 5)
		case 7:
			f.Run = d.RunID
		case 8:
			f.ID = d.ID[:one(random, 1, 8, 23, 24, 25, 26)]
		case 9:
			f.From = d.CreatedAt.Add(one(random, 0, 500*time.Microsecond)) // ids tell milliseconds
			f.To = d.CreatedAt.Add(time.Duration(random.IntN(3000)) * time.Millisecond)
		case 10:
			f.EndedFrom = d.EndedAt
		}
	}
	return f
}

// Whatever a log is narrowed by, whoever reads it: read page by page, down and up again, it holds just what passes.
func TestALogHoldsWhatItsFilterLetsThrough(t *testing.T) {
	t.Parallel()
	for name, stacks := range map[string]int{"few": 3, "many": store.MostLanes + 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				m := fillMixed(t, s, stacks, 700)
				deleted := m.stacks[1]
				if err := s.DeleteStack(t.Context(), storetest.Shell, deleted); err != nil {
					t.Fatal(err)
				}
				m.rows = slices.DeleteFunc(m.rows, func(d models.Delivery) bool { return d.StackKey == deleted.Key })
				m.stacks = slices.Delete(m.stacks, 1, 2)
				viewers := []models.Viewer{
					administrator,
					{Token: &models.Token{Scope: models.ScopeRead, StackKey: m.stacks[0].Key}},
					{User: &models.User{Role: models.Reader}, Grants: []int64{m.stacks[0].Key, m.stacks[1].Key, deleted.Key}},
					{User: &models.User{Role: models.Reader}},
					{User: &models.User{Role: models.Reader}},
				}
				for _, st := range m.stacks[1:] {
					viewers[3].Grants = append(viewers[3].Grants, st.Key)
				}
				random := rand.New(rand.NewPCG(3, 4))
				for i := range 60 {
					v, f := viewers[i%len(viewers)], m.randomFilter(random)
					if f.Stack != nil && !v.Sees(f.Stack.Key) {
						continue // handlers ask for no such thing
					}
					var want []string
					for _, d := range slices.Backward(m.rows) {
						if m.passes(v, f, d) {
							want = append(want, d.ID)
						}
					}
					size := one(random, 7, 50, store.MaxPageSize)
					if len(want) > 40*size {
						size = store.MaxPageSize
					}
					compareWalks(t, s, v, f, size, want)
				}
			})
		})
	}
}

func compareWalks(t *testing.T, s *store.Store, v models.Viewer, f store.DeliveryFilter, size int, want []string) {
	t.Helper()
	down, last := walk(t, s, v, f, store.Page{Limit: size})
	if !slices.Equal(down, want) {
		t.Errorf("%+v: %d deliveries, not the %d that pass\n%v\n%v", f, len(down), len(want), down, want)
	}
	if last.Newer == "" {
		return
	}
	up, _ := walk(t, s, v, f, store.Page{Limit: size, Newer: last.Newer})
	if n := len(want) - len(last.Rows); n >= 0 && !slices.Equal(up, want[:n]) {
		t.Errorf("%+v: on the way back %d deliveries, not %d", f, len(up), n)
	}
}

// walk reads a log from a page on to its end, the way that the page goes, and returns the ids newest first, and the last
// page.
func walk(t *testing.T, s *store.Store, v models.Viewer, f store.DeliveryFilter, page store.Page) (ids []string, last store.Listing[store.DeliveryRow]) {
	t.Helper()
	up := page.Newer != ""
	for range 100 {
		l, err := s.Deliveries(t.Context(), v, f, page)
		if err != nil {
			t.Fatal(err)
		}
		var some []string
		for _, r := range l.Rows {
			some = append(some, r.ID)
		}
		if up {
			ids, page.Newer = append(some, ids...), l.Newer
		} else {
			ids, page.Older = append(ids, some...), l.Older
		}
		if page.Newer == "" && page.Older == "" {
			return ids, l
		}
	}
	t.Fatalf("%+v: no end of pages", f)
	return nil, last
}
