import Glibc
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Schema
import TLS
import Testing

/// Runs `grpcio_client.py`, a stock gRPC client in Python, against our server: in the clear and over TLS.
@Suite(.serialized) struct ForeignClientTests {
    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    private func shell(_ command: String) -> Int32 { system("cd '\(Self.root)' && \(command)") }

    private func runClient(_ arguments: String) -> Int32 {
        shell("${RAGDZ_TEST_VENV:-.venv-tests}/bin/python Tests/RPCTransportTests/grpcio_client.py \(arguments)")
    }

    @Test func grpcioInTheClear() async throws {
        try #require(shell("scripts/test-venv.sh") == 0)
        try await TestServer.run(configure: { $0.compressionThreshold = 4 << 10 }) { test in
            #expect(runClient("\(test.port)") == 0)
        }
    }

    @Test func tlsForGrpcioAndForOurClient() async throws {
        try #require(shell("scripts/test-venv.sh") == 0)
        let certificates = try Certificates()
        let shown = TLSConfiguration(
            certificateFile: certificates.path("server.pem"), keyFile: certificates.path("server.key"),
            authorityFile: certificates.path("ca.pem"), clientVerification: .optional)
        let credentials = try TLSCredentials(.server, shown)
        let trusted = try TLSContext(
            .client,
            TLSConfiguration(
                certificateFile: certificates.path("client.pem"), keyFile: certificates.path("client.key"),
                authorityFile: certificates.path("ca.pem")))
        try await TestServer.run(configure: { $0.tls = credentials }, client: { $0.tls = trusted }) { test in
            let answer = try await test.unary("secret")
            #expect(answer == "secret")
            let name = try await test.call(EchoService.whoami, "")
            #expect(name == "spiffe://ragdz/worker")
            try credentials.reload()
            let large = String(repeating: "é", count: 1_000_000)
            let echoed = try await test.unary(large)
            #expect(echoed == large)
            let stranger = RPCClient(
                .host("127.0.0.1", port: test.port),
                configuration: {
                    var configuration = RPCClient.Configuration.defaults
                    configuration.tls = try? TLSContext(.client, TLSConfiguration())
                    configuration.retry = .never
                    return configuration
                }(), group: test.group)
            let refused = await status {
                let _: Text = try await stranger.unary(EchoService.unary, Text("x"), options: .defaults)
            }
            #expect(refused?.code == .unavailable)
            #expect(refused?.message.contains("certificate") == true, "\(refused?.message ?? "")")
            await stranger.close()
            #expect(runClient("\(test.port) \(certificates.path("ca.pem"))") == 0)
        }
    }

    @Test func plainTextStaysOnLoopback() async {
        let server = RPCServer(.init(host: "0.0.0.0"), router: Router(), group: .singleton)
        let refused = await status { _ = try await server.start() }
        #expect(refused?.reason == "PLAINTEXT_BEYOND_LOOPBACK")
    }
}
