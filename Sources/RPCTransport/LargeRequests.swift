internal import HTTP2

/// The memory of one connection for single requests that do not fit into their stream's window.
///
/// Each such request gets room for all of itself or waits, so that half-sent ones cannot block each other. The type
/// is a pure state machine: it says who may go on.
struct LargeRequests {
    /// Bytes for all of them together.
    let capacity: Int
    private(set) var reserved = 0
    /// Streams that wait, with the room that each needs, in the order in which they came.
    private var waiting: [(id: Int32, size: Int)] = []

    /// Bytes after a single request that are taken before it is refused: RAG-DZ's end envelope needs some.
    static let tail = 64 << 10

    /// What a message of this size may take with its frame's header and its tail.
    static func room(for message: Int) -> Int { message + checkedHeaderSize + tail }

    init(capacity: Int) { self.capacity = capacity }

    /// Whether there is room now; if not, the stream is told later, by what `release` or `leave` returns.
    mutating func reserve(_ id: Int32, _ size: Int) -> Bool {
        guard waiting.isEmpty, reserved + size <= capacity else {
            waiting.append((id, size))
            return false
        }
        reserved += size
        return true
    }

    /// A request of this size is done with: the streams that may go on now.
    mutating func release(_ size: Int) -> [Int32] {
        reserved -= size
        return admit()
    }

    /// A stream that waits is over.
    mutating func leave(_ id: Int32) -> [Int32] {
        waiting.removeAll { $0.id == id }
        return admit()
    }

    private mutating func admit() -> [Int32] {
        var admitted: [Int32] = []
        while let next = waiting.first, reserved + next.size <= capacity {
            reserved += next.size
            admitted.append(next.id)
            waiting.removeFirst()
        }
        return admitted
    }
}

// MARK: - On a stream

extension ServerStream {
    /// Room that a single request has, or waits for.
    enum Room {
        /// The stream's window is enough.
        case window
        case waiting
        case reserved(Int)
    }

    /// The request goes on beyond what has arrived: gives the peer window for it, as far as there is memory for all
    /// of it.
    func makeRoom() {
        switch room {
        case .reserved: return acknowledge()
        case .waiting: return
        case .window: break
        }
        guard let size = parser.frontSize(input.bytes) else { return }
        // What follows the request (RAG-DZ's end envelope) is small and has the other half.
        if size <= Int(connection.configuration.http2.streamWindow) / 2 { return }
        let needed = size + LargeRequests.tail
        if connection.largeRequests.reserve(id, needed) {
            gotRoom(needed)
        } else {
            room = .waiting
            wantedRoom = needed
        }
    }

    private func gotRoom(_ size: Int) {
        room = .reserved(size)
        acknowledge()
    }

    /// The stream is over: its room goes to the ones that wait.
    func leaveRoom() {
        let admitted: [Int32]
        switch room {
        case .window: return
        case .waiting: admitted = connection.largeRequests.leave(id)
        case .reserved(let size): admitted = connection.largeRequests.release(size)
        }
        room = .window
        for id in admitted {
            guard let stream = connection.session.stream(id) as? ServerStream else { continue }
            stream.gotRoom(stream.wantedRoom)
        }
        if !admitted.isEmpty { connection.scheduleFlush() }
    }
}
