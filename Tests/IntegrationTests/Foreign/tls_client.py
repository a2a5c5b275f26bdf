"""Client certificates, and certificates of the server that change while it serves; from a stock grpcio client.

usage: tls_client.py PROTOS TARGET OPERATOR-CREDENTIAL CERTIFICATES PID LOG
CERTIFICATES holds what the test made: ca.pem, NAME.pem and NAME.key, and live.pem and live.key, which the server reads.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from stubs import expect, said, stubs

Code = grpc.StatusCode
PROTOS, TARGET, OPERATOR, FOLDER, PID, LOG = sys.argv[1:7]
HOST, PORT = TARGET.split(":")


def read(name):
    with open(f"{FOLDER}/{name}", "rb") as file:
        return file.read()


def channel(certificate=None):
    pair = {"private_key": read(f"{certificate}.key"), "certificate_chain": read(f"{certificate}.pem")} if certificate else {}
    return grpc.secure_channel(TARGET, grpc.ssl_channel_credentials(read("ca.pem"), **pair))


def outcome(call):
    """(code, reason) of a call."""
    try:
        call()
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
        reason = ""
        for detail in status_pb2.Status.FromString(details).details if details else ():
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                reason = info.reason
        return error.code(), reason
    return Code.OK, ""


def identities(modules):
    pb, rpc = modules["tenants"]
    operator = (("authorization", f"Bearer {OPERATOR}"),)

    def listing(of, **more):
        return outcome(lambda: rpc.TenantsStub(of).ListTenants(pb.ListTenantsRequest(), timeout=10, **more))

    def same(got, wanted, what):
        expect(got == wanted, f"{what}: expected {wanted}, got {got}")

    same(listing(channel("reader")), (Code.OK, ""), "a service whose scopes cover the method")
    with channel("reader") as reader:
        made = outcome(lambda: rpc.TenantsStub(reader).CreateTenant(
            pb.CreateTenantRequest(slug="by-service", name="x", region=pb.REGION_CH), timeout=10))
        same(made, (Code.PERMISSION_DENIED, "SCOPE_MISSING"), "a service without the scope of the method")
        keys = modules["keys"]
        own = outcome(lambda: keys[1].KeysStub(reader).ListKeys(keys[0].ListKeysRequest(), timeout=10))
        same(own, (Code.PERMISSION_DENIED, "TENANT_KEY_REQUIRED"), "a method that acts for a tenant")
        same(listing(reader, metadata=operator), (Code.OK, ""), "a credential goes before the certificate")
        same(listing(reader, metadata=(("authorization", "Bearer no-key"),)), (Code.UNAUTHENTICATED, "KEY_MALFORMED"),
             "a bad credential is not forgiven for the certificate's sake")
    with channel("writer") as writer:
        tenant = rpc.TenantsStub(writer).CreateTenant(
            pb.CreateTenantRequest(slug="by-service", name="x", region=pb.REGION_CH), timeout=10)
        keys = modules["keys"]
        grab = outcome(lambda: keys[1].KeysStub(writer).CreateKey(
            keys[0].CreateKeyRequest(name="k", scopes=["*"], tenant_id=tenant.id), timeout=10))
        same(grab, (Code.PERMISSION_DENIED, "SCOPE_NOT_HELD"), "a service makes no key that is stronger than itself")
        key = keys[1].KeysStub(writer).CreateKey(
            keys[0].CreateKeyRequest(name="k", scopes=["keys.write"], tenant_id=tenant.id), timeout=10)
        expect(key.secret, "a service makes a key with scopes that it holds")
    same(listing(channel("unmapped")), (Code.UNAUTHENTICATED, "CERTIFICATE_UNKNOWN"), "a name that is not in the map")
    same(listing(channel("nameless")), (Code.UNAUTHENTICATED, "CREDENTIAL_MISSING"), "a certificate without names")
    same(listing(channel("double")), (Code.UNAUTHENTICATED, "CERTIFICATE_AMBIGUOUS"), "the names of two services")
    same(listing(channel("posing")), (Code.UNAUTHENTICATED, "CREDENTIAL_MISSING"), "a DNS name that looks like a URI")
    same(listing(channel()), (Code.UNAUTHENTICATED, "CREDENTIAL_MISSING"), "no certificate and no credential")
    same(listing(channel(), metadata=operator), (Code.OK, ""), "no certificate, but a credential")
    for bad in ("stranger", "expired", "serving"):
        same(listing(channel(bad))[0], Code.UNAVAILABLE, f"a certificate of kind {bad}")
    said("identities")


def shown_serial():
    """The serial number of the certificate that a new connection sees."""
    context = ssl.create_default_context(cafile=f"{FOLDER}/ca.pem")
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((HOST, int(PORT)), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=HOST) as wrapped:
            return wrapped.getpeercert()["serialNumber"].lstrip("0")


def serial(name):
    out = subprocess.run(["openssl", "x509", "-in", f"{FOLDER}/{name}.pem", "-noout", "-serial"], capture_output=True, text=True)
    return out.stdout.strip().split("=")[1].lstrip("0")


def install(name, key=None):
    for source, target in ((f"{key or name}.key", "live.key"), (f"{name}.pem", "live.pem")):
        shutil.copyfile(f"{FOLDER}/{source}", f"{FOLDER}/new")
        os.rename(f"{FOLDER}/new", f"{FOLDER}/{target}")


def eventually(holds, what):
    end = time.monotonic() + 30
    while not holds():
        expect(time.monotonic() < end, what)
        time.sleep(0.02)


def log_count(text):
    with open(LOG, encoding="utf-8") as file:
        return file.read().count(text)


class Load:
    """Calls that go on all the time, on lasting connections and on fresh ones."""

    def __init__(self):
        self.calls = 0
        self.failures = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(lasting,)) for lasting in (True, True, False, False)]
        for thread in self.threads:
            thread.start()

    def run(self, lasting):
        kept = channel() if lasting else None
        while not self.stopping.is_set():
            fresh = kept or channel()
            try:
                health_pb2_grpc.HealthStub(fresh).Check(health_pb2.HealthCheckRequest(), timeout=20)
                self.calls += 1
            except grpc.RpcError as error:
                self.failures.append(f"{error.code()} {error.details()}")
            if not lasting:
                fresh.close()

    def more(self, count=40):
        goal = self.calls + count
        eventually(lambda: self.calls >= goal or self.failures, "calls go on")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def reloads():
    load = Load()
    load.more()
    expect(shown_serial() == serial("first"), "the first certificate")
    install("second")
    os.kill(int(PID), signal.SIGHUP)
    eventually(lambda: shown_serial() == serial("second"), "SIGHUP brings the second certificate")
    load.more()
    refusals = log_count("not read again")
    install("first", key="second")
    os.kill(int(PID), signal.SIGHUP)
    eventually(lambda: log_count("not read again") > refusals, "a certificate with another's key is refused and logged")
    expect(shown_serial() == serial("second"), "the old pair stays in force")
    load.more()
    install("third")
    eventually(lambda: shown_serial() == serial("third"), "a changed file is noticed without a signal")
    load.more()
    with open(f"{FOLDER}/services.new", "w", encoding="utf-8") as file:
        file.write("spiffe://ragdz/unmapped late platform.tenants.read\n")
    os.rename(f"{FOLDER}/services.new", f"{FOLDER}/services")
    pb, rpc = stubs_of["tenants"]

    def late():
        with channel("unmapped") as of:
            return outcome(lambda: rpc.TenantsStub(of).ListTenants(pb.ListTenantsRequest(), timeout=10))[0] == Code.OK

    eventually(late, "a changed service map is noticed")
    load.more()
    load.stop()
    expect(not load.failures, f"no call fails while certificates change: {load.failures[:5]}")
    said("reloads", calls=load.calls)


stubs_of = stubs(PROTOS)
identities(stubs_of)
reloads()
said("all")
