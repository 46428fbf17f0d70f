package main

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stackhook/models"
	"stackhook/models/store"
)

// Deliveries are chosen in the log, previewed, and sent again, with scripts and without.
func TestRedeliverJourney(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL="+adminEmail, "STACKHOOK_ADMIN_PASSWORD="+password)
			_, base := serving(t, env)
			receiver := newGate(t)
			close(receiver.open)
			token := prepare(t, env, receiver.URL)
			var ids []string
			for range 3 {
				ids = append(ids, reportRun(t, base, token)...)
			}
			receiver.await(t, "all arrived", func() bool { return len(receiver.accepted) == 3 })
			p := openBrowser(t, base, scripts)
			p.do(chromedp.EmulateViewport(1280, 900)) // wide enough for the table's head
			p.signIn(adminEmail)
			p.comesToSee("/stacks/site/deliveries?status=delivered", "Redeliver all that match")

			p.press("Redeliver selected")
			p.sees("Nothing is selected")
			p.press("Back to the log")
			p.sees("Redeliver selected")
			p.choose(ids, scripts)
			p.press("Redeliver selected")
			p.sees("Redeliver "+strconv.Itoa(len(ids))+" deliveries", strconv.Itoa(len(ids))+" go out", "Nothing is sent yet")
			p.press("Redeliver 3")
			p.sees("Redeliver", "3 chosen deliveries.")
			p.awaitEnd(scripts, "Redelivered 3 deliveries", "3 of 3 looked at")
			receiver.await(t, "all arrived again", func() bool {
				return receiver.accepted[ids[0]] == 2 && receiver.accepted[ids[1]] == 2 && receiver.accepted[ids[2]] == 2
			})

			p.comesToSee("/stacks/site/deliveries?status=delivered", "Redeliver all that match")
			p.press("Redeliver all that match")
			p.sees("All that match status delivered, stack site")
			p.fill("perSecond", "1")
			p.press("Redeliver 3")
			p.sees("Redelivering", "1 delivery a second at most")
			p.press("Cancel")
			p.sees("Canceled after", "Canceled by")
			p.open("/redeliveries")
			p.sees("Canceled", "All deliveries of the stack site that match status delivered.", "Done", "3 chosen deliveries.")
		})
	}
}

// choose ticks the boxes of deliveries, the first one with the keyboard.
func (p page) choose(ids []string, scripts bool) {
	p.Helper()
	box := func(id string) chromedp.CSS { return chromedp.CSS(`.cell-check input[value="` + id + `"]`) }
	p.do(chromedp.Focus(box(ids[0])), chromedp.SendKeys(box(ids[0]), " "))
	if scripts {
		p.sees("1 selected on this page")
		p.do(chromedp.Click(chromedp.CSS(`[data-check-all]`)))
		p.sees("3 selected on this page")
		p.do(chromedp.Click(box(ids[2])))
		p.sees("2 selected on this page")
		if !value[bool](p, `document.querySelector("[data-check-all]").indeterminate`) {
			p.Error("the box for all looks as if none or all were selected")
		}
		p.do(chromedp.Click(box(ids[2])))
		p.sees("3 selected on this page")
		return
	}
	p.lacks("selected on this page", "None selected")
	p.do(chromedp.Click(box(ids[1])), chromedp.Click(box(ids[2])))
}

// awaitEnd waits until a redelivery has ended: with scripts the page says so by itself.
func (p page) awaitEnd(scripts bool, texts ...string) {
	p.Helper()
	if scripts {
		p.sees(texts...)
		return
	}
	path := strings.TrimPrefix(value[string](p, `location.href`), p.base)
	p.comesToSee(path, texts...)
}

// What was started goes on after a kill, and nothing of it is done twice.
func TestARedeliveryOutlivesAKill(t *testing.T) {
	t.Parallel()
	env, receiver := onDatabase(t), newGate(t)
	close(receiver.open)
	server, base := serving(t, env)
	token := prepare(t, env, receiver.URL)
	const n = 30
	var ids []string
	for range n {
		ids = append(ids, reportRun(t, base, token)...)
	}
	receiver.await(t, "all arrived", func() bool { return len(receiver.accepted) == n })
	server.end(t, syscall.SIGTERM)
	var r models.Redelivery
	inDatabase(t, env, func(s *store.Store) {
		stack, err := s.Stack(t.Context(), everything, "site")
		if err != nil {
			t.Fatal(err)
		}
		r, _, err = s.StartRedelivery(t.Context(), models.Actor{Kind: models.ActorShell, Name: "test"}, store.RedeliveryOrder{
			ID: models.NewID(time.Now()), Filter: store.DeliveryFilter{Stack: &stack}, PerSecond: 40,
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	again := func() (sum int) {
		for _, id := range ids {
			sum += receiver.accepted[id] - 1
		}
		return sum
	}
	server, _ = serving(t, env)
	receiver.await(t, "some arrived again", func() bool { return again() >= 4 })
	server.end(t, syscall.SIGKILL)
	serving(t, env)
	receiver.await(t, "all arrived again", func() bool {
		for _, id := range ids {
			if receiver.accepted[id] < 2 {
				return false
			}
		}
		return true
	})
	inDatabase(t, env, func(s *store.Store) {
		end, err := s.Redelivery(t.Context(), nil, r.ID)
		if err != nil || end.Sent != n || end.Met() != n || end.State != models.RedeliveryDone {
			t.Errorf("%+v, %v", end, err)
		}
	})
}
