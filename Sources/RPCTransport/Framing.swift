internal import Bytes

/// How messages are wrapped on a stream.
enum Framing: Sendable {
    /// `flags u8 · length u32`; the status travels in HTTP trailers.
    case grpc
    /// `flags u8 · length u32 [· sequence u64 · CRC32C u32]`; the status is the last envelope. See docs/framing.md.
    case ragdz

    static let grpcContentType = "application/grpc+proto"
    static let ragdzContentType = "application/vnd.ragdz.rpc+proto"

    var contentType: String {
        switch self {
        case .grpc: Self.grpcContentType
        case .ragdz: Self.ragdzContentType
        }
    }

    /// The framing that a `content-type` asks for; nil for anything else, `application/grpc-web` included.
    init?(contentType value: UnsafeRawBufferPointer) {
        if Self.matches(value, "application/grpc", suffix: "+proto") {
            self = .grpc
        } else if Self.matches(value, "application/vnd.ragdz.rpc", suffix: "+proto") {
            self = .ragdz
        } else {
            return nil
        }
    }

    private static func matches(_ value: UnsafeRawBufferPointer, _ base: StaticString, suffix: StaticString) -> Bool {
        guard value.starts(with: base) else { return false }
        var rest = value[base.utf8CodeUnitCount...]
        if UnsafeRawBufferPointer(rebasing: rest).starts(with: suffix) {
            rest = rest.dropFirst(suffix.utf8CodeUnitCount)
        }
        return rest.isEmpty || rest.first == UInt8(ascii: ";") || rest.first == UInt8(ascii: " ")
    }
}

/// The flags of an envelope.
enum FrameFlags {
    static let compressed: UInt8 = 0x01
    /// RAG-DZ framing: sequence and checksum follow the length.
    static let checked: UInt8 = 0x10
    /// RAG-DZ framing: the payload is a `StreamEnd`.
    static let end: UInt8 = 0x80
}

/// Size of `flags · length`, in both framings.
let frameHeaderSize = 5
/// Size of an envelope's header with sequence and checksum.
let checkedHeaderSize = 17

extension UnsafeRawBufferPointer {
    func starts(with prefix: StaticString) -> Bool {
        guard count >= prefix.utf8CodeUnitCount else { return false }
        return UnsafeRawBufferPointer(rebasing: self[..<prefix.utf8CodeUnitCount]).equals(prefix)
    }

    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        let other = UnsafeRawBufferPointer(start: text.utf8Start, count: count)
        return elementsEqual(other)
    }

    func bigEndian<T: FixedWidthInteger>(at offset: Int, as type: T.Type) -> T {
        T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    func storeBigEndian<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
    }
}
