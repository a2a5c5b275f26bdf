// swift-tools-version:6.2
import PackageDescription

let package = Package(
    name: "codegen",
    targets: [
        .executableTarget(name: "sqlgen", swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
