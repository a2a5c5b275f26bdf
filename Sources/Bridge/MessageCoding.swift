internal import ProtoRuntime
internal import RPC

/// JSON ↔ wire form of messages whose type is known only at run time.
enum MessageCoding {
    /// The wire form of a JSON text read as `type`.
    static func wire(_ type: any Message.Type, json: [UInt8]) throws(JSONError) -> [UInt8] {
        func decode<M: Message>(_: M.Type) throws(JSONError) -> [UInt8] { try M(json: json).wireBytes() }
        return try decode(type)
    }

    static func wire(_ type: any Message.Type, json: String) throws(JSONError) -> [UInt8] {
        try wire(type, json: Array(json.utf8))
    }

    /// A message of `type` from bytes that this process encoded a moment ago.
    static func message(_ type: any Message.Type, wire: [UInt8]) throws -> any Message {
        func decode<M: Message>(_: M.Type) throws -> any Message {
            do { return try M(wire: wire) } catch {
                throw Status.internalError("The server's own answer could not be read.", reason: "BROKEN_ANSWER")
            }
        }
        return try decode(type)
    }

    static func json(_ message: any Message) throws -> [UInt8] {
        do { return try message.jsonBytes() } catch {
            throw Status.internalError("The answer has no JSON form.", reason: "NO_JSON_FORM")
        }
    }
}
