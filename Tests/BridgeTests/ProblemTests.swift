import ProtoRuntime
import RPC
import Testing

@testable import Bridge

@Suite struct ProblemTests {
    @Test func everyCodeHasItsNumberFromGoogleRpcCode() {
        let expected: [Status.Code: Int] = [
            .cancelled: 499, .unknown: 500, .invalidArgument: 400, .deadlineExceeded: 504, .notFound: 404,
            .alreadyExists: 409, .permissionDenied: 403, .unauthenticated: 401, .resourceExhausted: 429,
            .failedPrecondition: 400, .aborted: 409, .outOfRange: 400, .unimplemented: 501, .internalError: 500,
            .unavailable: 503, .dataLoss: 500,
        ]
        for (code, number) in expected { #expect(Problem.httpStatus(Status(code)) == number, "\(code)") }
        #expect(Problem.httpStatus(.resourceExhausted("", reason: "DOCUMENT_TOO_LARGE")) == 413)
    }

    @Test func theDocumentIsJSONWithEveryMember() throws {
        var status = Status.invalidArgument("Name \"x\"\nis too long.", reason: "NAME_TOO_LONG", field: "tenant.name")
        status.details.retryAfter = .milliseconds(1)
        let problem = Problem(status, language: "ar", requestID: "r1")
        let object = try Google_Protobuf_Struct(json: problem.json)
        #expect(object.fields["type"]?.kind == .stringValue("urn:ragdz:problem:NAME_TOO_LONG"))
        #expect(object.fields["title"]?.kind == .stringValue("طلب غير صالح"))
        #expect(object.fields["status"]?.kind == .numberValue(400))
        let arabic = try #require(StatusCatalogue.text("INVALID_ARGUMENT", language: "ar"))
        #expect(object.fields["detail"]?.kind == .stringValue(arabic))
        #expect(object.fields["developerMessage"]?.kind == .stringValue("Name \"x\"\nis too long."))
        #expect(object.fields["code"]?.kind == .stringValue("INVALID_ARGUMENT"))
        #expect(object.fields["reason"]?.kind == .stringValue("NAME_TOO_LONG"))
        #expect(object.fields["retryAfterSeconds"]?.kind == .numberValue(1))
        #expect(problem.json.contains(#""violations":[{"field":"tenant.name","description":""# + arabic))
    }

    @Test func titlesExistInThreeLanguagesForEveryCode() {
        for number in 1...16 {
            let code = Status.Code(rawValue: number)
            let titles = Set(["fr", "ar", "en"].map { ProblemCatalogue.title(code, language: $0) })
            #expect(titles.count == 3, "\(code)")
        }
    }

    @Test func aLineBreakNeverLeavesAnEvent() {
        let bytes = ServerSentEvents.event(id: 7, name: "a\nb", json: Array("{}".utf8))
        #expect(String(decoding: bytes, as: UTF8.self) == "id: 7\nevent: ab\ndata: {}\n\n")
        #expect(JSONText.quote("a\u{0}\u{2028}\\") == #""a\u0000\u2028\\""#)
    }
}
