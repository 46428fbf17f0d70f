package models

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// hcpNow is when the notifications of these tests come in: years after they were sent.
var hcpNow = time.Date(2026, time.October, 6, 14, 30, 0, 0, time.UTC)

// The sample of the documentation.
const hcpSample = `{
  "payload_version": 1,
  "notification_configuration_id": "nc-AeUQ2zfKZzW9TiGZ",
  "run_url": "https://app.terraform.io/app/acme-org/my-workspace/runs/run-FwnENkvDnrpyFC7M",
  "run_id": "run-FwnENkvDnrpyFC7M",
  "run_message": "Add five new queue workers",
  "run_created_at": "2019-01-25T18:34:00.000Z",
  "run_created_by": "sample-user",
  "workspace_id": "ws-XdeUVMWShTesDMME",
  "workspace_name": "my-workspace",
  "organization_name": "acme-org",
  "notifications": [{
    "message": "Run Canceled",
    "trigger": "run:errored",
    "run_status": "canceled",
    "run_updated_at": "2019-01-25T18:37:04.000Z",
    "run_updated_by": "sample-user"
  }]
}`

func parsedHCP(t *testing.T, body string) HCPNotification {
	t.Helper()
	all, err := ParseHCP([]byte(body), hcpNow)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

func TestANotificationBecomesARun(t *testing.T) {
	t.Parallel()
	n := parsedHCP(t, hcpSample)
	run := n.Start().Run(hcpNow)
	if err := n.Start().Check(); err != nil {
		t.Error(err)
	}
	want := Run{
		ID: n.OurRun(), Type: Tracked, TriggeredBy: "sample-user", Commit: Commit{Message: "Add five new queue workers"},
		CreatedAt: 1548441240, State: Stopped, StateAt: 1548441424, ReceivedAt: hcpNow, UpdatedAt: hcpNow,
	}
	if run != want {
		t.Errorf("%+v\nwant %+v", run, want)
	}
	if at := IDTime(run.ID); at.Unix() != 1548441240 {
		t.Errorf("the id %s is of %v", run.ID, at)
	}
	if n.RunURL == "" || n.Kept(nil).Workspace != "acme-org/my-workspace" {
		t.Errorf("%+v", n)
	}
}

// The same run has the same id in every notification, and no other run has it.
func TestARunKeepsItsID(t *testing.T) {
	t.Parallel()
	id := parsedHCP(t, hcpSample).OurRun()
	for name, c := range map[string]struct {
		old, new string
		same     bool
	}{
		"another event":         {"run:errored", "run:planning", true},
		"another time":          {"18:37:04.000Z", "18:38:04.000Z", true},
		"another fraction":      {"18:34:00.000Z", "18:34:00.250Z", true},
		"no fraction":           {"18:34:00.000Z", "18:34:00Z", true},
		"another zone":          {"18:34:00.000Z", "19:34:00.000+01:00", true},
		"another workspace":     {"my-workspace", "renamed", true},
		"another run":           {"run-FwnENkvDnrpyFC7M\",", "run-FwnENkvDnrpyFC7N\",", false},
		"another one's letters": {"run-FwnENkvDnrpyFC7M\",", "run-fwnENkvDnrpyFC7M\",", false},
	} {
		if n := parsedHCP(t, strings.ReplaceAll(hcpSample, c.old, c.new)); (n.OurRun() == id) != c.same {
			t.Errorf("%s: %s, it was %s", name, n.OurRun(), id)
		}
	}
}

func TestWhichStateANotificationMeans(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]State{
		"run:created pending": Queued, "run:created fetching": Queued, "run:created plan_queued": Queued, "run:created ": Queued,
		"run:planning planning": Planning, "run:planning pre_plan_running": Planning, "run:planning something new": Planning,
		"run:needs_attention planned": Unconfirmed, "run:needs_attention cost_estimated": Unconfirmed, "run:needs_attention policy_checked": Unconfirmed,
		"run:needs_attention policy_override": PendingReview, "run:needs_attention post_plan_awaiting_decision": PendingReview,
		"run:applying confirmed": Confirmed, "run:applying apply_queued": Confirmed, "run:applying applying": Applying, "run:applying ": Applying,
		"run:completed applied": Finished, "run:completed planned_and_finished": Finished, "run:completed planned_and_saved": Unconfirmed, "run:completed ": Finished,
		"run:errored errored": FailedState, "run:errored canceled": Stopped, "run:errored force_canceled": Stopped, "run:errored discarded": Discarded,
		"run:completed discarded": Discarded, "run:completed policy_soft_failed": FailedState, "run:errored something new": FailedState,
		"run:planning errored": FailedState, "run:created applied": Finished, // they come late, or are sent late
		"run:drift applied": "", "verification ": "", "assessment:drifted ": "", " applied": "", "RUN:CREATED pending": "", "run:created\u0000 pending": Queued,
	} {
		trigger, status, _ := strings.Cut(name, " ")
		quoted, _ := json.Marshal(trigger)
		n := parsedHCP(t, fmt.Sprintf(`{"run_id":"run-1","notifications":[{"trigger":%s,"run_status":%q}]}`, quoted, status))
		if got := n.State(); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
		n.RunID = ""
		if got := n.State(); got != "" {
			t.Errorf("%q of no run is %q", name, got)
		}
	}
	for _, m := range HCPMeanings() {
		if !m.State.Known() {
			t.Errorf("%+v", m)
		}
	}
}

