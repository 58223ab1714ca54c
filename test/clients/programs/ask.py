"""Sends the requests of test/clients/http-clients.test.ts with a library of Python, and prints the statuses as JSON.

usage: ask.py LIBRARY URL DIRECTORY
DIRECTORY has model.onnx, external.onnx and data.bin; LOCATION in the environment is the location of data.bin.
"""

import asyncio
import json
import os
import pathlib
import sys

library, url, directory = sys.argv[1:]
files = {path.name: path.read_bytes() for path in pathlib.Path(directory).iterdir()}
model, external, data = files["model.onnx"], files["external.onnx"], files["data.bin"]
location = os.environ["LOCATION"]
large = bytes(8_000_000)
found = {}


def with_urllib():
    import urllib.error
    import urllib.request

    def ask(method, path, body=None, headers={}):
        request = urllib.request.Request(url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    raw = {"content-type": "application/octet-stream"}
    found["upload"], record = ask("POST", "/v1/models?name=urllib", model, raw)
    id = json.loads(record)["id"]
    body = json.dumps({"models": [{"id": id}]}).encode()
    found["merge"], job = ask("POST", "/v1/merges?wait=30", body, {"content-type": "application/json"})
    soup = json.loads(job)["result"]["model"]["id"]
    found["download"] = len(ask("GET", f"/v1/models/{soup}/content")[1])
    found["cancel"] = ask("POST", "/v1/jobs/none/cancel")[0]
    found["gzip"] = ask("PUT", "/v1/models", model, {**raw, "content-encoding": "gzip"})[0]
    found["large"] = ask("POST", "/v1/models", large, raw)[0]
    found["delete"] = ask("DELETE", f"/v1/models/{soup}")[0]


def with_session(session, form):
    """requests, and httpx, which has the same methods."""
    record = session.post(f"{url}/v1/models?name={library}", **{content: model})
    found["upload"] = record.status_code
    found["form"] = session.post(f"{url}/v1/models?name={library}", files=form).json()["status"]
    job = session.post(f"{url}/v1/merges?wait=30", json={"models": [{"id": record.json()["id"]}]})
    found["merge"] = job.status_code
    soup = job.json()["result"]["model"]["id"]
    found["download"] = len(session.get(f"{url}/v1/models/{soup}/content").content)
    found["cancel"] = session.post(f"{url}/v1/jobs/none/cancel").status_code
    found["gzip"] = session.put(f"{url}/v1/models", headers={"content-encoding": "gzip"}, **{content: model}).status_code
    found["large"] = session.post(f"{url}/v1/models", **{content: large}).status_code
    found["delete"] = session.delete(f"{url}/v1/models/{soup}").status_code


async def with_aiohttp():
    import aiohttp

    form = aiohttp.FormData()
    form.add_field("model", external, filename="external.onnx")
    form.add_field("data", data, filename=location)
    async with aiohttp.ClientSession() as session:

        async def ask(method, path, **more):
            async with session.request(method, url + path, **more) as response:
                return response.status, await response.read()

        found["upload"], record = await ask("POST", "/v1/models?name=aiohttp", data=model)
        found["form"] = json.loads((await ask("POST", "/v1/models?name=aiohttp", data=form))[1])["status"]
        request = {"models": [{"id": json.loads(record)["id"]}]}
        found["merge"], job = await ask("POST", "/v1/merges?wait=30", json=request)
        soup = json.loads(job)["result"]["model"]["id"]
        found["download"] = len((await ask("GET", f"/v1/models/{soup}/content"))[1])
        found["cancel"] = (await ask("POST", "/v1/jobs/none/cancel"))[0]
        found["gzip"] = (await ask("PUT", "/v1/models", data=model, headers={"content-encoding": "gzip"}))[0]
        found["large"] = (await ask("POST", "/v1/models", data=large))[0]
        found["delete"] = (await ask("DELETE", f"/v1/models/{soup}"))[0]


content = "content" if library == "httpx" else "data"
form = [("model", ("external.onnx", external)), ("data", (location, data))]
if library == "urllib":
    with_urllib()
elif library == "requests":
    import requests

    with_session(requests.Session(), form)
elif library == "httpx":
    import httpx

    with_session(httpx.Client(timeout=60), form)
else:
    asyncio.run(with_aiohttp())
print(json.dumps(found))
