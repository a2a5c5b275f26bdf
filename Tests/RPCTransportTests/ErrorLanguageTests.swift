import RPC
import RPCTransport
import Testing

/// Errors in the caller's language, whoever raises them: a handler, or the transport before there is one.
@Suite(.serialized) struct ErrorLanguageTests {
    @Test(arguments: [RPCClient.Wire.ragdz, .grpc])
    func acceptLanguageDecides(_ wire: RPCClient.Wire) async throws {
        try await TestServer.run(wire) { test in
            let absent = MethodDescriptor(
                service: "test.Echo", name: "Absent", callType: .unary, requestType: Text.self, responseType: Text.self)
            for (language, expected) in [
                ("ar", StatusCatalogue.text("UNKNOWN_METHOD", language: "ar")),
                ("fr-CH, en;q=0.1", StatusCatalogue.text("UNKNOWN_METHOD", language: "fr")),
            ] {
                let options = CallOptions(metadata: ["accept-language": language])
                let refused = await status { _ = try await test.call(absent, "x", options: options) }
                #expect(refused?.code == .unimplemented)
                #expect(refused?.reason == "UNKNOWN_METHOD")
                #expect(refused?.message == expected)
                let original = try #require(refused?.details.others.first)
                #expect(original.typeURL.hasSuffix("google.rpc.LocalizedMessage"))
                #expect(original.value.contains(Array("no method".utf8)), "the English text stays beside it")
            }
            let english = await status { _ = try await test.call(absent, "x") }
            #expect(english?.message.contains("no method") == true, "without the header nothing changes")
            #expect(english?.details.others.isEmpty == true)
        }
    }
}
