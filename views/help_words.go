package views

import (
	"fmt"
	"time"

	"stackhook/models"
	"stackhook/views/ui"
)

// fieldWords is one field of a JSON body, in words. Its meaning is a sentence without its full stop.
type fieldWords struct{ Path, Type, Meaning string }

// payloadFields are all fields of the payload, in its order. Objects stand before what is in them.
var payloadFields = []fieldWords{
	{"account", "string", "The name of this installation"},
	{"state", "string", "The state that the run is now in, such as FINISHED"},
	{"stateVersion", "number", "The ordinal of that state in its run, from 0. A state may come again, its number never does"},
	{"timestamp", "number", "When the run entered the state"},
	{"run", "object", "The run, as far as its pipeline reported it. What it left out is \"\" or 0"},
	{"run.id", "string", "A ULID, unique within the stack"},
	{"run.branch", "string", "The branch that is planned or applied"},
	{"run.commit", "object", "The commit that the run is about; it is always there"},
	{"run.commit.authorLogin", "string", "What its author is called where the code is kept"},
	{"run.commit.authorName", "string", "The author's name"},
	{"run.commit.hash", "string", "40 or 64 hex digits, or none"},
	{"run.commit.message", "string", "Its message"},
	{"run.commit.timestamp", "number", "When it was made"},
	{"run.commit.url", "string", "Where it can be read"},
	{"run.createdAt", "number", "When the run was created"},
	{"run.delta", "object", "What the plan changes. Left out while there is no plan"},
	{"run.delta.added", "number", "Resources to be added"},
	{"run.delta.changed", "number", "Resources to be changed"},
	{"run.delta.deleted", "number", "Resources to be deleted"},
	{"run.delta.resources", "number", "Resources that the stack then has"},
	{"run.triggeredBy", "string", "Who or what started the run"},
	{"run.type", "string", "TRACKED, PROPOSED, TASK, TESTING or DESTROY. A test is of the type TESTING"},
	{"stack", "object", "The stack, as it was when the state changed"},
	{"stack.id", "string", "Its id, as in this site's addresses"},
	{"stack.name", "string", "Its name"},
	{"stack.description", "string", "Its description, which may be empty"},
	{"stack.labels", "array", "Its labels; [] when there are none, never null"},
}

// headerWords are the headers of a request that mean something, with their meanings.
var headerWords = [][2]string{
	{"X-Signature-256", "sha256= and the HMAC-SHA256 of the body, keyed with the secret exactly as typed, in lower-case hex"},
	{"X-Signature", "sha1= and the same with SHA-1, for receivers that cannot do better"},
	{"webhook-id", "The id of the delivery: the same on every retry and redelivery"},
	{"webhook-timestamp", "When this attempt was made, in Unix seconds"},
	{"webhook-signature", "v1, and a signature of id, time and body as Standard Webhooks has it; a second one after a blank while a secret is replaced. Left out when there is no secret"},
	{"User-Agent", "Stackhook/ and its version. Anybody can write that: it proves nothing"},
	{"X-Stackhook-Test", "1 on a test that somebody asked for. Other requests do not have it"},
}

// reasonMeanings say in a line what each reason means. They are closed as the list of reasons is.
var reasonMeanings = map[models.Reason]string{
	models.ReasonDNS:             "The endpoint's host has no address: it is misspelt, or its DNS record is not known here",
	models.ReasonRefused:         "Nobody listens on that port, or a firewall rejects connections to it",
	models.ReasonUnreachable:     "No route leads to the host or its network",
	models.ReasonReset:           "The connection was closed before an answer came. The request may have been received",
	models.ReasonTimeout:         "No answer came in time. The request may have been received",
	models.ReasonTLS:             "No trusted encrypted connection came about: look at the certificate, its names, its end and its chain",
	models.ReasonBlocked:         "The endpoint leads to an address that this installation does not send to. Its operator can allow it",
	models.ReasonRedirect:        "The receiver answered 3xx, which is not followed. Use the address in Location as the endpoint, if you trust it",
	models.Reason4xx:             "The receiver refused the request. Its answer is kept with the attempt and may say why",
	models.Reason5xx:             "The receiver, or a proxy in front of it, failed",
	models.ReasonGone:            "The receiver answered 410: it wants no more. Its webhook is disabled",
	models.ReasonProtocol:        "The answer was not valid HTTP: the scheme or the port of the endpoint may be wrong",
	models.ReasonInterrupted:     "Stackhook ended before the answer came. The request may have been received; it is sent again at once",
	models.ReasonInternal:        "The fault is not the receiver's. Stackhook's log says more",
	models.ReasonExpired:         "The delivery became too old before it was accepted",
	models.ReasonWebhookDeleted:  "The webhook was deleted while the delivery was pending",
	models.ReasonWebhookDisabled: "The webhook was disabled when the state changed, so the delivery was skipped",
}

// retryWords say how often and how long a delivery is tried.
func retryWords(delays []time.Duration) string {
	if len(delays) == 0 {
		return "Each delivery is tried once."
	}
	var all time.Duration
	for _, d := range delays {
		all += d
	}
	return fmt.Sprintf("A delivery that is not accepted is tried again, up to %s in %s, after these pauses. Each may be up to a tenth longer, never shorter.",
		ui.Counted(len(delays), "time"), ui.Duration(all))
}

// problemWords is one status of the API for what went wrong.
type problemWords struct {
	Code            int
	Meaning, Remedy string
}

// apiProblems are what the API answers when it does not take a report.
var apiProblems = []problemWords{
	{400, "The body is not JSON, or has a key twice", "Correct the body"},
	{401, "There is no token, or one that is not valid", "Send Authorization: Bearer and the token"},
	{403, "The token's scope does not allow this", "Use a token with the scope report"},
	{404, "The token sees no such stack, or the stack has no such run", "Compare the address with the stack's id and the run's id"},
	{409, "The run has ended, or its id or stateVersion is taken by something else, or is not the next one", "Read what the answer says is there and what is expected"},
	{413, "The body has more than 1 MiB", "Shorten it; a commit message has at most 4 KiB"},
	{415, "The body is not application/json", "Send the header Content-Type: application/json"},
	{422, "A field is unknown or holds something that it may not", "Correct the fields that the answer names"},
	{503, "Whether the report was stored is not known", "Send it again after Retry-After, with its id or stateVersion"},
}

// startFields and stateFields are what the two calls take. Everything but a state report's state may be left out.
var (
	startFields = []fieldWords{
		{"id", "string", "A ULID in upper case. Send one, so that the call may be repeated"},
		{"type", "string", "TRACKED if left out"},
		{"state", "string", "The run's first state: QUEUED if left out"},
		{"branch", "string", "At most 255 characters, as triggeredBy"},
		{"triggeredBy", "string", "Who or what started the run"},
		{"commit", "object", "authorLogin, authorName, hash, message, timestamp and url, each of which may be left out"},
		{"createdAt", "number", "When the run was created; now if left out"},
		{"timestamp", "number", "When it entered its first state; now if left out"},
	}
	stateFields = []fieldWords{
		{"state", "string", "Any of the states below. Required"},
		{"stateVersion", "number", "The ordinal of the state in its run: the first report was 0, so this is 1, 2, 3 and so on. Send it, so that the call may be repeated"},
		{"timestamp", "number", "When the run entered the state; now if left out"},
		{"delta", "object", "added, changed, deleted and resources, once there is a plan. It stays with the run and is in every later payload"},
	}
)
