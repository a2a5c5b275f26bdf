import ProtoRuntime
import RPC
import Synchronization
import Testing

@testable import RPCTransport

/// Calls share tasks one after the other: nothing of one may show in the next.
@Suite(.serialized) struct CallWorkerTests {
    private enum Marker {
        @TaskLocal static var text = "none"
    }

    /// Tells what a call finds in the task that it was given, then leaves traces in it.
    private struct TraceService: RPCService {
        static let look = EchoService.method("Look", .unary)

        func register(in router: inout Router) {
            router.unary(Self.look) { (request: Text, _) in
                let found = "\(Marker.text) \(Task.isCancelled)"
                try await Marker.$text.withValue(request.value) {
                    if request.value == "wait" { try await Task.sleep(for: .seconds(30)) }
                    if request.value == "fail" { throw UnexpectedFailure() }
                    await Task.yield()
                }
                return Text(found)
            }
        }
    }

    private func run(_ body: (RPCClient) async throws -> Void) async throws {
        var router = Router()
        router.add(TraceService())
        let test = try await TestServer.start(router)
        do { try await body(test.client) } catch { Issue.record(error) }
        await test.stop()
    }

    private func look(_ client: RPCClient, _ text: String, timeout: Duration = .seconds(10)) async throws -> String {
        let answer: Text = try await client.unary(TraceService.look, Text(text), options: CallOptions(timeout: timeout))
        return answer.value
    }

    @Test func nothingLeaksFromCallToCall() async throws {
        try await run { client in
            for text in ["a", "fail", "b", "c"] {
                let found = try? await look(client, text)
                #expect(found == (text == "fail" ? nil : "none false"))
            }
        }
    }

    /// A call that was cancelled takes its task with it; later calls find one that is not cancelled.
    @Test func cancelledCallsSpoilNoLaterOnes() async throws {
        try await run { client in
            for _ in 0..<20 {
                let late = await status { _ = try await look(client, "wait", timeout: .milliseconds(20)) }
                #expect(late?.code == .deadlineExceeded)
                let found = try await look(client, "after")
                #expect(found == "none false")
            }
        }
    }

    /// More calls wait at once than workers are kept: none waits for another.
    @Test func waitingCallsStopNoOthers() async throws {
        try await run { client in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask { _ = try? await look(client, "wait", timeout: .milliseconds(500)) }
                }
                for _ in 0..<50 {
                    let found = try? await look(client, "now")
                    #expect(found == "none false")
                }
            }
            let found = try await look(client, "after")
            #expect(found == "none false")
        }
    }

    /// Parked tasks and the object that keeps them hold each other: a stopped server parts them.
    @Test func stoppedServersLeaveNoTasks() async throws {
        var router = Router()
        router.add(EchoService(journal: Journal()))
        let test = try await TestServer.start(router)
        let answer = try await test.unary("a")
        #expect(answer == "a")
        weak var left = test.server.workers.withLock { $0.first }
        #expect(left != nil)
        await test.stop()
        for _ in 0..<36_000 where left != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(left == nil)
    }
}
