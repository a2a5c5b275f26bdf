import Testing

@testable import Bridge

@Suite struct EventRelayTests {
    private func isMessage(_ item: EventRelay.Item, _ bytes: [UInt8]) -> Bool {
        if case .message(bytes) = item { true } else { false }
    }

    @Test func theSenderWaitsUntilItsMessageIsWritten() async throws {
        let relay = EventRelay()
        let sent = Counter()
        let sender = Task {
            for number in 1...3 {
                try await relay.send([UInt8(number)])
                await sent.increment()
            }
            relay.post(.finished)
        }
        #expect(isMessage(await relay.next(), [1]))
        try await Task.sleep(for: .milliseconds(50))
        #expect(await sent.value == 0, "the first message is taken but not written yet")
        #expect(isMessage(await relay.next(), [2]))
        #expect(await sent.value == 1)
        #expect(isMessage(await relay.next(), [3]))
        guard case .finished = await relay.next() else { return #expect(Bool(false), "the stream has to end") }
        try await sender.value
    }

    @Test func aReaderThatLeavesStopsTheSender() async throws {
        let relay = EventRelay()
        let sender = Task { try await relay.send([1]) }
        try await Task.sleep(for: .milliseconds(20))
        relay.close()
        await #expect(throws: CancellationError.self) { try await sender.value }
        await #expect(throws: CancellationError.self) { try await relay.send([2]) }
        guard case .finished = await relay.next() else { return #expect(Bool(false)) }
    }

    @Test func aCancelledSenderDoesNotHang() async throws {
        let relay = EventRelay()
        let sender = Task { try await relay.send([1]) }
        try await Task.sleep(for: .milliseconds(20))
        sender.cancel()
        await #expect(throws: CancellationError.self) { try await sender.value }
    }

    @Test func heartbeatsDoNotPileUp() async throws {
        let relay = EventRelay()
        for _ in 1...5 { relay.post(.heartbeat) }
        relay.post(.finished)
        guard case .finished = await relay.next() else { return #expect(Bool(false), "heartbeats were queued") }
    }

    private actor Counter {
        private(set) var value = 0
        func increment() { value += 1 }
    }
}
