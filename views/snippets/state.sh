curl --fail-with-body --header "Authorization: Bearer $STACKHOOK_TOKEN" \
  --header 'Content-Type: application/json' --data '{
    "state": "UNCONFIRMED",
    "stateVersion": 1,
    "delta": { "added": 3, "changed": 1, "deleted": 0, "resources": 42 }
  }' "$STACKHOOK_URL/api/v1/stacks/$STACKHOOK_STACK/runs/01K6X4M2ZB8Q0V5T7N3RC9WEAH/states"
