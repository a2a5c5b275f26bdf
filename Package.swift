// swift-tools-version:6.2
import PackageDescription

/// Settings of every Swift target: the language mode is 6, and what a file uses, it imports itself.
let plain: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// An `async` function runs where its caller runs: to look for the executor of the task once more after each costs the path of a call
/// a tenth of its time (decision 0172).
let common: [SwiftSetting] = plain + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

/// Settings of the targets that talk to C: every use of a pointer says `unsafe`.
let overC: [SwiftSetting] = common + [.strictMemorySafety()]

func product(_ name: String, _ package: String) -> Target.Dependency {
    .product(name: name, package: package)
}

let nioCore = product("NIOCore", "swift-nio")
let nioPosix = product("NIOPosix", "swift-nio")
let logging = product("Logging", "swift-log")
let collections = product("Collections", "swift-collections")

func room(
    _ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = common,
    exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources,
        swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: common)
}

let rooms: [Target] = [
    .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    room("Bytes"),
    room("LoopExecutor", [nioCore, nioPosix]),
    room("Cryptography", ["COpenSSL", "Bytes"], settings: overC),
    room("TLS", ["COpenSSL", nioCore], settings: overC),
    room("HTTP2", ["CNGHTTP2", nioCore], settings: overC),
    room("ProtoRuntime", ["Bytes"]),
    room("RPC", ["ProtoRuntime", "Bytes"]),
    room(
        "RPCTransport",
        ["LoopExecutor", "TLS", "HTTP2", "RPC", "ProtoRuntime", "Bytes", "CZlib", nioCore, nioPosix, logging]),
    room("Postgres", ["CPQ", "LoopExecutor", "Bytes", nioCore, nioPosix, logging, collections], settings: overC),
    room("Schema", ["ProtoRuntime", "RPC", "Bytes"]),
    room("Stores", ["RPC", "Postgres", "Bytes", logging]),
    room("Language", exclude: ["Lexicon"]),
    room("Models", ["CCurl", "Schema", "RPC", "Bytes", logging], settings: overC),
    room("Tenancy", ["Stores", "Schema", "RPC", "ProtoRuntime", "Postgres", "Cryptography", "Bytes", logging]),
    room("Members", ["Stores", "Schema", "RPC", "ProtoRuntime", "Postgres", "Cryptography", "Bytes", logging]),
    room("Keys", ["Stores", "Schema", "RPC", "ProtoRuntime", "Postgres", "Cryptography", "Bytes", logging]),
    room(
        "Retrieval",
        ["Stores", "Schema", "RPC", "ProtoRuntime", "Postgres", "Language", "Models", "Cryptography", "Bytes", logging]),
    room("Workflows", ["Stores", "Schema", "RPC", "ProtoRuntime", "Postgres", "Cryptography", "Bytes", logging]),
    room("Streams", ["Stores", "RPC", "Postgres", "Cryptography", "Bytes", logging]),
    room("Embedded", ["Bytes", nioCore, nioPosix, logging]),
    room(
        "Bridge",
        [
            "RPC", "Schema", "ProtoRuntime", "Bytes", "LoopExecutor", logging, nioCore, nioPosix,
            product("Hummingbird", "hummingbird"), product("HTTPTypes", "swift-http-types"),
        ], settings: plain),
    .executableTarget(
        name: "ragdzd",
        dependencies: [
            "RPCTransport", "RPC", "Postgres", "Schema", "Tenancy", "Members", "Keys", "Retrieval", "Workflows",
            "Models",
            "Streams", "Embedded", "Bridge", "Cryptography", "Bytes", "ProtoRuntime", "LoopExecutor", "TLS", "Language",
            logging, nioCore, nioPosix,
            product("ArgumentParser", "swift-argument-parser"),
            product("Configuration", "swift-configuration"),
            product("ServiceLifecycle", "swift-service-lifecycle"),
            product("UnixSignals", "swift-service-lifecycle"),
        ],
        swiftSettings: common),
    .executableTarget(
        name: "ragdz",
        dependencies: [
            "RPCTransport", "RPC", "Schema", "ProtoRuntime", "Bytes", "TLS", "LoopExecutor", nioCore, nioPosix,
            product("ArgumentParser", "swift-argument-parser"),
        ],
        swiftSettings: common),
    .executableTarget(
        name: "ragdz-echo",
        dependencies: ["RPCTransport", "RPC", "ProtoRuntime", "Bytes", "TLS", nioCore, nioPosix],
        path: "Examples/ragdz-echo", exclude: ["echo.proto"], swiftSettings: common),
    // Allocations and instructions of the engine and the codec, against Benchmarks/thresholds.json.
    .target(name: "MallocCount", path: "Benchmarks/malloc-count"),
    .executableTarget(
        name: "engine-bench",
        dependencies: [
            "MallocCount", "RPCTransport", "RPC", "HTTP2", "ProtoRuntime", "Schema", "Keys", "Bytes", nioCore, nioPosix,
        ],
        path: "Benchmarks/engine-bench", swiftSettings: common),
    .executableTarget(
        name: "ragdz-interop",
        dependencies: ["RPCTransport", "RPC", "ProtoRuntime", "Bytes", "TLS", nioCore, nioPosix],
        path: "Examples/ragdz-interop", swiftSettings: common),
    .executableTarget(
        name: "keys-bench", dependencies: ["Keys", "Postgres", "Schema", "RPC", "Bytes", logging, nioPosix],
        path: "Examples/keys-bench", swiftSettings: common),
    .executableTarget(
        name: "keys-fleet", dependencies: ["RPCTransport", "RPC", "Schema", "ProtoRuntime", logging, nioPosix],
        path: "Examples/keys-fleet", swiftSettings: common),
    .executableTarget(
        name: "postgres-bench", dependencies: ["Postgres", "LoopExecutor", "Bytes", logging, nioCore, nioPosix],
        path: "Examples/postgres-bench", swiftSettings: common),
]

