internal import ProtoRuntime

/// What people read about a failed call, in their own language, by its stable reason.
///
/// The message of a `Status` is English, written where the error arises, and may name values. The texts here are what
/// everybody else reads. Every reason that is raised anywhere has its three texts: a test walks the sources.
public enum StatusCatalogue {
    /// In blocks of four lines: the reason, then its texts as `fr …`, `ar …`, `en …`.
    private static let texts: [String: [String: String]] = {
        var texts: [String: [String: String]] = [:]
        var reason = ""
        for part in [calls, tenants, members, retrieval, uploads, evaluation, workflows] {
            for line in part.split(separator: "\n") {
                if line.utf8.count > 3, let first = line.utf8.first, first >= 0x61, first <= 0x7A {
                    texts[reason, default: [:]][String(line.prefix(2))] = String(line.dropFirst(3))
                } else {
                    reason = String(line)
                }
            }
        }
        return texts
    }()

    /// The text for a reason in `"fr"`, `"ar"` or `"en"`; nil for a reason or a language that is not known.
    public static func text(_ reason: String, language: String) -> String? { texts[reason]?[language] }

    /// Every reason that has texts.
    public static var reasons: [String] { texts.keys.sorted() }
}

extension Status {
    /// The same status as a reader of `language` gets it.
    ///
    /// For French and Arabic the message is the catalogue's, and the English one, which may name values, stays beside it
    /// as a `google.rpc.LocalizedMessage`. In English, and without a known reason or code, nothing changes.
    public func localized(_ language: String) -> Status {
        guard language != "en", !isOK,
            let text = StatusCatalogue.text(reason ?? code.name, language: language)
                ?? StatusCatalogue.text(code.name, language: language)
        else { return self }
        let filled = StatusCatalogue.filled(text, details.errorInfo?.metadata ?? [:], language: language)
        var copy = self
        copy.message = filled
        for index in copy.details.fieldViolations.indices
        where copy.details.fieldViolations[index].description == message {
            copy.details.fieldViolations[index].description = filled
        }
        for index in copy.details.quotaViolations.indices
        where copy.details.quotaViolations[index].description == message {
            copy.details.quotaViolations[index].description = filled
        }
        var original = Google_Rpc_LocalizedMessage()
        original.locale = "en"
        original.message = message
        let packed = Google_Protobuf_Any(original)
        copy.details.others.append(OpaqueDetail(typeURL: packed.typeURL, value: packed.value))
        return copy
    }

    /// As `localized`, for a caller who said in `accept-language` what it reads; anybody else gets the English message.
    public func localized(for metadata: Metadata) -> Status {
        guard !isOK, let header = metadata["accept-language"] else { return self }
        return localized(AcceptLanguage.best(of: header))
    }
}
