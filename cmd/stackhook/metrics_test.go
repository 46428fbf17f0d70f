package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// The metrics of a real server after a real delivery, and who may read them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	env, receiver := onDatabase(t), newGate(t)
	close(receiver.open)
	env = append(env, "STACKHOOK_METRICS_TOKEN=a-token-of-the-scraper")
	_, base := serving(t, env)
	token := prepare(t, env, receiver.URL)
	reportRun(t, base, token)
	receiver.await(t, "the request was accepted", func() bool { return len(receiver.accepted) == 1 })

	if status, _ := scrape(t, base, ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := scrape(t, base, "another"); status != http.StatusUnauthorized {
		t.Errorf("with another token: %d", status)
	}
	var text string
	// The result is recorded a moment after the receiver has answered. What is counted and what is read from the database
	// come from two moments of one scrape.
	for over := time.Now().Add(patience); time.Now().Before(over); {
		_, text = scrape(t, base, "a-token-of-the-scraper")
		if strings.Contains(text, `status="delivered"} 1`) && strings.Contains(text, `stackhook_webhooks_waiting 0`) {
			break
		}
	}
	for _, line := range []string{
		`stackhook_reports_total{result="accepted"} 1`, `stackhook_deliveries_ended_total{reason="",status="delivered"} 1`,
		`stackhook_attempts_total{reason=""} 1`, `stackhook_attempt_duration_seconds_count 1`, `stackhook_deliveries_due 0`,
		`stackhook_circuits_open 0`, `stackhook_webhooks_waiting 0`, `stackhook_build_info{version=`, `stackhook_commit_changes_count`, `go_goroutines`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("there is no %s in\n%s", line, text)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "stackhook_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	for _, word := range []string{receiver.URL, "127.0.0.1", token, "a-token-of-the-scraper"} {
		if strings.Contains(text, word) {
			t.Errorf("the metrics hold %q", word)
		}
	}
}

func TestNoMetricsWithoutAToken(t *testing.T) {
	t.Parallel()
	_, base := serving(t, onDatabase(t))
	if status, _ := scrape(t, base, ""); status != http.StatusNotFound {
		t.Errorf("answered %d, want 404", status)
	}
}

func scrape(t *testing.T, base, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
