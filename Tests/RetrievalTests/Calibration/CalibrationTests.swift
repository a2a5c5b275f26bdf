import Bytes
import Foundation
import Language
import Logging
import Models
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// The texts of demo/corpus, stored once for the process.
actor CalibrationCorpus {
    static let shared = CalibrationCorpus()
    private var loading: Task<RetrievalFixture, any Error>?

    func fixture() async throws -> RetrievalFixture {
        if let loading { return try await loading.value }
        let task = Task { try await Self.load() }
        loading = task
        return try await task.value
    }

    private static func load() async throws -> RetrievalFixture {
        let fixture = try await RetrievalFixture.real(suite: "Calibration")
        try await fixture.createCollection("corpus")
        for file in try files() {
            let bytes = [UInt8](try Data(contentsOf: file))
            _ = try await fixture.upload(bytes, to: "corpus", filename: file.lastPathComponent)
        }
        return fixture
    }

    static func files() throws -> [URL] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("demo/corpus")
        return try ["ar", "en", "fr"].flatMap { language in
            try FileManager.default.contentsOfDirectory(
                at: root.appendingPathComponent(language), includingPropertiesForKeys: nil
            ).sorted { $0.path < $1.path }
        }
    }
}

/// The quality of search and gate on questions written for it. The bars are below what was measured (see
/// docs/retrieval.md), so that they fail when something breaks and not when a word of the corpus changes.
@Suite struct CalibrationTests {
    @Test func theRightDocumentIsFound() async throws {
        let fixture = try await CalibrationCorpus.shared.fixture()
        var first = 0
        var amongFive = 0
        for question in CalibrationSet.answerable {
            let names = try await fixture.search(question.text, limit: 5).map(\.documentID)
            var files: [String] = []
            for name in names { files.append(try await fixture.filename(of: name)) }
            let place = files.firstIndex { question.isAnswered(by: $0) }
            if place == 0 { first += 1 }
            if place != nil { amongFive += 1 } else { print("missed: \(question.text) -> \(files)") }
        }
        let count = CalibrationSet.answerable.count
        print("document first: \(first) of \(count), among five passages: \(amongFive) of \(count)")
        #expect(Double(amongFive) / Double(count) >= 0.95)
    }

    @Test func theAnswerIsQuoted() async throws {
        let fixture = try await CalibrationCorpus.shared.fixture()
        var right = 0
        let asked = CalibrationSet.answerable.filter { $0.quote != nil }
        for question in asked {
            let answer = try await HeardAnswer(try await fixture.ask(question.text), checkedBy: fixture)
            if answer.citations.contains(where: { $0.quote.contains(question.quote ?? "-") }) {
                right += 1
            } else {
                print("not quoted: \(question.text) -> \(answer.abstention?.reason ?? answer.text)")
            }
        }
        print("the answer is quoted: \(right) of \(asked.count)")
        #expect(Double(right) / Double(asked.count) >= 0.7)
    }

    @Test func theGateTellsAnswerableQuestions() async throws {
        let fixture = try await CalibrationCorpus.shared.fixture()
        var evidence: [(value: Double, answerable: Bool)] = []
        let printing = ProcessInfo.processInfo.environment["RAGDZ_CALIBRATE"] != nil
        for question in CalibrationSet.questions {
            let features = try await fixture.features(question.text)
            let value = EvidenceGate.defaults.evidence(features)
            evidence.append((value, question.file != nil))
            if printing {
                print(
                    "FEATURES\t\(question.file != nil ? 1 : 0)\t\(features.passageSimilarity)\t"
                        + "\(features.sentenceSimilarity)\t\(features.passageCoverage)\t\(features.sentenceCoverage)\t"
                        + "\(value)\t\(question.text)")
            }
        }
        let threshold = EvidenceGate.defaults.threshold
        let yes = evidence.filter(\.answerable).map(\.value)
        let no = evidence.filter { !$0.answerable }.map(\.value)
        let won = yes.map { one in no.map { one > $0 ? 1.0 : one == $0 ? 0.5 : 0 }.reduce(0, +) }.reduce(0, +)
        let auroc = won / Double(yes.count * no.count)
        let falseAbstentions = Double(yes.count { $0 < threshold }) / Double(yes.count)
        let falseAnswers = Double(no.count { $0 >= threshold }) / Double(no.count)
        print("gate: AUROC \(auroc), false abstentions \(falseAbstentions), false answers \(falseAnswers)")
        #expect(auroc >= 0.97)
        #expect(falseAbstentions <= 0.05)
        #expect(falseAnswers <= 0.20)
    }
}
