printf 'whsec_%s\n' "$(printf %s "$WEBHOOK_SECRET" | openssl base64 -A)"
