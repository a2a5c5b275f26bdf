internal import LoopExecutor
internal import NIOCore
internal import RPC

/// Asks the health service of a connection's server whether it wants calls, for as long as the connection lives.
enum HealthWatch {
    /// `tell` runs on the loop at every change. A server without a health service counts as willing.
    static func start(
        _ service: String, on connection: ClientConnection, _ executor: LoopExecutor,
        tell: @escaping (Bool) -> Void
    ) {
        let tell = NIOLoopBound(tell, eventLoop: connection.loop)
        _ = Task.immediate(executorPreference: executor) {
            do {
                let stream = ClientStream(connection, deadline: nil, isWatch: true)
                let method = Grpc_Health_V1_Health.Methods.watch
                try connection.open(stream, connection.headers(method, CallOptions(), deadline: nil))
                var request = Grpc_Health_V1_HealthCheckRequest()
                request.service = service
                try stream.send(request, isLast: true)
                while let answer: Grpc_Health_V1_HealthCheckResponse = try await stream.nextSettled() {
                    tell.value(answer.status == .serving)
                }
                tell.value(false)
            } catch let status as Status where status.code == .unimplemented {
                tell.value(true)
            } catch {
                tell.value(false)
            }
        }
    }
}
