"""Hostile input from a stock grpcio client and plain HTTP: each gets its typed answer, nothing is half-stored, and the
server still serves.

usage: hostile_client.py PROTOS TARGET BRIDGE-URL OPERATOR-CREDENTIAL
"""

import http.client
import json
import sys
import time
import urllib.parse

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from stubs import expect, new_tenant, refused, said, stubs

Code = grpc.StatusCode


class World:
    def __init__(self, protos, target, bridge, operator):
        self.modules = stubs(protos)
        self.channel = grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1),
                                                             ("grpc.max_metadata_size", 1 << 20)])
        self.target = target
        self.bridge = urllib.parse.urlparse(bridge).netloc
        self.operator = (("authorization", f"Bearer {operator}"),)
        self.tenant, self.made, self.bearer = new_tenant(self.modules, self.channel, self.operator, "hostile")

    def stub(self, area, name):
        return getattr(self.modules[area][1], name + "Stub")(self.channel)

    def pb(self, area):
        return self.modules[area][0]

    def serving(self, after):
        answer = health_pb2_grpc.HealthStub(self.channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        expect(answer.status == 1, f"the server serves after {after}")
        said(after)

    def http(self, verb, path, body=None, headers=(), key=True):
        connection = http.client.HTTPConnection(self.bridge, timeout=60)
        headers = {"content-type": "application/json", **dict(headers)}
        if key:
            headers["authorization"] = self.bearer[0][1]
        try:
            connection.request(verb, path, body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # Refused before all of it was sent; the answer is there to be read.
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def keys(world):
    pb, stub = world.pb("keys"), world.stub("keys", "Keys")
    secret = world.made.secret

    def listing(key):
        return lambda: stub.ListKeys(pb.ListKeysRequest(), metadata=(("authorization", key),), timeout=20)

    flipped = secret[:40] + ("A" if secret[40] != "A" else "B") + secret[41:]
    for name, key in {"truncated": f"Bearer {secret[:-3]}", "flipped": f"Bearer {flipped}", "empty": "Bearer",
                      "basic": "Basic Zm9vOmJhcg==", "long": "Bearer " + "a" * 5000}.items():
        refused(listing(key), Code.UNAUTHENTICATED, what=f"a {name} key")

    limited = stub.CreateKey(pb.CreateKeyRequest(name="reader", scopes=["retrieval.read"]), metadata=world.bearer)
    refused(listing(f"Bearer {limited.secret}"), Code.PERMISSION_DENIED, what="a key without the scope")
    short = pb.CreateKeyRequest(name="short", scopes=["keys.read"])
    short.ttl.seconds = 1
    expired = stub.CreateKey(short, metadata=world.bearer)
    listing(f"Bearer {expired.secret}")()
    time.sleep(1.2)
    refused(listing(f"Bearer {expired.secret}"), Code.UNAUTHENTICATED, what="an expired key")
    revoked = stub.CreateKey(pb.CreateKeyRequest(name="gone", scopes=["keys.read"]), metadata=world.bearer)
    listing(f"Bearer {revoked.secret}")()
    stub.RevokeKey(pb.RevokeKeyRequest(id=revoked.key.id), metadata=world.bearer)
    time.sleep(0.2)
    refused(listing(f"Bearer {revoked.secret}"), Code.UNAUTHENTICATED, what="a revoked key")
    world.serving("keys")


def messages(world):
    bearer = world.bearer
    raw = world.channel.unary_unary("/ragdz.v1.Retrieval/Search", request_serializer=bytes,
                                    response_deserializer=bytes)
    send = lambda body: lambda: raw(body, metadata=bearer, timeout=30)
    refused(send(b"\x12" + b"\xff\xff\x03" + b"a" * 10), Code.INVALID_ARGUMENT, what="a truncated field")
    refused(send(b"\x12\x02\xff\xfe"), Code.INVALID_ARGUMENT, what="invalid UTF-8")
    refused(send(b"\x12" + (5 << 20).to_bytes(4, "little")), Code.INVALID_ARGUMENT, what="a length beyond the end")
    refused(send(b"\x0a" * (5 << 20)), Code.RESOURCE_EXHAUSTED, what="a message over 4 MiB")
    # A Struct in a Struct, 200 deep: field 2 of StartRunRequest is `input`.
    deep = b""
    for _ in range(200):
        value = b"\x2a" + varint(len(deep)) + deep
        entry = b"\x0a\x01a\x12" + varint(len(value)) + value
        deep = b"\x0a" + varint(len(entry)) + entry
    start = world.channel.unary_unary("/ragdz.v1.Workflows/StartRun", request_serializer=bytes,
                                      response_deserializer=bytes)
    refused(lambda: start(b"\x0a\x05brief\x12" + varint(len(deep)) + deep, metadata=bearer, timeout=30),
            Code.INVALID_ARGUMENT, what="a message 200 deep")
    refused(lambda: raw(b"", metadata=bearer + (("x-much", "a" * 40000),), timeout=10), Code.RESOURCE_EXHAUSTED,
            Code.INTERNAL, Code.UNAVAILABLE, Code.UNKNOWN, what="a header list over 16 KiB")
    refused(lambda: world.channel.unary_unary("/ragdz.v1.Nothing/Here")(b"", metadata=bearer, timeout=10),
            Code.UNIMPLEMENTED, what="a method that is not there")
    world.serving("messages")


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def json_bodies(world):
    def problem(status, answer, what):
        got, headers, body = answer
        expect(got == status, f"{what}: {status} expected, {got} {body[:300]} received")
        expect(headers.get("content-type", headers.get("Content-Type", "")).startswith("application/problem+json"),
               f"{what}: problem+json, {headers}")
        expect(json.loads(body)["status"] == status, f"{what}: the body tells the status")

    problem(400, world.http("POST", "/v1/search", b'{"query": '), "cut JSON")
    problem(400, world.http("POST", "/v1/search", b'{"query": "\xff"}'), "JSON that is not UTF-8")
    problem(400, world.http("POST", "/v1/runs", b'{"input":' * 1 + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}"), "deep JSON")
    problem(400, world.http("POST", "/v1/search", b'{"no_such_field": 1}'), "an unknown field")
    problem(413, world.http("POST", "/v1/search", b'{"query": "' + b"a" * (6 << 20) + b'"}'), "a body over the limit")
    problem(401, world.http("POST", "/v1/search", b'{"query": "x"}', key=False), "no key")
    problem(404, world.http("GET", "/v1/no-such-thing"), "no such path")
    problem(405, world.http("DELETE", "/v1/search"), "no such verb here")
    world.serving("json")


def uploads(world):
    pb, stub = world.pb("retrieval"), world.stub("retrieval", "Retrieval")
    stub.CreateCollection(pb.CreateCollectionRequest(name="bad"), metadata=world.bearer, timeout=20)

    def upload(filename, data, part=500_000):
        def parts():
            yield pb.UploadDocumentRequest(header=pb.UploadHeader(collection="bad", filename=filename))
            for start in range(0, len(data), part):
                yield pb.UploadDocumentRequest(data=data[start:start + part])

        return lambda: stub.UploadDocument(parts(), metadata=world.bearer, timeout=120)

    refused(upload("a.pdf", b"%PDF-1.7\nthis is no PDF at all"), Code.INVALID_ARGUMENT, what="a PDF that is not one")
    refused(upload("a.txt", b""), Code.INVALID_ARGUMENT, what="0 bytes")
    refused(upload("a.txt", b" \n\t\n"), Code.INVALID_ARGUMENT, what="only white space")
    refused(upload("a.txt", b"\x00\x01\x02\xff" * 100), Code.INVALID_ARGUMENT, what="bytes that are no text")
    refused(upload("a.txt", b"many words here. " * (3 << 20)), Code.RESOURCE_EXHAUSTED, Code.INVALID_ARGUMENT,
            what="50 MB")
    status, _, body = world.http("POST", "/v1/collections/bad/documents?filename=big.txt", b"a" * (50 << 20),
                                 {"content-type": "application/octet-stream"})
    expect(status == 413, f"50 MB on the bridge: 413 expected, {status} {body[:300]} received")
    left = stub.ListDocuments(pb.ListDocumentsRequest(collection="bad"), metadata=world.bearer, timeout=20)
    expect(not left.documents, f"nothing is half-stored: {left}")
    world.serving("uploads")


def foreign_ids(world):
    """Everything of one tenant, asked for by another: the same answer as for what does not exist."""
    retrieval, workflows = world.pb("retrieval"), world.pb("workflows")
    stub, runs = world.stub("retrieval", "Retrieval"), world.stub("workflows", "Workflows")
    mine = stub.CreateCollection(retrieval.CreateCollectionRequest(name="mine"), metadata=world.bearer, timeout=20)

    def parts():
        yield retrieval.UploadDocumentRequest(header=retrieval.UploadHeader(collection="mine", filename="a.txt"))
        yield retrieval.UploadDocumentRequest(data="The canary Zephyrine-4711 lives here and sings.".encode())

    document = stub.UploadDocument(parts(), metadata=world.bearer, timeout=60)
    request = workflows.StartRunRequest(workflow="brief")
    request.input.update({"topic": "the canary", "collection": "mine"})
    run = runs.StartRun(request, metadata=world.bearer, timeout=20)
    _, _, other = new_tenant(world.modules, world.channel, world.operator, "foreign")
    absent = "0192f0c8-0000-7000-8000-000000000001"
    keys, tenants = world.pb("keys"), world.pb("tenants")
    calls = {
        "GetTenant": (world.stub("tenants", "Tenants").GetTenant, lambda i: tenants.GetTenantRequest(id=i), world.tenant.id),
        "UpdateTenant": (world.stub("tenants", "Tenants").UpdateTenant, lambda i: tenants.UpdateTenantRequest(
            tenant=tenants.Tenant(id=i, name="x"), update_mask={"paths": ["name"]}), world.tenant.id),
        "GetKey": (world.stub("keys", "Keys").GetKey, lambda i: keys.GetKeyRequest(id=i), world.made.key.id),
        "RotateKey": (world.stub("keys", "Keys").RotateKey, lambda i: keys.RotateKeyRequest(id=i), world.made.key.id),
        "RevokeKey": (world.stub("keys", "Keys").RevokeKey, lambda i: keys.RevokeKeyRequest(id=i), world.made.key.id),
        "GetCollection": (stub.GetCollection, lambda i: retrieval.GetCollectionRequest(id=i), mine.id),
        "DeleteCollection": (stub.DeleteCollection, lambda i: retrieval.DeleteCollectionRequest(id=i), mine.id),
        "ListDocuments": (stub.ListDocuments, lambda i: retrieval.ListDocumentsRequest(collection=i), mine.id),
        "GetDocument": (stub.GetDocument, lambda i: retrieval.GetDocumentRequest(id=i), document.id),
        "GetDocumentText": (stub.GetDocumentText, lambda i: retrieval.GetDocumentTextRequest(id=i), document.id),
        "DeleteDocument": (stub.DeleteDocument, lambda i: retrieval.DeleteDocumentRequest(id=i), document.id),
        "Search": (stub.Search, lambda i: retrieval.SearchRequest(collections=[i], query="canary"), mine.id),
        "Ask": (lambda *a, **k: list(stub.Ask(*a, **k)),
                lambda i: retrieval.AskRequest(collections=[i], question="canary"), mine.id),
        "GetRun": (runs.GetRun, lambda i: workflows.GetRunRequest(id=i), run.id),
        "WatchRun": (lambda *a, **k: list(runs.WatchRun(*a, **k)), lambda i: workflows.WatchRunRequest(id=i), run.id),
        "Approve": (runs.Approve, lambda i: workflows.ApproveRequest(id=i, approved=True), run.id),
        "CancelRun": (runs.CancelRun, lambda i: workflows.CancelRunRequest(id=i), run.id),
    }
    for name, (call, make, theirs) in calls.items():
        nothing = "A" * 22 if name.endswith("Key") else absent
        foreign = refused(lambda: call(make(theirs), metadata=other, timeout=30), Code.NOT_FOUND, what=f"foreign {name}")
        missing = refused(lambda: call(make(nothing), metadata=other, timeout=30), Code.NOT_FOUND, what=f"absent {name}")
        expect(foreign.details().replace(theirs, "") == missing.details().replace(nothing, ""),
               f"{name}: foreign and absent are told alike: {foreign.details()} / {missing.details()}")
    found = stub.Search(retrieval.SearchRequest(query="Zephyrine-4711"), metadata=other, timeout=30)
    expect(not found.hits, "another tenant's search finds nothing of ours")
    still = stub.GetDocument(retrieval.GetDocumentRequest(id=document.id), metadata=world.bearer, timeout=20)
    expect(still.id == document.id, "and nothing of ours was touched")
    said("foreign", methods=len(calls))
    return run


def streams(world, run):
    pb, stub = world.pb("workflows"), world.stub("workflows", "Workflows")
    for _ in range(20):
        channel = grpc.insecure_channel(world.target)
        watch = world.modules["workflows"][1].WorkflowsStub(channel).WatchRun(
            pb.WatchRunRequest(id=run.id), metadata=world.bearer)
        next(watch)
        channel.close()  # The client is gone in the middle of its stream.
    cyclic = pb.Definition(name="cyclic", steps=[
        pb.StepDefinition(id="a", kind=pb.STEP_KIND_APPROVAL, needs=["b"]),
        pb.StepDefinition(id="b", kind=pb.STEP_KIND_APPROVAL, needs=["a"])])
    refused(lambda: stub.PutDefinition(pb.PutDefinitionRequest(definition=cyclic), metadata=world.bearer, timeout=20),
            Code.INVALID_ARGUMENT, what="a cycle")
    missing = pb.Definition(name="missing", steps=[pb.StepDefinition(id="a", kind=pb.STEP_KIND_APPROVAL, needs=["z"])])
    refused(lambda: stub.PutDefinition(pb.PutDefinitionRequest(definition=missing), metadata=world.bearer, timeout=20),
            Code.INVALID_ARGUMENT, what="a missing step")
    world.serving("streams")


def main():
    world = World(*sys.argv[1:])
    keys(world)
    messages(world)
    json_bodies(world)
    uploads(world)
    streams(world, foreign_ids(world))
    said("all")


main()
