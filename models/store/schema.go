package store

import (
	"strings"

	"gorm.io/gorm"
)

// Migrations are plain SQL, so that what the tables are can be read here. The words in braces differ between the
// databases, see migrate.go: {key} a generated primary key, {id} a ULID, {int} 64 bits, {bool}, {bytes}, {strict} the table's ending,
// {of …} a reference from one of the tables that the writer fills.
// A migration that was released is never edited.

// firstSchema is the first migration.
var firstSchema = []string{
	// The database records which keys sealed something in it, see keys.go.
	`CREATE TABLE key_ids (id {int} PRIMARY KEY, created_at {int} NOT NULL) {strict}`,

	`CREATE TABLE stacks (
		key {key}, id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, labels TEXT,
		created_at {int} NOT NULL, deleted_at {int}
	) {strict}`,
	`CREATE UNIQUE INDEX stacks_id ON stacks (id) WHERE deleted_at IS NULL`,

	`CREATE TABLE users (
		id {key}, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL, all_stacks {bool} NOT NULL,
		password_hash TEXT NOT NULL, active {bool} NOT NULL, created_at {int} NOT NULL, seen_at {int}
	) {strict}`,
	`CREATE TABLE grants (
		user_id {int} NOT NULL REFERENCES users (id), stack_key {int} NOT NULL REFERENCES stacks (key),
		created_at {int} NOT NULL, PRIMARY KEY (user_id, stack_key)
	) {strict}`,
	`CREATE INDEX grants_stack ON grants (stack_key)`,
	`CREATE TABLE links (
		id {id} PRIMARY KEY, user_id {int} REFERENCES users (id), created_at {int} NOT NULL,
		expires_at {int} NOT NULL, used_at {int}
	) {strict}`,
	`CREATE TABLE sessions (
		id {id} PRIMARY KEY, user_id {int} NOT NULL REFERENCES users (id), address TEXT NOT NULL, device TEXT NOT NULL,
		created_at {int} NOT NULL, seen_at {int} NOT NULL, expires_at {int} NOT NULL, data {bytes}
	) {strict}`,
	`CREATE INDEX sessions_user ON sessions (user_id)`,
	`CREATE TABLE tokens (
		id {id} PRIMARY KEY, name TEXT NOT NULL, prefix TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, scope TEXT NOT NULL,
		stack_key {int} REFERENCES stacks (key), created_by TEXT NOT NULL, created_at {int} NOT NULL,
		last_used_at {int}, revoked_at {int}
	) {strict}`,
	`CREATE INDEX tokens_stack ON tokens (stack_key)`,

	`CREATE TABLE webhooks (
		id {id} PRIMARY KEY, stack_key {int} NOT NULL REFERENCES stacks (key),
		endpoint TEXT NOT NULL, endpoint_url TEXT NOT NULL, endpoint_host TEXT NOT NULL, endpoint_key TEXT NOT NULL,
		secret_sealed {bytes}, secret_fingerprint TEXT NOT NULL, secret_changed_at {int},
		enabled {bool} NOT NULL, disabled_why TEXT NOT NULL, disabled_at {int},
		failures {int} NOT NULL, failing_since {int}, last_delivered_at {int},
		created_at {int} NOT NULL, updated_at {int} NOT NULL, deleted_at {int}
	) {strict}`,
	`CREATE UNIQUE INDEX webhooks_endpoint ON webhooks (stack_key, endpoint_key) WHERE deleted_at IS NULL`,
	`CREATE INDEX webhooks_stack ON webhooks (stack_key, id)`,

	`CREATE TABLE runs (
		key {key}, stack_key {int} NOT NULL {of stacks (key)}, id {id} NOT NULL, type TEXT NOT NULL,
		branch TEXT NOT NULL, triggered_by TEXT NOT NULL,
		commit_author_login TEXT NOT NULL, commit_author_name TEXT NOT NULL, commit_hash TEXT NOT NULL,
		commit_message TEXT NOT NULL, commit_timestamp {int} NOT NULL, commit_url TEXT NOT NULL,
		created_at {int} NOT NULL, state TEXT NOT NULL, state_version {int} NOT NULL, state_at {int} NOT NULL,
		delta TEXT, received_at {int} NOT NULL, updated_at {int} NOT NULL, UNIQUE (stack_key, id)
	) {strict}`,
	`CREATE INDEX runs_stack ON runs (stack_key, key)`,
	`CREATE TABLE events (
		id {id} PRIMARY KEY, stack_key {int} NOT NULL {of stacks (key)}, run_key {int} {of runs (key)},
		run_id {id} NOT NULL, state TEXT NOT NULL, state_version {int} NOT NULL, at {int} NOT NULL, delta TEXT,
		payload {bytes} NOT NULL, created_at {int} NOT NULL, UNIQUE (run_key, state_version)
	) {strict}`,
	`CREATE INDEX events_stack ON events (stack_key)`,

	`CREATE TABLE deliveries (
		id {id} PRIMARY KEY, stack_key {int} NOT NULL {of stacks (key)},
		webhook_id {id} NOT NULL {of webhooks (id)}, event_id {id} NOT NULL {of events (id)},
		run_key {int} {of runs (key)}, run_id {id} NOT NULL, state TEXT NOT NULL, state_version {int} NOT NULL,
		test {bool} NOT NULL, silent {bool} NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, code {int} NOT NULL,
		attempt {int} NOT NULL, tries {int} NOT NULL, due_at {int}, lease_owner TEXT NOT NULL, claimed_at {int},
		first_ended_at {int}, first_delivered_at {int}, duration {int} NOT NULL, expire_from {int} NOT NULL,
		ended_at {int}, redelivered_at {int}, redelivered_by TEXT NOT NULL, created_at {int} NOT NULL
	) {strict}`,
	// The claim skips from webhook to webhook in this index and never visits the rows of a dead endpoint.
	`CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at, id) WHERE status = 'pending'`,
	`CREATE INDEX deliveries_tests ON deliveries (webhook_id, due_at, id) WHERE status = 'pending' AND test`,
	`CREATE INDEX deliveries_expiry ON deliveries (expire_from) WHERE status = 'pending'`,
	// The log reads newest first, by keyset.
	`CREATE INDEX deliveries_webhook ON deliveries (webhook_id, id)`,
	`CREATE INDEX deliveries_webhook_status ON deliveries (webhook_id, status, id)`,
	`CREATE INDEX deliveries_stack ON deliveries (stack_key, id)`,
	`CREATE INDEX deliveries_stack_status ON deliveries (stack_key, status, id)`,
	`CREATE INDEX deliveries_run ON deliveries (run_key, webhook_id, state_version)`,
	`CREATE INDEX deliveries_event ON deliveries (event_id)`,

	`CREATE TABLE attempts (
		delivery_id {id} NOT NULL {of deliveries (id)}, number {int} NOT NULL, started_at {int},
		reason TEXT NOT NULL, detail TEXT NOT NULL, code {int} NOT NULL, url TEXT NOT NULL, address TEXT NOT NULL,
		reused {bool} NOT NULL, protocol TEXT NOT NULL, tls_version TEXT NOT NULL, certificate_expires_at {int},
		dns {int} NOT NULL, connect {int} NOT NULL, tls {int} NOT NULL, first_byte {int} NOT NULL, body {int} NOT NULL,
		total {int} NOT NULL, PRIMARY KEY (delivery_id, number)
	) {strict}`,
	`CREATE TABLE exchanges (
		delivery_id {id} NOT NULL {of deliveries (id)}, number {int} NOT NULL, request_headers TEXT,
		response_headers TEXT, response_body {bytes}, cut {bool} NOT NULL, headers_cut {bool} NOT NULL,
		PRIMARY KEY (delivery_id, number)
	) {strict}`,

	// The audit log refers to nothing: it outlives what it tells of.
	`CREATE TABLE audit_records (
		id {id} PRIMARY KEY, at {int} NOT NULL, actor_kind TEXT NOT NULL, actor_id {int} NOT NULL, actor_name TEXT NOT NULL,
		actor_address TEXT NOT NULL, action TEXT NOT NULL, stack_key {int}, stack_id TEXT NOT NULL,
		webhook_id {id} NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL
	) {strict}`,
	`CREATE INDEX audit_webhook ON audit_records (webhook_id, action, id)`,
}