/// Helpers of the tests: the embedded PostgreSQL, a server in process, foreign clients as children.
let support = Target.target(
    name: "Support",
    dependencies: [
        "Embedded", "Postgres", "RPC", "RPCTransport", "Schema", "ProtoRuntime", "Bytes", logging, nioCore, nioPosix,
    ],
    path: "Tests/Support", swiftSettings: common)

let testTargets: [Target] = [
    tests("BytesTests", ["Bytes"]),
    tests("CryptographyTests", ["Cryptography", "Bytes"]),
    tests("TLSTests", ["TLS", nioCore]),
    tests("HTTP2Tests", ["HTTP2", nioCore]),
    tests("ProtoRuntimeTests", ["ProtoRuntime", "Bytes"], exclude: ["Differential"]),
    tests("RPCTests", ["RPC", "ProtoRuntime", "Bytes"]),
    tests("LoopExecutorTests", ["LoopExecutor", nioCore, nioPosix]),
    tests(
        "RPCTransportTests",
        [
            "RPCTransport", "RPC", "ProtoRuntime", "Schema", "Bytes", "TLS", "HTTP2", "Support", nioCore, nioPosix,
            "ragdz-echo",
        ], exclude: ["grpcio_client.py"]),
    tests("PostgresTests", ["Postgres", "Embedded", "Bytes", "Support", logging, nioCore, nioPosix]),
    tests("EmbeddedTests", ["Embedded", "Postgres", "Support", logging, nioCore, nioPosix]),
    tests("LanguageTests", ["Language"]),
    tests("ModelsTests", ["Models", "Bytes", "Support", nioCore, nioPosix]),
    tests(
        "TenancyTests", ["Tenancy", "Stores", "Schema", "RPC", "ProtoRuntime", "Postgres", "Bytes", "Support", logging]),
    tests(
        "MembersTests",
        [
            "Members", "Tenancy", "Keys", "Cryptography", "Schema", "RPC", "ProtoRuntime", "Postgres", "Bytes",
            "Support", logging,
        ]),
    tests(
        "KeysTests",
        [
            "Keys", "Cryptography", "Schema", "RPC", "RPCTransport", "ProtoRuntime", "Postgres", "Bytes", "Support",
            logging, nioCore, nioPosix,
        ]),
    tests(
        "RetrievalTests",
        [
            "Retrieval", "Language", "Models", "Schema", "ProtoRuntime", "RPC", "Postgres", "Bytes", "Cryptography",
            "Support",
        ]),
    tests("WorkflowsTests", ["Workflows", "Schema", "RPC", "ProtoRuntime", "Postgres", "Bytes", "Support"]),
    tests("StreamsTests", ["Streams", "RPC", "ProtoRuntime", "Postgres", "Bytes", "Support", logging]),
    tests(
        "BridgeTests", ["Bridge", "RPC", "Schema", "ProtoRuntime", "Bytes", logging, nioCore, nioPosix],
        exclude: ["Foreign"]),
    tests("TidyTests", []),
    tests("ConformanceTests", ["ragdz-interop"]),
    tests(
        "IntegrationTests",
        [
            "RPCTransport", "RPC", "Schema", "ProtoRuntime", "Bytes", "Postgres", "Embedded", "Support", nioCore,
            nioPosix, logging, "ragdzd", "ragdz",
        ], exclude: ["Foreign"]),
]

/// `RAGDZ_TESTS=Postgres,Keys` keeps only these test targets, so that a small change builds little.
/// Unset (as in `make test`) everything is built and run.
let wanted = Context.environment["RAGDZ_TESTS"].map { $0.split(separator: ",").map { "\($0)Tests" } }
let keptTests = testTargets.filter { wanted?.contains($0.name) ?? true }

let package = Package(
    name: "ragdz",
    products: [
        .library(name: "RAGDZRPC", targets: ["RPC", "RPCTransport", "ProtoRuntime", "TLS"]),
        .library(name: "RAGDZPostgres", targets: ["Postgres"]),
        .executable(name: "ragdzd", targets: ["ragdzd"]),
        .executable(name: "ragdz", targets: ["ragdz"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
    ],
    targets: rooms + [support] + keptTests
)
