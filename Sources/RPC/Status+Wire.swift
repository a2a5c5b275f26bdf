public import ProtoRuntime

/// The status as a `google.rpc.Status` message: what `grpc-status-details-bin` and RAG-DZ's `StreamEnd` carry.
extension Status {
    /// The wire form of `google.rpc.Status`.
    public func wireBytes() -> [UInt8] {
        var wire = Google_Rpc_Status()
        wire.code = Int32(truncatingIfNeeded: code.rawValue)
        wire.message = message
        wire.details = details.packed
        return wire.wireBytes()
    }

    /// Reads a `google.rpc.Status`; nil when the bytes are none. Details of unknown types are kept.
    public init?(wire bytes: some Collection<UInt8>) {
        guard let wire = try? Google_Rpc_Status(wire: Array(bytes)) else { return nil }
        self.init(Code(rawValue: Int(wire.code)), wire.message)
        for detail in wire.details { details.read(detail) }
    }
}

extension Status.Details {
    /// The details as they travel, the machine code first.
    public var packed: [Google_Protobuf_Any] {
        var result: [Google_Protobuf_Any] = []
        if let errorInfo {
            var info = Google_Rpc_ErrorInfo()
            info.reason = errorInfo.reason
            info.domain = errorInfo.domain
            info.metadata = errorInfo.metadata
            result.append(Google_Protobuf_Any(info))
        }
        if let retryAfter {
            var delay = Google_Protobuf_Duration()
            let (seconds, attoseconds) = retryAfter.components
            delay.seconds = seconds
            delay.nanos = Int32(truncatingIfNeeded: attoseconds / 1_000_000_000)
            var retry = Google_Rpc_RetryInfo()
            retry.retryDelay = delay
            result.append(Google_Protobuf_Any(retry))
        }
        if !fieldViolations.isEmpty {
            var request = Google_Rpc_BadRequest()
            request.fieldViolations = fieldViolations.map { violation in
                var wire = Google_Rpc_BadRequest.FieldViolation()
                wire.field = violation.field
                wire.description = violation.description
                return wire
            }
            result.append(Google_Protobuf_Any(request))
        }
        if !quotaViolations.isEmpty {
            var quota = Google_Rpc_QuotaFailure()
            quota.violations = quotaViolations.map { violation in
                var wire = Google_Rpc_QuotaFailure.Violation()
                wire.subject = violation.subject
                wire.description = violation.description
                return wire
            }
            result.append(Google_Protobuf_Any(quota))
        }
        return result
            + others.map { other in
                var wire = Google_Protobuf_Any()
                wire.typeURL = other.typeURL
                wire.value = other.value
                return wire
            }
    }

    /// Takes in one detail; one that is of no known type or cannot be read is kept as it came.
    fileprivate mutating func read(_ detail: Google_Protobuf_Any) {
        if let info = try? detail.unpack(Google_Rpc_ErrorInfo.self) {
            errorInfo = Status.ErrorInfo(reason: info.reason, domain: info.domain, metadata: info.metadata)
        } else if let retry = try? detail.unpack(Google_Rpc_RetryInfo.self) {
            retryAfter = retry.retryDelay.map { .seconds($0.seconds) + .nanoseconds(Int64($0.nanos)) }
        } else if let request = try? detail.unpack(Google_Rpc_BadRequest.self) {
            fieldViolations += request.fieldViolations.map {
                Status.FieldViolation(field: $0.field, description: $0.description)
            }
        } else if let quota = try? detail.unpack(Google_Rpc_QuotaFailure.self) {
            quotaViolations += quota.violations.map {
                Status.QuotaViolation(subject: $0.subject, description: $0.description)
            }
        } else {
            others.append(Status.OpaqueDetail(typeURL: detail.typeURL, value: detail.value))
        }
    }
}