// circuitSchema is the second migration: the circuit of each webhook, and when it was tried last.
var circuitSchema = []string{
	`ALTER TABLE webhooks ADD COLUMN open_until {int}`,
	`ALTER TABLE webhooks ADD COLUMN probes {int} NOT NULL DEFAULT 0`,
	`ALTER TABLE webhooks ADD COLUMN tried_at {int}`,
}

// logSchema is the third migration: nearly all deliveries end as delivered, and are found by the indexes of all. Those by status
// leave them out, so that a delivery is entered there once and not twice. What SQLite needs for its reference to events,
// PostgreSQL, which has none, would fill twice for each delivery and never read.
func logSchema(db *gorm.DB) []string {
	statements := []string{
		`DROP INDEX deliveries_webhook_status`,
		`DROP INDEX deliveries_stack_status`,
		`CREATE INDEX deliveries_webhook_status ON deliveries (webhook_id, status, id) WHERE status <> 'delivered'`,
		`CREATE INDEX deliveries_stack_status ON deliveries (stack_key, status, id) WHERE status <> 'delivered'`,
	}
	if onPostgres(db) {
		statements = append(statements, `DROP INDEX deliveries_event`)
	}
	return statements
}

// causeSchema is the fourth migration: what exactly the reason of an attempt means.
var causeSchema = []string{`ALTER TABLE attempts ADD COLUMN cause TEXT NOT NULL DEFAULT ''`}

