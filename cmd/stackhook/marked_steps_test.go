package main

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

var (
	secretField = regexp.MustCompile(`<input[^>]*\bname="secret"[^>]*\bvalue="(whsec_[^"]+)"|<input[^>]*\bvalue="(whsec_[^"]+)"[^>]*\bname="secret"`)
	htmlPlus    = strings.NewReplacer("&#43;", "+", "&#34;", `"`)
)

// edits changes the secret of a webhook to one that is typed, and to one that is generated, which is the one to be found from
// then on. The form with a generated secret shows it, and so does one that comes back with a mistake.
func (x *tracks) edits(webhook, receiver string) {
	x.t.Helper()
	form := url.Values{"endpoint": {receiver + "/good"}, "secret": {secondMark}, "enabled": {"on"}}
	x.client.post(x.t, x.base+webhook, form, http.StatusSeeOther)
	x.client.get(x.t, x.base+webhook+"/edit")

	x.shows = true
	form.Set("generate", "1")
	resp, err := x.client.PostForm(x.base+webhook, form)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	var page bytes.Buffer
	if _, err := page.ReadFrom(resp.Body); err != nil {
		x.t.Fatal(err)
	}
	found := secretField.FindStringSubmatch(page.String())
	if found == nil {
		x.t.Fatalf("nothing was generated:\n%s", page.String())
	}
	generated := htmlPlus.Replace(found[1] + found[2])
	x.client.post(x.t, x.base+webhook, url.Values{"endpoint": {"nonsense"}, "secret": {wrongMark}}, http.StatusUnprocessableEntity)
	x.shows = false

	x.secrets = append(x.secrets, generated)
	form.Del("generate")
	form.Set("secret", generated)
	x.client.post(x.t, x.base+webhook, form, http.StatusSeeOther)
}

// step takes a step of replacing the secret, which names the fingerprint that the API gives for it.
func (x *tracks) step(webhook, step, which, secret string, status int) {
	x.t.Helper()
	found := regexp.MustCompile(`"` + which + `":"(\w+)"`).FindStringSubmatch(x.call("GET", strings.Replace(webhook, webhooksPath, "/api/v1/stacks/site/webhooks", 1), "", http.StatusOK))
	if found == nil {
		x.t.Fatalf("no %s before the step %s", which, step)
	}
	form := url.Values{"fingerprint": {found[1]}, "which": {"next"}}
	if secret != "" {
		form.Set("secret", secret)
	}
	x.client.post(x.t, x.base+webhook+step, form, status)
}

// prepares prepares a secret, reveals it and sends a test that is signed with it.
func (x *tracks) prepares(webhook string) {
	x.t.Helper()
	x.shows = true
	x.step(webhook, "/replace/prepare", "secretFingerprint", nextMark+"\n", http.StatusUnprocessableEntity)
	x.shows = false
	x.step(webhook, "/replace/prepare", "secretFingerprint", nextMark, http.StatusSeeOther)
	x.shows = true
	x.step(webhook, "/secret", "nextSecretFingerprint", "", http.StatusOK)
	x.shows = false
	x.step(webhook, "/replace/test", "nextSecretFingerprint", "", http.StatusSeeOther)
	x.client.get(x.t, x.base+webhook+"/replace")
}

// promotes makes that secret the current one, and after some deliveries replaces it at once, and once more.
func (x *tracks) promotes(webhook string) {
	x.t.Helper()
	x.step(webhook, "/replace/promote", "nextSecretFingerprint", "", http.StatusSeeOther)
	x.client.get(x.t, x.base+webhook+"/replace")
	x.deliveries(webhook)
	x.step(webhook, "/replace/retire", "previousSecretFingerprint", "", http.StatusSeeOther)
	x.step(webhook, "/replace/now", "secretFingerprint", lastMark, http.StatusSeeOther)
	x.deliveries(webhook)
	x.step(webhook, "/replace/foul-play", "secretFingerprint", "", http.StatusSeeOther)
	x.client.get(x.t, x.base+webhook+"/replace")
}

