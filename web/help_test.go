package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/views"
	"stackhook/web/webtest"
)

// The help pages are for everybody, and hold the whole of each closed list.
func TestHelpPages(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	for _, who := range []string{"", "reader", "admin"} {
		b := site.As(t, who)

		page := b.GET(views.HelpWebhooksPath)
		text := page.Text("main")
		if page.Status != http.StatusOK {
			t.Fatalf("%q: %d", who, page.Status)
		}
		for _, reason := range models.Reasons() {
			row := page.Doc.Find("tr").FilterFunction(func(_ int, tr *goquery.Selection) bool { return tr.Find("code").Text() == string(reason) })
			if row.Length() != 1 || row.Find("th").Text() != views.ReasonWords(reason) || row.Find("td").Last().Text() == "" {
				t.Errorf("%q: the reason %s reads %q", who, reason, row.Text())
			}
		}
		var pauses []string
		page.Doc.Find(".steps li").Each(func(_ int, li *goquery.Selection) { pauses = append(pauses, li.Text()) })
		if !slices.Equal(pauses, []string{"5 s", "30 s", "2 min"}) {
			t.Errorf("%q: pauses %q", who, pauses)
		}
		for _, want := range []string{"Answer within 10 s", "up to 3 times in 2 min 35 s", "still pending 7 d after"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: %q is not in\n%s", who, want, text)
			}
		}

		page = b.GET(views.HelpPipelinesPath)
		text = page.Text("main")
		if page.Status != http.StatusOK {
			t.Fatalf("%q: %d", who, page.Status)
		}
		wants := []string{
			"STACKHOOK_URL='" + site.URL + "'", "STACKHOOK_URL: " + site.URL, "STACKHOOK_URL = '" + site.URL + "'", "stackhook exec --stack", "stackhook report start",
			"GitHub Actions", "GitLab CI", "Jenkins", "Azure Pipelines", "Bitbucket Pipelines", "CircleCI", "Buildkite", "Atlantis",
		}
		if strings.Contains(text, "hooks.example.com") {
			t.Errorf("%q: a snippet is for another installation", who)
		}
		for _, state := range models.States() {
			wants = append(wants, string(state))
		}
		for _, kind := range models.RunTypes() {
			wants = append(wants, string(kind))
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%q: %q is not in\n%s", who, want, text)
			}
		}
	}
}
