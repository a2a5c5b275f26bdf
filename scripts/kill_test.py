#!/usr/bin/env python3
"""The caller's side of kill-test.sh: starts, approves and checks runs over HTTP, and kills the server.

kill_test.py BRIDGE round NUMBER PID SEED     one life of the server, ended by SIGKILL at a random moment
kill_test.py BRIDGE finish KILLS DOCUMENTS    approves what waits until all runs have ended, then checks them
"""
import json
import os
import random
import signal
import sys
import time
import urllib.error
import urllib.request

bridge, mode = sys.argv[1], sys.argv[2]
KEY = os.environ["RAGDZ_KEY"]
# One run a life, so that the number of runs grows with the number of kills and several are open at a time.
LONGEST_LIFE_SECONDS = 2.5


def call(method, path, body=None, timeout=10):
    request = urllib.request.Request(
        bridge + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + KEY, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return response.read().decode()


def start(number):
    """The same request id each time: a start whose answer was lost in a kill is not a second run."""
    body = {"workflow": "brief", "requestId": f"kill-{number}",
            "input": {"topic": "TVA en Algérie", "collection": "law"}}
    return json.loads(call("POST", "/v1/runs", body))["id"]


def letter(number):
    """A document of some 60 passages, long enough to be killed over, the same for the same number."""
    chance = random.Random(number)
    words = "impôt loyer bail société contrat facture délai preuve tribunal salaire ضريبة إيجار عقد شركة".split()
    return "".join(
        " ".join(chance.choice(words) for _ in range(14)).capitalize() + f" {number}-{sentence}. "
        for sentence in range(500)).encode()


def send(number):
    """The same bytes each time: an upload whose answer was lost in a kill is not a second document."""
    request = urllib.request.Request(
        f"{bridge}/v1/collections/law/documents?filename=kill-{number}.txt&background=true", method="POST",
        data=letter(number), headers={"Authorization": "Bearer " + KEY, "Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def stored_letters(kills, problems):
    """Sends every letter once more, and waits until each is one document, whole."""
    for number in range(1, kills + 1):
        document = send(number)
        until = time.monotonic() + 60
        while document["state"] != "DOCUMENT_STATE_STORED" and time.monotonic() < until:
            time.sleep(0.2)
            document = json.loads(call("GET", f"/v1/documents/{document['id']}"))
        text = json.loads(call("GET", f"/v1/documents/{document['id']}/text"))["text"]
        if document["state"] != "DOCUMENT_STATE_STORED" or text.strip() != letter(number).decode().strip():
            problems.append(f"letter {number} is {document}")


def listed(kind, path):
    token = ""
    while True:
        separator = "&" if "?" in path else "?"
        page = json.loads(call("GET", path + (f"{separator}pageToken={token}" if token else "")))
        yield from page.get(kind, [])
        token = page.get("nextPageToken", "")
        if not token:
            return


def approve_waiting():
    for run in list(listed("runs", "/v1/runs?status=RUN_STATUS_WAITING")):
        try:
            call("POST", f"/v1/runs/{run['id']}:approve", {"approved": True, "stepId": "approve"})
        except urllib.error.HTTPError as error:
            raise SystemExit(f"approving {run['id']}: {error.code} {error.read().decode()}")


def round_of(number, pid, seed):
    moment = random.Random(f"{seed}/{number}").uniform(0, LONGEST_LIFE_SECONDS)
    child = os.fork()
    if child == 0:
        time.sleep(moment)
        os.kill(pid, signal.SIGKILL)
        os._exit(0)
    try:
        start(number)
        send(number)
        while True:
            approve_waiting()
            time.sleep(0.05)
    except (OSError, ValueError, EOFError) as error:
        # The server is gone in the midst of a call: that is what is tested. Anything else is not.
        if isinstance(error, urllib.error.HTTPError):
            detail = error.read().decode()
            if error.code < 500:
                raise SystemExit(f"unexpected answer: {error.code} {detail}")
    except Exception as error:
        if "http.client" not in type(error).__module__:
            raise
    os.waitpid(child, 0)


def events_of(run):
    events = []
    for line in call("GET", f"/v1/runs/{run}/events", timeout=60).splitlines():
        if line.startswith("data:"):
            event = json.loads(line[5:])
            if "sequence" in event:
                events.append(event)
    return events


def finish(kills, documents_before):
    ids = {start(number): number for number in range(1, kills + 1)}
    deadline = time.time() + 180
    while time.time() < deadline:
        approve_waiting()
        open_runs = [run for run in listed("runs", "/v1/runs") if "endTime" not in run]
        if not open_runs:
            break
        time.sleep(0.3)
    runs = list(listed("runs", "/v1/runs"))
    problems = []
    if {run["id"] for run in runs} != set(ids):
        problems.append(f"{len(runs)} runs for {len(ids)} request ids")
    losses = 0
    stored_letters(kills, problems)
    stored = [document["filename"] for document in listed("documents", "/v1/collections/law/documents")]
    for run in runs:
        name = run["id"]
        if run["status"] != "RUN_STATUS_SUCCEEDED":
            problems.append(f"{name} is {run['status']}: {run.get('error')}")
        events = events_of(name)
        numbers = [int(event["sequence"]) for event in events]
        if numbers != list(range(1, int(run["lastSequence"]) + 1)):
            problems.append(f"{name} has the events {numbers}")
        types = [(event["type"], event.get("stepId", "")) for event in events]
        for step in ["retrieve", "draft", "approve", "store"]:
            if types.count(("step.succeeded", step)) != 1:
                problems.append(f"{name}: {step} succeeded {types.count(('step.succeeded', step))} times")
        if types.count(("run.succeeded", "")) != 1 or types[-1] != ("run.succeeded", ""):
            problems.append(f"{name} does not end once")
        if stored.count(f"brief-{name}.md") != 1:
            problems.append(f"{name} stored {stored.count(f'brief-{name}.md')} documents")
        losses += sum(1 for event in events if event.get("data", {}).get("reason") == "WORKER_LOST")
    expected = documents_before + len(runs) + kills
    if len(stored) != expected:
        problems.append(f"{len(stored)} documents, {expected} are expected")
    collection = json.loads(call("GET", "/v1/collections/law"))
    chunks = sum(int(document["chunkCount"]) for document in listed("documents", "/v1/collections/law/documents"))
    if int(collection["documentCount"]) != expected or int(collection["chunkCount"]) != chunks:
        problems.append(f"the collection counts {collection}, its documents have {chunks} chunks")
    for problem in problems[:50]:
        print("   WRONG:", problem)
    print(f"   {len(runs)} runs, each finished once; events gapless; one document each; "
          f"{kills} uploads, each stored once; "
          f"{losses} attempts lost their worker and were taken over" if not problems else f"   {len(problems)} problems")
    sys.exit(1 if problems else 0)


if mode == "round":
    round_of(int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
else:
    finish(int(sys.argv[3]), int(sys.argv[4]))
