curl --fail-with-body --header "Authorization: Bearer $STACKHOOK_TOKEN" \
  --header 'Content-Type: application/json' --data '{
    "id": "01K6X4M2ZB8Q0V5T7N3RC9WEAH",
    "type": "TRACKED",
    "branch": "main",
    "triggeredBy": "ada@example.com",
    "commit": {
      "authorLogin": "ada",
      "authorName": "Ada Lovelace",
      "hash": "8d6a1f0c5e3b92747de0c4b8a6f1523908e7cd4b",
      "message": "Add a subnet",
      "timestamp": 1759760880,
      "url": "https://git.example.com/networking/commit/8d6a1f0"
    }
  }' "$STACKHOOK_URL/api/v1/stacks/$STACKHOOK_STACK/runs"
