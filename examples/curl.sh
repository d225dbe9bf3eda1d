#!/usr/bin/env bash
# Ask over plain HTTP.   examples/curl.sh [ADDRESS]
set -euo pipefail
address=${1:-http://127.0.0.1:8000}
json='content-type: application/json'

echo "An answer with its citations:"
curl -sS --fail-with-body "$address/v1/ask" -H "$json" \
    -d '{"question": "How do I remove a document?", "max_citations": 1}'

echo; echo "The same as a stream of events:"
curl -sSN --fail-with-body "$address/v1/ask" -H "$json" \
    -d '{"question": "How do I remove a document?", "max_citations": 1, "stream": true}'

echo "Passages only:"
curl -sS --fail-with-body "$address/v1/search" -H "$json" -d '{"question": "Where is the data kept?", "top_k": 2}'

echo; echo "A document, in and out again:"
note=$(mktemp)
trap 'rm -f "$note"' EXIT
printf '# A note\n\nThe spare key hangs behind the door.\n' >"$note"
added=$(curl -sS --fail-with-body "$address/v1/documents" -F "file=@$note;filename=note.md")
echo "$added"
id=$(sed 's/.*"document_id":"\([^"]*\)".*/\1/' <<<"$added")
curl -sS --fail-with-body -X DELETE "$address/v1/documents/$id"

echo "A question that cannot be asked gets a problem document:"
curl -sS "$address/v1/ask" -H "$json" -d '{"question": ""}'
echo
