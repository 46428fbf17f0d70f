package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A log that is open follows what happens, and moves nothing that somebody reads.
func TestALogFollowsWhatHappens(t *testing.T) {
	t.Parallel()
	l := newLiveLog(t)
	l.follow(siteLog)
	l.sees("Nothing delivered yet")
	first := l.run(true)
	l.comes(first, "Delivered")
	l.sees("Live Pause")

	l.aside()
	value[bool](l.page, `window.marked = true`)
	second := l.run(false)
	l.comes(second, "Pending")
	value[bool](l.page, fmt.Sprintf(`document.querySelector("[data-delivery='%s']").marked = true`, second))
	l.gate <- struct{}{}
	l.comes(second, "204 No content")
	if !value[bool](l.page, fmt.Sprintf(`window.marked && document.querySelector("[data-delivery='%s']").marked`, second)) {
		t.Error("the page was loaded again, or the row replaced")
	}
	if order := value[string](l.page, `[...document.querySelectorAll("[data-delivery]")].map((r) => r.dataset.delivery).join()`); order != second+","+first {
		t.Errorf("the rows are %s", order)
	}
	l.await("what is said", func() bool {
		return strings.Contains(value[string](l.page, `document.querySelector("#said").textContent`), "new deliver")
	})

	l.pauses()
	l.holdsStill()
}

// pauses holds everything up, and closes the connection.
func (l *liveLog) pauses() {
	l.press("Pause")
	l.sees("Paused Resume")
	l.streams("0")
	during := l.run(true)
	l.delivered(during)
	if l.row(during) != "" {
		l.Error("a row came while it paused")
	}
	l.press("Resume")
	l.aside()
	l.comes(during, "Delivered")
	l.sees("Live Pause")
}

// delivered waits until the delivery's own page says so.
func (l *liveLog) delivered(id string) {
	l.Helper()
	client := newBrowser(l.T)
	client.signIn(l.T, l.base, adminEmail, password)
	l.await("the delivery of "+id, func() bool {
		_, body := client.get(l.T, l.base+siteLog+"/"+id)
		return strings.Contains(body, "status-delivered")
	})
	client.CloseIdleConnections()
}

func (l *liveLog) holdsStill() {
	value[bool](l.page, `document.querySelector("[data-delivery] a").focus() ?? true`)
	focused := l.run(true)
	l.sees("1 new delivery Show")
	value[bool](l.page, `document.activeElement.blur() ?? true`)
	l.press("Show")
	l.comes(focused, "Delivered")
	l.lacks("1 new delivery")

	var last string
	for range 48 {
		last = l.run(true)
	}
	l.aside()
	value[bool](l.page, `document.activeElement.blur() ?? true`)
	l.comes(last, "Delivered")
	l.await("a page of rows and the way to the others", func() bool {
		return value[string](l.page, `document.querySelectorAll("[data-delivery]").length + " " + new URL(document.querySelector(".pager a")?.href ?? location).searchParams.get("older")`) ==
			"50 "+value[string](l.page, `[...document.querySelectorAll("[data-delivery]")].at(-1).dataset.delivery`)
	})

	l.do(chromedp.EmulateViewport(1280, 700))
	value[bool](l.page, `(scrollTo(0, document.documentElement.scrollHeight), true)`)
	read := value[string](l.page, `scrollY + " " + document.querySelectorAll("[data-delivery]")[40].getBoundingClientRect().top`)
	below := l.run(false)
	l.sees("1 new delivery Show")
	top := value[string](l.page, `document.querySelector("[data-delivery]").dataset.delivery`)
	if now := value[string](l.page, `scrollY + " " + document.querySelectorAll("[data-delivery]")[40].getBoundingClientRect().top`); now != read || top != last {
		l.Errorf("it moved from %s to %s", read, now)
	}
	l.press("Show")
	l.comes(below, "Pending")
	l.gate <- struct{}{}
	l.comes(below, "Delivered")
	l.catchesUp()
}

