package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"stackhook/models"
	"stackhook/models/needs"
)

// Every page that an administrator can reach from the list of stacks, one of each kind: nothing for axe-core to find, in
// light and dark, nothing that scrolls sideways on a phone, nothing that vanishes in forced colours, and HTML that a validator
// accepts.
func TestPages(t *testing.T) {
	t.Parallel()
	modules := needs.Modules(t, "checks of pages from npm")
	axe, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	node := needs.Program(t, "node", "receivers in Node", "nodejs npm")
	demo := start(t, nil, "demo", "--addr", "127.0.0.1:0")
	base := demo.await(t, `Stackhook demo: (http://\S+)`)[1]
	dir := demo.await(t, `data: (\S+) \(removed at the end\)`)[1]
	admin := demo.await(t, `administrator +(\S+) +password (\S+)`)
	awaitDeliveries(t, filepath.Join(dir, "stackhook.db"))
	giveOneUp(t, filepath.Join(dir, "stackhook.db"))

	client := newBrowser(t)
	client.signIn(t, base, admin[1], admin[2])
	failATest(t, client, base)
	startARedelivery(t, client, base)
	client.see(t, base+"/failures", "Show all")
	pages := slices.Concat(crawl(t, client, base), replacements(t, client, base), inlets(t, client, base))
	client.post(t, base+"/stacks", url.Values{"id": {"storage-prod"}, "name": {"Storage prod"}}, http.StatusSeeOther)
	pages = append(pages, "/stacks/storage-prod") // which has no runs
	t.Run("html", func(t *testing.T) { validate(t, node, modules, client, base, pages) })

	p := openBrowser(t, base, true)
	p.open("/login")
	check(p, string(axe), "/login")
	p.fill("email", admin[1])
	p.fill("password", admin[2])
	p.press("Sign in")
	p.sees("Networking prod")
	for _, path := range pages {
		check(p, string(axe), path)
	}
	for _, path := range pages {
		checkForcedColours(p, path)
	}
	p.open("/deliveries")
	p.press("Redeliver all of this log")
	p.sees("Nothing is sent yet")
	look(p, string(axe), "the preview of a redelivery", func() {})
	p.open("/stacks/storage-prod")
	p.press("Create the token")
	p.sees("Copy the token Storage prod now")
	look(p, string(axe), "a token that was just made", func() {})
}

// startARedelivery makes a redelivery that goes on for long.
func startARedelivery(t *testing.T, client *browser, base string) {
	t.Helper()
	form := url.Values{"which": {"all"}, "redelivery": {models.NewID(time.Now())}, "perSecond": {"1"}, "overtaken": {"on"}}
	client.post(t, base+"/redeliveries", form, http.StatusSeeOther)
	client.see(t, base+"/redeliveries", "All deliveries of all stacks.")
}

// giveOneUp makes a failure of a delivery that was accepted: the demo gives nothing up within days.
func giveOneUp(t *testing.T, database string) {
	t.Helper()
	db, err := sql.Open("sqlite3", database+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`UPDATE deliveries SET status = 'failed', reason = 'status_4xx', code = 404
		WHERE id = (SELECT MAX(id) FROM deliveries WHERE status = 'delivered' AND ended_at IS NOT NULL AND NOT test)`)
	if err != nil {
		t.Fatal(err)
	}
}

// failATest sends a test to the receiver that always fails, which is given up at once.
func failATest(t *testing.T, client *browser, base string) {
	t.Helper()
	_, body := client.get(t, base+"/stacks/spacelift-demo/settings/integrations")
	form := regexp.MustCompile(`(?s)/hooks/broken.*?action="(/stacks/spacelift-demo/[^"]*/test)"`).FindStringSubmatch(body)
	if form == nil {
		t.Fatalf("no test of the receiver that fails:\n%s", body)
	}
	client.post(t, base+form[1], nil, http.StatusSeeOther)
}

var replacement = regexp.MustCompile(`href="(/stacks/[^"]*/replace)"`)

