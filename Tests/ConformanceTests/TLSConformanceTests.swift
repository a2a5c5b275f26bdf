import Testing

/// sslyze against our TLS: the whole of it takes seconds.
@Suite(.serialized) struct TLSConformanceTests {
    @Test func sslyzeFindsNothing() async throws {
        let (status, output) = try await Script.run("conformance-tls.sh", Script.product("ragdz-interop"))
        #expect(status == 0, "\(output)")
        for kind in ["ecdsa", "rsa"] {
            #expect(output.contains("with a certificate of \(kind): 19 of 19 checks"), "\(output)")
        }
    }
}
