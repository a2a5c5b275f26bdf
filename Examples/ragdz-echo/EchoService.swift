import ProtoRuntime
import RPC

/// Gives back what it got, by all four call types.
struct EchoService: Echo_Echo.ServiceProtocol {
    func unary(_ request: Echo_EchoRequest, context: ServerContext) async throws -> Echo_EchoReply {
        reply(to: request)
    }

    func serverStream(
        _ request: Echo_StreamRequest, responses: ResponseWriter<Echo_EchoReply>, context: ServerContext
    ) async throws {
        guard request.count >= 0, request.pause >= 0 else {
            throw Status.invalidArgument("count and pause must not be negative.", reason: "NEGATIVE", field: "count")
        }
        let reply = reply(to: request.sample ?? Echo_EchoRequest())
        for _ in 0..<request.count {
            try await responses.write(reply)
            if request.pause > 0 { try await Task.sleep(for: .milliseconds(request.pause)) }
        }
    }

    func clientStream(
        _ requests: RequestStream<Echo_EchoRequest>, context: ServerContext
    ) async throws -> Echo_EchoReply {
        var reply = Echo_EchoReply()
        var bytes = 0
        for try await request in requests {
            reply.id += 1
            bytes += request.text.utf8.count
        }
        reply.values = [Double(bytes)]
        return reply
    }

    func chat(
        _ requests: RequestStream<Echo_EchoRequest>, responses: ResponseWriter<Echo_EchoReply>, context: ServerContext
    ) async throws {
        for try await request in requests { try await responses.write(reply(to: request)) }
    }

    private func reply(to request: Echo_EchoRequest) -> Echo_EchoReply {
        var reply = Echo_EchoReply()
        reply.text = request.text
        reply.id = request.id
        reply.values = request.values
        return reply
    }
}
