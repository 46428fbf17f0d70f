package web_test

import (
	"net/http"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// A stack without runs shows the line to paste, and how whoever looks gets a token for it. All that goes with the first run.
func TestAStackWithoutRuns(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	site.Grant(t, stack)
	line := "STACKHOOK_URL='" + site.URL + "' stackhook exec --stack net -- terraform"
	button := "form[action='" + views.StackTokensPath("net") + "']"
	for who, makes := range map[string]bool{"admin": true, "reader": false} {
		b := site.As(t, who)
		page := b.GET(views.StackPath(stack.ID))
		if page.Status != http.StatusOK || page.Text(".empty h2") != "No runs reported yet" || page.Text(".empty pre") != line {
			t.Errorf("%s: %d %s", who, page.Status, page.Text("main"))
		}
		if got := page.Doc.Find(button).Length() == 1; got != makes {
			t.Errorf("%s: there is a button: %t", who, got)
		}
		if asks := strings.Contains(page.Text(".empty"), "ask Ada Lovelace (ada@example.com)."); asks == makes {
			t.Errorf("%s: %s", who, page.Text(".empty"))
		}
	}
	storetest.Run(t, site.Store, stack)
	for _, who := range []string{"admin", "reader"} {
		if page := site.As(t, who).GET(views.StackPath(stack.ID)); page.Doc.Find(".empty, [data-live], "+button).Length() != 0 || page.Doc.Find("tbody tr").Length() != 1 {
			t.Errorf("%s, with a run: %s", who, page.Text("main"))
		}
	}
}

// The people whom a reader may ask are those who administer now.
func TestWhoCanMakeATokenForAReader(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	site.Grant(t, stack)
	site.User(t, models.User{Email: "bare@example.com", Role: models.Administrator, Active: true})
	gone := site.User(t, models.User{Email: "gone@example.com", Role: models.Administrator, Active: true})
	gone.Active = false
	if err := site.Store.UpdateUser(t.Context(), storetest.Shell, gone); err != nil {
		t.Fatal(err)
	}
	reader := site.As(t, "reader")
	if got := reader.GET(views.StackPath("net")).Text(".empty"); !strings.Contains(got, "ask Ada Lovelace (ada@example.com) or bare@example.com.") {
		t.Error(got)
	}
	for _, name := range []string{"c@example.com", "d@example.com"} {
		site.User(t, models.User{Email: name, Role: models.Administrator, Active: true})
	}
	if got := reader.GET(views.StackPath("net")).Text(".empty"); !strings.Contains(got, "bare@example.com, c@example.com or another administrator.") {
		t.Error(got)
	}
}

// A token is made with one press: for that stack alone, to report, named after it, shown once, and written down.
func TestATokenIsMadeOnTheSpot(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, other := storetest.Stack(t, site.Store, "net"), storetest.Stack(t, site.Store, "other")
	admin := site.As(t, "admin")
	page := admin.POST(views.StackTokensPath("net"), nil)
	if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d, Cache-Control %q", page.Status, page.Header.Get("Cache-Control"))
	}
	text := page.Text(".secret-value")
	v, err := site.Store.TokenViewer(t.Context(), text)
	if err != nil || v.Token.Scope != models.ScopeReport || v.Token.Name != stack.Name || !v.Token.ExpiresAt.IsZero() || !v.Sees(stack.Key) || v.Sees(other.Key) {
		t.Fatalf("%q makes %+v, %v", text, v.Token, err)
	}
	if got := page.Text(".token-use pre"); got != "STACKHOOK_TOKEN="+text {
		t.Errorf("the line of an environment file is %q", got)
	}
	if live := page.Doc.Find("[data-live]"); live.AttrOr("data-live-next", "") != views.StackPath("net") || !live.Is("[data-live-used]") {
		t.Error("a run that comes takes the token away")
	}
	if strings.Contains(page.Text(".empty"), text) || page.Doc.Find("form[action$='/tokens']").Length() != 0 {
		t.Errorf("beside the token: %s", page.Text(".empty"))
	}
	if later := admin.GET(views.StackPath("net")); strings.Contains(later.Body, text) || later.Doc.Find("[data-live-used]").Length() != 0 {
		t.Error("the token is shown again")
	}
	audit, err := site.Store.AuditRecords(t.Context(), store.AuditFilter{}, store.Page{})
	if err != nil || len(audit.Rows) == 0 || audit.Rows[0].Action != models.TokenCreated {
		t.Errorf("written down is %+v, %v", audit.Rows, err)
	}

	// A page that was opened before the first run still makes one, and shows it above the runs.
	storetest.Run(t, site.Store, stack)
	page = admin.POST(views.StackTokensPath("net"), nil)
	if page.Status != http.StatusOK || !strings.HasPrefix(page.Text(".secret-value"), "shk_") || page.Doc.Find("tbody tr").Length() != 1 {
		t.Errorf("%d %s", page.Status, page.Text("main"))
	}
}

// The page learns of the first run at once, also where no webhook makes a delivery of it.
func TestTheFirstRunIsToldAtOnce(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	site.Grant(t, stack)
	s := listen(t, site.As(t, "reader"), views.StackPath("net"))
	if e, _ := s.next(); e.kind != "state" || e.Version != views.NoRunsVersion {
		t.Fatalf("at first: %s", e.raw)
	}
	storetest.Run(t, site.Store, stack)
	if e, _ := s.next(); e.Version != views.HasRunsVersion {
		t.Fatalf("with a run: %s", e.raw)
	}
}
