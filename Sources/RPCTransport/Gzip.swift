internal import CZlib
internal import RPC

/// gzip, one message at a time.
enum Gzip {
    enum Failure: Error, Equatable {
        case corrupted
        /// The content is larger than the limit: a bomb, or simply too much.
        case tooLarge
    }

    /// Default level of zlib: larger is slower for little gain on short texts.
    private static let level: Int32 = 5
    /// 15 bits of window, and 16 says "gzip header".
    private static let windowBits: Int32 = 15 + 16

    static func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var stream = z_stream()
        guard
            deflateInit2_(
                &stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(bytes.count)))
        var isDone = false
        let result = [UInt8](unsafeUninitializedCapacity: bound) { space, count in
            // zlib does not write to its input; the C type only forgets to say so.
            stream.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(bytes.count)
            stream.next_out = space.baseAddress
            stream.avail_out = UInt32(bound)
            isDone = deflate(&stream, Z_FINISH) == Z_STREAM_END
            count = bound - Int(stream.avail_out)
        }
        return isDone ? result : nil
    }

    /// The content, which is never allowed to grow beyond `limit` bytes whatever the header claims.
    static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(Failure) -> [UInt8] {
        var stream = z_stream()
        guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .corrupted
        }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(bytes.count)
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(64 << 10, max(512, bytes.count * 4)))
        while true {
            let (code, size) = chunk.withUnsafeMutableBufferPointer { space in
                stream.next_out = space.baseAddress
                stream.avail_out = UInt32(space.count)
                let code = inflate(&stream, Z_NO_FLUSH)
                return (code, space.count - Int(stream.avail_out))
            }
            guard code == Z_OK || code == Z_STREAM_END else { throw .corrupted }
            guard result.count + size <= limit else { throw .tooLarge }
            result.append(contentsOf: chunk[..<size])
            if code == Z_STREAM_END { return result }
            guard size > 0 || stream.avail_in > 0 else { throw .corrupted }
        }
    }
}

extension Status {
    static func undecodable(_ failure: Gzip.Failure, limit: Int) -> Status {
        switch failure {
        case .corrupted:
            .invalidArgument("The compressed message is not valid gzip: check the client.", reason: "BAD_GZIP")
        case .tooLarge:
            .resourceExhausted(
                "The message unpacks to more than the \(limit) bytes that are taken: send less.",
                reason: "MESSAGE_TOO_LARGE"
            ).with("limit_bytes", "\(limit)")
        }
    }
}
