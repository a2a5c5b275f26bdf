/// Why a stream cannot be taken up.
extension Status {
    /// No stream of this caller has the id, or it was forgotten long ago.
    public static let streamUnknown = notFound(
        "There is no stream of this id to go on with: make the call again without ragdz-resume.",
        reason: "STREAM_UNKNOWN")
    /// The stream was there, but what it said is not kept any more.
    public static let streamExpired = failedPrecondition(
        "The stream was interrupted for too long and is not kept any more: make the call again without ragdz-resume.",
        reason: "STREAM_EXPIRED")
    /// The id belongs to a stream of another method or another request.
    public static let streamRequestDiffers = failedPrecondition(
        "The stream was begun with another request: resume it with exactly the request that began it.",
        reason: "STREAM_REQUEST_DIFFERS")
    /// The client says that it has messages that were never sent.
    public static func streamPosition(_ last: UInt64, of sent: UInt64) -> Status {
        outOfRange(
            "LAST_SEQUENCE is \(last), but the stream has only \(sent) messages: name the last one that arrived.",
            reason: "STREAM_POSITION"
        ).with("last_sequence", "\(sent)")
    }
    /// What follows the client's last message is not kept any more.
    public static func streamPositionLost(_ last: UInt64, kept first: UInt64) -> Status {
        outOfRange(
            "Messages after \(last) are not kept any more; the first one kept is \(first). Make the call again.",
            reason: "STREAM_POSITION_LOST"
        ).with("first_sequence", "\(first)")
    }
    /// Another call has gone on with this stream.
    public static let streamTakenOver = aborted(
        "Another call has taken this stream up: one client reads a stream.", reason: "STREAM_TAKEN_OVER")
    /// The rest would not fit what was said before.
    public static let streamChanged = aborted(
        "The stream cannot go on: what it is made from has changed since it began. Make the call again.",
        reason: "STREAM_CHANGED")
    /// The method's streams, or this caller's, cannot be taken up.
    public static let notResumable = failedPrecondition(
        "Streams of this method cannot be taken up for this caller: make the call again without ragdz-resume.",
        reason: "NOT_RESUMABLE")
    /// `ragdz-resume` is not of the form `ID;LAST_SEQUENCE`.
    public static let resumeMalformed = invalidArgument(
        "ragdz-resume is ID;LAST_SEQUENCE: the ragdz-stream-id of the answer and the number of the last message.",
        reason: "RESUME_MALFORMED")
}
