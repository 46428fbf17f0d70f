package views

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/static"
	"stackhook/views/ui"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
)

// policy is the strictest content security policy that a page of ours must live under.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// What only a browser can tell: that the pictures of the sprite are drawn under the policy, and that the script does what
// it is for.
func TestInBrowser(t *testing.T) {
	t.Parallel()
	tab := needs.Tab(t)
	themes := make(chan string, 1)
	server := httptest.NewServer(samplePage(themes))
	t.Cleanup(server.Close)
	if err := chromedp.Do(tab, chromedp.Navigate(server.URL)); err != nil {
		t.Fatal(err)
	}

	t.Run("pictures", func(t *testing.T) {
		missing := evaluate[[]string](t, tab, `new Promise((done) => {
			const missing = () => [...document.querySelectorAll("use")]
				.filter((u) => u.closest("svg").checkVisibility() && u.getBBox().width === 0).map((u) => u.getAttribute("href"));
			const until = performance.now() + 5000;
			const look = () => missing().length && performance.now() < until ? requestAnimationFrame(look) : done(missing());
			look();
		})`)
		if len(missing) > 0 {
			t.Errorf("not drawn: %v", missing)
		}
	})
	t.Run("strength", func(t *testing.T) { compareStrengths(t, tab) })
	t.Run("generate", func(t *testing.T) { generateSecret(t, tab) })
	t.Run("copy", func(t *testing.T) {
		said := evaluate[string](t, tab, `(async () => {
			let copied;
			Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => { copied = text; } } });
			document.querySelector("[data-copy='run id']").click();
			await new Promise(requestAnimationFrame);
			return document.querySelector("#said").textContent + ": " + copied;
		})()`)
		if said != "Copied run id: 01K6X4M2" {
			t.Errorf("said %q", said)
		}
	})
	t.Run("theme", func(t *testing.T) {
		got := evaluate[string](t, tab, `document.querySelector("button[value=dark]").click(), document.documentElement.dataset.theme`)
		if posted := <-themes; got != "dark" || posted != "dark back to /here?a=1" {
			t.Errorf("the page is %q, the server was told %q", got, posted)
		}
	})
	t.Run("second submit", func(t *testing.T) {
		prevented := evaluate[[]bool](t, tab, `(() => {
			const prevented = [];
			document.addEventListener("submit", (e) => { prevented.push(e.defaultPrevented); e.preventDefault(); });
			const form = document.querySelector("form.form-card");
			form.requestSubmit();
			form.requestSubmit();
			dispatchEvent(new Event("pageshow"));
			form.requestSubmit();
			return prevented;
		})()`)
		if !slices.Equal(prevented, []bool{false, true, false}) {
			t.Errorf("prevented %v, want only the second", prevented)
		}
	})
}

func generateSecret(t *testing.T, tab context.Context) {
	secret := evaluate[string](t, tab, `document.querySelector("[data-generate]").click(), document.querySelector("#secret").value`)
	if models.CheckSecret(secret) != nil || models.SecretStrength(secret) != 4 || len(secret) != len(models.GenerateSecret()) {
		t.Errorf("generated %q", secret)
	}
	if meter := evaluate[string](t, tab, `document.querySelector("#strength").checkVisibility() ? document.querySelector("#strength").innerText.trim() : "hidden"`); meter != "Strong · 50 characters" {
		t.Errorf("the meter reads %q", meter)
	}
}

// The meter must not change its mind between typing and saving: the script's estimate is that of models.
func compareStrengths(t *testing.T, tab context.Context) {
	secrets := []string{"a", "aaaaaaaaaaaaaaaa", "password", "abcdefghijkl", "correct horse", "correct horse battery staple", "whsec_", "whsec_abc", "日本語日本語日本語", "🙂🙃🙂🙃", models.GenerateSecret()}
	list, err := json.Marshal(secrets)
	if err != nil {
		t.Fatal(err)
	}
	got := evaluate[[]int](t, tab, fmt.Sprintf("%s.map(secretStrength)", list))
	for i, secret := range secrets {
		if want := int(models.SecretStrength(secret)); got[i] != want {
			t.Errorf("%q has strength %d in the browser, %d on the server", secret, got[i], want)
		}
	}
}

func samplePage(themes chan<- string) http.Handler {
	secret := ui.Field{Name: "secret", Label: "Secret", Described: []string{"strength"}}
	parts := []templ.Component{
		ui.Copyable("run id", "01K6X4M2"),
		templ.Raw(`<form class="form-card" method="post" action="/save">`),
		ui.Input(secret, ui.Text{Attrs: templ.Attributes{"data-strength": "strength"}}),
		ui.Button(ui.Action{Label: "Generate", Icon: "spark", Attrs: templ.Attributes{"data-generate": "secret"}}),
		ui.StrengthMeter(ui.Strength{ID: "strength"}),
		templ.Raw(`</form>`),
	}
	content := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for _, part := range parts {
			if err := part.Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
	mux := http.NewServeMux()
	mux.Handle("/static/", static.Handler())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		frame := Frame{Title: "Sample", Account: "acme", Person: PersonOf(ada), Stack: StackHeadOf(network, true), Path: "/here?a=1"}
		Page(frame).Render(templ.WithChildren(r.Context(), content), w)
	})
	mux.HandleFunc("POST /theme", func(w http.ResponseWriter, r *http.Request) {
		themes <- r.PostFormValue("theme") + " back to " + r.PostFormValue("back")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return mux
}

func evaluate[T any](t *testing.T, tab context.Context, script string) T {
	t.Helper()
	value, err := chromedp.Run(tab, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
