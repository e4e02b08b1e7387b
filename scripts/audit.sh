#!/usr/bin/env bash
# Looks each lock up among known vulnerabilities. Fails where one is found, and succeeds, saying so, where nobody can be
# asked: what is built does not depend on a service that may be away.
#
# usage: scripts/audit.sh PIP-AUDIT LOCK...
set -euo pipefail
pip_audit=$1
shift
report=$(mktemp -d)
trap 'rm -r "$report"' EXIT

for lock; do
	echo "$lock:"
	# The report is written when every version could be looked up, whatever was found.
	if "$pip_audit" --disable-pip --require-hashes --progress-spinner off --format columns --desc off \
		--output "$report/found" --requirement "$lock" 2> "$report/errors"; then
		echo "  nothing known"
	elif [ -s "$report/found" ]; then
		cat "$report/found"
		failed=1
	elif grep -qiE 'connection|connect to|timed? ?out|name resolution|proxy' "$report/errors"; then
		echo "  could not run: no advisory service can be reached from here"
	else
		cat "$report/errors" >&2
		exit 2
	fi
done
exit "${failed:-0}"
