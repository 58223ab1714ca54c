#!/usr/bin/env bash
# Scores the candidates of a search with any command, until the search ends. Needs curl and jq.
#
#     TUREEN_TOKEN=... scorer.sh http://127.0.0.1:3000/v1/jobs/ID COMMAND...
#
# COMMAND gets two more arguments, the ONNX file of a candidate and the split, and prints a number. If it fails, the candidate has
# no score, and the end of what it wrote to stderr says why. Models above 2 GB have external data beside their file.
set -euo pipefail
JOB=$1
shift
SERVER=$(grep -oE '^https?://[^/]+' <<<"$JOB")
FILES=$(mktemp -d)
trap 'rm -rf "$FILES"' EXIT
# A file keeps the token out of the list of processes.
printf '%s\n' 'content-type: application/json' ${TUREEN_TOKEN:+"authorization: Bearer $TUREEN_TOKEN"} >"$FILES/headers"
ask() { curl -fsS --retry 10 --retry-connrefused -H "@$FILES/headers" "$@"; }

# Downloads the file of a candidate, and its external data into the places that the file gives them. $1: the record of the candidate.
# Returns 2 for a place that is not beside the file.
load() {
  rm -rf "$FILES/model" && mkdir "$FILES/model"
  ask -L -o "$FILES/model/candidate.onnx" "$SERVER$(jq -r .content <<<"$1")" || return 1
  jq -r '.data[] | [.location, .content] | @tsv' <<<"$1" >"$FILES/parts"
  while IFS=$'\t' read -r LOCATION PART; do
    case "/$LOCATION/" in */../* | //*) return 2 ;; esac
    ask -L --create-dirs -o "$FILES/model/$LOCATION" "$SERVER$PART" || return 1
  done <"$FILES/parts"
}

# Sends the outcome in $FILES/score. $1: the id of the candidate
send() {
  ask -o "$FILES/answer" -X PUT "$JOB/candidates/$1/score" -d "@$FILES/score" || echo "the score of $1 was not taken" >&2
}

# Renews a lease every minute, as long as this script lives.
renew() {
  trap 'kill "$SLEEPING"; exit' TERM
  while true; do
    sleep 60 &
    SLEEPING=$!
    wait "$SLEEPING"
    kill -0 $$ && ask -o "$FILES/renewed" -X PATCH "$JOB/leases/$1" -d '{"seconds": 120}' || exit
  done
}

while LEASE=$(ask -X POST "$JOB/leases?wait=30" -d '{"count": 1, "seconds": 120}'); do
  case $(jq -r .job.status <<<"$LEASE") in succeeded | failed | cancelled) exit ;; esac
  read -r LEASE_ID ID SPLIT < <(jq -r '[.id, (.candidates[] | .id, .split)] | @tsv' <<<"$LEASE")
  [ -n "$ID" ] || continue
  renew "$LEASE_ID" 2>"$FILES/renewing" &
  RENEWING=$!
  if load "$(jq '.candidates[0]' <<<"$LEASE")"; then
    "$@" "$FILES/model/candidate.onnx" "$SPLIT" >"$FILES/printed" 2>"$FILES/errors" &&
      jq -en 'input | select(isnormal or . == 0) | {score: .}' "$FILES/printed" >"$FILES/score" 2>>"$FILES/errors" ||
      jq -n --rawfile errors "$FILES/errors" '{error: ("the command printed no number: " + $errors[-500:])}' >"$FILES/score"
    send "$ID"
  elif [ $? = 2 ]; then
    echo '{"error": "the candidate has external data in a place that is not beside its file"}' >"$FILES/score"
    send "$ID"
  fi
  kill "$RENEWING" 2>/dev/null || true
done
