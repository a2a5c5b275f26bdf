import Foundation
import ProtoRuntime
import Testing

/// Random messages go from Python's codec through ours and back; Python compares.
@Suite struct DifferentialTests {
    private static let messageCount = 250

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static var python: URL {
        let folder = ProcessInfo.processInfo.environment["RAGDZ_TEST_VENV"] ?? ".venv-tests"
        return URL(fileURLWithPath: folder, relativeTo: root).appendingPathComponent("bin/python")
    }

    private static let scripts = root.appendingPathComponent("Tests/ProtoRuntimeTests/Differential")

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        try run(Self.python, [Self.scripts.appendingPathComponent("differential.py").path] + arguments)
    }

    private func run(_ executable: URL, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// A folder with random messages in it, gone afterwards.
    private func withMessages(_ body: (URL, UInt32) throws -> Void) throws {
        try #require(
            FileManager.default.isExecutableFile(atPath: Self.python.path),
            "scripts/test-venv.sh makes the Python environment of this test")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ragdz-differential-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // The same messages every time; RAGDZ_SEED tries others.
        let seed = ProcessInfo.processInfo.environment["RAGDZ_SEED"].flatMap(UInt32.init) ?? 20_261_123
        let made = try run(["make", folder.path, "\(Self.messageCount)", "\(seed)"])
        #expect(made.status == 0, "\(made.output)")
        try body(folder, seed)
    }

    @Test func wireAndJSONAgreeWithPython() throws { try withMessages(compareWithPython) }

    private func compareWithPython(_ folder: URL, _ seed: UInt32) throws {

        var options = JSONOptions.defaults
        options.register([Few.self, Ragdz_Test_Nothing.self])
        let messages = try records(folder, "wire.bin").compactMap { $0 }.map { try All(wire: $0) }
        #expect(messages.count == Self.messageCount)
        try write(folder, "rewire.bin", messages.map { $0.wireBytes() })
        try write(folder, "tojson.bin", messages.map { try $0.jsonBytes(options: options) })
        let fromJSON = try records(folder, "json.bin").compactMap { $0 }.map { try All(json: $0, options: options) }
        try write(folder, "fromjson.bin", fromJSON.map { $0.wireBytes() })

        let odd = try records(folder, "odd.bin").compactMap { $0 }
        try write(folder, "reodd.bin", odd.map { try All(wire: $0).wireBytes() })
        try write(folder, "unknown.bin", odd.map { try Ragdz_Test_Nothing(wire: $0).wireBytes() })

        let verdict = try run(["check", folder.path])
        #expect(verdict.status == 0, "seed \(seed): \(verdict.output)")
    }

    @Test func wireAgreesWithProtobufC() throws { try withMessages(compareWithProtobufC) }

    private func compareWithProtobufC(_ folder: URL, _ seed: UInt32) throws {
        let built = try run(Self.scripts.appendingPathComponent("protobuf_c.sh"), [folder.path])
        #expect(built.status == 0, "\(built.output)")
        let plain = try records(folder, "plain.bin").compactMap { $0 }
        let messages = try plain.map { try All(wire: $0) }
        var random = SplitMix(state: UInt64(seed))
        let broken = (0..<(5 * plain.count)).map { index in
            var bytes = plain[index % plain.count]
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            return bytes
        }
        try write(folder, "c-in.bin", plain + messages.map { $0.wireBytes() } + broken)
        let ran = try run(
            folder.appendingPathComponent("protobuf_c"),
            ["c-in.bin", "c-out.bin"].map { folder.appendingPathComponent($0).path })
        #expect(ran.status == 0, "\(ran.output)")
        let answers = try records(folder, "c-out.bin")
        try #require(answers.count == 7 * plain.count)
        for (index, message) in (messages + messages).enumerated() {
            #expect(
                try answers[index].map { sortedBytes(try All(wire: $0)) } == sortedBytes(message),
                "seed \(seed), \(index)")
        }
        // What is broken at random and still read by C is read by us, but for what Google's own parser refuses too: C lets pass
        // text that is no UTF-8, field numbers that do not exist (0, or more than 29 bits), and some lengths beyond the end.
        var refusals = 0
        var disputed: [[UInt8]] = []
        for (index, bytes) in broken.enumerated() {
            do throws(WireError) {
                _ = try All(wire: bytes)
            } catch {
                refusals += 1
                if answers[2 * plain.count + index] != nil { disputed.append(bytes) }
            }
        }
        try write(folder, "refused.bin", disputed)
        let verdict = try run(["refuse", folder.path])
        #expect(verdict.status == 0, "seed \(seed): \(verdict.output)")
        #expect(refusals > broken.count / 10)
    }

    /// The bytes of a message, without an order: NaN is not equal to itself, and maps have none.
    private func sortedBytes(_ message: All) -> [UInt8] { message.wireBytes().sorted() }

    /// Nil stands for a message that was refused.
    private func records(_ folder: URL, _ name: String) throws -> [[UInt8]?] {
        let data = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
        var records: [[UInt8]?] = []
        var place = 0
        while place < data.count {
            let size = data[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
            if size == 0xFFFF_FFFF {
                records.append(nil)
                place += 4
                continue
            }
            records.append(Array(data[(place + 4)..<(place + 4 + size)]))
            place += 4 + size
        }
        return records
    }

    private func write(_ folder: URL, _ name: String, _ records: [[UInt8]]) throws {
        var data = Data()
        for record in records {
            withUnsafeBytes(of: UInt32(record.count).bigEndian) { data.append(contentsOf: $0) }
            data.append(contentsOf: record)
        }
        try data.write(to: folder.appendingPathComponent(name))
    }
}