func TestNotificationsOutOfOrder(t *testing.T) {
	t.Parallel()
	const at = 1000
	for _, c := range []struct {
		run    State
		status string // of the trigger in hcpTriggers
		after  int64  // seconds, after the run came to its state
		want   NotificationOutcome
	}{
		{Queued, "planning", 1, NotificationRecorded},
		{Queued, "planning", 0, NotificationRecorded}, // within one second their order decides
		{Queued, "planning", -1, NotificationLate},
		{Planning, "pending", 0, NotificationLate},
		{Planning, "pending", 1, NotificationRecorded},
		{Planning, "planning", 0, NotificationRepeated},
		{Planning, "planning", 5, NotificationRepeated},
		{Unconfirmed, "applied", 1, NotificationRecorded},
		{Unconfirmed, "applied", -1, NotificationRecorded}, // an end is an end
		{Finished, "applied", 1, NotificationRepeated},
		{Finished, "planning", 1, NotificationEnded},
		{Finished, "errored", 1, NotificationEnded},
		{Stopped, "pending", -1, NotificationEnded},
	} {
		n := HCPNotification{RunID: "run-1", RunStatus: c.status, At: time.Unix(at+c.after, 999_000_000), Trigger: map[string]string{
			"pending": hcpCreated, "planning": hcpPlanning, "applied": hcpCompleted, "errored": hcpErrored,
		}[c.status]}
		if got := n.Judge(Run{State: c.run, StateAt: at}); got != c.want {
			t.Errorf("%s, then %s %d s later: %s, want %s", c.run, c.status, c.after, got, c.want)
		}
	}
	// Without a time the usual order of states decides.
	for state, want := range map[State]NotificationOutcome{Queued: NotificationRecorded, Applying: NotificationLate} {
		n := HCPNotification{RunID: "run-1", Trigger: hcpPlanning}
		if got := n.Judge(Run{State: state, StateAt: at}); got != want {
			t.Errorf("%s, then planning: %s, want %s", state, got, want)
		}
	}
}

// Whatever a notification holds, what is made of it may be reported.
func TestHostileNotificationsFit(t *testing.T) {
	t.Parallel()
	for name, hostile := range map[string]string{
		"long": strings.Repeat("é", 5000), "controls": "a\x00b\x1b[31m\r\nc\u202ed\u2066", "not UTF-8": "a\xff\xfeb", "markup": `<script>alert(1)</script>"'`,
		"blanks": " \t\r\n ", "empty": "", "a lone half": `\ud800`,
	} {
		text, _ := json.Marshal(hostile)
		body := fmt.Sprintf(`{"run_url":%[1]s,"run_id":%[1]s,"run_message":%[1]s,"run_created_at":%[1]s,"run_created_by":%[1]s,"workspace_name":%[1]s,
			"organization_name":%[1]s,"notifications":[{"message":%[1]s,"trigger":"run:created","run_status":%[1]s,"run_updated_at":%[1]s}]}`, text)
		if name == "not UTF-8" {
			body = strings.ReplaceAll(body, `\ufffd`, "\xff")
		}
		all, err := ParseHCP([]byte(body), hcpNow)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := all[0]
		if name == "empty" { // it is about no run
			n.RunID = "run-1"
		}
		for _, err := range []error{n.Start().Check(), n.Next(Run{}).Check()} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		k := n.Kept([]byte(body))
		for _, text := range []string{k.Trigger, k.RunStatus, k.TheirRun, k.Workspace, k.Message, k.RunURL} {
			if hasControl(text) || !utf8.ValidString(text) || len(text) > 4*2*MaxRunText+1 {
				t.Errorf("%s: %.50q is kept", name, text)
			}
		}
	}
	for name, url := range map[string]string{"a script": "javascript:alert(1)", "a file": "file:///etc/passwd", "no host": "https:///x", "a path": "/stacks"} {
		if n := parsedHCP(t, fmt.Sprintf(`{"run_url":%q,"notifications":[{"trigger":"verification"}]}`, url)); n.RunURL != "" {
			t.Errorf("%s is kept as a link: %s", name, n.RunURL)
		}
	}
	long := parsedHCP(t, fmt.Sprintf(`{"run_message":%q,"notifications":[{"trigger":"x"}]}`, strings.Repeat("é", MaxCommitMessage)))
	if len(long.Message) > MaxCommitMessage || len(long.Message) < MaxCommitMessage-2 || !strings.HasSuffix(long.Message, "é…") {
		t.Errorf("%d bytes are kept: …%q", len(long.Message), long.Message[len(long.Message)-9:])
	}
	if k := long.Kept(make([]byte, 1<<20)); len(k.Body) != MaxNotificationBody {
		t.Errorf("a body of %d bytes is kept", len(k.Body))
	}
}

