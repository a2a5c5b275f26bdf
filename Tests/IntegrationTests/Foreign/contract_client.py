"""A stock grpcio client over stubs that grpcio-tools makes from Protos/: it knows nothing of ours but the contract.

usage: contract_client.py PROTOS TARGET OPERATOR-CREDENTIAL
Calls Tenants, Keys, Retrieval.UploadDocument (client stream), Retrieval.Ask and Workflows.WatchRun (server streams), health
and reflection, and prints one JSON line per check. Exits 1 at the first answer that is not what the contract says.
"""

import sys

import grpc
from stubs import expect, new_tenant, refused, said, stubs

TEXT = """# The commercial register in Algeria

Every trader must be entered in the commercial register before starting an activity. The register is kept by the
Centre national du registre du commerce, known as CNRC. The entry costs a fixed fee, and the extract is delivered within
twenty-four hours. A company with limited liability needs its statutes drawn up by a notary before it can be entered.
"""


def tenants_and_keys(modules, channel, operator):
    pb, rpc = modules["tenants"]
    tenants = rpc.TenantsStub(channel)
    tenant, made, bearer = new_tenant(modules, channel, operator, "contract")
    expect(tenant.timezone == "Africa/Algiers", "the region's timezone is the default")
    request = pb.CreateTenantRequest(slug=tenant.slug, name=tenant.name, region=tenant.region)
    again = tenants.CreateTenant(request, metadata=operator, timeout=20)
    expect(again.id == tenant.id, "creating again returns the same tenant")
    refused(lambda: tenants.CreateTenant(request, timeout=20), grpc.StatusCode.UNAUTHENTICATED, what="no credential")
    said("tenants", id=tenant.id)

    pb, rpc = modules["keys"]
    keys = rpc.KeysStub(channel)
    listed = keys.ListKeys(pb.ListKeysRequest(), metadata=bearer, timeout=20)
    expect([k.id for k in listed.keys] == [made.key.id], "the key lists itself")
    refused(lambda: tenants.GetTenant(modules["tenants"][0].GetTenantRequest(id="00000000-0000-4000-8000-000000000000"),
                                      metadata=bearer, timeout=20), grpc.StatusCode.NOT_FOUND, what="an absent tenant")
    said("keys", id=made.key.id)
    return bearer


def retrieval(modules, channel, bearer):
    pb, rpc = modules["retrieval"]
    stub = rpc.RetrievalStub(channel)
    collection = stub.CreateCollection(pb.CreateCollectionRequest(name="law"), metadata=bearer, timeout=20)
    data = TEXT.encode()

    def parts():
        yield pb.UploadDocumentRequest(header=pb.UploadHeader(collection="law", filename="register.md"))
        for start in range(0, len(data), 100):
            yield pb.UploadDocumentRequest(data=data[start:start + 100])

    document = stub.UploadDocument(parts(), metadata=bearer, timeout=120)
    expect(document.byte_size == len(data) and document.language == "en", f"the document arrived: {document}")
    said("upload", chunks=document.chunk_count)

    events = list(stub.Ask(pb.AskRequest(collections=["law"], question="Who keeps the commercial register?"),
                           metadata=bearer, timeout=60))
    kinds = [e.WhichOneof("event") for e in events]
    expect(kinds[0] == "sources" and kinds[-1] == "usage" and "citation" in kinds, f"the events of an answer: {kinds}")
    text = stub.GetDocumentText(pb.GetDocumentTextRequest(id=document.id), metadata=bearer, timeout=20).text
    for event in events:
        if event.WhichOneof("event") == "citation":
            c = event.citation
            expect(text[c.start:c.end] == c.quote, "a citation is an exact substring")
            expect(text.encode("utf-16-le")[2 * c.utf16_start:2 * c.utf16_end].decode("utf-16-le") == c.quote,
                   "and so it is in UTF-16")
    said("ask", events=kinds)
    return collection


def workflows(modules, channel, bearer):
    pb, rpc = modules["workflows"]
    stub = rpc.WorkflowsStub(channel)
    request = pb.StartRunRequest(workflow="brief", request_id="contract")
    request.input.update({"topic": "Who keeps the commercial register?", "collection": "law"})
    run = stub.StartRun(request, metadata=bearer, timeout=20)
    expect(stub.StartRun(request, metadata=bearer, timeout=20).id == run.id, "starting again returns the same run")
    numbers, approved = [], False
    for event in stub.WatchRun(pb.WatchRunRequest(id=run.id), metadata=bearer, timeout=120):
        numbers.append(event.sequence)
        if event.type == "approval.waiting" and not approved:
            approved = True
            stub.Approve(pb.ApproveRequest(id=run.id, approved=True), metadata=bearer, timeout=20)
    expect(numbers == list(range(1, len(numbers) + 1)), f"the events have no gap: {numbers}")
    done = stub.GetRun(pb.GetRunRequest(id=run.id), metadata=bearer, timeout=20)
    expect(done.status == pb.RUN_STATUS_SUCCEEDED, f"the run ended well: {done}")
    rest = list(stub.WatchRun(pb.WatchRunRequest(id=run.id, after_sequence=3), metadata=bearer, timeout=20))
    expect([e.sequence for e in rest] == numbers[3:], "watching from a number gives exactly the rest")
    said("watch", events=len(numbers))


def main():
    protos, target, operator = sys.argv[1:]
    modules = stubs(protos)
    with grpc.insecure_channel(target) as channel:
        bearer = tenants_and_keys(modules, channel, (("authorization", f"Bearer {operator}"),))
        retrieval(modules, channel, bearer)
        workflows(modules, channel, bearer)
    said("all", ok=True)


main()
