package needs

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserFlags make Chromium start anywhere, as root and in a small container too, and talk to nobody on its own.
var browserFlags = []string{
	"disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
}

// Tab returns a tab of a headless Chromium of its own, with a fresh profile, which ends with the test. Where there is no
// Chromium the test is skipped, and so it is with -short, which leaves out browsers and nothing else.
func Tab(t testing.TB) context.Context {
	t.Helper()
	if testing.Short() {
		skip(t, os.Getenv, "skipped: browser journeys (-short leaves them out)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Program(t, "chromium", "browser journeys", "chromium")), chromedp.NoSandbox)
	for _, flag := range browserFlags {
		options = append(options, chromedp.Flag(flag, true))
	}
	limit, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	browser, cancel := chromedp.NewExecAllocator(limit, options...)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	return tab
}