// catchesUp is away for longer than a page of deliveries, with rows in sight that are held.
func (l *liveLog) catchesUp() {
	l.aside()
	value[bool](l.page, `(scrollTo(0, 0), document.activeElement.blur(), true)`)
	old := l.run(false)
	l.comes(old, "Pending")
	value[bool](l.page, `document.querySelector("[data-delivery] a").focus() ?? true`)
	l.press("Pause")
	l.streams("0")
	l.gate <- struct{}{}
	l.delivered(old)
	var last string
	for range 51 {
		last = l.run(true)
	}
	l.delivered(last)
	value[bool](l.page, `document.querySelector("[data-delivery] input").click() ?? true`) // it is chosen, so nothing moves
	l.press("Resume")
	l.comes(old, "Delivered")
	if l.row(last) != "" {
		l.Error("rows came under what was chosen")
	}
}

// All tabs have one connection. It is there while one of them is looked at, and ends with the session; when the server is
// there again, they go on.
func TestTabsShareOneConnection(t *testing.T) {
	t.Parallel()
	l := newLiveLog(t)
	first := l.run(true)
	l.follow("/deliveries")
	l.comes(first, "Delivered")

	tab, cancel := chromedp.NewContext(l.tab)
	defer cancel()
	if err := chromedp.Do(tab); err != nil { // starts it, without a limit of its own
		t.Fatal(err)
	}
	other := &liveLog{page: page{t, tab, l.base}, gate: l.gate, token: l.token}
	other.open(siteLog)
	other.aside()
	show := func(l *liveLog, state string) {
		value[bool](l.page, `Object.defineProperty(document, "visibilityState", { get: () => "`+state+`", configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`)
	}
	show(l, "visible") // whatever the browser makes of two tabs without a screen
	show(other, "visible")
	both := l.run(true)
	l.comes(both, "Delivered")
	other.comes(both, "Delivered")
	l.streams("1")

	show(other, "hidden")
	one := l.run(true)
	l.comes(one, "Delivered")
	if other.row(one) != "" {
		t.Error("a tab that nobody sees has followed")
	}
	show(l, "hidden")
	l.streams("0")
	none := l.run(true)
	show(l, "visible")
	l.comes(none, "Delivered")

	if code := l.server.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("with a stream the server ends with %d", code)
	}
	if text, _ := l.server.printed(); strings.Contains(text, "cut off") {
		t.Errorf("the stream held the server up:\n%s", text)
	}
	l.sees("Not live: the connection was lost")
	address := strings.TrimPrefix(l.base, "http://")
	began := time.Now()
	l.server, _ = serving(t, append(l.env, "STACKHOOK_ADDR="+address))
	l.sees("Live Pause")
	again := l.run(true)
	l.comes(again, "Delivered")
	t.Logf("back after %v", time.Since(began))

	other.do(chromedp.Navigate(l.base+"/stacks"), chromedp.Click(chromedp.CSS(".top-tools .menu:last-child summary")))
	other.press("Sign out")
	l.streams("0")
	l.sees("Not live: you are signed out")
}

// One delivery's page shows what became of it, unless somebody is reading it.
func TestADeliverysPageFollows(t *testing.T) {
	t.Parallel()
	l := newLiveLog(t)
	id := l.run(false)
	l.follow(siteLog + "/" + id)
	l.sees("Pending")
	l.gate <- struct{}{}
	l.sees("Delivered")

	l.do(chromedp.Click(chromedp.CSS(".verdict h1")))
	content := `document.querySelector("[data-live] > :last-child").innerText`
	before := value[string](l.page, content)
	l.redeliver(id)
	l.sees("This delivery has changed.")
	if now := value[string](l.page, content); now != before {
		t.Errorf("it reads %s, and not %s", now, before)
	}
	l.gate <- struct{}{}
	l.press("Show it as it is now")
	l.sees("Last redelivery")
}

func (l *liveLog) redeliver(id string) {
	client := newBrowser(l.T)
	client.signIn(l.T, l.base, adminEmail, password)
	client.post(l.T, l.base+siteLog+"/"+id+"/redeliver", nil, http.StatusSeeOther)
	client.CloseIdleConnections()
}