// tallySchema is the fifth migration: counters for charts, see tallies.go.
var tallySchema = []string{
	`CREATE TABLE tallies (
		webhook_id {id} NOT NULL, step {int} NOT NULL, at {int} NOT NULL, shard {int} NOT NULL, stack_key {int} NOT NULL,
		delivered {int} NOT NULL, failed {int} NOT NULL, skipped {int} NOT NULL,
		tooka {int} NOT NULL, tookb {int} NOT NULL, tookc {int} NOT NULL, tookd {int} NOT NULL, tooke {int} NOT NULL, tookf {int} NOT NULL,
		tookg {int} NOT NULL, tookh {int} NOT NULL, tooki {int} NOT NULL, tookj {int} NOT NULL, tookk {int} NOT NULL, tookl {int} NOT NULL,
		PRIMARY KEY (webhook_id, step, at, shard)
	) {strict}`,
	`CREATE INDEX tallies_stack ON tallies (stack_key, step, at)`,
	`CREATE INDEX tallies_step ON tallies (step, at)`,
}

// codesSchema is the sixth migration: the log by exact status code. Nearly all deliveries end with 200 or 204, and are in no
// index for it.
var codesSchema = []string{
	`CREATE INDEX deliveries_webhook_code ON deliveries (webhook_id, code, id) WHERE code NOT IN (0, 200, 204)`,
	`CREATE INDEX deliveries_stack_code ON deliveries (stack_key, code, id) WHERE code NOT IN (0, 200, 204)`,
}

// failuresSchema is the seventh migration: it finds the failed deliveries of all stacks, newest first. A delivery that arrives is
// never entered.
var failuresSchema = []string{
	`CREATE INDEX deliveries_failed ON deliveries (id) WHERE status = 'failed'`,
}

// exchangeSchema is the eighth migration: what went over the wire is kept with its attempt. In a table of its own it cost each
// attempt a second row and a second entry in an index, and nothing reads one without the other.
var exchangeSchema = []string{
	`ALTER TABLE attempts ADD COLUMN request_headers TEXT`,
	`ALTER TABLE attempts ADD COLUMN response_headers TEXT`,
	`ALTER TABLE attempts ADD COLUMN response_body {bytes}`,
	`ALTER TABLE attempts ADD COLUMN cut {bool} NOT NULL DEFAULT FALSE`,
	`ALTER TABLE attempts ADD COLUMN headers_cut {bool} NOT NULL DEFAULT FALSE`,
	`UPDATE attempts SET (request_headers, response_headers, response_body, cut, headers_cut) =
		(SELECT x.request_headers, x.response_headers, x.response_body, x.cut, x.headers_cut FROM exchanges x
			WHERE x.delivery_id = attempts.delivery_id AND x.number = attempts.number)
		WHERE EXISTS (SELECT 1 FROM exchanges x WHERE x.delivery_id = attempts.delivery_id AND x.number = attempts.number)`,
	`DROP TABLE exchanges`,
}

