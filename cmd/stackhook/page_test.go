package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"stackhook/models/needs"
)

// page is a browser's tab on a server's site, used as a person would: by what can be read.
type page struct {
	*testing.T
	tab  context.Context
	base string
}

// openBrowser opens a browser of its own, with scripts or without.
func openBrowser(t *testing.T, base string, scripts bool) page {
	t.Helper()
	p := page{t, needs.Tab(t), base}
	// The first action starts the browser, and must not have a time limit of its own.
	if err := chromedp.Do(p.tab, call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})); err != nil {
		t.Fatal(err)
	}
	return p
}

// call makes an action of a command of the browser's protocol.
func call[P any](command cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func (p page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.tab, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.Fatalf("%v; the page reads:\n%s", err, p.reads())
	}
}

func (p page) open(path string) {
	p.Helper()
	p.do(chromedp.Navigate(p.base + path))
}

// press clicks the link or button with that label.
func (p page) press(label string) {
	p.Helper()
	p.do(chromedp.Click(`//*[self::a or self::button][not(@aria-hidden)][normalize-space(.)="` + label + `"]`))
}

// fill types over what a field holds.
func (p page) fill(name, text string) {
	p.Helper()
	field := chromedp.CSS(`[name="` + name + `"]`)
	p.do(chromedp.Clear(field), chromedp.SendKeys(field, text))
}

// toggle clicks a check box or switch.
func (p page) toggle(name string) {
	p.Helper()
	p.do(chromedp.Click(chromedp.CSS(`[name="` + name + `"]`)))
}

// sees waits until the page reads so.
func (p page) sees(texts ...string) {
	p.Helper()
	over, look := time.After(patience), time.NewTicker(20*time.Millisecond) // a page that loads gives no signal
	defer look.Stop()
	for _, text := range texts {
		for !strings.Contains(p.reads(), text) {
			select {
			case <-look.C:
			case <-over:
				p.Fatalf("%q does not appear; the page reads:\n%s", text, p.reads())
			}
		}
	}
}

// comesToSee opens a page again and again until it reads so: what another process does appears with the next look.
func (p page) comesToSee(path string, texts ...string) {
	p.Helper()
	over := time.After(patience)
	for {
		p.open(path)
		if text := p.reads(); !slices.ContainsFunc(texts, func(t string) bool { return !strings.Contains(text, t) }) {
			return
		}
		select {
		case <-over:
			p.Fatalf("%q do not appear; the page reads:\n%s", texts, p.reads())
		default:
		}
	}
}

// lacks fails if the page, which has loaded, reads so.
func (p page) lacks(texts ...string) {
	p.Helper()
	for _, text := range texts {
		if strings.Contains(p.reads(), text) {
			p.Errorf("%q is on the page:\n%s", text, p.reads())
		}
	}
}

// reads returns the visible text; "" while the page is being replaced.
func (p page) reads() string {
	ctx, cancel := context.WithTimeout(p.tab, patience)
	defer cancel()
	text, _ := evaluate[string](ctx, `document.readyState === "complete" ? document.body.innerText.replace(/\s+/g, " ") : ""`)
	return text
}

func evaluate[T any](tab context.Context, script string) (T, error) {
	return chromedp.Run(tab, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// value evaluates a script that must succeed.
func value[T any](p page, script string) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.tab, patience)
	defer cancel()
	v, err := evaluate[T](ctx, script)
	if err != nil {
		p.Fatal(err)
	}
	return v
}
