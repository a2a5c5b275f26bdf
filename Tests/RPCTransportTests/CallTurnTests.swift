import Glibc
import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import Synchronization
import Testing

@testable import RPCTransport

/// Connections of one loop take turns.
struct CallTurnTests {
    private final class Peer {}
    private static func at(_ microseconds: UInt64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000 + microseconds * 1000)
    }

    /// How many of `calls` calls begin before the turn is over, when each takes `each` microseconds.
    private func begun(_ turn: inout CallTurn, of calls: Int, each: UInt64, from start: UInt64) -> Int {
        for count in 0..<calls {
            if !turn.takesOneMore({ Self.at(start + UInt64(count) * each) }) { return count }
        }
        return calls
    }

    @Test func whoIsAloneIsNotInterrupted() {
        var turn = CallTurn()
        let peer = Peer()
        for read: UInt64 in 0..<3 {
            turn.begin(ObjectIdentifier(peer), at: Self.at(read * 5000))
            #expect(begun(&turn, of: 300, each: 10, from: read * 5000) == 300)
            #expect(!turn.hasEnded)
        }
    }

    @Test func severalTakeTurns() {
        var turn = CallTurn()
        let (greedy, modest) = (Peer(), Peer())
        turn.begin(ObjectIdentifier(modest), at: Self.at(0))
        #expect(begun(&turn, of: 1, each: 10, from: 0) == 1)
        turn.begin(ObjectIdentifier(greedy), at: Self.at(100))
        let first = begun(&turn, of: 300, each: 10, from: 100)
        #expect(turn.hasEnded)
        // The slice, and what begins before the clock is looked at.
        #expect((11...11 + CallTurn.stride).contains(first))
        turn.goOn(at: Self.at(1000))
        #expect(!turn.hasEnded)
        #expect(begun(&turn, of: 300, each: 10, from: 1000) == first)
        // Quick calls fit into one turn.
        turn.goOn(at: Self.at(2000))
        #expect(begun(&turn, of: 90, each: 1, from: 2000) == 90)
        // A second after the last change of the caller it is alone again.
        turn.begin(ObjectIdentifier(greedy), at: Self.at(1_200_000))
        #expect(begun(&turn, of: 300, each: 10, from: 1_200_000) == 300)
    }

    /// Each call keeps the loop busy for longer than a turn; the first one for as long as it takes others to call.
    private final class BusyService: RPCService {
        static let work = EchoService.method("Work", .unary)
        let begun = Mutex<[String]>([])
        let everybodyHasCalled = Atomic(false)

        func register(in router: inout Router) {
            router.unary(Self.work) { [self] (request: Text, _) in
                begun.withLock { $0.append(request.value) }
                if request.value == "first" {
                    for _ in 0..<60_000 where !everybodyHasCalled.load(ordering: .acquiring) { usleep(1000) }
                } else if request.value == "greedy" {
                    usleep(2 * UInt32(CallTurn.slice / 1000))
                }
                return request
            }
        }
    }

    /// Whose call comes behind the burst of another is not served behind it.
    @Test func burstsOfOneConnectionStopNoOther() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let service = BusyService()
        var router = Router()
        router.add(service)
        let server = RPCServer(router: router, group: group)
        let port = try await server.start().port ?? 0
        func message(_ text: String) -> [UInt8] { frame(Text(text).wireBytes()) }
        let path = BusyService.work.path
        let modest = try RawPeer.call(port, path, message("modest before"))
        let greedy = try RawPeer(port: port)
        _ = try greedy.post(path, message("first"))
        while service.begun.withLock({ $0.last != "first" }) { try await Task.sleep(for: .milliseconds(1)) }
        for _ in 0..<64 { _ = try greedy.post(path, message("greedy")) }
        let closed = modest.resets.count
        _ = try modest.post(path, message("modest"))
        service.everybodyHasCalled.store(true, ordering: .releasing)
        #expect(try modest.read { modest.resets.count > closed })
        #expect(try greedy.read { greedy.resets.count == 65 })
        let order = service.begun.withLock { $0 }
        #expect(order.count == 67 && order.filter { $0 == "greedy" }.count == 64)
        let place = try #require(order.firstIndex(of: "modest"))
        #expect(place <= 16, "behind \(place - 2) calls of the burst")
        await server.shutdown(grace: .zero)
        try await group.shutdownGracefully()
    }
}
