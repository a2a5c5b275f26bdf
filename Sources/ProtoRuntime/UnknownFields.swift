/// Fields that a message was decoded with and does not know, kept in wire form and written back as they came.
public struct UnknownFields: Sendable, Hashable {
    /// The fields one after the other, tags included.
    public private(set) var bytes: [UInt8] = []

    @inlinable
    public init() {}

    public var isEmpty: Bool { bytes.isEmpty }

    @usableFromInline
    mutating func append(_ field: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: field)
    }
}
