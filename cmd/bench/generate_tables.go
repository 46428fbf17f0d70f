package main

import (
	"net/http"
	"strconv"
	"time"

	"stackhook/models"
)

// generatedColumns are those of the tables that are written, in the order of their rows.
var generatedColumns = map[string][]string{
	"runs": {
		"key", "stack_key", "id", "type", "branch", "triggered_by", "commit_author_login", "commit_author_name", "commit_hash", "commit_message",
		"commit_timestamp", "commit_url", "created_at", "state", "state_version", "state_at", "received_at", "updated_at",
	},
	"events": {"id", "stack_key", "run_key", "run_id", "state", "state_version", "at", "payload", "created_at"},
	"deliveries": {
		"id", "stack_key", "webhook_id", "event_id", "run_key", "run_id", "state", "state_version", "test", "silent", "status", "reason", "code",
		"attempt", "tries", "due_at", "lease_owner", "claimed_at", "first_ended_at", "first_delivered_at", "duration", "expire_from", "ended_at",
		"redelivered_by", "created_at",
	},
	"attempts": {
		"delivery_id", "number", "started_at", "reason", "detail", "code", "url", "address", "reused", "protocol", "tls_version", "dns", "connect",
		"tls", "first_byte", "body", "total", "request_headers", "response_headers", "response_body",
	},
	"tallies": {
		"webhook_id", "step", "at", "shard", "stack_key", "delivered", "failed", "skipped", "tooka", "tookb", "tookc", "tookd", "tooke", "tookf",
		"tookg", "tookh", "tooki", "tookj", "tookk", "tookl",
	},
	"stack_tallies": {
		"stack_key", "step", "at", "shard", "delivered", "failed", "skipped", "tooka", "tookb", "tookc", "tookd", "tooke", "tookf",
		"tookg", "tookh", "tooki", "tookj", "tookk", "tookl",
	},
}

// instant is a time as the tables have it.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// runKey is nothing for a test.
func runKey(key int64) any {
	if key == 0 {
		return nil
	}
	return key
}

func runRow(r models.Run) []any {
	return []any{
		r.Key, r.StackKey, r.ID, string(r.Type), r.Branch, r.TriggeredBy, r.Commit.AuthorLogin, r.Commit.AuthorName, r.Commit.Hash, r.Commit.Message,
		r.Commit.Timestamp, r.Commit.URL, r.CreatedAt, string(r.State), r.StateVersion, r.StateAt, instant(r.ReceivedAt), instant(r.UpdatedAt),
	}
}

func eventRow(e models.Event) []any {
	return []any{e.ID, e.StackKey, runKey(e.RunKey), e.RunID, string(e.State), e.StateVersion, e.At, e.Payload, instant(e.CreatedAt)}
}

func deliveryRow(d models.Delivery) []any {
	return []any{
		d.ID, d.StackKey, d.WebhookID, d.EventID, runKey(d.RunKey), d.RunID, string(d.State), d.StateVersion, d.Test, d.Silent, string(d.Status),
		string(d.Reason), d.Code, d.Attempt, d.Tries, instant(d.DueAt), d.LeaseOwner, instant(d.ClaimedAt), instant(d.FirstEndedAt),
		instant(d.FirstDelivered), int64(d.Duration), instant(d.ExpireFrom), instant(d.EndedAt), d.RedeliveredBy, instant(d.CreatedAt),
	}
}

func attemptRow(a models.Attempt) []any {
	return []any{
		a.DeliveryID, a.Number, instant(a.StartedAt), string(a.Reason), a.Detail, a.Code, a.URL, a.Address, a.Reused, a.Protocol, a.TLSVersion,
		int64(a.DNS), int64(a.Connect), int64(a.TLS), int64(a.FirstByte), int64(a.Body), int64(a.Total),
	}
}

// exchange is what goes over the wire in an attempt, for the last columns of its row.
func exchange(a models.Attempt) []any {
	body := `{"error":"` + http.StatusText(a.Code) + `","request":"` + a.DeliveryID + `"}`
	const request = `[{"name":"Content-Type","value":"application/json"},{"name":"User-Agent","value":"Stackhook"}]`
	response := `[{"name":"Content-Type","value":"application/json"},{"name":"Content-Length","value":"` + strconv.Itoa(len(body)) + `"}]`
	return []any{request, response, []byte(body)}
}

// generatedTally is what a row of counters is of.
type generatedTally struct {
	webhook  string
	stack    int64
	step, at int64 // in seconds
}

// count counts the end of a delivery in each step that a chart shows of it, now or in the past.
func (g *generator) count(d models.Delivery) {
	for _, span := range models.Spans {
		if time.Since(d.EndedAt) > time.Duration(span.Of)*span.Step {
			continue
		}
		step, at := int64(span.Step/time.Second), d.EndedAt.UTC().Truncate(span.Step).Unix()
		for _, of := range []generatedTally{{d.WebhookID, d.StackKey, step, at}, {"", d.StackKey, step, at}, {"", 0, step, at}} {
			if g.tallies[of] == nil {
				g.tallies[of] = &models.Tally{}
			}
			g.tallies[of].Ended(d.Status, d.Duration, 1)
		}
	}
}

// writeTallies writes the counters that charts show.
func (g *generator) writeTallies(now time.Time) error {
	for _, span := range models.Spans {
		first, _ := span.Begin(now)
		for of, t := range g.tallies {
			if of.step != int64(span.Step/time.Second) || of.at < first.Unix() {
				continue
			}
			table, row := "stack_tallies", []any{of.stack, of.step, of.at, 0}
			if of.webhook != "" {
				table, row = "tallies", []any{of.webhook, of.step, of.at, 0, of.stack}
			}
			row = append(row, t.Delivered, t.Failed, t.Skipped)
			for _, n := range t.Took {
				row = append(row, n)
			}
			if err := g.out.add(table, row); err != nil {
				return err
			}
		}
	}
	return nil
}
