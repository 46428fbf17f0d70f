package web_test

import (
	"fmt"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// The API counts what charts show.
func TestTalliesThroughTheAPI(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net") // two delivered by one webhook, one failed of the other
	other := storetest.Stack(t, site.Store, "other")
	storetest.Webhook(t, site.Store, other, "https://other.example/", "")
	storetest.Run(t, site.Store, other)
	deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
		a, o := accepted(job)
		a.Total = 20 * time.Millisecond
		return a, o
	})
	reader := program{t, site, token(t, site, models.ScopeRead, l.stack.Key)}
	for _, c := range []struct {
		query            string
		steps, seconds   int
		delivered, fails float64
	}{
		{"", 48, 1800, 2, 1},
		{"?span=1h", 60, 60, 2, 1},
		{"?span=7d", 28, 21600, 2, 1},
		{"?span=30d", 30, 86400, 2, 1},
		{"?span=30d&webhook=" + l.good.ID, 30, 86400, 2, 0},
		{"?webhook=" + l.bad.ID, 48, 1800, 0, 1},
		{"?webhook=" + l.run.ID, 48, 1800, 0, 0},
	} {
		a := reader.call("GET", "/api/v1/stacks/net/tallies"+c.query, "")
		if a.status != 200 {
			t.Fatalf("%s: %d %s", c.query, a.status, a.text)
		}
		steps, total := a.body["steps"].([]any), a.body["total"].(map[string]any)
		if len(steps) != c.steps || a.body["stepSeconds"] != float64(c.seconds) {
			t.Errorf("%s: %d steps of %v s", c.query, len(steps), a.body["stepSeconds"])
		}
		if total["delivered"] != c.delivered || total["failed"] != c.fails || total["skipped"] != 0.0 {
			t.Errorf("%s: %v, want %v delivered and %v failed", c.query, total, c.delivered, c.fails)
		}
		_, took := total["p50"].(float64)
		if took != (c.delivered > 0) || total["at"] != steps[0].(map[string]any)["at"] {
			t.Errorf("%s: in all %v, from %v", c.query, total, steps[0])
		}
		var delivered float64
		for i, s := range steps {
			step := s.(map[string]any)
			delivered += step["delivered"].(float64)
			if i > 0 && step["at"].(float64)-steps[i-1].(map[string]any)["at"].(float64) != float64(c.seconds) {
				t.Errorf("%s: step %d begins at %v", c.query, i, step["at"])
			}
			if step["delivered"] == 0.0 && step["p99"] != nil {
				t.Errorf("%s: %v took a time", c.query, step)
			}
		}
		if delivered != c.delivered {
			t.Errorf("%s: the steps have %v delivered", c.query, delivered)
		}
	}
	ofOther := program{t, site, token(t, site, models.ScopeRead, other.Key)}.call("GET", "/api/v1/stacks/other/tallies", "")
	if total := ofOther.body["total"].(map[string]any); fmt.Sprint(total["p50"], total["p95"], total["p99"]) != "17.5 24.25 24.85" {
		t.Errorf("one that took 20 ms, between the bounds 10 and 25: %v", total)
	}
	for _, query := range []string{"?span=1d", "?webhook=none", "?time=1h"} {
		if a := reader.call("GET", "/api/v1/stacks/net/tallies"+query, ""); a.status != 422 {
			t.Errorf("%s: %d %s", query, a.status, a.text)
		}
	}
}
