"""What the foreign clients share: stubs that grpcio-tools makes from Protos/, and how a check fails."""

import importlib
import json
import os
import sys
import tempfile
import time

import google.api
import grpc
from grpc_tools import protoc


def stubs(protos):
    """{area: (messages, stubs)} of every proto of the contract."""
    out = tempfile.mkdtemp()
    common = os.path.dirname(os.path.dirname(list(google.api.__path__)[0]))
    builtin = os.path.join(os.path.dirname(protoc.__file__), "_proto")
    names = ["ragdz/options.proto"] + [f"ragdz/v1/{n}" for n in sorted(os.listdir(f"{protos}/ragdz/v1"))]
    code = protoc.main(["protoc", f"-I{protos}", f"-I{common}", f"-I{builtin}", f"--python_out={out}",
                        f"--grpc_python_out={out}"] + names)
    expect(code == 0, "grpcio-tools takes our protos")
    sys.path.insert(0, out)
    load = importlib.import_module
    return {a: (load(f"ragdz.v1.{a}_pb2"), load(f"ragdz.v1.{a}_pb2_grpc"))
            for a in ["tenants", "keys", "retrieval", "workflows"]}


def said(check, **facts):
    print(json.dumps({"check": check, **facts}), flush=True)


def expect(condition, what):
    if not condition:
        print(f"not as it should be: {what}", file=sys.stderr)
        sys.exit(1)


def refused(call, *codes, what=""):
    """Calls, and returns the error, whose code must be one of `codes`."""
    try:
        answer = call()
    except grpc.RpcError as error:
        expect(error.code() in codes, f"{what}: {codes} expected, {error.code()} {error.details()} received")
        expect(error.details(), f"{what}: an error says what is wrong")
        return error
    expect(False, f"{what}: {codes} expected, an answer received: {answer}")


def new_tenant(modules, channel, operator, name, scopes=("*",)):
    """A new tenant and the metadata of its first key."""
    pb, rpc = modules["tenants"]
    tenant = rpc.TenantsStub(channel).CreateTenant(
        pb.CreateTenantRequest(slug=f"{name}-{time.time_ns()}", name=name, region=pb.REGION_DZ), metadata=operator,
        timeout=20)
    pb, rpc = modules["keys"]
    made = rpc.KeysStub(channel).CreateKey(
        pb.CreateKeyRequest(name=name, scopes=scopes, tenant_id=tenant.id), metadata=operator, timeout=20)
    return tenant, made, (("authorization", f"Bearer {made.secret}"),)
