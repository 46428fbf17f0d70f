package views

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/static"
	"stackhook/views/ui"
)

func TestStatusLook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status models.Status
		tries  int
		want   Look
	}{
		{models.Delivered, 3, Look{"delivered", "delivered", "Delivered"}},
		{models.Failed, 1, Look{"failed", "failed", "Failed"}},
		{models.Skipped, 0, Look{"skipped", "skipped", "Skipped"}},
		{models.Pending, 0, Look{"pending", "pending", "Pending"}},
		{models.Pending, 1, Look{"pending", "pending", "Pending retry"}},
	} {
		if got := StatusLook(c.status, c.tries); got != c.want {
			t.Errorf("%s after %d tries is %v, want %v", c.status, c.tries, got, c.want)
		}
	}
}

func TestStateLook(t *testing.T) {
	t.Parallel()
	special := map[models.State]Look{
		models.Finished: {"done", "good", "FINISHED"}, models.FailedState: {"bad", "bad", "FAILED"},
		models.Queued: {"idle", "idle", "QUEUED"}, models.Discarded: {"idle", "idle", "DISCARDED"},
		models.Canceled: {"idle", "idle", "CANCELED"}, models.Stopped: {"idle", "idle", "STOPPED"},
		models.SkippedState:  {"idle", "idle", "SKIPPED"},
		models.PendingReview: {"hold", "wait", "PENDING_REVIEW"}, models.Unconfirmed: {"hold", "wait", "UNCONFIRMED"},
	}
	for _, state := range models.States() {
		want, is := special[state]
		if !is {
			want = Look{"busy", "busy", string(state)}
		}
		if got := StateLook(state); got != want {
			t.Errorf("%s is %v, want %v", state, got, want)
		}
	}
}

// No two reasons may read the same, and none like its code.
func TestReasonWords(t *testing.T) {
	t.Parallel()
	seen := map[string]models.Reason{}
	for _, reason := range models.Reasons() {
		words := ReasonWords(reason)
		if words == "" || words == string(reason) {
			t.Errorf("%s has no words", reason)
		}
		if other, is := seen[words]; is {
			t.Errorf("%s and %s are both %q", reason, other, words)
		}
		seen[words] = reason
	}
	if got := ReasonWords(""); got != "" {
		t.Errorf("a success reads %q", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		CodeText(200): "OK", CodeText(204): "No content", CodeText(414): "Request URI too long",
		CodeText(503): "Service unavailable", CodeText(599): "",
		TypeWord(models.Tracked): "Tracked", TypeWord(models.Destroy): "Destroy",
		RoleWord(models.Administrator): "Administrator", RoleWord(models.Reader): "Reader",
		ScopeWords(models.ScopeReport): "Report runs", ScopeWords(models.ScopeRead): "Read", ScopeWords(models.ScopeAdmin): "Administer",
		ShortID("01K6X4M2ZB8Q0V5T7N3RC9WEAH"): "3RC9WEAH", ShortID("abc"): "abc",
		ShortHash("4c1f9ae07d5b2286e3f1"): "4c1f9ae", ShortHash("4c1"): "4c1",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	got := Problems(models.Invalid{{Field: "endpoint", Message: "Enter a URL."}, {Field: "other", Message: "Choose."}}, map[string]string{"endpoint": "Endpoint"})
	want := []ui.Problem{{Field: "endpoint", Label: "Endpoint", Message: "Enter a URL."}, {Message: "Choose."}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The icons that are chosen by a status or a state must be in the sprite.
func TestLooksHaveIcons(t *testing.T) {
	t.Parallel()
	var looks []Look
	for _, s := range models.Statuses() {
		looks = append(looks, StatusLook(s, 0))
	}
	for _, s := range models.States() {
		looks = append(looks, StateLook(s))
	}
	for _, l := range looks {
		if !slices.Contains(static.IconIDs(), "i-"+l.Icon) {
			t.Errorf("%s has the unknown icon %q", l.Word, l.Icon)
		}
	}
}

// Whatever an id holds, it is one part of the path that a router reads back.
func TestPathsEscape(t *testing.T) {
	t.Parallel()
	const odd = `a/b?c#d%e ..`
	mux := http.NewServeMux()
	var got string
	mux.HandleFunc("GET /stacks/{stack}/runs/{run}", func(_ http.ResponseWriter, r *http.Request) { got = r.PathValue("run") })
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, RunPath("networking-prod", odd), nil))
	if got != odd {
		t.Errorf("the router reads %q, want %q", got, odd)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		StackPath("s"):              "/stacks/s",
		RunPath("s", "r"):           "/stacks/s/runs/r",
		DeliveriesPath("s"):         "/stacks/s/deliveries",
		DeliveryPath("s", "d"):      "/stacks/s/deliveries/d",
		RedeliverPath("s", "d"):     "/stacks/s/deliveries/d/redeliver",
		IntegrationsPath("s"):       "/stacks/s/settings/integrations",
		WebhooksPath("s"):           "/stacks/s/settings/integrations/webhooks",
		NewWebhookPath("s"):         "/stacks/s/settings/integrations/webhooks/new",
		WebhookPath("s", "w"):       "/stacks/s/settings/integrations/webhooks/w",
		EditWebhookPath("s", "w"):   "/stacks/s/settings/integrations/webhooks/w/edit",
		DeleteWebhookPath("s", "w"): "/stacks/s/settings/integrations/webhooks/w/delete",
		WebhookSecretPath("s", "w"): "/stacks/s/settings/integrations/webhooks/w/secret",
		WebhookTestPath("s", "w"):   "/stacks/s/settings/integrations/webhooks/w/test",
		AccessPath("s"):             "/stacks/s/settings/access",
		GeneralPath("s"):            "/stacks/s/settings/general",
		DeleteStackPath("s"):        "/stacks/s/delete",
		UserPath(7):                 "/users/7",
		RevokeTokenPath("t"):        "/tokens/t/revoke",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if _, err := url.Parse(got); err != nil || strings.Contains(got, "//") {
			t.Errorf("%q is no path", got)
		}
	}
}
