internal import Bytes
internal import RPC

/// A signed token of a session, as a client holds it: `ragdz_session_<id>_<fields>_<code>` for calls and
/// `ragdz_refresh_<id>_<fields>_<code>` for the next tokens. All parts are hexadecimal, of fixed widths.
///
/// The fields are the version of the key, the session's generation and the end of the token (Unix seconds), four bytes each;
/// the code is the HMAC-SHA-256 of everything before its underscore. Tokens are not stored: what a token says is
/// true when it is signed, and whether its session still lives is asked of the database.
struct SessionToken: Sendable, Hashable {
    enum Kind: String, Sendable, CaseIterable {
        case session = "ragdz_session_"
        case refresh = "ragdz_refresh_"
    }

    let kind: Kind
    let session: UUID128
    let generation: UInt32
    /// Unix seconds.
    let end: UInt32

    /// Characters of a token, the same for both kinds.
    static let length = 14 + 32 + 1 + 24 + 1 + 64

    /// The token's text, signed with the newest key.
    func text(_ keys: SessionKeys) -> String {
        let body = self.body(version: keys.signingVersion)
        return "\(body)_\(Hex.encode(keys.sign([UInt8](body.utf8))))"
    }

    /// Reads a token and checks its signature, without any I/O; nil for everything that no key of ours has signed.
    static func read(_ text: String, _ kind: Kind, _ keys: SessionKeys) -> SessionToken? {
        let bytes = [UInt8](text.utf8)
        guard bytes.count == length, bytes.starts(with: kind.rawValue.utf8) else { return nil }
        let parts = bytes[kind.rawValue.utf8.count...].split(
            separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard parts.count == 3, let id = Hex.decode(String(decoding: parts[0], as: UTF8.self)),
            let session = UUID128(bytes: id),
            let fields = Hex.decode(String(decoding: parts[1], as: UTF8.self)), fields.count == 12,
            let code = Hex.decode(String(decoding: parts[2], as: UTF8.self)), code.count == 32,
            // One token has one text: no upper case, for one.
            Hex.encode(code).utf8.elementsEqual(parts[2])
        else { return nil }
        let signed = [UInt8](bytes[..<(length - 65)])
        let token = SessionToken(
            kind: kind, session: session, generation: number(fields[4..<8]), end: number(fields[8..<12]))
        guard [UInt8](token.body(version: number(fields[0..<4])).utf8) == signed,
            keys.verify(code, signed, version: number(fields[0..<4]))
        else { return nil }
        return token
    }

    private func body(version: UInt32) -> String {
        let fields = [version, generation, end].flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
        }
        return "\(kind.rawValue)\(Hex.encode(session.bytes))_\(Hex.encode(fields))"
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}

/// How long things of a session last. A pure value.
public struct SessionLifetimes: Sendable, Hashable {
    /// Of a session token, in seconds.
    public var tokenSeconds: Int64
    /// Of a session, however often it is refreshed, in seconds.
    public var sessionSeconds: Int64
    /// How long the refresh token before the newest still gives the newest, for an answer that was lost and for two windows
    /// that refresh at once; in microseconds.
    public var repeatMicros: Int64
    /// How far the clocks of two servers may differ, in seconds.
    public var skewSeconds: Int64

    public init(tokenSeconds: Int64, sessionSeconds: Int64, repeatMicros: Int64, skewSeconds: Int64) {
        self.tokenSeconds = tokenSeconds
        self.sessionSeconds = sessionSeconds
        self.repeatMicros = repeatMicros
        self.skewSeconds = skewSeconds
    }

    /// 10 minutes, 30 days, 10 seconds, 60 seconds.
    public static var defaults: SessionLifetimes {
        SessionLifetimes(tokenSeconds: 600, sessionSeconds: 30 * 86_400, repeatMicros: 10_000_000, skewSeconds: 60)
    }

    /// Whether a session token that ends then (Unix seconds) is good now. One that ends later than a new one would was made
    /// before the clock jumped back: it must not live through its time twice.
    func isCurrent(end: UInt32, nowSeconds: Int64) -> Bool {
        nowSeconds < Int64(end) && Int64(end) <= nowSeconds + tokenSeconds + skewSeconds
    }
}

/// What a refresh comes to. Pure: the session's row in, one decision out.
///
/// What can go wrong: a token that served before is shown again. Either a thief or the owner is second, and nobody can
/// tell which one, so the whole session ends. The one exception is the token just before the newest, for a moment:
/// it gives the newest once more, so that whoever has both holds the same chain and the next use finds them out.
enum RefreshDecision: Sendable, Hashable {
    case advance, again, reuse, ended

    static func of(
        presented: UInt32, generation: Int64, ageMicros: Int64, isOver: Bool, lifetimes: SessionLifetimes
    ) -> RefreshDecision {
        if isOver || generation >= Int64(UInt32.max) { return .ended }
        if Int64(presented) == generation { return .advance }
        // A clock that jumped back makes the age negative: then nothing is known about it.
        if Int64(presented) == generation - 1, (0..<lifetimes.repeatMicros).contains(ageMicros) { return .again }
        // A generation that is not there yet: the database was set back to an older state. Not a theft.
        return Int64(presented) < generation ? .reuse : .ended
    }
}
