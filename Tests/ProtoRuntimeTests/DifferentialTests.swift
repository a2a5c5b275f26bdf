import Foundation
import ProtoRuntime
import Testing

/// Random messages go from Python's codec through ours and back; Python compares.
@Suite struct DifferentialTests {
    private static let messageCount = 400

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static var python: URL {
        let folder = ProcessInfo.processInfo.environment["RAGDZ_TEST_VENV"] ?? ".venv-tests"
        return URL(fileURLWithPath: folder, relativeTo: root).appendingPathComponent("bin/python")
    }

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let script = Self.root.appendingPathComponent("Tests/ProtoRuntimeTests/Differential/differential.py").path
        let process = Process()
        process.executableURL = Self.python
        process.arguments = [script] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    @Test func wireAndJSONAgreeWithPython() throws {
        try #require(
            FileManager.default.isExecutableFile(atPath: Self.python.path),
            "scripts/test-venv.sh makes the Python environment of this test")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ragdz-differential-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let seed = UInt32.random(in: 0 ... .max)
        let made = try run(["make", folder.path, "\(Self.messageCount)", "\(seed)"])
        #expect(made.status == 0, "\(made.output)")

        var options = JSONOptions.defaults
        options.register([Few.self, Ragdz_Test_Nothing.self])
        let messages = try records(folder, "wire.bin").map { try All(wire: $0) }
        #expect(messages.count == Self.messageCount)
        try write(folder, "rewire.bin", messages.map { $0.wireBytes() })
        try write(folder, "tojson.bin", messages.map { try $0.jsonBytes(options: options) })
        let fromJSON = try records(folder, "json.bin").map { try All(json: $0, options: options) }
        try write(folder, "fromjson.bin", fromJSON.map { $0.wireBytes() })

        let odd = try records(folder, "odd.bin")
        try write(folder, "reodd.bin", odd.map { try All(wire: $0).wireBytes() })
        try write(folder, "unknown.bin", odd.map { try Ragdz_Test_Nothing(wire: $0).wireBytes() })

        let verdict = try run(["check", folder.path])
        #expect(verdict.status == 0, "seed \(seed): \(verdict.output)")
    }

    private func records(_ folder: URL, _ name: String) throws -> [[UInt8]] {
        let data = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
        var records: [[UInt8]] = []
        var place = 0
        while place < data.count {
            let size = data[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
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
