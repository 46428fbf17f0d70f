#!/bin/sh
# Runs terraform or tofu and reports its run to Stackhook. Each of these may be a step of its own, in any CI; what one
# has to tell the next is kept in the folder .stackhook:
#
#   ./report.sh start              a new run: QUEUED
#   ./report.sh init               INITIALIZING
#   ./report.sh plan               PLANNING, then UNCONFIRMED with the delta, or FINISHED when nothing changes
#   ./report.sh apply              CONFIRMED and APPLYING, then FINISHED
#   ./report.sh end DISCARDED      when the plan was turned down; does nothing to a run that has ended
#   ./report.sh end CANCELED       in the step that runs always, or when the job is stopped
#
# A command that fails ends the run with FAILED. Needs git, jq and curl 7.76, and in the environment STACKHOOK_URL,
# STACKHOOK_STACK and STACKHOOK_TOKEN with the scope report. May be there: TF=tofu for OpenTofu, BRANCH where the
# checkout does not know it, TRIGGERED_BY.
set -eu

TF=${TF:-terraform}
kept=.stackhook

main() {
	case "$*" in
	start) start ;;
	init) has_ended || init ;;
	plan) has_ended || plan ;;
	apply) has_ended || apply ;;
	"end DISCARDED" | "end CANCELED" | "end FAILED" | "end STOPPED") has_ended || state "$2" ;;
	*) echo "usage: $0 start | init | plan | apply | end STATE" >&2 && exit 2 ;;
	esac
}

start() {
	rm -rf "$kept" && mkdir "$kept"
	ulid >"$kept/run"
	echo 0 >"$kept/version"
	send "" "$(jq --null-input --arg id "$(cat "$kept/run")" --arg by "${TRIGGERED_BY-}" \
		--arg branch "${BRANCH:-$(git branch --show-current)}" --arg hash "$(commit %H)" --arg author "$(commit %an)" \
		--arg message "$(commit %s)" --arg at "$(commit %ct)" '{id: $id, triggeredBy: $by, branch: $branch,
			commit: {hash: $hash, authorName: $author, message: $message, timestamp: ($at | tonumber)}}')"
}

init() {
	state INITIALIZING
	"$TF" init -input=false || failed
}

plan() {
	state PLANNING
	code=0
	"$TF" plan -input=false -detailed-exitcode -out="$kept/plan" || code=$?
	case $code in
	0) state FINISHED "$(delta)" ;;
	2) state UNCONFIRMED "$(delta)" ;;
	*) failed ;;
	esac
}

apply() {
	state CONFIRMED
	state APPLYING
	"$TF" apply -input=false "$kept/plan" || failed
	state FINISHED
}

failed() {
	state FAILED
	exit 1
}

has_ended() {
	[ -e "$kept/ended" ]
}

# state STATE [DELTA]
state() {
	version=$(($(cat "$kept/version") + 1))
	send "/$(cat "$kept/run")/states" "$(jq --null-input --arg state "$1" --argjson version "$version" --argjson delta "${2:-null}" \
		'{state: $state, stateVersion: $version} + if $delta then {delta: $delta} else {} end')"
	echo "$version" >"$kept/version"
	case $1 in
	FINISHED | FAILED | DISCARDED | CANCELED | STOPPED) touch "$kept/ended" ;;
	esac
}

# delta prints what the plan changes, and how many resources there are afterwards.
delta() {
	"$TF" show -json "$kept/plan" | jq '
		def count(action): [.resource_changes[]? | select(.mode == "managed" and (.change.actions | index(action)))] | length;
		{added: count("create"), changed: count("update"), deleted: count("delete"),
		 resources: [.planned_values.root_module | recurse(.child_modules[]?) | .resources[]? | select(.mode == "managed")] | length}'
}

# send PATH JSON. Whatever it could not be sure of is sent again: id and stateVersion make that safe. The token goes
# in by a pipe, since everybody on the machine may read a command's arguments.
send() {
	printf 'header = "Authorization: Bearer %s"\n' "$STACKHOOK_TOKEN" |
		curl --config - --fail-with-body --silent --show-error --max-time 15 --retry 5 --retry-connrefused \
			--header 'Content-Type: application/json' --data "$2" "$STACKHOOK_URL/api/v1/stacks/$STACKHOOK_STACK/runs$1"
	echo
}

# commit FORMAT prints something of the commit that is checked out.
commit() {
	git log -1 --format="$1"
}

# ulid prints a run's id: the time and 64 random bits, in Crockford's base 32.
ulid() {
	left=$(($(date +%s) * 1000)) digits=
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		digits=$(printf %s 0123456789ABCDEFGHJKMNPQRSTVWXYZ | cut -c $((left % 32 + 1)))$digits
		left=$((left / 32))
	done
	printf '%s%s\n' "$digits" "$(od -A n -N 8 -t x1 /dev/urandom | tr -d ' \n' | tr a-f A-F)"
}

main "$@"
