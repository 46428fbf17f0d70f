#!/bin/sh
# A receiver in shell with openssl, to run as a CGI program: the web server hands it the headers in HTTP_… and the body
# on its input. Set WEBHOOK_SECRET in its environment, and start it in the folder that keeps what came.
set -u
export LC_ALL=C

answer() {
	printf 'Status: %s\r\n\r\n' "$1"
	exit
}

# A shell cannot compare in constant time. So the sums of both sides under a key that nobody else knows are compared:
# how long that takes says nothing of the signature. While openssl runs, other users of the machine may see its keys.
same() {
	once=$(openssl rand -hex 32)
	[ "$(printf %s "$1" | sum "$once")" = "$(printf %s "$2" | sum "$once")" ]
}

sum() {
	openssl dgst -sha256 -hmac "$1" -r | cut -d ' ' -f 1
}

[ -n "${WEBHOOK_SECRET-}" ] || answer '500 No secret is set'
case ${CONTENT_LENGTH:-none} in
*[!0-9]* | ????????*) answer '413 Content Too Large' ;;
esac

umask 077
mkdir -p inbox || answer '500 Not kept'
body=$(mktemp inbox/XXXXXXXX) || answer '500 Not kept' # Stackhook tries again
trap 'rm -f "$body"' EXIT
head -c "$CONTENT_LENGTH" >"$body" || answer '500 Not kept'

want=sha256=$(sum "$WEBHOOK_SECRET" <"$body")
same "$want" "${HTTP_X_SIGNATURE_256-}" || answer '401 Unauthorized'

id=${HTTP_WEBHOOK_ID-} # it becomes a file's name, and X-Signature-256 does not cover it
case $id in
*[!0-9A-Z]*) answer '400 Bad Request' ;;
??????????????????????????) ;;
*) answer '400 Bad Request' ;;
esac
[ -e "inbox/$id.json" ] || mv "$body" "inbox/$id.json" || answer '500 Not kept'
answer '204 No Content' # answer first, work later
