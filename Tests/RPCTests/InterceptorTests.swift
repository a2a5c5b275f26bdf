import Bytes
import ProtoRuntime
import Synchronization
import Testing

@testable import RPC

/// What runs around a handler, in which order, and what it learns.
@Suite struct InterceptorTests {
    final class Journal: Sendable {
        let lines = Mutex<[String]>([])
        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    /// Notes a call before and after it, and as whom it went on.
    private struct Around: ServerInterceptor {
        let name: String
        let journal: Journal
        func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws
        {
            let witness = CallWitness(context.identity)
            journal.note("\(name) begins")
            do { try await next(context.witnessed(by: witness)) } catch {
                journal.note("\(name) failed, \(witness.identity.actor)")
                throw error
            }
            journal.note("\(name) ends, \(witness.identity.actor)")
        }
    }

    private struct Only: ServerInterceptor {
        let journal: Journal
        func concerns(_ method: MethodDescriptor) -> Bool { method.name == "Search" }
        func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws
        {
            journal.note("search")
            try await next(context)
        }
    }

    private struct Identify: ServerInterceptor {
        func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws
        {
            try await next(context.with(identity: .platformOperator(name: "amel")))
        }
    }

    private struct NoOneElse: ServerCheck {
        let journal: Journal
        func check(_ context: ServerContext) throws {
            journal.note("check \(context.identity.actor)")
            guard context.identity.isOperator else { throw Status.permissionDenied("No.", reason: "NOT_YOU") }
        }
    }

    private static func method(_ name: String) -> MethodDescriptor {
        MethodDescriptor(
            service: "test.Test", name: name, callType: .unary, requestType: Google_Protobuf_Empty.self,
            responseType: Google_Protobuf_Empty.self)
    }

    private func call(_ name: String, _ interceptors: [any ServerInterceptor], _ journal: Journal) async -> Status? {
        var router = Router(interceptors: interceptors)
        let method = Self.method(name)
        router.unary(method) { (request: Google_Protobuf_Empty, context: ServerContext) in
            journal.note("handler as \(context.identity.actor)")
            return request
        }
        do {
            _ = try await router.callUnary(method.path, request: [], context: ServerContext(method: method))
            return nil
        } catch { return error as? Status }
    }

    @Test func theyRunInTheirOrderAndLearnWhoCalls() async {
        let journal = Journal()
        let interceptors: [any ServerInterceptor] = [
            Around(name: "log", journal: journal), Identify(), NoOneElse(journal: journal), Only(journal: journal),
        ]
        #expect(await call("Read", interceptors, journal) == nil)
        #expect(
            journal.lines.withLock { $0 } == [
                "log begins", "check operator:amel", "handler as operator:amel", "log ends, operator:amel",
            ])
        journal.lines.withLock { $0 = [] }
        #expect(await call("Search", interceptors, journal) == nil)
        #expect(journal.lines.withLock { $0.contains("search") })
    }

    @Test func aCheckThatRefusesEndsTheCall() async {
        let journal = Journal()
        let refused = await call(
            "Read",
            [Around(name: "log", journal: journal), NoOneElse(journal: journal), Identify()], journal)
        #expect(refused?.reason == "NOT_YOU")
        #expect(journal.lines.withLock { $0 } == ["log begins", "check system", "log failed, system"])
    }

    /// One that is written as a check may be asked to run around a call as well.
    @Test func aCheckIsAnInterceptor() async throws {
        let journal = Journal()
        let context = ServerContext(method: Self.method("Read"), identity: .platformOperator(name: "amel"))
        try await NoOneElse(journal: journal).intercept(context) { _ in journal.note("next") }
        #expect(journal.lines.withLock { $0 } == ["check operator:amel", "next"])
        await #expect(throws: Status.self) {
            try await NoOneElse(journal: journal).intercept(context.with(identity: .anonymous)) { _ in }
        }
    }
}
