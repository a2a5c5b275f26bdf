import Testing

/// The short form of `make conformance`: gRPC's own Python interoperability client and server against ours.
@Suite(.serialized) struct GRPCInteropTests {
    @Test func stockPythonClientAndServer() async throws {
        let (status, output) = try await Script.run("conformance-grpc.sh", "short", Script.product("ragdz-interop"))
        #expect(status == 0, "\(output)")
        // 14 cases of the client, 14 of the server, and 18 of our own two halves over our own framing.
        #expect(output.contains("46 of 46 passed"), "\(output)")
    }
}
