import HTTP2
import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Testing

@Suite(.serialized) struct CallTests {
    static let wires: [RPCClient.Wire] = [.ragdz, .grpc]

    @Test(arguments: wires) func unaryEchoes(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            for text in ["", "a", String(repeating: "é", count: 100_000)] {
                let answer = try await test.unary(text)
                #expect(answer == text)
            }
        }
    }

    @Test(arguments: wires) func manyCallsAtOnce(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<500 { group.addTask { try await test.unary("\(number)") == "\(number)" } }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test(arguments: wires) func serverStreams(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            for count in [0, 1, 20_000] {
                let responses: ResponseStream<Text> = try await test.client.serverStreaming(
                    EchoService.count, Text("\(count)"), options: .defaults)
                var expected = 0
                for try await response in responses {
                    #expect(response.value == "\(expected)")
                    expected += 1
                }
                #expect(expected == count)
            }
        }
    }

    @Test(arguments: wires) func clientStreams(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            let (requests, source) = AsyncStream.makeStream(of: Text.self)
            for number in 0..<5000 { source.yield(Text("\(number % 10)")) }
            source.finish()
            let answer: Text = try await test.client.clientStreaming(EchoService.join, requests, options: .defaults)
            #expect(answer.value.hasPrefix("5000:0123456789"))
        }
    }

    @Test(arguments: wires) func chats(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            let (requests, source) = AsyncStream.makeStream(of: Text.self)
            let responses: ResponseStream<Text> = try await test.client.bidirectional(
                EchoService.chat, requests, options: .defaults)
            var iterator = responses.makeAsyncIterator()
            for number in 0..<10 {
                source.yield(Text("\(number)"))
                let answer = try await iterator.next()
                #expect(answer?.value == "re: \(number)")
            }
            source.finish()
            let end = try await iterator.next()
            #expect(end == nil)
        }
    }

    @Test(arguments: wires) func errorsCarryTheirDetails(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            let refused = await status { _ = try await test.call(EchoService.fail, "Élan") }
            #expect(refused?.code == .invalidArgument)
            #expect(refused?.message == "Nom « Élan » refusé: 100%")
            #expect(refused?.reason == "TEST_REFUSED")
            #expect(refused?.details.fieldViolations.first?.field == "value")
            let hidden = await status { _ = try await test.call(EchoService.fail, "internal") }
            #expect(hidden?.code == .internalError)
            #expect(hidden?.message.contains("UnexpectedFailure") == false)
            let unknown = await status { _ = try await test.call(EchoService.method("Nothing", .unary), "") }
            #expect(unknown?.code == .unimplemented)
            #expect(unknown?.reason == "UNKNOWN_METHOD")
        }
    }

    @Test(arguments: wires) func metadataTravels(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            var options = CallOptions(timeout: .seconds(5))
            options.metadata.add("x-echo", "bonjour")
            options.metadata.add("x-echo-bin", bytes: [0, 255, 10])
            let chat: ResponseStream<Text> = try await test.client.serverStreaming(
                EchoService.unary, Text("m"), options: options)
            let initial = try await chat.initialMetadata
            #expect(initial["x-size"] == "3")
            for try await _ in chat {}
            #expect(chat.trailingMetadata["x-echo"] == "bonjour")
        }
    }

    @Test(arguments: wires) func deadlineEndsTheCallOnBothSides(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            let late = await status {
                _ = try await test.call(EchoService.sleep, "", options: CallOptions(timeout: .milliseconds(80)))
            }
            #expect(late?.code == .deadlineExceeded)
            #expect(await test.journal.waits(for: "sleep cancelled"))
        }
    }

    @Test func cancellingTheTaskCancelsTheHandler() async throws {
        try await TestServer.run { test in
            let call = Task { try await test.call(EchoService.sleep, "") }
            #expect(await test.journal.waits(for: "sleep began"))
            call.cancel()
            let cancelled = await status { _ = try await call.value }
            #expect(cancelled?.code == .cancelled)
            #expect(await test.journal.waits(for: "sleep cancelled"))
        }
    }

    @Test func slowReaderStopsTheProducer() async throws {
        try await TestServer.run(client: { $0.http2.streamWindow = 64 << 10 }) { test in
            let responses: ResponseStream<Text> = try await test.client.serverStreaming(
                EchoService.big, Text("2000"), options: .defaults)
            var iterator = responses.makeAsyncIterator()
            _ = try await iterator.next()
            try await Task.sleep(for: .milliseconds(300))
            // 64 KiB in the client's window, 64 KiB in the server's buffer, and what lies between.
            let written = await test.journal.value("written")
            #expect(written < 60, "the producer ran ahead: \(written) messages of 10 kB")
            var rest = 1
            while try await iterator.next() != nil { rest += 1 }
            #expect(rest == 2000)
        }
    }

    @Test func leavingAStreamStopsTheHandler() async throws {
        try await TestServer.run { test in
            do {
                let responses: ResponseStream<Text> = try await test.client.serverStreaming(
                    EchoService.big, Text("1000000"), options: .defaults)
                for try await _ in responses { break }
            }
            #expect(await test.journal.waits(for: "big stopped"))
        }
    }

    @Test func waitForReadyOutlivesALateServer() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        // Takes a port and gives it back, so that nobody listens there for a moment.
        let probe = RPCServer(router: Router(), group: group)
        let port = try await probe.start().port ?? 0
        await probe.shutdown(grace: .zero)
        let client = RPCClient(.host("127.0.0.1", port: port), group: group)
        let refused = await status {
            let _: Text = try await client.unary(EchoService.fail, Text(), options: .defaults)
        }
        #expect(refused?.code == .unavailable)
        var router = Router()
        router.add(EchoService(journal: Journal()))
        let server = RPCServer(.init(port: port), router: router, group: group)
        async let answer: Text = client.unary(
            EchoService.unary, Text("late"), options: CallOptions(timeout: .seconds(10), waitForReady: true))
        try await Task.sleep(for: .milliseconds(150))
        try await server.start()
        let value = try await answer.value
        #expect(value == "late")
        await client.close()
        await server.shutdown(grace: .zero)
    }

    @Test func idempotentCallsOutliveARestart() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        var router = Router()
        router.add(EchoService(journal: Journal()))
        let first = RPCServer(router: router, group: group)
        let port = try await first.start().port ?? 0
        let client = RPCClient(.host("127.0.0.1", port: port), group: group)
        let before: Text = try await client.unary(EchoService.unary, Text("1"), options: .defaults)
        #expect(before.value == "1")
        await first.shutdown(grace: .seconds(1))
        async let during: Text = client.unary(EchoService.unary, Text("2"), options: .defaults)
        try await Task.sleep(for: .milliseconds(60))
        let second = RPCServer(.init(port: port), router: router, group: group)
        try await second.start()
        let value = try await during.value
        #expect(value == "2")
        await client.close()
        await second.shutdown(grace: .zero)
    }
}
