import Bytes
import ProtoRuntime
import RPC
import Synchronization
import Testing

/// A resumable method whose handler says what the test wants, over calls that break.
struct StreamStage {
    static let method = MethodDescriptor(
        service: "test.S", name: "Say", callType: .serverStreaming, requestType: Text.self, responseType: Text.self,
        policy: MethodPolicy(credential: .none, resumable: true), idempotency: .noSideEffects)
    static let tenant = UUID128(hi: 1, lo: 1)

    var router: Router
    let journal: MemoryStreamJournal?
    let handled = Counter()

    final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        func add() { value.add(1, ordering: .relaxed) }
        var count: Int { value.load(ordering: .relaxed) }
    }

    /// With `goesOn`, the handler asks what was said; else it begins again.
    init(
        _ words: [String], journal: MemoryStreamJournal? = MemoryStreamJournal(), goesOn: Bool = true,
        end: Status = .ok
    ) {
        self.journal = journal
        router = Router(journal: journal)
        router.serverStreaming(Self.method) {
            [handled] (request: Text, responses: ResponseWriter<Text>, context: ServerContext) in
            handled.add()
            let said = goesOn ? try context.takeUpStream(as: Text.self) : nil
            for word in words.dropFirst(said?.count ?? 0) { try await responses.write(Text(word)) }
            context.setTrailer("x-words", "\(words.count)")
            if !end.isOK { throw end }
        }
    }

    struct Heard {
        var words: [String]
        var status: Status?
        var id: UUID128?
        var trailers: Metadata
    }

    func call(
        _ resumption: StreamResumption = .fresh, request: String = "question", breaksAfter left: Int? = nil,
        identity: CallIdentity = .tenantKey(tenant: StreamStage.tenant, keyID: "k", scopes: .all)
    ) async -> Heard {
        let call = FakeCall(Text(request), breaksAfter: left)
        let scope = FakeScope(Self.method, resumption)
        let failure = await status {
            let route = try #require(router.route(Self.method.path))
            try await router.run(route, call, ServerContext(scope, identity: identity))
        }
        return Heard(
            words: call.sent, status: failure, id: scope.streamID.flatMap { UUID128($0) },
            trailers: scope.addedTrailers)
    }

    func resume(_ first: Heard, after last: Int? = nil, request: String = "question", check: UInt32? = nil) async
        -> Heard
    {
        let id = first.id ?? UUID128(hi: 0, lo: 0)
        let last = last ?? first.words.count
        var sum = StreamCheck()
        for word in first.words.prefix(last) { sum.add(Text(word).wireBytes()) }
        let position = StreamPosition(stream: id, lastSequence: UInt64(last), check: check ?? sum.value)
        return await call(.after(position), request: request)
    }
}

@Suite struct StreamTests {
    static let words = ["un", "deux", "trois", "quatre", "cinq"]

