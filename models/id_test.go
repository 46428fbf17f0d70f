package models_test

import (
	"testing"
	"time"

	"stackhook/models"
)

func TestIDsBeginWithTheirTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 6, 14, 30, 4, 5_000_000, time.UTC)
	if got := models.IDTime(models.NewID(at)); got.Before(at) {
		t.Errorf("the time is %v", got)
	}
	if least := models.LeastID(at); !models.IDTime(least).Equal(at) || models.IDTime(models.IDBefore(least)).Equal(at) {
		t.Errorf("%s is of %v, %s before it too", least, models.IDTime(least), models.IDBefore(least))
	}
	for _, none := range []string{"", "01K6", "\x00", "01K6X4M2ZZZZZZZZZZZZZZZZZU"} {
		if !models.IDTime(none).IsZero() || models.IDBefore(none) != "" {
			t.Errorf("%q is of %v, after %q", none, models.IDTime(none), models.IDBefore(none))
		}
	}
}

func TestTheIDBeforeAnotherIsTheNextLower(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"01K6X4M2000000000000000001": "01K6X4M2000000000000000000",
		"01K6X4M2000000000000000000": "01K6X4M1ZZZZZZZZZZZZZZZZZZ",
		"01K6X4M20000000000000000G0": "01K6X4M20000000000000000FZ",
		"00000000000000000000000000": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", // nothing is before it
	} {
		if got := models.IDBefore(id); got != want {
			t.Errorf("before %s is %s, not %s", id, got, want)
		}
	}
}
