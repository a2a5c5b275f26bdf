"""gRPC-Web and Connect by hand, as their public specifications have them, over Python's own HTTP client.

usage: web_client.py PORT ORIGIN      ORIGIN is the one that the bridge's configuration allows.
"""

import base64
import gzip
import http.client
import json
import random
import struct
import sys

from google.protobuf import struct_pb2
from google.rpc import error_details_pb2, status_pb2

PORT, ORIGIN = int(sys.argv[1]), sys.argv[2]
WEB, TEXT = "application/grpc-web+proto", "application/grpc-web-text+proto"
checked = 0


def expect(condition, what):
    global checked
    checked += 1
    if not condition:
        print(f"not as it should be: {what}", file=sys.stderr)
        sys.exit(1)


def http_call(verb, path, body=b"", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        connection.request(verb, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    except (BrokenPipeError, ConnectionResetError):
        pass  # Refused before all of it was sent; the answer is there to be read.
    response = connection.getresponse()
    answer = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    connection.close()
    return answer


def message(**fields):
    made = struct_pb2.Struct()
    made.update(fields)
    return made


def frame(payload, flags=0):
    return struct.pack(">BI", flags, len(payload)) + payload


def frames(body):
    """The messages of a body and its trailers, which must be the last frame."""
    messages, trailers = [], None
    while body:
        expect(trailers is None, "nothing follows the trailers")
        flags, length = struct.unpack(">BI", body[:5])
        payload, body = body[5:5 + length], body[5 + length:]
        expect(len(payload) == length, "frames are whole")
        if flags == 0x80:
            lines = payload.decode("ascii").split("\r\n")
            expect(lines.pop() == "", "trailers end with a line break")
            trailers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        else:
            expect(flags == 0, f"flags {flags}")
            messages.append(struct_pb2.Struct.FromString(payload))
    expect(trailers is not None, "there are trailers")
    return messages, trailers


def reason(trailers):
    raw = trailers.get("grpc-status-details-bin")
    for detail in status_pb2.Status.FromString(base64.b64decode(raw)).details if raw else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return None


def web(method, body, **headers):
    """A call of gRPC-Web: (messages, trailers, headers)."""
    status, answered, body = http_call("POST", f"/test.Fake/{method}", body, **{"content_type": WEB, **headers})
    expect(status == 200, f"{method}: HTTP {status} {body[:200]}")
    expect(answered["content-type"] == headers.get("content_type", WEB), f"{method}: the type of the answer")
    if headers.get("content_type") == TEXT:
        # Pieces that may each be padded: four characters at a time.
        body = b"".join(base64.b64decode(body[i:i + 4]) for i in range(0, len(body), 4))
    return *frames(body), answered


def grpc_web():
    ask = frame(message(id="a").SerializeToString())
    got, trailers, headers = web("Get", ask, x_grpc_web="1")
    expect([m["id"] for m in got] == ["a"] and got[0]["method"] == "Get", "a unary answer")
    expect(trailers["grpc-status"] == "0" and trailers["x-end"] == "Get", f"trailers {trailers}")
    expect(headers["x-handler"] == "Get", "headers that the handler has set")
    got, trailers, _ = web("Get", base64.b64encode(ask), content_type=TEXT)
    expect(got[0]["id"] == "a" and trailers["grpc-status"] == "0", "the text form")
    pieces = base64.b64encode(ask[:5]) + base64.b64encode(ask[5:])
    got, trailers, _ = web("Get", pieces, content_type=TEXT)
    expect(got[0]["id"] == "a", "text in pieces that are padded each")
    got, trailers, _ = web("Watch", ask)
    expect([m["number"] for m in got] == [1, 2, 3] and trailers["grpc-status"] == "0", "a stream of answers")
    got, trailers, _ = web("Watch", base64.b64encode(ask), content_type=TEXT)
    expect([m["number"] for m in got] == [1, 2, 3] and trailers["grpc-status"] == "0", "a stream in the text form")
    got, trailers, _ = web("Breaking", ask)
    expect(len(got) == 1 and trailers["grpc-status"] == "15" and reason(trailers) == "BROKE", "a stream that breaks")
    got, trailers, _ = web("Refusing", ask)
    expect(not got and trailers["grpc-status"] == "16" and reason(trailers) == "KEY_MISSING", "a stream that is refused")
    got, trailers, _ = web("Fail", frame(message(code="NOT_FOUND").SerializeToString()))
    expect(not got and trailers["grpc-status"] == "5", "a unary call that fails")
    expect(trailers["grpc-message"] == 'As you wished: "NOT_FOUND".', trailers["grpc-message"])
    _, trailers, _ = web("Fail", frame(message(code="NOT_FOUND").SerializeToString()), accept_language="ar")
    expect("%D8" in trailers["grpc-message"], "in the reader's language, percent-encoded")
    _, trailers, _ = web("Forever", ask, grpc_timeout="50m")
    expect(trailers["grpc-status"] == "4", "a deadline ends a stream")
    _, trailers, _ = web("Slow", ask, grpc_timeout="20m")
    expect(trailers["grpc-status"] == "4", "a deadline ends a unary call")


def hostile_web():
    good = message(id="a").SerializeToString()
    whole = frame(good)
    for body, status, why, what, headers in [
        (b"", "3", "NO_REQUEST", "no body", {}),
        (whole[:3], "3", "BAD_FRAME", "half a header", {}),
        (whole[:-1], "3", "BAD_FRAME", "a frame that is cut off", {}),
        (struct.pack(">BI", 0, 0xFFFFFFFF) + good, "3", "BAD_FRAME", "a length of 4 GiB", {}),
        (struct.pack(">BI", 0, len(good) - 1) + good, "3", "TOO_MANY_REQUESTS", "a length that is too small", {}),
        (whole + whole, "3", "TOO_MANY_REQUESTS", "two requests", {}),
        (frame(gzip.compress(good), 1), "12", "UNKNOWN_ENCODING", "the compressed flag", {}),
        (frame(good, 0x80), "3", "BAD_FRAME", "trailers as a request", {}),
        (frame(good, 0x40), "3", "BAD_FRAME", "a flag that nobody knows", {}),
        (frame(b"\xff\xff\xff\xff"), "3", "MALFORMED_MESSAGE", "no protobuf", {}),
        (whole, "12", "UNKNOWN_ENCODING", "gzip announced", {"grpc_encoding": "gzip"}),
        (whole, "3", "INVALID_TIMEOUT", "a timeout without a unit", {"grpc_timeout": "100"}),
        (whole, "3", "INVALID_TIMEOUT", "a timeout of nine digits", {"grpc_timeout": "999999999S"}),
        (whole, "3", "INVALID_TIMEOUT", "a negative timeout", {"grpc_timeout": "-5S"}),
        (b"!!!!" + base64.b64encode(whole), "3", "BAD_FRAME", "no base64", {"content_type": TEXT}),
        (base64.b64encode(whole)[:-1], "3", "BAD_FRAME", "base64 that is cut off", {"content_type": TEXT}),
        (frame(b"\0" * (5 << 20)), "8", "BODY_TOO_LARGE", "5 MiB", {}),
    ]:
        got, trailers, _ = web("Get", body, **headers)
        expect(not got and (trailers["grpc-status"], reason(trailers)) == (status, why), f"{what}: {trailers}")
    _, trailers, _ = web("Absent", whole)
    expect((trailers["grpc-status"], reason(trailers)) == ("12", "UNKNOWN_METHOD"), "a method that is not there")
    for kind in ("application/grpc", "application/grpc-web+json", "application/grpc+proto", "text/html", ""):
        status, headers, body = http_call("POST", "/test.Fake/Get", whole, content_type=kind)
        expect(status == 415 and json.loads(body)["code"] == "invalid_argument", f"content type {kind!r}: {status}")
    status, headers, _ = http_call("GET", "/test.Fake/Get", content_type=WEB)
    expect(status == 405 and "POST" in headers["allow"], "GET is not for calls")
    noise = random.Random(7)
    for _ in range(300):
        body = bytearray(frame(message(id="x" * noise.randrange(40)).SerializeToString()))
        for _ in range(noise.randrange(1, 6)):
            place = noise.randrange(len(body))
            body[place:place + noise.randrange(3)] = noise.randbytes(noise.randrange(3))
        got, trailers, _ = web("Get", bytes(body))
        expect((trailers["grpc-status"] == "0") == (len(got) == 1), f"a whole answer to {bytes(body)!r}: {trailers}")
        expect(trailers["grpc-status"] in ("0", "3", "12"), f"{bytes(body)!r}: {trailers}")
    expect(web("Get", whole)[1]["grpc-status"] == "0", "the bridge serves on")


def cross_origin():
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "x-grpc-web,content-type"}
    status, headers, _ = http_call("OPTIONS", "/test.Fake/Get", origin=ORIGIN, **asks)
    expect(status == 204 and headers["access-control-allow-origin"] == ORIGIN, f"a preflight: {status} {headers}")
    expect("POST" in headers["access-control-allow-methods"], "POST is allowed")
    allowed = headers["access-control-allow-headers"]
    for name in ("authorization", "content-type", "x-grpc-web", "grpc-timeout", "connect-protocol-version"):
        expect(name in allowed, f"{name} is allowed")
    for origin in ("https://evil.example", ORIGIN + ".evil.example", "null"):
        status, headers, _ = http_call("OPTIONS", "/test.Fake/Get", origin=origin, **asks)
        expect("access-control-allow-origin" not in headers, f"{origin} is not allowed")
    _, _, headers = web("Get", frame(b""), origin=ORIGIN)
    expect(headers["access-control-allow-origin"] == ORIGIN and "grpc-status" in headers["access-control-expose-headers"],
           "an answer for another origin")
    expect("origin" in headers["vary"], "caches are told")


def connect():
    call = lambda method, body, kind="application/json", **more: http_call(
        "POST", f"/test.Fake/{method}", body, content_type=kind, connect_protocol_version="1", **more)
    status, headers, body = call("Get", b'{"id":"a"}')
    expect(status == 200 and headers["content-type"] == "application/json", "unary in JSON")
    expect(json.loads(body) == {"id": "a", "method": "Get"}, body)
    expect(headers["x-handler"] == "Get" and headers["trailer-x-end"] == "Get", "headers, and trailers as headers")
    status, headers, body = call("Get", message(id="b").SerializeToString(), "application/proto")
    expect(status == 200 and headers["content-type"] == "application/proto", "unary in protobuf")
    expect(struct_pb2.Struct.FromString(body)["id"] == "b", "the answer in protobuf")
    table = {"CANCELLED": (499, "canceled"), "UNKNOWN": (500, ""), "INVALID_ARGUMENT": (400, ""),
             "DEADLINE_EXCEEDED": (504, ""), "NOT_FOUND": (404, ""), "ALREADY_EXISTS": (409, ""),
             "PERMISSION_DENIED": (403, ""), "RESOURCE_EXHAUSTED": (429, ""), "FAILED_PRECONDITION": (400, ""),
             "ABORTED": (409, ""), "OUT_OF_RANGE": (400, ""), "UNIMPLEMENTED": (501, ""), "INTERNAL": (500, ""),
             "UNAVAILABLE": (503, ""), "DATA_LOSS": (500, ""), "UNAUTHENTICATED": (401, "")}
    for name, (number, code) in table.items():
        status, headers, body = call("Fail", json.dumps({"code": name}).encode())
        error = json.loads(body)
        expect(status == number and headers["content-type"] == "application/json", f"{name}: HTTP {status}")
        expect(error["code"] == (code or name.lower()), f"{name}: {error}")
        expect(error["message"] == f'As you wished: "{name}".', f"{name}: {error}")
        details = {detail["type"]: detail["value"] for detail in error["details"]}
        value = details["google.rpc.ErrorInfo"]
        expect("=" not in value, "base64 without padding")
        info = error_details_pb2.ErrorInfo.FromString(base64.b64decode(value + "=" * (-len(value) % 4)))
        expect(info.reason == "WISHED" and "google.rpc.BadRequest" in details, f"{name}: details")
    for method, body, kind, more, number, code in [
        ("Get", b"{", "application/json", {}, 400, "invalid_argument"),
        ("Get", b"[]", "application/json; charset=utf-8", {}, 400, "invalid_argument"),
        ("Get", b"\xff\xff", "application/proto", {}, 400, "invalid_argument"),
        ("Get", b"{}", "application/json", {"connect_timeout_ms": "soon"}, 400, "invalid_argument"),
        ("Get", b"{}", "application/json", {"connect_timeout_ms": "12345678901"}, 400, "invalid_argument"),
        ("Get", gzip.compress(b"{}"), "application/json", {"content_encoding": "gzip"}, 501, "unimplemented"),
        ("Get", b"{}", "application/xml", {}, 415, "invalid_argument"),
        ("Get", b'{"a":"' + b"x" * (2 << 20) + b'"}', "application/json", {}, 413, "resource_exhausted"),
        ("Get", b"\n" * (5 << 20), "application/proto", {}, 413, "resource_exhausted"),
        ("Slow", b"{}", "application/json", {"connect_timeout_ms": "20"}, 504, "deadline_exceeded"),
        ("Watch", b"{}", "application/json", {}, 501, "unimplemented"),
        ("Absent", b"{}", "application/json", {}, 501, "unimplemented"),
    ]:
        status, _, answer = call(method, body, kind, **more)
        expect(status == number and json.loads(answer)["code"] == code, f"{method} {kind} {more}: {status} {answer[:200]}")
    status, _, body = http_call("POST", "/test.Fake/Get", b"{}", content_type="application/json",
                                connect_protocol_version="2")
    expect(status == 400, "a version that does not exist")
    status, _, body = http_call("POST", "/test.Fake/Get", b"{}", content_type="application/json")
    expect(status == 200, "curl needs no version")
    status, headers, _ = http_call("GET", "/test.Fake/Get")
    expect(status == 405, "GET is not for calls")
    _, _, body = call("Fail", b'{"code":"NOT_FOUND"}', accept_language="fr")
    expect(json.loads(body)["message"] == "L'objet demandé n'existe pas.", body)


grpc_web()
hostile_web()
cross_origin()
connect()
print(f"{checked} checks passed")