    @Test(arguments: [true, false], 0...5) func theRestIsExactlyTheRest(goesOn: Bool, broken: Int) async {
        let stage = StreamStage(Self.words, goesOn: goesOn)
        let first = await stage.call(breaksAfter: broken)
        #expect(first.words == Array(Self.words.prefix(broken)))
        if broken == 5 { return #expect(first.status == nil) }
        let rest = await stage.resume(first)
        #expect(rest.status == nil)
        #expect(first.words + rest.words == Self.words)
    }

    @Test(arguments: 0...5) func aClientThatLostSomeOfItGetsThatToo(_ last: Int) async {
        let stage = StreamStage(Self.words)
        let whole = await stage.call()
        let rest = await stage.resume(whole, after: last)
        #expect(rest.words == Array(Self.words.dropFirst(last)))
        #expect(rest.status == nil)
        #expect(rest.trailers["x-words"] == "5")
        #expect(stage.handled.count == 1, "a stream that is over is not run again")
    }

    @Test func anEndIsKept() async {
        let stage = StreamStage(Self.words, end: .failedPrecondition("No more.", reason: "WORDS"))
        let whole = await stage.call()
        #expect(whole.status?.reason == "WORDS")
        let rest = await stage.resume(whole, after: 4)
        #expect(rest.words == ["cinq"])
        #expect(rest.status == whole.status)
        #expect(rest.trailers["x-words"] == "5")
    }

    @Test func anInterruptionIsNoEnd() async throws {
        let journal = MemoryStreamJournal()
        let first = await StreamStage(
            ["un", "deux"], journal: journal, end: .unavailable("Stopping.", reason: "SHUTDOWN")
        ).call()
        #expect(first.status?.reason == "SHUTDOWN")
        let rest = await StreamStage(Self.words, journal: journal).resume(first)
        #expect(rest.words == ["trois", "quatre", "cinq"])
        #expect(rest.status == nil)
    }

    @Test func whatDoesNotFitIsRefused() async {
        let stage = StreamStage(Self.words)
        let first = await stage.call(breaksAfter: 2)
        #expect(await stage.resume(first, request: "another").status?.reason == "STREAM_REQUEST_DIFFERS")
        #expect(await stage.resume(first, after: 4).status?.reason == "STREAM_POSITION")
        #expect(await stage.resume(first, check: 1).status?.reason == "STREAM_CHANGED")
        var wrong = first
        wrong.id = .v4()
        #expect(await stage.resume(wrong).status?.reason == "STREAM_UNKNOWN")
        let position = StreamPosition(stream: first.id ?? .v4(), lastSequence: 2)
        let other = CallIdentity.tenantKey(tenant: UUID128(hi: 2, lo: 2), keyID: "k", scopes: .all)
        let foreign = await stage.call(.after(position), identity: other)
        #expect(foreign.status?.reason == "STREAM_UNKNOWN", "like one that never was")
        #expect(await stage.resume(first).words == ["trois", "quatre", "cinq"], "nothing of that did harm")
    }

    @Test func aHandlerThatSaysOtherThingsIsStopped() async {
        let journal = MemoryStreamJournal()
        let first = await StreamStage(Self.words, journal: journal).call(breaksAfter: 3)
        for changed in [["un", "DEUX", "trois"], ["un"], []] {
            let rest = await StreamStage(changed, journal: journal, goesOn: false).resume(first)
            #expect(rest.status?.reason == "STREAM_CHANGED")
            #expect(rest.status?.code == .aborted)
            #expect(rest.words.isEmpty || rest.words == ["quatre"])
        }
    }

    /// Of two calls that go on with a stream the newer one wins: the older one keeps nothing any more.
    @Test func theNewerCallWins() async throws {
        let journal = MemoryStreamJournal()
        let name = StreamName(tenant: StreamStage.tenant, id: .v4(), method: StreamStage.method.path)
        let first = try await journal.begin(name, request: [1])
        try await journal.append(name, epoch: first, after: 0, [[7]])
        let second = try await journal.resume(name, request: [1], after: 1)
        let late = await status { try await journal.append(name, epoch: first, after: 1, [[8]]) }
        #expect(late?.reason == "STREAM_TAKEN_OVER")
        let lateEnd = await status { try await journal.end(name, epoch: first, after: 1, []) }
        #expect(lateEnd?.reason == "STREAM_TAKEN_OVER")
        try await journal.append(name, epoch: second.epoch, after: 1, [[9]])
        let third = try await journal.resume(name, request: [1], after: 0)
        #expect(third.messages == [[7], [9]])
    }

    @Test func oldMessagesGiveWay() async {
        let journal = MemoryStreamJournal(limits: .init(bytesPerStream: 12))
        let stage = StreamStage(Self.words, journal: journal)
        let whole = await stage.call()
        #expect(await stage.resume(whole, after: 1).status?.reason == "STREAM_POSITION_LOST")
        #expect(await stage.resume(whole, after: 4).words == ["cinq"])
    }

    @Test func withoutAJournalItIsRunAgain() async {
        let stage = StreamStage(Self.words, journal: nil, goesOn: false)
        for broken in 0...4 {
            let first = await stage.call(breaksAfter: broken)
            let rest = await stage.resume(first)
            #expect(first.words + rest.words == Self.words)
        }
        let first = await stage.call(breaksAfter: 3)
        let changed = await StreamStage(["un", "DEUX", "trois", "x"], journal: nil, goesOn: false).resume(first)
        #expect(changed.status?.reason == "STREAM_CHANGED")
        #expect(changed.words.isEmpty)
        let short = await StreamStage(["un"], journal: nil, goesOn: false).resume(first)
        #expect(short.status?.reason == "STREAM_CHANGED")
        #expect(await stage.resume(first, request: "another").status?.reason == "STREAM_REQUEST_DIFFERS")
    }

    @Test func positionsAreReadStrictly() {
        let id = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
        #expect(StreamPosition(header: "\(id);12")?.lastSequence == 12)
        #expect(StreamPosition(header: "\(id);12", check: "0000002a")?.check == 42)
        for bad in [
            "", id, "\(id);", "\(id);-1", "\(id);+1", "\(id);1;2", "x;1", "\(id); 1", "\(id);9223372036854775808",
        ] { #expect(StreamPosition(header: bad) == nil, "\(bad)") }
        #expect(StreamPosition(header: "\(id);1", check: "2a") == nil)
        #expect(StreamPosition(header: "\(id);1", check: "zzzzzzzz") == nil)
    }

    @Test func sentencesGoTogether() async throws {
        let journal = MemoryStreamJournal()
        var router = Router(journal: journal)
        router.serverStreaming(StreamStage.method) { (_: Text, responses: ResponseWriter<Text>, _) in
            try await responses.write(contentsOf: ["a", "b", "c"].map { Text($0) })
        }
        let call = FakeCall(breaksAfter: 1)
        let scope = FakeScope(StreamStage.method)
        _ = await status {
            let route = try #require(router.route(StreamStage.method.path))
            try await router.run(route, call, ServerContext(scope))
        }
        let id = try #require(scope.streamID.flatMap { UUID128($0) })
        let name = StreamName(tenant: UUID128(hi: 0, lo: 0), id: id, method: StreamStage.method.path)
        let record = try await journal.resume(name, request: call.request, after: 1)
        #expect(record.messages.count == 3, "all or none")
    }
}
