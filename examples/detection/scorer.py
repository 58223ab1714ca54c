"""Scores the candidates of a search until it ends. Start as many as you like, on any machine; a token needs the scope `score`.

    TUREEN_TOKEN=... python3 scorer.py http://127.0.0.1:3000/v1/jobs/ID
"""

import http.client, json, os, sys, time, urllib.error, urllib.parse, urllib.request

from detection import measure  # a function of yours: takes the bytes of an ONNX file and the name of a split, returns a number

job, token = sys.argv[1], os.environ.get("TUREEN_TOKEN")


def ask(method, path, body=None):
    """The bytes of the answer; None if there is no such thing (any more), or if another scorer was first."""
    url, data = urllib.parse.urljoin(job, path), body and body.encode()
    while True:
        request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
        if token:
            request.add_unredirected_header("authorization", f"Bearer {token}")  # content may be a redirect to S3
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as refusal:
            if refusal.code in (404, 409):
                return None
            if refusal.code < 500 and refusal.code != 429:
                sys.exit(f"{method} {url}: {refusal.read().decode()}")
        except (OSError, http.client.HTTPException):
            pass  # the server restarts, or the network is away
        time.sleep(2)


while answer := ask("POST", f"{job}/leases?wait=30", '{"count": 2, "seconds": 300}'):
    lease = json.loads(answer)
    if lease["job"]["status"] in ("succeeded", "failed", "cancelled"):
        break
    for candidate in lease["candidates"]:
        if ask("PATCH", f"{job}/leases/{lease['id']}", '{"seconds": 300}') is None:  # 300 seconds for each candidate
            break
        if (content := ask("GET", candidate["content"])) is None:
            break
        try:
            result = json.dumps({"score": measure(content, candidate["split"])}, allow_nan=False)
        except Exception as problem:
            result = json.dumps({"error": repr(problem)[:2000]})
        ask("PUT", f"{job}/candidates/{candidate['id']}/score", result)
