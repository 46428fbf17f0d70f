package store

// inletsSchema is the seventeenth migration: inlets, and what came in by them.
var inletsSchema = []string{
	`CREATE TABLE inlets (
		id {id} PRIMARY KEY, stack_key {int} NOT NULL REFERENCES stacks (key), kind TEXT NOT NULL,
		token_sealed {bytes} NOT NULL, token_fingerprint TEXT NOT NULL, token_changed_at {int} NOT NULL, created_at {int} NOT NULL,
		UNIQUE (stack_key, kind)
	) {strict}`,
	`CREATE TABLE inlet_notifications (
		key {key}, stack_key {int} NOT NULL REFERENCES stacks (key), kind TEXT NOT NULL, received_at {int} NOT NULL,
		"trigger" TEXT NOT NULL, run_status TEXT NOT NULL, their_run TEXT NOT NULL, run_url TEXT NOT NULL, workspace TEXT NOT NULL,
		message TEXT NOT NULL, run_id {id} NOT NULL, outcome TEXT NOT NULL, state TEXT NOT NULL, body {bytes} NOT NULL
	) {strict}`,
	`CREATE INDEX inlet_notifications_stack ON inlet_notifications (stack_key, kind, key)`,
}
