import ProtoRuntime
import RPC
import Schema

/// Takes documents and remembers nothing but how they came.
struct FakeUploads: RPCService {
    let log: FakeService.Log

    func register(in router: inout Router) {
        let log = log
        router.clientStreaming(Ragdz_V1_Retrieval.Methods.uploadDocument) {
            (requests: RequestStream<Ragdz_V1_UploadDocumentRequest>, _: ServerContext) in
            var document = Ragdz_V1_Document()
            for try await request in requests {
                switch request.part {
                case .header(let header):
                    document.collectionID = header.collection
                    document.filename = header.filename
                    document.title = header.title
                    document.mediaType = header.mediaType
                case .data(let data):
                    guard data.count <= 1 << 20 else { throw Status.invalidArgument("too much") }
                    document.byteSize += Int64(data.count)
                case nil: break
                }
            }
            log.note("stored \(document.byteSize)")
            return document
        }
        router.serverStreaming(Ragdz_V1_Workflows.Methods.watchRun) {
            (request: Ragdz_V1_WatchRunRequest, events: ResponseWriter<Ragdz_V1_RunEvent>, _: ServerContext) in
            for number in (request.afterSequence + 1)...5 {
                var event = Ragdz_V1_RunEvent()
                event.runID = request.id
                event.sequence = number
                event.type = number == 5 ? "run.succeeded" : "step.started"
                try await events.write(event)
            }
        }
        router.unary(Ragdz_V1_Tenants.Methods.updateTenant) {
            (request: Ragdz_V1_UpdateTenantRequest, _: ServerContext) in
            var tenant = request.tenant ?? Ragdz_V1_Tenant()
            tenant.suspendReason = request.updateMask?.paths.joined(separator: "+") ?? "no mask"
            return tenant
        }
    }
}
