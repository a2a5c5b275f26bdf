/// Bytes that wait to be sent or parsed: written at the end, taken from the front, in one piece of memory.
@safe public struct ByteQueue: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var head = 0
    private var tail = 0

    public init() { unsafe base = nil }

    deinit { unsafe base?.deallocate() }

    public var count: Int { tail - head }
    public var isEmpty: Bool { tail == head }

    /// The queued bytes, valid until the queue is next changed.
    public var bytes: UnsafeRawBufferPointer {
        guard let base = unsafe base else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeRawBufferPointer(start: base + head, count: tail - head)
    }

    /// Room for exactly `size` bytes at the end, which now belong to the queue and must be filled at once.
    public mutating func extend(by size: Int) -> UnsafeMutableRawBufferPointer {
        if capacity - tail < size { grow(for: size) }
        guard let base = unsafe base else { return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        defer { tail += size }
        return unsafe UnsafeMutableRawBufferPointer(start: base + tail, count: size)
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if unsafe bytes.isEmpty { return }
        unsafe extend(by: bytes.count).copyMemory(from: bytes)
    }

    public mutating func drop(_ size: Int) {
        head += size
        if head >= tail { (head, tail) = (0, 0) }
    }

    /// Frees the memory of an empty queue that has grown beyond `keeping`.
    public mutating func shrink(keeping: Int) {
        guard isEmpty, capacity > keeping else { return }
        unsafe base?.deallocate()
        unsafe base = nil
        capacity = 0
    }

    @inline(never)
    private mutating func grow(for size: Int) {
        let count = tail - head
        if let base = unsafe base, capacity - count >= size, head >= capacity / 2 {
            unsafe base.copyMemory(from: base + head, byteCount: count)
        } else {
            let wanted = max(256, count + size, min(capacity * 2, capacity + (1 << 20)))
            let fresh = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 8)
            if let base = unsafe base {
                unsafe fresh.copyMemory(from: base + head, byteCount: count)
                unsafe base.deallocate()
            }
            unsafe base = fresh
            capacity = wanted
        }
        (head, tail) = (0, count)
    }
}
