package web_test

import (
	"net/http"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestEveryActionHasWords(t *testing.T) {
	t.Parallel()
	for _, a := range models.Actions() {
		if views.ActionWords(a) == string(a) {
			t.Errorf("%s has no words", a)
		}
	}
}

// What administrators do is found by what, who, where and when, and in files.
func TestAudit(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/hooks/B00K", "secret")
	site.Grant(t, stack)
	site.As(t, "reader").POST(views.WebhookSecretPath("a", w.ID), nil)
	admin := site.As(t, "admin")
	for query, want := range map[string]struct {
		status int
		has    string
		lacks  string
	}{
		"":                                    {200, "Viewed the secret", "B00K"},
		"?action=secret.revealed":             {200, "example.com", "Created the stack"},
		"?who=" + site.Reader.Label():         {200, "Viewed the secret", "Created the stack"},
		"?stack=a":                            {200, "Added the webhook", "Signed in"},
		"?webhook=" + w.ID:                    {200, "Added the webhook", "Signed in"},
		"?who=nobody-of-this-name":            {200, "No record matches", "Viewed"},
		"?time=1h":                            {200, "Signed in", "No record"},
		"?to=2020-01-01T00:00":                {200, "before 2020-01-01 00:00 UTC", "Signed in"},
		"?older=00000000000000000000000000":   {200, "Nothing there", "No record"},
		"?action=nonsense":                    {422, "Choose what was done from the list.", "Newest"},
		"?webhook=1":                          {422, "Enter a whole id", "Newest"},
		"?from=later":                         {422, "Enter a time from 1970", "Newest"},
		"?older=x":                            {422, "There is no such page.", "Newest"},
		"?who=%3Cscript%3Ealert(1)%3C/script": {200, "&lt;script&gt;", "<script>alert"},
	} {
		page := admin.GET(views.AuditPath + query)
		main, _ := page.Doc.Find("main").Html()
		body := main[strings.Index(main, "</form>")+1:]
		if page.Status != want.status || !strings.Contains(main, want.has) || strings.Contains(body, want.lacks) {
			t.Errorf("%s: %d, with %q and without %q\n%s", query, page.Status, want.has, want.lacks, main)
		}
	}
}

func TestAuditFiles(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "a")
	storetest.Webhook(t, site.Store, stack, "https://example.com/hooks/B00K", "secret")
	if _, err := site.Store.CreateStack(t.Context(), models.Actor{Kind: models.ActorUser, Name: "=cmd()"}, models.Stack{ID: "b", Name: "B"}); err != nil {
		t.Fatal(err)
	}
	admin := site.As(t, "admin")
	page := admin.GET(views.AuditPath + ".csv?action=stack.created")
	head, rows := csvOf(t, page.Body)
	if page.Status != http.StatusOK || len(rows) != 2 || rows[0]["actor"] != "'=cmd()" || rows[1]["stack"] != "a" || head[0] != "id" {
		t.Errorf("%d\n%s", page.Status, page.Body)
	}
	lines := linesOf(t, admin.GET(views.AuditPath+".ndjson").Body)
	if len(lines) < 4 || lines[0]["action"] != "session.signed_in" || lines[0]["actor"] != site.Admin.Label() {
		t.Errorf("%v", lines)
	}
	for _, line := range lines {
		if line["action"] == "webhook.created" && (line["subject"] != "example.com" || line["webhook"] == "") {
			t.Errorf("%v", line)
		}
	}
	if page := admin.GET(views.AuditPath + ".csv?action=x"); page.Status != http.StatusUnprocessableEntity || page.Header.Get("Content-Disposition") != "" {
		t.Errorf("%d %v", page.Status, page.Header)
	}
}
