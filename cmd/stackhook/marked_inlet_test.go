package main

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
)

// inletMark is the token of an inlet.
const inletMark = `sixth/marked+token, of an inlet "<&é>"' ~d18`

const inletPath = "/stacks/site/settings/inlets/hcp-terraform"

var shownToken = regexp.MustCompile(`secret-value"[^>]*>(shi_[^<]+)<`)

// inlet sets an inlet up with a token that is typed, and replaces it with one that is generated, which is the one to be found from
// then on. Both work. The answers to the forms show the token, and so does a form that comes back with a mistake.
func (x *tracks) inlet() (works func()) {
	x.t.Helper()
	w := workspace{x.t, x.base + "/api/v1/inlets/hcp-terraform/site", inletMark}
	x.shows = true
	x.client.post(x.t, x.base+inletPath, url.Values{"secret": {inletMark}}, http.StatusOK)
	x.client.post(x.t, x.base+inletPath, url.Values{"secret": {wrongMark}}, http.StatusConflict)
	x.shows = false
	works = func() {
		x.t.Helper()
		x.keep("answers to HCP Terraform", []byte(w.send(`{"run_id":"run-1","notifications":[{"trigger":"run:planning"}]}`, http.StatusOK)))
	}
	works()
	_, page := x.client.get(x.t, x.base+"/stacks/site/settings/inlets")
	print := regexp.MustCompile(`name="fingerprint" value="(\w+)"`).FindStringSubmatch(page)
	if print == nil {
		x.t.Fatalf("no fingerprint:\n%s", page)
	}

	x.shows = true
	x.client.post(x.t, x.base+inletPath+"/token", url.Values{"fingerprint": {print[1]}, "secret": {wrongMark + "\n"}}, http.StatusUnprocessableEntity)
	resp, err := x.client.PostForm(x.base+inletPath+"/token", url.Values{"fingerprint": {print[1]}})
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	answer.ReadFrom(resp.Body)
	x.shows = false
	found := shownToken.FindSubmatch(answer.Bytes())
	if found == nil {
		x.t.Fatalf("no token is shown:\n%s", answer.String())
	}
	w.send("{}", http.StatusUnauthorized) // the first token is worth nothing now
	w.token = string(found[1])
	x.secrets = append([]string{w.token}, x.secrets...) // the last is the webhook's
	works()
	return works
}
