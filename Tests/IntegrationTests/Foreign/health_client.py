"""Health and reflection through PyPI's grpcio-health-checking and grpcio-reflection; the database hangs in between.

usage: health_client.py PROTOS TARGET OPERATOR-CREDENTIAL POSTMASTER
"""

import os
import signal
import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from stubs import expect, refused, said

TARGET, OPERATOR, POSTMASTER = sys.argv[2], sys.argv[3], int(sys.argv[4])
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
channel = grpc.insecure_channel(TARGET)
health = health_pb2_grpc.HealthStub(channel)


def processes():
    """The postmaster and all its children."""
    found = [POSTMASTER]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError):
                continue
            if parent == POSTMASTER:
                found.append(int(entry))
    return found


def reflection():
    database = ProtoReflectionDescriptorDatabase(channel)
    services = sorted(database.get_services())
    for name in ("grpc.health.v1.Health", "ragdz.v1.Keys", "ragdz.v1.Tenants"):
        expect(name in services, f"{name} is listed: {services}")
    # A call made from nothing but what reflection says, as tools make it.
    pool = descriptor_pool.DescriptorPool(database)
    method = pool.FindServiceByName("ragdz.v1.Tenants").FindMethodByName("CreateTenant")
    request = message_factory.GetMessageClass(method.input_type)(slug="reflected", name="x", region=1)
    answer = message_factory.GetMessageClass(method.output_type)
    call = channel.unary_unary("/ragdz.v1.Tenants/CreateTenant", request_serializer=type(request).SerializeToString,
                               response_deserializer=answer.FromString)
    tenant = call(request, metadata=(("authorization", f"Bearer {OPERATOR}"),), timeout=20)
    expect(tenant.slug == "reflected", "a dynamic call")
    # The package knows v1alpha only; v1 is the same protocol under another name.
    for version in ("v1", "v1alpha"):
        stream = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
        asked = [reflection_pb2.ServerReflectionRequest(list_services=""),
                 reflection_pb2.ServerReflectionRequest(file_containing_symbol="ragdz.v1.Tenant"),
                 reflection_pb2.ServerReflectionRequest(file_by_filename="ragdz/v1/keys.proto"),
                 reflection_pb2.ServerReflectionRequest(file_containing_symbol="no.such.Thing")]
        listed, file, named, absent = list(stream(iter(asked), timeout=20))
        expect([s.name for s in listed.list_services_response.service] == services, f"{version} lists the same services")
        expect(file.file_descriptor_response.file_descriptor_proto, f"{version}: the file of a symbol")
        expect(named.file_descriptor_response.file_descriptor_proto, f"{version}: a file by its name")
        expect(absent.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0], f"{version}: an absent symbol")
    said("reflection", services=len(services))
    return services


def check(name):
    return health.Check(health_pb2.HealthCheckRequest(service=name), timeout=20).status


def readiness(services):
    ours = [name for name in services if name.startswith("ragdz.")]
    for name in ["", *ours]:
        expect(check(name) == SERVING, f"{name or 'the server'} serves")
    refused(lambda: check("no.such.Service"), grpc.StatusCode.NOT_FOUND, what="a service that is not there")
    unknown = health.Watch(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=60)
    expect(next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN, "watching what is not there")
    unknown.cancel()
    watches = [health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=120) for name in ["", *ours]]
    for watch in watches:
        expect(next(watch).status == SERVING, "a watch begins with what is")
    said("serving")
    hung = processes()
    for process in hung:
        os.kill(process, signal.SIGSTOP)
    try:
        for watch in watches:
            expect(next(watch).status == NOT_SERVING, "a database that hangs is noticed")
        expect(check("") == NOT_SERVING and check(ours[0]) == NOT_SERVING, "checks say so too")
    finally:
        for process in hung:
            os.kill(process, signal.SIGCONT)
    for watch in watches:
        expect(next(watch).status == SERVING, "a database that is back is noticed")
        watch.cancel()
    said("hanging")


readiness(reflection())
said("all")
