#!/bin/sh
# Sends the requests of test/clients/http-clients.test.ts with curl or wget, and prints the statuses as JSON.
# usage: ask.sh curl|wget URL DIRECTORY; LOCATION in the environment is the location of data.bin
set -u
client=$1 url=$2 directory=$3
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
cd "$directory" || exit

# Prints the status of an answer, whose body is then in $answer.
ask() {
  if [ "$client" = curl ]; then
    curl -sS -o "$answer" -w '%{http_code}' "$@"
  else
    wget --quiet --server-response --content-on-error -O "$answer" "$@" 2>&1 |
      sed -n 's/^ *HTTP\/1.1 \([0-9]*\) .*/\1/p' | grep -v '^100$' | tail -n 1
  fi
}
# Prints the first id in $answer, or that of the soup of a job.
id() { sed 's/.*"model":{"id"/{"id"/; s/^[^{]*{"id":"\([^"]*\)".*/\1/' "$answer"; }

if [ "$client" = curl ]; then
  upload=$(ask -X POST -T model.onnx "$url/v1/models?name=curl")
  model=$(id)
  form=$(ask -F model=@external.onnx -F "data=@data.bin;filename=\"$LOCATION\"" "$url/v1/models?name=curl")
  form=$(sed 's/.*"status":"\([a-z]*\)".*/\1/' "$answer")
  merge=$(ask --json "{\"models\":[{\"id\":\"$model\"}]}" "$url/v1/merges?wait=30")
  soup=$(id)
  ask "$url/v1/models/$soup/content" >/dev/null
  download=$(wc -c <"$answer")
  cancel=$(ask -X POST "$url/v1/jobs/none/cancel")
  gzip=$(ask -T model.onnx -H 'content-encoding: gzip' "$url/v1/models")
  large=$(ask -X POST -T large.bin "$url/v1/models")
  delete=$(ask -X DELETE "$url/v1/models/$soup")
else
  # wget has no forms.
  raw='--header=content-type: application/octet-stream'
  upload=$(ask "$raw" --post-file=model.onnx "$url/v1/models?name=wget")
  model=$(id)
  form=none
  merge=$(ask '--header=content-type: application/json' "--post-data={\"models\":[{\"id\":\"$model\"}]}" "$url/v1/merges?wait=30")
  soup=$(id)
  ask "$url/v1/models/$soup/content" >/dev/null
  download=$(wc -c <"$answer")
  cancel=$(ask --method=POST "$url/v1/jobs/none/cancel")
  gzip=$(ask --method=PUT "$raw" '--header=content-encoding: gzip' --body-file=model.onnx "$url/v1/models")
  large=$(ask "$raw" --post-file=large.bin "$url/v1/models")
  delete=$(ask --method=DELETE "$url/v1/models/$soup")
fi
printf '{"upload":%s,"form":"%s","merge":%s,"download":%s,"cancel":%s,"gzip":%s,"large":%s,"delete":%s}\n' \
  "$upload" "$form" "$merge" "$download" "$cancel" "$gzip" "$large" "$delete"
