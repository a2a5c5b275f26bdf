/// The status as a `google.rpc.Status` message: what `grpc-status-details-bin` and RAG-DZ's `StreamEnd` carry.
extension Status {
    /// The wire form of `google.rpc.Status`.
    public func wireBytes() -> [UInt8] {
        var writer = FieldWriter()
        writer.varint(1, UInt64(bitPattern: Int64(code.rawValue)))
        writer.string(2, message)
        if !details.isEmpty { details.write(into: &writer) }
        return writer.bytes
    }

    /// Reads a `google.rpc.Status`; nil when the bytes are none. Details of unknown types are kept.
    public init?(wire: some Collection<UInt8>) {
        var reader = FieldReader(wire)
        self.init(.ok)
        while let (number, value) = reader.next() {
            switch (number, value) {
            case (1, .varint(let code)): self.code = Code(rawValue: Int(truncatingIfNeeded: code))
            case (2, _): message = value.text ?? ""
            case (3, .bytes(let any)): details.read(any: any)
            default: break
            }
        }
        if reader.isMalformed { return nil }
    }
}

extension Status.Details {
    fileprivate func write(into writer: inout FieldWriter) {
        if let errorInfo {
            detail("google.rpc.ErrorInfo", into: &writer) {
                $0.string(1, errorInfo.reason)
                $0.string(2, errorInfo.domain)
                for (key, value) in errorInfo.metadata.sorted(by: { $0.key < $1.key }) {
                    $0.message(3) { entry in
                        entry.string(1, key)
                        entry.string(2, value)
                    }
                }
            }
        }
        if let retryAfter {
            detail("google.rpc.RetryInfo", into: &writer) {
                $0.message(1) { delay in
                    let (seconds, attoseconds) = retryAfter.components
                    delay.varint(1, UInt64(bitPattern: seconds))
                    delay.varint(2, UInt64(bitPattern: attoseconds / 1_000_000_000))
                }
            }
        }
        violations("google.rpc.BadRequest", fieldViolations.map { ($0.field, $0.description) }, into: &writer)
        violations("google.rpc.QuotaFailure", quotaViolations.map { ($0.subject, $0.description) }, into: &writer)
        for other in others {
            writer.message(3) {
                $0.string(1, other.typeURL)
                $0.field(2, other.value)
            }
        }
    }

    private func violations(_ type: String, _ pairs: [(String, String)], into writer: inout FieldWriter) {
        guard !pairs.isEmpty else { return }
        detail(type, into: &writer) { body in
            for (subject, description) in pairs {
                body.message(1) {
                    $0.string(1, subject)
                    $0.string(2, description)
                }
            }
        }
    }

    private func detail(_ type: String, into writer: inout FieldWriter, _ body: (inout FieldWriter) -> Void) {
        writer.message(3) {
            $0.string(1, "type.googleapis.com/\(type)")
            $0.message(2, body)
        }
    }

    fileprivate mutating func read(any: ArraySlice<UInt8>) {
        var typeURL = ""
        var value: ArraySlice<UInt8> = []
        var reader = FieldReader(any)
        while let (number, field) = reader.next() {
            if number == 1 { typeURL = field.text ?? "" }
            if number == 2 { value = field.slice ?? [] }
        }
        switch typeURL.split(separator: "/").last {
        case "google.rpc.ErrorInfo": errorInfo = Self.errorInfo(value)
        case "google.rpc.RetryInfo": retryAfter = Self.retryDelay(value)
        case "google.rpc.BadRequest":
            fieldViolations = Self.pairs(value).map { Status.FieldViolation(field: $0, description: $1) }
        case "google.rpc.QuotaFailure":
            quotaViolations = Self.pairs(value).map { Status.QuotaViolation(subject: $0, description: $1) }
        default: others.append(Status.OpaqueDetail(typeURL: typeURL, value: Array(value)))
        }
    }

    private static func errorInfo(_ bytes: ArraySlice<UInt8>) -> Status.ErrorInfo {
        var info = Status.ErrorInfo(reason: "", domain: "")
        var reader = FieldReader(bytes)
        while let (number, value) = reader.next() {
            switch number {
            case 1: info.reason = value.text ?? ""
            case 2: info.domain = value.text ?? ""
            case 3:
                let pair = pair(value.slice ?? [])
                info.metadata[pair.0] = pair.1
            default: break
            }
        }
        return info
    }

    private static func retryDelay(_ bytes: ArraySlice<UInt8>) -> Duration? {
        var reader = FieldReader(bytes)
        guard let (number, value) = reader.next(), number == 1, let delay = value.slice else { return nil }
        var result = Duration.zero
        var inner = FieldReader(delay)
        while let (number, value) = inner.next() {
            let amount = Int64(bitPattern: value.number ?? 0)
            if number == 1 { result += .seconds(amount) }
            if number == 2 { result += .nanoseconds(amount) }
        }
        return result
    }

    private static func pairs(_ bytes: ArraySlice<UInt8>) -> [(String, String)] {
        var result: [(String, String)] = []
        var reader = FieldReader(bytes)
        while let (number, value) = reader.next() {
            if number == 1, let entry = value.slice { result.append(pair(entry)) }
        }
        return result
    }

    private static func pair(_ bytes: ArraySlice<UInt8>) -> (String, String) {
        var result = ("", "")
        var reader = FieldReader(bytes)
        while let (number, value) = reader.next() {
            if number == 1 { result.0 = value.text ?? "" }
            if number == 2 { result.1 = value.text ?? "" }
        }
        return result
    }
}
