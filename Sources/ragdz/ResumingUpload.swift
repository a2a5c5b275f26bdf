internal import Foundation
internal import ProtoRuntime
internal import RPC
internal import RPCTransport
internal import Schema

/// A large file in parts: when the connection is lost, it goes on where the server has it to.
struct ResumingUpload: Sendable {
    enum Limits {
        /// From so many bytes on a file goes in parts: 2 MiB.
        static let size = 2 << 20
        /// Bytes of a part: 512 KiB.
        static let part = 512 << 10
        /// Failures one after the other without a part between them, with pauses that double up to 30 s: some three minutes.
        static let failures = 10
        static let longestPause: Duration = .seconds(30)
    }

    let client: Ragdz_V1_Retrieval.Client<RPCClient>
    let options: CallOptions
    let progress: ProgressBar

    /// The pending document. `upload` is the id of one that was begun before.
    func run(
        _ handle: FileHandle, _ header: Ragdz_V1_UploadHeader, size: Int, resuming upload: String?
    ) async throws -> Ragdz_V1_Document {
        var now = try await begin(header, size, upload)
        guard now.byteSize == Int64(size) || now.finished else {
            throw Status.invalidArgument(
                "The upload is of a file of \(now.byteSize) bytes, not \(size).", reason: "UPLOAD_OTHER_FILE")
        }
        progress.add(Int(now.receivedBytes))
        do {
            while !now.finished, now.receivedBytes < now.byteSize {
                let next = try await append(handle, now)
                progress.add(Int(next.receivedBytes - now.receivedBytes))
                now = next
            }
            progress.waiting()
            var request = Ragdz_V1_FinishUploadRequest()
            request.id = now.id
            return try await patiently { [request] in try await client.finishUpload(request, options: options) }
        } catch let status as Status where Self.mayPass(status) {
            Terminal.complain("What has arrived is kept for an hour: go on with --resume \(now.id)")
            throw status
        }
    }

    private func begin(
        _ header: Ragdz_V1_UploadHeader, _ size: Int, _ upload: String?
    ) async throws -> Ragdz_V1_Upload {
        if let upload {
            var request = Ragdz_V1_GetUploadRequest()
            request.id = upload
            return try await client.getUpload(request, options: options)
        }
        var request = Ragdz_V1_StartUploadRequest()
        request.header = header
        request.byteSize = Int64(size)
        return try await client.startUpload(request, options: options)
    }

    private func append(_ handle: FileHandle, _ now: Ragdz_V1_Upload) async throws -> Ragdz_V1_Upload {
        try handle.seek(toOffset: UInt64(now.receivedBytes))
        guard let data = try handle.read(upToCount: Limits.part), !data.isEmpty else {
            throw Status.failedPrecondition("The file became shorter while it was sent.", reason: "FILE_CHANGED")
        }
        var request = Ragdz_V1_AppendUploadRequest()
        request.id = now.id
        request.offset = now.receivedBytes
        request.data = Array(data)
        return try await patiently { [request] in try await client.appendUpload(request, options: options) }
    }

    /// Again while the server is away: a part that had arrived changes nothing when it comes again.
    private func patiently<R>(_ call: () async throws -> R) async throws -> R {
        var failures = 0
        while true {
            do { return try await call() } catch let status as Status where Self.mayPass(status) {
                failures += 1
                if failures > Limits.failures { throw status }
                try await Task.sleep(for: min(.milliseconds(250) * (1 << failures), Limits.longestPause))
            }
        }
    }

    private static func mayPass(_ status: Status) -> Bool {
        [.unavailable, .deadlineExceeded, .aborted].contains(status.code) || status.reason == "UPLOADS_BUSY"
    }
}
