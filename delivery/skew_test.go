package delivery

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"stackhook/models"
)

// While this machine's clock is far from the database's nothing is taken: its leases would be wrong.
func TestClocksThatDiffer(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		w.config.Poll = 0 // its default, 1 s
		e := w.engine()
		var skew atomic.Int64
		e.skew = func(context.Context) (time.Duration, error) { return time.Duration(skew.Load()), nil }
		w.run(e)
		for _, ahead := range []time.Duration{-skewMost - 1, skewMost + 1} {
			skew.Store(int64(ahead))
			w.wait(skewEvery + time.Second)
			d := w.report()
			w.wait(10 * time.Second)
			w.expect(d.ID, models.Pending, "", 0)
			if got := w.delivery(d.ID); got.LeaseOwner != "" || e.Healthy() == nil {
				t.Errorf("%v ahead: healthy %v, %+v", ahead, e.Healthy(), got)
			}
			skew.Store(int64(skewMost))
			w.wait(2 * time.Second)
			w.expect(d.ID, models.Delivered, "", 1)
			if err := e.Healthy(); err != nil {
				t.Error(err)
			}
			if d := w.report(); d.LeaseOwner != e.owner && d.Status != models.Delivered { // it may have come already
				t.Errorf("not handed over again: %+v", d)
			}
		}
	})
}
