internal import Glibc
internal import TLS

/// Ciphertext from the fuzzer for either side of TLS, first in the handshake, then after it: errors, never a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: data, count: count)
    guard count > 1 else { return 0 }
    let body = UnsafeRawBufferPointer(rebasing: input[1...])
    let piece = Int(input[0] >> 2) + 1
    guard let sides = Sides.make() else { preconditionFailure("no TLS sessions") }
    if input[0] & 2 != 0 { sides.shakeHands() }
    let target = input[0] & 1 == 0 ? sides.server : sides.client
    var start = 0
    while start < body.count {
        let end = min(start + piece, body.count)
        guard (try? target.received(UnsafeRawBufferPointer(rebasing: body[start..<end]))) != nil else { break }
        if !Sides.read(target) { break }
        start = end
    }
    target.close()
    _ = Sides.take(target)
    return 0
}

struct Sides {
    let server: TLSSession
    let client: TLSSession

    /// A certificate made for this run.
    private static let folder: String = {
        let folder = "/tmp/ragdz-fuzz-tls-\(getpid())"
        let made = system(
            "mkdir -p \(folder) && cd \(folder) && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                + "-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null"
        )
        precondition(made == 0, "openssl made no certificate")
        return folder
    }()
    private static let contexts: (TLSContext?, TLSContext?) = (
        try? TLSContext(
            .server, TLSConfiguration(certificateFile: folder + "/cert.pem", keyFile: folder + "/key.pem")),
        try? TLSContext(.client, TLSConfiguration(authorityFile: folder + "/cert.pem"))
    )

    static func make() -> Sides? {
        guard let server = contexts.0.flatMap({ try? TLSSession($0) }),
            let client = contexts.1.flatMap({ try? TLSSession($0, hostname: "localhost") })
        else { return nil }
        try? client.handshake()
        return Sides(server: server, client: client)
    }

    /// Both sides reach the end of the handshake.
    func shakeHands() {
        for _ in 0..<4 {
            for (from, to) in [(client, server), (server, client)] {
                let bytes = Self.take(from)
                try? bytes.withUnsafeBytes { try to.received($0) }
                _ = Self.read(to)
            }
        }
        precondition(server.state == .established && client.state == .established, "no handshake")
    }

    static func take(_ session: TLSSession) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: session.outputSize) { space, count in
            count = session.takeOutput(into: UnsafeMutableRawBufferPointer(space))
        }
    }

    /// Reads all plaintext; false after an error.
    static func read(_ session: TLSSession) -> Bool {
        var space = [UInt8](repeating: 0, count: 16 << 10)
        while session.state == .established {
            guard let size = try? space.withUnsafeMutableBytes({ try session.read(into: $0) }) else { return false }
            if size == 0 { break }
        }
        return session.state != .failed
    }
}