// deliveries sends tests and reports of a run to the first webhooks, and the reports once more.
func (x *tracks) deliveries(webhooks ...string) {
	x.t.Helper()
	for _, webhook := range webhooks {
		x.client.post(x.t, x.base+webhook+"/test", nil, http.StatusSeeOther)
	}
	run := x.call("POST", "/api/v1/stacks/site/runs", `{}`, http.StatusCreated)
	ids := idOfDelivery.FindStringSubmatch(run)
	if ids == nil {
		x.t.Fatal(run)
	}
	for _, id := range ids[1 : 1+len(webhooks)] {
		x.ended(id)
		x.client.get(x.t, x.base+"/stacks/site/deliveries/"+id)
		x.client.get(x.t, x.base+"/stacks/site/deliveries/"+id+"/download")
		x.call("GET", "/api/v1/stacks/site/deliveries/"+id, "", http.StatusOK)
		x.call("GET", "/api/v1/stacks/site/deliveries/"+id+"/attempts", "", http.StatusOK)
		x.client.post(x.t, x.base+"/stacks/site/deliveries/"+id+"/redeliver", nil, http.StatusSeeOther)
		x.ended(id)
	}
}

// ended waits until a delivery has ended.
func (x *tracks) ended(id string) {
	x.t.Helper()
	look, over := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer look.Stop()
	for strings.Contains(x.call("GET", "/api/v1/stacks/site/deliveries/"+id, "", http.StatusOK), `"status":"pending"`) {
		select {
		case <-look.C:
		case <-over:
			x.t.Fatalf("the delivery %s does not end", id)
		}
	}
}

// reveals shows the secret on the page and by the API, which are the two answers that may hold it, and looks at the page after.
func (x *tracks) reveals(webhook string) {
	x.t.Helper()
	generated := x.secrets[len(x.secrets)-1]
	x.shows = true
	resp, err := x.client.PostForm(x.base+webhook+"/secret", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	var page bytes.Buffer
	page.ReadFrom(resp.Body)
	resp.Body.Close()
	s := newSearch(x.t, generated)
	if s.finds(page.Bytes()) == nil {
		x.t.Errorf("the page does not reveal the secret:\n%s", page.String())
	}
	id := webhook[strings.LastIndex(webhook, "/")+1:]
	if s.finds([]byte(x.call("POST", "/api/v1/stacks/site/webhooks/"+id+"/secret", "", http.StatusOK))) == nil {
		x.t.Error("the API does not reveal the secret")
	}
	x.shows = false
	x.client.get(x.t, x.base+webhook)
}

// mistakes makes every kind of answer to what is wrong while the secret is in the request.
func (x *tracks) mistakes(webhook string) {
	x.t.Helper()
	form := url.Values{"endpoint": {"https://example.com/"}, "secret": {wrongMark}}
	x.client.post(x.t, x.base+"/stacks/none/settings/integrations/webhooks", form, http.StatusNotFound)
	x.client.post(x.t, x.base+webhook+"nothing", form, http.StatusNotFound)
	x.client.post(x.t, x.base+webhook+"/edit", form, http.StatusMethodNotAllowed)
	x.client.post(x.t, x.base+webhook, url.Values{"secret": {wrongMark + strings.Repeat("x", 70_000)}}, http.StatusRequestEntityTooLarge)
	nobody := newBrowser(x.t) // the form waits behind the sign-in, sealed
	nobody.Transport = x
	nobody.post(x.t, x.base+webhook, form, http.StatusUnauthorized)
	x.shows = true // the links of the page keep its address; the log must not have it
	x.client.get(x.t, x.base+"/stacks?page="+url.QueryEscape(wrongMark))
	x.shows = false
	body := `{"type":` + quote(wrongMark) + `,"secret":` + quote(wrongMark) + `}`
	x.call("POST", "/api/v1/stacks/site/runs", body, http.StatusUnprocessableEntity)
	x.call("POST", "/api/v1/stacks/site/runs", body[:30], http.StatusBadRequest)
	x.call("POST", "/api/v1/stacks/site/webhooks", body, http.StatusMethodNotAllowed)
	x.call("GET", "/api/v1/stacks/site/runs?limit="+url.QueryEscape(wrongMark), "", http.StatusUnprocessableEntity)
	x.call("POST", "/api/v1/stacks/none/webhooks/none/secret", "", http.StatusNotFound)
}

// quote writes a text as JSON has it.
func quote(text string) string {
	var b bytes.Buffer
	b.WriteByte('"')
	for _, r := range text {
		if r == '"' || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}