// replacements replaces the secrets of two webhooks as far as the second and the third step, and returns the pages of that, and
// those of one whose secret is not being replaced and of one whose secret was.
func replacements(t *testing.T, client *browser, base string) (pages []string) {
	t.Helper()
	_, body := client.get(t, base+"/stacks/spacelift-demo/settings/integrations")
	for i, found := range replacement.FindAllStringSubmatch(body, 2) {
		press := func(step string, fields url.Values) {
			_, body := client.get(t, base+found[1])
			fields.Set("fingerprint", regexp.MustCompile(`(?s)/replace/` + step + `".*?name="fingerprint" value="(\w+)"`).FindStringSubmatch(body)[1])
			client.post(t, base+found[1]+"/"+step, fields, http.StatusSeeOther)
		}
		press("prepare", url.Values{"secret": {"prepared"}})
		if i == 1 {
			press("promote", url.Values{})
		}
		pages = append(pages, found[1])
	}
	_, body = client.get(t, base+"/stacks/networking-prod/settings/integrations")
	other := replacement.FindStringSubmatch(body)
	if len(pages) != 2 || other == nil {
		t.Fatalf("only %v and %v", pages, other)
	}
	return append(pages, other[1], pages[1]+"?old=00000000")
}

var (
	link  = regexp.MustCompile(`<a [^>]*href="(/[^"#]*)[^>]*>`)
	anID  = regexp.MustCompile(`[0-9A-Z]{26}|=[^&]+`)
	stack = regexp.MustCompile(`/stacks/(networking-prod|spacelift-demo)\b`)
	file  = regexp.MustCompile(`\.(csv|ndjson)\b`) // is kept and not looked at
)

// crawl follows the links from the list of stacks and returns one path of each kind of page.
func crawl(t *testing.T, client *browser, base string) []string {
	t.Helper()
	kinds := map[string]bool{}
	pages := []string{"/stacks"}
	for i := 0; i < len(pages); i++ {
		status, body := client.get(t, base+pages[i])
		if status != 200 {
			t.Fatalf("GET %s: status %d", pages[i], status)
		}
		for _, found := range link.FindAllStringSubmatch(body, -1) {
			if strings.Contains(found[0], " download") {
				continue // a file is no page
			}
			path := strings.ReplaceAll(found[1], "&amp;", "&")
			kind := stack.ReplaceAllString(anID.ReplaceAllString(path, "*"), "/stacks/*")
			if !kinds[kind] && !strings.HasPrefix(path, "/static/") && !file.MatchString(path) && !strings.HasPrefix(path, "/api/") && path != "/stacks" {
				kinds[kind] = true
				pages = append(pages, path)
			}
		}
	}
	if len(pages) < 15 || !slices.Contains(pages, "/failures") {
		t.Fatalf("only %d kinds of pages: %v", len(pages), pages)
	}
	return pages
}

// looks are how pages are looked at.
var looks = []struct {
	width  int64
	scheme string
}{{1280, "light"}, {1280, "dark"}, {375, "light"}, {320, "dark"}}

// check looks at one page in every way.
func check(p page, axe, path string) {
	p.Helper()
	look(p, axe, path, func() { p.do(chromedp.Navigate(p.base + path)) })
}

// look looks at what is open in every way; turn brings it there in each.
func look(p page, axe, what string, turn func()) {
	p.Helper()
	for _, look := range looks {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: look.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // colours change at once
		}}
		p.do(chromedp.EmulateViewport(look.width, 900), call(emulation.SetEmulatedMedia, media))
		turn()
		name := fmt.Sprintf("%s at %d px, %s", what, look.width, look.scheme)
		if over := value[int](p, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
			p.Errorf("%s scrolls sideways by %d px", name, over)
		}
		value[bool](p, axe+"; true")
		violations := value[[]string](p, `axe.run().then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 160) + " " + n.failureSummary)))`)
		for _, v := range violations {
			p.Errorf("%s: %s", name, v)
		}
	}
}

// validate gives the pages' HTML to html-validate.
func validate(t *testing.T, node, modules string, client *browser, base string, pages []string) {
	dir := t.TempDir()
	for i, path := range slices.Concat(pages, []string{"/stacks/no-such-stack"}) {
		_, body := client.get(t, base+path)
		body = fmt.Sprintf("<!-- %s -->\n%s", path, body)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.html", i)), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := filepath.Abs(filepath.Join("testdata", "html-validate.json"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(modules, "html-validate", "bin", "html-validate.mjs"), "--config", config, filepath.Join(dir, "*.html"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\npages in order: %v", err, out, pages)
	}
}