// auditSchema is the ninth migration: the audit log by what was done, by whom and in which stack.
var auditSchema = []string{
	`CREATE INDEX audit_action ON audit_records (action, id)`,
	`CREATE INDEX audit_actor ON audit_records (actor_name, id)`,
	`CREATE INDEX audit_stack ON audit_records (stack_id, id)`,
}

// expirySchema is the tenth migration: tokens may expire.
var expirySchema = []string{`ALTER TABLE tokens ADD COLUMN expires_at {int}`}

// redeliverySchema is the eleventh migration: redeliveries of many deliveries, and what became of them by webhook.
var redeliverySchema = []string{
	`CREATE TABLE redeliveries (
		key {key}, id {id} NOT NULL UNIQUE, stack_key {int} REFERENCES stacks (key), stack_id TEXT NOT NULL,
		by_kind TEXT NOT NULL, by_id {int} NOT NULL, by_name TEXT NOT NULL, by_address TEXT NOT NULL,
		filter TEXT NOT NULL, query TEXT NOT NULL, chosen TEXT NOT NULL, send_overtaken {bool} NOT NULL, per_second {int} NOT NULL,
		state TEXT NOT NULL, expected {int} NOT NULL, more {bool} NOT NULL, up_to {id} NOT NULL, done_to {id} NOT NULL, due_at {int} NOT NULL,
		sent {int} NOT NULL, overtaken {int} NOT NULL, in_flight {int} NOT NULL, disabled {int} NOT NULL, deleted {int} NOT NULL,
		tests {int} NOT NULL, gone {int} NOT NULL, started_at {int} NOT NULL, ended_at {int}, canceled_by TEXT NOT NULL
	) {strict}`,
	`CREATE INDEX redeliveries_running ON redeliveries (key) WHERE state = 'running'`,
	`CREATE INDEX redeliveries_stack ON redeliveries (stack_key, key)`,
	`CREATE TABLE redelivery_webhooks (
		redelivery_key {int} NOT NULL REFERENCES redeliveries (key) ON DELETE CASCADE, webhook_id {id} NOT NULL,
		sent {int} NOT NULL, kept {int} NOT NULL, PRIMARY KEY (redelivery_key, webhook_id)
	) {strict}`,
}

// endsSchema is the twelfth migration. Failures are counted by when they were given up, and what is tried again is counted: each
// from an index that holds all that it asks for. A delivery that is accepted at the first try is entered in none of them.
var endsSchema = []string{
	`DROP INDEX deliveries_failed`,
	`CREATE INDEX deliveries_failed ON deliveries (ended_at, stack_key, webhook_id, reason, code, test, id) WHERE status = 'failed'`,
	`CREATE INDEX deliveries_stack_failed ON deliveries (stack_key, ended_at, webhook_id, reason, code, test, id) WHERE status = 'failed'`,
	`CREATE INDEX deliveries_retrying ON deliveries (webhook_id) WHERE status = 'pending' AND tries > 0 AND NOT test`,
}

// keysSchema is the thirteenth migration: which keys seal nothing any more, and which the servers hold, see rotate.go.
var keysSchema = []string{
	`ALTER TABLE key_ids ADD COLUMN retired_at {int}`,
	`CREATE TABLE replicas (
		id {id} PRIMARY KEY, name TEXT NOT NULL, key_ids TEXT NOT NULL, primary_id {int} NOT NULL, trouble TEXT NOT NULL,
		seen_at {int} NOT NULL
	) {strict}`,
}

