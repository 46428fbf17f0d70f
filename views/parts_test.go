package views

import (
	"testing"

	"stackhook/models"

	"github.com/a-h/templ"
)

func TestParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		part  templ.Component
		class string // of one of its elements
		text  string
	}{
		{"status", StatusBadge(models.Delivery{Status: models.Pending, Tries: 2}), ".status.status-pending", "Pending retry"},
		{"being sent first", StatusBadge(models.Delivery{Status: models.Pending, Attempt: 1}), ".status-pending", "Pending"},
		{"large status", StatusBadgeLarge(models.Delivery{Status: models.Failed}), ".status-failed.status-large", "Failed"},
		{"counted status", StatusText(models.Delivered, "6 delivered"), ".status-delivered", "6 delivered"},
		{"state", StateBadge(models.Unconfirmed), ".state.state-wait", "UNCONFIRMED"},
		{"version", Version(4), ".version", "v4"},
		{"delta", DeltaChips(&models.Delta{Added: 1, Changed: 2, Resources: 9}), ".delta-add", "+1 added ~2 changed −0 deleted"},
		{"large delta", DeltaChips(&models.Delta{Deleted: 31}), ".delta-delete", "+0 added ~0 changed −31 deleted"},
		{"no changes", DeltaChips(&models.Delta{Resources: 9}), ".delta-none", "no changes"},
		{"no delta", DeltaChips(nil), ".delta-none", "–none reported"},
		{"code", Response(204, ""), ".code-chip", "204 No content"},
		{"failing code", Response(503, models.Reason5xx), ".code-chip", "503 Service unavailable"},
		{"unknown code", Response(599, models.Reason5xx), ".code-chip", "599"},
		{"code of an earlier attempt", Response(503, models.ReasonTimeout), ".muted", "Timed out"},
		{"no answer", Response(0, models.ReasonRefused), ".muted", "Connection refused"},
		{"interrupted", Response(200, models.ReasonInterrupted), ".muted", "Interrupted"},
		{"nothing yet", Response(0, ""), ".muted", "–none yet"},
		{"mask", SecretMask(), ".mask", "•••••••••••• Hidden"},
		{"enabled", EnabledWord(true), ".enabled-yes", "Enabled"},
		{"disabled", EnabledWord(false), ".enabled-no", "Disabled"},
		{"strip", StatusStrip([]models.Status{models.Delivered, models.Failed, models.Delivered, models.Skipped}), "rect.f", "2 delivered, 1 failed, 1 skipped"},
		{"empty strip", StatusStrip(nil), ".strip", "none yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			part := renderPart(t, c.part)
			if got := texts(part.Find("body")); got != c.text {
				t.Errorf("reads %q, want %q", got, c.text)
			}
			if part.Find(c.class).Length() == 0 {
				t.Errorf("has no element %s", c.class)
			}
		})
	}
}

// A strip draws a status by its first letter: they must stay different.
func TestStripLetters(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range models.Statuses() {
		letter := stripLetters([]models.Status{s})
		if seen[letter] {
			t.Errorf("%s shares its letter %q", s, letter)
		}
		seen[letter] = true
	}
}
