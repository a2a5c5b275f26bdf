internal import Bytes
internal import ProtoRuntime
internal import RPC
@_spi(_Unicode) internal import Swift

/// What the fields of members and invitations may hold. Pure: requests in, values or a `Status` out.
enum MemberRules {
    /// Characters (Unicode scalars) of a name.
    static let nameLength = 1...200
    /// Bytes of an address.
    static let maximumEmailBytes = 254
    /// Bytes before the @.
    static let maximumLocalBytes = 64
    /// Characters (Unicode scalars) of a password at least.
    static let minimumPasswordLength = 10
    /// Bytes of a password at most: hashing reads them all.
    static let maximumPasswordBytes = 1024
    /// How long an invitation is open when its maker does not say: 7 days, in microseconds.
    static let defaultInvitationMicros: Int64 = 7 * 86_400_000_000
    /// One minute to 30 days, in microseconds.
    static let invitationMicros: ClosedRange<Int64> = 60_000_000...(30 * 86_400_000_000)

    /// Text with canonically equal texts made the same, so that `é` of any keyboard is one letter.
    static func composed(_ text: String) -> String { String(String.UnicodeScalarView(text._nfc)) }

    /// An address as it is stored and compared: NFC, lower case, `local@domain`. Quoted local parts, comments and address
    /// literals are not taken: nobody has such an address, and two programs read them differently.
    static func email(_ text: String, field: String = "email") throws(Status) -> String {
        // Bounded before anything is done with it.
        guard text.utf8.count <= maximumEmailBytes * 2 else { throw invalidEmail(field) }
        // Folding case may undo the composition (U+0130), and the other way about.
        let email = composed(composed(text).lowercased())
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard email.utf8.count <= maximumEmailBytes, parts.count == 2, parts[0].utf8.count <= maximumLocalBytes,
            isDotted(parts[0], isLocalCharacter), isDotted(parts[1], isDomainCharacter),
            parts[1].split(separator: ".").allSatisfy({ $0.utf8.count <= 63 && $0.first != "-" && $0.last != "-" })
        else { throw invalidEmail(field) }
        return email
    }

    /// As `email`, for a login: what can be nobody's address is nil, and looked up like one that nobody has.
    static func loginEmail(_ text: String) -> String? { try? email(text) }

    static func name(_ name: String) throws(Status) -> String {
        let scalars = name.unicodeScalars
        guard nameLength.contains(scalars.count),
            scalars.allSatisfy({
                ![.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
            }),
            !scalars.allSatisfy(\.properties.isWhitespace)
        else {
            throw .invalidArgument(
                "name is 1 to 200 characters, without control characters and not blank.", reason: "INVALID_NAME",
                field: "name")
        }
        return composed(name)
    }

    /// The bytes that are hashed for a new password.
    static func newPassword(_ password: String, field: String) throws(Status) -> [UInt8] {
        guard password.utf8.count <= maximumPasswordBytes, let bytes = passwordBytes(password),
            composed(password).unicodeScalars.count >= minimumPasswordLength
        else {
            throw .invalidArgument(
                "\(field) is 10 characters to 1,024 bytes.", reason: "INVALID_PASSWORD", field: field)
        }
        return bytes
    }

    /// The bytes that a password is checked by; nil when it is too long to be anybody's.
    static func passwordBytes(_ password: String) -> [UInt8]? {
        guard password.utf8.count <= maximumPasswordBytes else { return nil }
        let bytes = [UInt8](composed(password).utf8)
        return bytes.count <= maximumPasswordBytes * 3 ? bytes : nil
    }

    /// The life of an invitation in microseconds.
    static func lifetime(_ ttl: Google_Protobuf_Duration?) throws(Status) -> Int64 {
        guard let ttl else { return defaultInvitationMicros }
        let (micros, overflow) = ttl.seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow, ttl.nanos >= 0, ttl.nanos < 1_000_000_000,
            invitationMicros.contains(micros &+ Int64(ttl.nanos / 1000))
        else {
            throw .invalidArgument(
                "ttl is one minute to 30 days; leave it out for 7 days.", reason: "INVALID_TTL", field: "ttl")
        }
        return micros + Int64(ttl.nanos / 1000)
    }

    static func id(_ text: String, field: String = "id") throws(Status) -> UUID128 {
        guard let id = UUID128(text) else {
            throw .invalidArgument("\(field) is a UUID.", reason: "INVALID_ID", field: field)
        }
        return id
    }

    private static func invalidEmail(_ field: String) -> Status {
        .invalidArgument(
            "\(field) is an address such as amina@example.dz, of at most 254 bytes.", reason: "INVALID_EMAIL",
            field: field)
    }

    /// Parts of allowed characters with single dots between them.
    private static func isDotted(_ text: Substring, _ isAllowed: (Unicode.Scalar) -> Bool) -> Bool {
        !text.isEmpty
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0.unicodeScalars.allSatisfy(isAllowed)
            }
    }

    private static func isLocalCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            ? isLetterOrDigit(scalar) || "!#$%&'*+-/=?^_`{|}~".unicodeScalars.contains(scalar) : isWord(scalar)
    }

    private static func isDomainCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII ? isLetterOrDigit(scalar) || scalar == "-" : isWord(scalar)
    }

    private static func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
    }

    /// Letters, marks and digits of any script: no invisible or directing characters, no spaces, no look-alikes of the @.
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber: true
        default: false
        }
    }
}
