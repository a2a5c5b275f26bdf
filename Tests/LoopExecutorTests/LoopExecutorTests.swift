import LoopExecutor
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A flag that closures may share.
final class Flag: Sendable {
    private let value = Atomic(false)
    func raise() { value.store(true, ordering: .sequentiallyConsistent) }
    func lower() { value.store(false, ordering: .sequentiallyConsistent) }
    var isRaised: Bool { value.load(ordering: .sequentiallyConsistent) }
}

@Suite struct LoopExecutorTests {
    static let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// Starts a task on the loop and returns what it found out.
    private func onLoop<R: Sendable>(_ body: @escaping @Sendable (any EventLoop) async -> R) async throws -> R {
        let loop = Self.loop
        let promise = loop.makePromise(of: R.self)
        loop.execute {
            _ = Task.immediate(executorPreference: LoopExecutor.on(loop)) { promise.succeed(await body(loop)) }
        }
        return try await promise.futureResult.get()
    }

    @Test func oneExecutorALoop() {
        #expect(LoopExecutor.on(Self.loop) === LoopExecutor.on(Self.loop))
    }

    @Test func firstStretchRunsInPlace() async throws {
        let loop = Self.loop
        let inPlace = try await loop.submit {
            let ran = Flag()
            _ = Task.immediate(executorPreference: LoopExecutor.on(loop)) { ran.raise() }
            return ran.isRaised
        }.get()
        #expect(inPlace)
    }

    @Test func everyStretchIsOnTheLoop() async throws {
        let places = try await onLoop { loop in
            var places = [loop.inEventLoop]
            try? await Task.sleep(for: .milliseconds(1))
            places.append(loop.inEventLoop)
            async let child = loop.inEventLoop
            places.append(await child)
            await withCheckedContinuation { continuation in
                MultiThreadedEventLoopGroup.singleton.next().execute { continuation.resume() }
            }
            places.append(loop.inEventLoop)
            places.append(
                await withTaskGroup(of: Bool.self) { group in
                    group.addTask { loop.inEventLoop }
                    return await group.next() ?? false
                })
            return places
        }
        #expect(places == [true, true, true, true, true])
    }

    @Test func workCanBeSentAway() async throws {
        let isOnLoop = try await onLoop { loop in
            await withTaskExecutorPreference(globalConcurrentExecutor) { loop.inEventLoop }
        }
        #expect(!isOnLoop)
    }

    /// Tasks that wake each other for ever must not keep the loop from its sockets.
    @Test(.timeLimit(.minutes(1))) func busyTasksLeaveRoomForSockets() async throws {
        let loop = Self.loop
        let server = try await ServerBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        let isDone = Flag()
        loop.execute {
            for _ in 0..<2 {
                _ = Task.immediate(executorPreference: LoopExecutor.on(loop)) {
                    while !isDone.isRaised { await Task.yield() }
                }
            }
        }
        // Both ends of the connection are on the busy loop.
        let client = try await ClientBootstrap(group: loop).connect(to: address).get()
        isDone.raise()
        #expect(client.isActive)
        try await client.close().get()
        try await server.close().get()
    }

    /// Work that comes as fast as it is done, as answers of a database do, must not either.
    @Test(.timeLimit(.minutes(1))) func workFromElsewhereLeavesRoomForSockets() async throws {
        let loop = Self.loop
        let server = try await ServerBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        let isDone = Flag()
        loop.execute { Self.keepBusy(loop, until: isDone) }
        let client = try await ClientBootstrap(group: loop).connect(to: address).get()
        isDone.raise()
        #expect(client.isActive)
        try await client.close().get()
        try await server.close().get()
    }

    private static func keepBusy(_ loop: any EventLoop, until isDone: Flag) {
        guard !isDone.isRaised else { return }
        loop.execute { LoopExecutor.on(loop).perform { keepBusy(loop, until: isDone) } }
    }

    /// Bytes that are there before somebody waits for a look have been read by the second one: the first may come in the
    /// middle of what one look found.
    @Test(.timeLimit(.minutes(1))) func afterALookWhatWasThereIsRead() async throws {
        let loop = Self.loop
        let hasRead = Flag()
        let server = try await ServerBootstrap(group: loop).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(RaisesWhenRead(flag: hasRead))
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        let client = try await ClientBootstrap(group: loop).connect(to: #require(server.localAddress)).get()
        try await client.writeAndFlush(ByteBuffer(string: "a")).get()
        while !hasRead.isRaised { try await Task.sleep(for: .milliseconds(1)) }
        let isDone = Flag()
        let second = Flag()
        let promise = loop.makePromise(of: Bool.self)
        loop.execute {
            hasRead.lower()
            let executor = LoopExecutor.on(loop)
            client.writeAndFlush(ByteBuffer(string: "b"), promise: nil)
            Self.keepBusy(loop, until: isDone)
            executor.afterNextLook {
                second.raise()
                executor.afterNextLook { promise.succeed(hasRead.isRaised) }
            }
            #expect(!second.isRaised, "a look is not now")
        }
        #expect(try await promise.futureResult.get())
        #expect(second.isRaised)
        isDone.raise()
        try await client.close().get()
        try await server.close().get()
    }
}

private final class RaisesWhenRead: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let flag: Flag
    init(flag: Flag) { self.flag = flag }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { flag.raise() }
}
