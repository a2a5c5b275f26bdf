import Glibc
import ProtoRuntime
import RPC
import Testing

@testable import RPCTransport

/// Reads `docs/framing.md`: what its examples say is what the parser does.
@Suite struct FramingDocumentTests {
    struct Example: Sendable, CustomStringConvertible {
        var line: Int
        var bytes: [UInt8] = []
        var expected: [String] = []
        /// Envelopes that the receiver has already.
        var after: UInt64 = 0
        var description: String { "line \(line)" }
    }

    static let examples: [Example] = {
        let path = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs/framing.md"
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let size = fread(&buffer, 1, buffer.count, file), size > 0 { text += buffer[..<size] }
        var examples: [Example] = []
        var current: Example?
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            if line == "```envelope" {
                current = Example(line: number + 1)
            } else if line == "```" {
                if let done = current { examples.append(done) }
                current = nil
            } else if line.hasPrefix("=> after ") {
                current?.after = UInt64(line.dropFirst(9)) ?? 0
            } else if line.hasPrefix("=> ") {
                current?.expected.append(String(line.dropFirst(3)))
            } else {
                current?.bytes += hex(line)
            }
        }
        return examples
    }()

    static func hex(_ text: some StringProtocol) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What the parser makes of the bytes, in the words of the document.
    static func outcomes(_ bytes: [UInt8], after last: UInt64 = 0) -> [String] {
        var parser = FrameParser(.ragdz, limit: 4 << 20, after: last)
        var rest = bytes[...]
        var result: [String] = []
        while true {
            let step = rest.withUnsafeBytes { parser.next($0) }
            func payload(_ range: Range<Int>) -> ArraySlice<UInt8> {
                rest[rest.startIndex + range.lowerBound..<rest.startIndex + range.upperBound]
            }
            switch step {
            case .needsMore:
                result.append("more")
                if let status = parser.finish(rest: rest.count) { result.append("finish \(words(status))") }
                return result
            case .failure(let status):
                result.append("failure \(words(status))")
                return result
            case .message(let range, let isCompressed):
                let bytes = Array(payload(range))
                if isCompressed {
                    let unpacked = try? bytes.withUnsafeBytes { try Gzip.decompress($0, limit: 1 << 20) }
                    result.append("packed \(hex(unpacked ?? []))")
                } else {
                    result.append("message \(hex(bytes))")
                }
                rest = rest.dropFirst(range.upperBound)
            case .end(let range):
                let end = Array(payload(range)).withUnsafeBytes { StreamEnd(wire: $0) }
                var text = "end \(end?.status.code.name ?? "unreadable")"
                if let reason = end?.status.reason { text += " reason=\(reason)" }
                for entry in end?.metadata.entries ?? [] {
                    if case .text(let value) = entry.value { text += " \(entry.name)=\(value)" }
                }
                result.append(text)
                rest = rest.dropFirst(range.upperBound)
            }
        }
    }

    static func words(_ status: Status) -> String { "\(status.code.name) \(status.reason ?? "")" }

    @Test func theDocumentHasItsExamples() { #expect(Self.examples.count >= 11) }

    @Test(arguments: examples) func exampleHolds(_ example: Example) {
        let outcomes = Self.outcomes(example.bytes, after: example.after)
        #expect(Array(outcomes.prefix(example.expected.count)) == example.expected)
        #expect(outcomes.dropFirst(example.expected.count).allSatisfy { $0 == "more" })
    }

    /// Whatever byte of the payload, the sequence or the checksum changes, and wherever the stream is cut: never a
    /// wrong message.
    @Test func damageIsNeverAMessage() {
        let sound = Self.hex("10 00000007 0000000000000001 ff80fe18 0a0573616c616d")
        for index in 5..<sound.count {
            for bit in 0..<8 {
                var damaged = sound
                damaged[index] ^= 1 << UInt8(bit)
                #expect(Self.outcomes(damaged)[0].hasPrefix("failure DATA_LOSS"))
            }
        }
        for length in 1..<sound.count {
            let outcomes = Self.outcomes(Array(sound[..<length]))
            #expect(outcomes == ["more", "finish DATA_LOSS FRAME_TRUNCATED"])
        }
    }

    @Test func whatWeWriteIsWhatWeRead() {
        var writer = FrameWriter(.ragdz)
        var stream: [UInt8] = []
        for payload in [[UInt8](), [1, 2, 3], Array(repeating: 9, count: 70_000)] {
            var frame = [UInt8](repeating: 0, count: writer.headerSize) + payload
            frame.withUnsafeMutableBytes { writer.seal($0) }
            stream += frame
        }
        let end = StreamEnd(status: .notFound("Rien.", reason: "NOTHING"), metadata: ["x-a": "b"]).wireBytes()
        var frame = [UInt8](repeating: 0, count: writer.headerSize) + end
        frame.withUnsafeMutableBytes { writer.seal($0, isEnd: true) }
        stream += frame
        let outcomes = Self.outcomes(stream)
        #expect(outcomes.count == 5)
        #expect(outcomes[1] == "message 010203")
        #expect(outcomes[3] == "end NOT_FOUND reason=NOTHING x-a=b")
    }
}
