/// Whether a message is packed before it leaves, where the peer can unpack it.
public enum MessageCompression: Sendable, Hashable {
    /// Packed when it is at least as large as the configuration's threshold.
    case automatic
    /// Packed whatever its size, unless that makes it larger.
    case always
    case never
}
