import Foundation
import Testing

@testable import ragdzd

/// What `ragdzd` writes for people and scripts to read.
@Suite struct LogTests {
    func parsed(_ line: [UInt8]) throws -> [String: Any] {
        #expect(line.last == UInt8(ascii: "\n"))
        return try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    @Test func everyLineIsJSONWhateverIsInIt() throws {
        let hostile = "a\"b\\c\nd\u{1}\u{7F}é شركة 😀\t\0"
        var line = JSONLine()
        line.begin(level: "info", now: 1_795_391_999_000_001)
        line.add("message", hostile)
        line.add(hostile, Int64.min)
        let object = try parsed(line.finish())
        #expect(object["message"] as? String == hostile)
        #expect((object[hostile] as? NSNumber)?.int64Value == .min)
        #expect(object["time"] as? String == "2026-11-22T23:59:59.000001Z")
    }

    @Test(arguments: [
        (0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (11_017, "2000-03-01"), (20_779, "2026-11-22"),
        (47_540, "2100-02-28"), (47_541, "2100-03-01"), (-1, "1969-12-31"),
    ])
    func daysHaveTheirDates(days: Int64, expected: String) {
        let date = JSONLine.date(daysSince1970: days)
        #expect(String(format: "%04d-%02d-%02d", Int(date.year), Int(date.month), Int(date.day)) == expected)
    }

    @Test func aSlowReaderLosesLinesAndIsToldHowMany() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let sink = LogSink(descriptor: ends[1])
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1023) + [UInt8(ascii: "\n")]
        // Nobody reads: an append that waited for the reader would never come back.
        for _ in 0..<10_000 { sink.append(line) }
        let reader = Thread.Reading(ends[0])
        sink.flush()
        close(ends[1])
        let text = reader.text()
        close(ends[0])
        let lines = text.split(separator: "\n")
        let written = lines.filter { $0.hasPrefix("x") }
        let dropped = lines.filter { $0.contains("dropped") }.compactMap { line in
            Int(line.drop { !$0.isNumber }.prefix { $0.isNumber })
        }
        #expect(written.allSatisfy { $0.utf8.count == 1023 }, "lines are whole")
        #expect(!dropped.isEmpty)
        #expect(written.count + dropped.reduce(0, +) == 10_000)
    }

    @Test func addressesHaveTheirForm() {
        #expect(ListenAddress("127.0.0.1:7443")?.isLoopback == true)
        #expect(ListenAddress("[::1]:0")?.host == "::1")
        #expect(ListenAddress("[::1]:0")?.description == "[::1]:0")
        #expect(ListenAddress("localhost:1")?.isLoopback == true)
        #expect(ListenAddress("0.0.0.0:7443")?.isLoopback == false)
        for text in ["", ":1", "host", "host:", "host:x", "host:65536", "host:-1", "::1:80"] {
            #expect(ListenAddress(text) == nil, "\(text)")
        }
    }
}

extension Thread {
    /// Reads a descriptor to its end beside the test.
    final class Reading: @unchecked Sendable {  // The text is handed over by the semaphore.
        private var bytes: [UInt8] = []
        private let done = DispatchSemaphore(value: 0)

        init(_ descriptor: Int32) {
            Thread.detachNewThread { [self] in
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while case let count = read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
                done.signal()
            }
        }

        func text() -> String {
            done.wait()
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