// replacementSchema is the fourteenth migration: secrets are replaced in steps, and it is kept which of them signed. Who viewed
// one is found by its fingerprint.
var replacementSchema = []string{
	`ALTER TABLE webhooks ADD COLUMN next_secret_sealed {bytes}`,
	`ALTER TABLE webhooks ADD COLUMN next_secret_fingerprint TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE webhooks ADD COLUMN next_secret_at {int}`,
	`ALTER TABLE webhooks ADD COLUMN previous_secret_sealed {bytes}`,
	`ALTER TABLE webhooks ADD COLUMN previous_secret_fingerprint TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE webhooks ADD COLUMN previous_secret_at {int}`,
	`ALTER TABLE deliveries ADD COLUMN only_secret TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE attempts ADD COLUMN signed_by TEXT NOT NULL DEFAULT ''`,
	`CREATE INDEX audit_views ON audit_records (webhook_id, detail, id) WHERE action = 'secret.revealed'`,
}

// identitiesSchema is the fifteenth migration: people who come from an identity provider. What was given before was given by hand.
var identitiesSchema = []string{
	`CREATE TABLE identities (
		issuer TEXT NOT NULL, subject TEXT NOT NULL, user_id {int} NOT NULL REFERENCES users (id), created_at {int} NOT NULL,
		PRIMARY KEY (issuer, subject), UNIQUE (user_id, issuer)
	) {strict}`,
	`CREATE TABLE sign_ons (
		id {id} PRIMARY KEY, browser {id} NOT NULL, nonce TEXT NOT NULL, verifier TEXT NOT NULL, next TEXT NOT NULL, form TEXT NOT NULL,
		expires_at {int} NOT NULL
	) {strict}`,
	`ALTER TABLE users ADD COLUMN role_by_group {bool} NOT NULL DEFAULT FALSE`,
	`ALTER TABLE users ADD COLUMN all_stacks_by_group {bool} NOT NULL DEFAULT FALSE`,
	`ALTER TABLE grants ADD COLUMN by_group {bool} NOT NULL DEFAULT FALSE`,
}

// stackTallySchema is the sixteenth migration: counters of stacks, and under key 0 of all of them together, so that their charts
// do not add up every webhook's.
var stackTallySchema = []string{
	`CREATE TABLE stack_tallies (
		stack_key {int} NOT NULL, step {int} NOT NULL, at {int} NOT NULL, shard {int} NOT NULL,
		delivered {int} NOT NULL, failed {int} NOT NULL, skipped {int} NOT NULL,
		tooka {int} NOT NULL, tookb {int} NOT NULL, tookc {int} NOT NULL, tookd {int} NOT NULL, tooke {int} NOT NULL, tookf {int} NOT NULL,
		tookg {int} NOT NULL, tookh {int} NOT NULL, tooki {int} NOT NULL, tookj {int} NOT NULL, tookk {int} NOT NULL, tookl {int} NOT NULL,
		PRIMARY KEY (stack_key, step, at, shard)
	) {strict}`,
	addedTallies("stack_key"), addedTallies("0"),
	`CREATE INDEX stack_tallies_step ON stack_tallies (step, at)`,
	`DROP INDEX tallies_stack`,
}

// addedTallies adds up what was counted by webhook.
func addedTallies(stack string) string {
	const counts = "delivered, failed, skipped, tooka, tookb, tookc, tookd, tooke, tookf, tookg, tookh, tooki, tookj, tookk, tookl"
	return `INSERT INTO stack_tallies (stack_key, step, at, shard, ` + counts + `)
		SELECT ` + stack + `, step, at, shard, SUM(` + strings.ReplaceAll(counts, ", ", "), SUM(") + `) FROM tallies GROUP BY ` +
		strings.TrimPrefix(stack+", ", "0, ") + `step, at, shard`
}

// auditAppendOnly refuses to change a record; retention may only delete old ones.
func auditAppendOnly(db *gorm.DB) []string {
	if onPostgres(db) {
		return []string{
			`CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$`,
			`CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit_records FOR EACH ROW EXECUTE FUNCTION audit_append_only()`,
		}
	}
	return []string{`CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit_records
		BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`}
}
