// swift-tools-version:6.2
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]

/// The generators of this repository. `scripts/generate.sh` makes CDescriptor's sources with protoc-c before it builds.
let package = Package(
    name: "codegen",
    targets: [
        .target(name: "CDescriptor", path: "Sources/CDescriptor/generated", publicHeadersPath: "."),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .executableTarget(name: "protoc-gen-ragdz", dependencies: ["CDescriptor"], swiftSettings: settings),
        .executableTarget(name: "sqlgen", dependencies: ["CLibPQ"], swiftSettings: settings),
    ]
)