func TestTimesOfNotifications(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"2019-01-25T18:34:00.000Z": 1548441240, "2019-01-25T18:34:00.999Z": 1548441240, "2019-01-25T20:34:00+02:00": 1548441240,
		"": 0, "yesterday": 0, "2019-01-25": 0, "1900-01-01T00:00:00Z": 0, "9999-12-31T23:59:59Z": 0,
		hcpNow.Add(4 * time.Minute).Format(time.RFC3339): hcpNow.Unix() + 240, hcpNow.Add(6 * time.Minute).Format(time.RFC3339): 0,
	} {
		got := hcpTime(text, hcpNow)
		if got.IsZero() != (want == 0) || want != 0 && got.Unix() != want {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestWhatIsNoNotification(t *testing.T) {
	t.Parallel()
	many := `{"notifications":[` + strings.Repeat(`{"trigger":"run:created"},`, maxHCPEvents) + `{}]}`
	for body, field := range map[string]string{
		`{}`: "notifications", `null`: "notifications", `[]`: "body", `"x"`: "body", `{"notifications":[]}`: "notifications", `{"notifications":{}}`: "notifications",
		`{"notifications":[{"trigger":7}]}`: "notifications.trigger", `{"run_id":["x"],"notifications":[{}]}`: "run_id", `{"details":7,"trigger":"x"}`: "details", many: "notifications",
	} {
		all, err := ParseHCP([]byte(body), hcpNow)
		bad, is := err.(Invalid)
		if !is || bad.Message(field) == "" || len(all) != 0 {
			t.Errorf("%.60s: %v, %v, want a fault of %q", body, all, err, field)
		}
	}
}

// What HCP Terraform sends beside events of runs is no fault.
func TestNotificationsOfOtherKinds(t *testing.T) {
	t.Parallel()
	verification := parsedHCP(t, `{"payload_version":1,"notification_configuration_id":"nc-1","run_url":null,"run_id":null,"run_message":null,
		"run_created_at":null,"run_created_by":null,"workspace_id":null,"workspace_name":null,"organization_name":null,
		"notifications":[{"message":"Verification of test","trigger":"verification","run_status":null,"run_updated_at":null,"run_updated_by":null}]}`)
	if k := verification.Kept(nil); k.Outcome != NotificationVerified || k.State != "" {
		t.Errorf("%+v", k)
	}
	drift := parsedHCP(t, `{"payload_version":"2","trigger_scope":"assessment","trigger":"assessment:drifted","message":"Drift Detected",
		"details":{"new_assessment_result":{"id":"asmtres-1","drifted":true},"workspace_name":"my-workspace","organization_name":"acme-org"}}`)
	if k := drift.Kept(nil); k.Outcome != NotificationKept || k.Trigger != "assessment:drifted" || k.Workspace != "acme-org/my-workspace" || k.Message != "Drift Detected" {
		t.Errorf("%+v", k)
	}
	both, err := ParseHCP([]byte(`{"run_id":"run-1","notifications":[{"trigger":"run:planning","run_updated_at":"2019-01-25T18:34:01Z"},
		{"trigger":"run:created","run_updated_at":"2019-01-25T18:34:00Z"}]}`), hcpNow)
	if err != nil || len(both) != 2 || both[0].State() != Queued || both[1].State() != Planning {
		t.Errorf("%+v, %v", both, err)
	}
}
