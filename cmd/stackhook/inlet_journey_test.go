package main

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stackhook/models"
	"stackhook/models/store"
)

// workspace is a workspace of HCP Terraform with a notification configuration, as far as that sends.
type workspace struct {
	t              *testing.T
	address, token string
}

// send sends a signed body and returns the answer.
func (w workspace) send(body string, status int) string {
	w.t.Helper()
	mac := hmac.New(sha512.New, []byte(w.token))
	mac.Write([]byte(body))
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-TFE-Notification-Signature", hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		w.t.Fatalf("%s, want %d, %v: %s", resp.Status, status, err, text)
	}
	return string(text)
}

// verify looks whether the address answers, as HCP Terraform does before it turns a notification on.
func (w workspace) verify(status int) {
	w.t.Helper()
	w.send(`{"payload_version":1,"notification_configuration_id":"nc-AeUQ2zfKZzW9TiGZ","run_url":null,"run_id":null,"run_message":null,"run_created_at":null,
		"run_created_by":null,"workspace_id":null,"workspace_name":null,"organization_name":null,
		"notifications":[{"message":"Verification of Stackhook","trigger":"verification","run_status":null,"run_updated_at":null,"run_updated_by":null}]}`, status)
}

// notify sends what happened to the run, so many seconds after it was created.
func (w workspace) notify(run, trigger, status string, after int) {
	w.t.Helper()
	w.send(fmt.Sprintf(`{"payload_version":1,"notification_configuration_id":"nc-AeUQ2zfKZzW9TiGZ",
		"run_url":"https://app.terraform.io/app/acme-org/my-workspace/runs/%[1]s","run_id":%[1]q,"run_message":"Add five new queue workers",
		"run_created_at":"2019-01-25T18:34:00.000Z","run_created_by":"sample-user","workspace_id":"ws-XdeUVMWShTesDMME","workspace_name":"my-workspace",
		"organization_name":"acme-org","notifications":[{"message":"Run Canceled","trigger":%[2]q,"run_status":%[3]q,
		"run_updated_at":"2019-01-25T18:34:%02[4]d.000Z","run_updated_by":null}]}`, run, trigger, status, after), http.StatusOK)
}

// An administrator sets an inlet up by keyboard, HCP Terraform sends what happens to a run, and a receiver that knows nothing of it
// gets signed requests.
func TestRunsOfHCPTerraform(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL="+adminEmail, "STACKHOOK_ADMIN_PASSWORD="+password)
			_, base := serving(t, env)
			receiver := newStranger(t)
			succeed(t, env, "stack", "add", "--name", "site")
			inDatabase(t, env, func(s *store.Store) { addWebhook(t, s, receiver) })
			p := openBrowser(t, base, scripts)
			p.signIn(adminEmail)
			p.open("/stacks/site/settings/inlets")
			p.do(chromedp.SendKeys(chromedp.CSS("[name=secret]"), "\r"))
			p.sees("Copy the token now")
			w := workspace{t, value[string](p, `document.querySelector(".facts .mono").textContent`), value[string](p, `document.querySelector(".secret-value").textContent`)}
			w.verify(http.StatusOK)
			for after, step := range [][2]string{
				{"run:created", "pending"}, {"run:planning", "planning"}, {"run:needs_attention", "planned"}, {"run:applying", "applying"}, {"run:completed", "applied"},
			} {
				w.notify("run-FwnENkvDnrpyFC7M", step[0], step[1], after)
				w.notify("run-FwnENkvDnrpyFC7M", step[0], step[1], after)
			}
			w.notify("run-FwnENkvDnrpyFC7M", "run:invented", "applied", 9)
			receiver.expect("QUEUED", "PLANNING", "UNCONFIRMED", "APPLYING", "FINISHED")
			p.comesToSee("/stacks/site/settings/inlets", "verification", "run:created", "Started the run", "A repeat", "run:invented", "Kept.", "FINISHED", "acme-org/my-workspace")
			p.lacks(w.token)
			p.do(chromedp.SendKeys(chromedp.CSS("main section details summary"), " "), chromedp.SendKeys(chromedp.CSS("[name=secret]"), "\r"))
			p.sees("Copy the token now")
			w.verify(http.StatusUnauthorized)
			w.token = value[string](p, `document.querySelector(".secret-value").textContent`)
			w.verify(http.StatusOK)
			inDatabase(t, env, func(s *store.Store) { expectNoMoreThan(t, s, 5) })
		})
	}
}

// addWebhook adds a webhook to the receiver, which gets its secret.
func addWebhook(t *testing.T, s *store.Store, receiver *stranger) {
	t.Helper()
	stack, err := s.Stack(t.Context(), everything, "site")
	if err != nil {
		t.Fatal(err)
	}
	form := models.WebhookForm{Endpoint: receiver.URL, Secret: models.GenerateSecret(), Enabled: true}
	if _, err := s.CreateWebhook(t.Context(), shellActor(), stack, form); err != nil {
		t.Fatal(err)
	}
	receiver.secret <- form.Secret
}

// expect waits for the states of one run, with versions that grow, whatever the order in which they arrive.
func (s *stranger) expect(states ...string) {
	s.t.Helper()
	got := make([]string, len(states))
	for range states {
		var payload struct {
			State        string
			StateVersion int
			Run          struct {
				TriggeredBy string
				Commit      struct{ Message, URL, Hash string }
			}
		}
		body := s.await()
		if err := json.Unmarshal([]byte(body), &payload); err != nil || payload.StateVersion >= len(states) {
			s.t.Fatalf("%v: %s", err, body)
		}
		got[payload.StateVersion] = payload.State
		if c := payload.Run.Commit; payload.Run.TriggeredBy != "sample-user" || c.Message != "Add five new queue workers" || c.URL != "" || c.Hash != "" {
			s.t.Errorf("%s", body)
		}
	}
	if strings.Join(got, " ") != strings.Join(states, " ") {
		s.t.Errorf("the receiver got %v, want %v", got, states)
	}
}

// expectNoMoreThan looks how many deliveries there are.
func expectNoMoreThan(t *testing.T, s *store.Store, most int) {
	t.Helper()
	log, err := s.Deliveries(t.Context(), everything, store.DeliveryFilter{}, store.Page{})
	if err != nil || len(log.Rows) != most {
		t.Errorf("%d deliveries, want %d: %v", len(log.Rows), most, err)
	}
}

// inlets sets an inlet up in one of the demo's stacks, lets things come in, and returns the pages of that and those of a stack
// without one.
func inlets(t *testing.T, client *browser, base string) (pages []string) {
	t.Helper()
	const page = "/stacks/spacelift-demo/settings/inlets"
	w := workspace{t, base + "/api/v1/inlets/hcp-terraform/spacelift-demo", "the token of this inlet"}
	client.post(t, base+page+"/hcp-terraform", url.Values{"secret": {w.token}}, http.StatusOK)
	w.verify(http.StatusOK)
	w.notify("run-FwnENkvDnrpyFC7M", "run:needs_attention", "planned", 20)
	w.notify("run-FwnENkvDnrpyFC7M", "run:created", "pending", 0)
	w.notify("run-"+strings.Repeat("x", 300), strings.Repeat("y", 300), strings.Repeat("z", 300), 1)
	_, body := client.get(t, base+page)
	found := regexp.MustCompile(`href="([^"]*[?]body=\d+)`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("no body to look at:\n%s", body)
	}
	return []string{page, found[1], page + "?off=hcp-terraform", page + "?older=1", "/stacks/networking-prod/settings/inlets", "/help/hcp-terraform"}
}
