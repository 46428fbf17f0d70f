package views

import (
	"context"
	"io"
	"strings"
	"testing"

	"stackhook/models"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
)

var (
	ada     = models.User{Name: "Ada Lovelace", Email: "ada@example.com", Role: models.Administrator}
	grace   = models.User{Email: "grace@example.com", Role: models.Reader}
	network = models.Stack{ID: "networking-prod", Name: "Networking <prod>", Description: "VPCs", Labels: []string{"aws"}}
)

func TestPageForAdministrator(t *testing.T) {
	t.Parallel()
	stack := StackHeadOf(network, true)
	stack.Tab, stack.Side = "settings", "access"
	page := renderPage(t, Page(Frame{
		Title: "Access", Account: "acme", Version: "1.4.2", Person: PersonOf(ada), Section: "stacks", Stack: stack,
		Flash: "Saved.", Notice: "By the way.", Theme: "dark", Path: "/x?a=1",
	}))
	for selector, want := range map[string]string{
		"title":                           "Access · Networking <prod> · Stackhook",
		".brand":                          "acme",
		".top-nav a":                      "Stacks Deliveries Users Tokens Audit",
		".top-nav a[aria-current=true]":   "Stacks",
		".stack-name":                     "Networking <prod>",
		".stack-bar .label":               "aws",
		".stack-about":                    "VPCs",
		".tabs a":                         "Runs Deliveries Settings",
		".tabs a[aria-current=true]":      "Settings",
		".side-nav a":                     "Integrations Inlets Access General",
		".side-nav a[aria-current=true]":  "Access",
		"main .notice-ok[role=status]":    "Saved.",
		"main .notice-info[role=status]":  "By the way.",
		"main .content":                   "content",
		".menu-who":                       "Ada Lovelace ada@example.com Administrator",
		"form[action='/logout'] button":   "Sign out",
		"button[aria-pressed=true]":       "Dark",
		".site-foot p:first-child":        "Stackhook 1.4.2 · Times are in UTC",
		".site-foot a[href*='webhooks']":  "How webhooks work",
		"a.skip[href='#main']":            "Skip to content",
		".top-tools a[href='/login']":     "",
		".top-nav [href='/audit']":        "Audit",
		".menu [href='/profile']":         "Profile",
		"style, script:not([src])":        "",
		"html:not([data-theme=dark]) > *": "",
	} {
		if got := texts(page.Find(selector)); got != want {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
	if back := page.Find("form[action='/theme'] input[name=back]").AttrOr("value", ""); back != "/x?a=1" {
		t.Errorf("the theme comes back to %q", back)
	}
	if h1 := page.Find("main#main").Length(); h1 != 1 {
		t.Errorf("the page has %d main parts", h1)
	}
}

func TestPageForReader(t *testing.T) {
	t.Parallel()
	page := renderPage(t, Page(Frame{Title: "Stacks", Account: "acme", Person: PersonOf(grace), Section: "stacks"}))
	for selector, want := range map[string]string{
		"title":                     "Stacks · Stackhook",
		".top-nav a":                "Stacks Deliveries",
		".menu-who":                 "grace@example.com Reader", // a person without a name is named once
		".avatar":                   "G",
		"button[aria-pressed=true]": "Same as the system",
		".stack-bar, .side-nav":     "",
		"main [role=status]":        "",
	} {
		if got := texts(page.Find(selector)); got != want {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
	if _, themed := page.Find("html").Attr("data-theme"); themed {
		t.Error("a theme is forced")
	}
}

func TestPageSignedOut(t *testing.T) {
	t.Parallel()
	page := renderPage(t, Page(Frame{Title: "How webhooks work", Account: "acme"}))
	for selector, want := range map[string]string{
		".top-tools a[href='/login']":               "Sign in",
		".top-nav, form[action='/logout'], .avatar": "",
		"main .content":                             "content",
	} {
		if got := texts(page.Find(selector)); got != want {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
}

func TestDoorPage(t *testing.T) {
	t.Parallel()
	page := renderPage(t, DoorPage(Frame{Title: "Sign in", Account: "acme", Flash: "Signed out."}, "Sign in to acme", "Webhooks"))
	for selector, want := range map[string]string{
		"main h1":            "Sign in to acme",
		"main .lead":         "Webhooks",
		"main [role=status]": "Signed out.",
		"main .content":      "content",
		".top-bar":           "",
	} {
		if got := texts(page.Find(selector)); got != want {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
}

func renderPage(t *testing.T, page templ.Component) *goquery.Document {
	t.Helper()
	return renderPart(t, templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return page.Render(templ.WithChildren(ctx, templ.Raw(`<p class="content">content</p>`)), w)
	}))
}

func renderPart(t *testing.T, c templ.Component) *goquery.Document {
	t.Helper()
	var out strings.Builder
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	document, err := goquery.NewDocumentFromReader(strings.NewReader(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// texts joins the texts of the elements, with single blanks.
func texts(s *goquery.Selection) string {
	var parts []string
	for _, node := range s.EachIter() {
		html, _ := node.Html()
		spaced, _ := goquery.NewDocumentFromReader(strings.NewReader(strings.ReplaceAll(html, "<br/>", " ")))
		parts = append(parts, strings.Fields(spaced.Text())...)
	}
	return strings.Join(parts, " ")
}
