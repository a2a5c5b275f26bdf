"""A stock grpcio client against the transport's test server: python grpcio_client.py PORT [CA_FILE].

The service is test.Echo of EchoService.swift (google.protobuf.StringValue both ways). Prints one line a check and
exits 1 when any fails.
"""
import sys
import time

import grpc
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

failed = 0


def check(name, holds, seen=""):
    global failed
    print(("ok   " if holds else "FAIL ") + name, "" if holds else f": {seen!r}")
    failed += not holds


def method(channel, kind, name):
    return getattr(channel, kind)(
        "/test.Echo/" + name, request_serializer=StringValue.SerializeToString,
        response_deserializer=StringValue.FromString)


def text(value):
    return StringValue(value=value)


def error(call):
    try:
        call()
    except grpc.RpcError as caught:
        return caught
    return None


def unary_checks(channel):
    unary = method(channel, "unary_unary", "Unary")
    for value in ["", "a", "é" * 1_500_000]:
        check(f"unary of {len(value)} letters", unary(text(value), timeout=20).value == value)
    reply, call = unary.with_call(text("m"), metadata=[("x-echo", "salut"), ("x-echo-bin", b"\x00\xff")], timeout=30)
    check("initial metadata", ("x-size", "2") in call.initial_metadata(), call.initial_metadata())
    check("trailing metadata", ("x-echo", "salut") in call.trailing_metadata(), call.trailing_metadata())
    packed = "x" * 200_000
    check("gzip request and answer", unary(text(packed), compression=grpc.Compression.Gzip, timeout=30).value == packed)
    large = error(lambda: unary(text("x" * (5 << 20)), timeout=20))
    check("5 MiB is too much", large and large.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, large)


def error_checks(channel):
    refused = error(lambda: method(channel, "unary_unary", "Fail")(text("Élan"), timeout=30))
    check("status", refused and refused.code() == grpc.StatusCode.INVALID_ARGUMENT, refused)
    check("message in UTF-8", refused.details() == "Nom « Élan » refusé: 100%", refused.details())
    details = dict(refused.trailing_metadata()).get("grpc-status-details-bin", b"")
    status = status_pb2.Status.FromString(details)
    info = error_details_pb2.ErrorInfo()
    found = [any_ for any_ in status.details if any_.Unpack(info)]
    check("ErrorInfo", found and info.reason == "TEST_REFUSED" and info.domain == "ragdz", status)
    bad = error_details_pb2.BadRequest()
    found = [any_ for any_ in status.details if any_.Unpack(bad)]
    check("BadRequest", found and bad.field_violations[0].field == "value", status)
    missing = error(lambda: method(channel, "unary_unary", "Nothing")(text(""), timeout=30))
    check("unknown method", missing.code() == grpc.StatusCode.UNIMPLEMENTED, missing)
    began = time.monotonic()
    late = error(lambda: method(channel, "unary_unary", "Sleep")(text(""), timeout=0.2))
    check("deadline", late.code() == grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() - began < 3, late)


def stream_checks(channel):
    count = method(channel, "unary_stream", "Count")
    values = [int(answer.value) for answer in count(text("5000"), timeout=20)]
    check("server stream in order", values == list(range(5000)), len(values))
    check("empty server stream", list(count(text("0"), timeout=30)) == [])
    join = method(channel, "stream_unary", "Join")
    joined = join((text(str(number % 10)) for number in range(2000)), timeout=20).value
    check("client stream", joined.startswith("2000:0123456789"), joined[:30])
    chat = method(channel, "stream_stream", "Chat")
    answers = [answer.value for answer in chat((text(str(number)) for number in range(50)), timeout=20)]
    check("chat", answers == [f"re: {number}" for number in range(50)], answers[:3])
    big = method(channel, "unary_stream", "Big")(text("100000"))
    next(big)
    big.cancel()
    check("left early", True)
    check("after leaving", method(channel, "unary_unary", "Unary")(text("on"), timeout=30).value == "on")


def service_checks(channel):
    health = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=30)
    check("health", answer.status == health_pb2.HealthCheckResponse.SERVING, answer)
    watch = health.Watch(health_pb2.HealthCheckRequest(service="nobody"), timeout=30)
    check("health watch", next(iter(watch)).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
    watch.cancel()
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    requests = [reflection_pb2.ServerReflectionRequest(list_services="")]
    answer = next(iter(reflection.ServerReflectionInfo(iter(requests), timeout=30)))
    names = [service.name for service in answer.list_services_response.service]
    check("reflection", "grpc.health.v1.Health" in names, names)


def main():
    options = [("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)]
    target = f"127.0.0.1:{sys.argv[1]}"
    if len(sys.argv) > 2:
        with open(sys.argv[2], "rb") as file:
            channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()), options)
    else:
        channel = grpc.insecure_channel(target, options)
    with channel:
        unary_checks(channel)
        error_checks(channel)
        stream_checks(channel)
        service_checks(channel)
    sys.exit(1 if failed else 0)


main()
