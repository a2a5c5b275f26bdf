import Foundation
import HTTP2
import NIOCore
import RPCTransport
import Testing

/// `docs/limits.md` says what the constants are, all of them and nothing else.
@Suite struct LimitsDocumentTests {
    static let sizes: [String: Int] = [
        "maximumMessageSize": defaults.maximumMessageSize,
        "http2.concurrentStreams": Int(defaults.http2.concurrentStreams),
        "http2.streamWindow": Int(defaults.http2.streamWindow),
        "http2.connectionWindow": Int(defaults.http2.connectionWindow),
        "connectionRequestBuffer": defaults.connectionRequestBuffer, "streamBuffer": defaults.streamBuffer,
        "http2.headerListSize": defaults.http2.headerListSize, "http2.headerListBomb": defaults.http2.headerListBomb,
        "http2.headerBlockSize": defaults.http2.headerBlockSize, "http2.continuations": defaults.http2.continuations,
        "maximumConnections": defaults.maximumConnections,
    ]
    static let times: [String: TimeAmount?] = [
        "handshakeTimeout": defaults.handshakeTimeout, "requestTimeout": defaults.requestTimeout,
        "idleTimeout": defaults.idleTimeout, "keepaliveInterval": defaults.keepaliveInterval,
        "keepaliveTimeout": defaults.keepaliveTimeout, "stallTimeout": defaults.stallTimeout,
        "maximumConnectionAge": defaults.maximumConnectionAge, "connectionGrace": defaults.connectionGrace,
    ]
    static let floods: [String: HTTP2Limits.Flood] = [
        "http2.resets": defaults.http2.resets, "http2.settings": defaults.http2.settings,
        "http2.pings": defaults.http2.pings, "http2.emptyFrames": defaults.http2.emptyFrames,
        "http2.windowUpdates": defaults.http2.windowUpdates, "http2.priorities": defaults.http2.priorities,
        "http2.goAways": defaults.http2.goAways,
    ]
    static let defaults = RPCServer.Configuration.defaults

    /// The rows of the tables: a limit's name and the cells after it.
    static func rows() throws -> [String: [String]] {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let text = try String(contentsOfFile: root + "/docs/limits.md", encoding: .utf8)
        var rows: [String: [String]] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            rows[cells[0].trimmingCharacters(in: ["`"])] = Array(cells.dropFirst())
        }
        return rows
    }

    static func size(_ text: String) -> Int? {
        let parts = text.split(separator: " ")
        guard let number = parts.first.flatMap({ Int($0) }) else { return nil }
        switch parts.dropFirst().first {
        case nil: return number
        case "KiB": return number << 10
        case "MiB": return number << 20
        default: return nil
        }
    }

    @Test func thePageSaysWhatTheConstantsAre() throws {
        let rows = try Self.rows()
        for (name, value) in Self.sizes {
            #expect(Self.size(rows[name]?.first ?? "") == value, "\(name)")
        }
        for (name, value) in Self.times {
            let text = value.map { "\($0.nanoseconds / 1_000_000_000) s" } ?? "never"
            #expect(rows[name]?.first == text, "\(name)")
        }
        for (name, flood) in Self.floods {
            #expect(rows[name]?.prefix(2) == ["\(flood.burst)", "\(flood.perSecond)"], "\(name)")
        }
        let known = Set(Self.sizes.keys).union(Self.times.keys).union(Self.floods.keys)
        #expect(Set(rows.keys) == known)
    }

    /// A new limit of the configuration must come onto the page.
    @Test func everyLimitIsOnThePage() {
        let known = Set(Self.sizes.keys).union(Self.times.keys).union(Self.floods.keys)
        let other: Set<String> = [
            "host", "port", "tls", "allowsPlaintextBeyondLoopback", "compressionThreshold", "http2",
        ]
        for child in Mirror(reflecting: Self.defaults).children {
            let name = child.label ?? ""
            #expect(known.contains(name) || other.contains(name), "\(name)")
        }
        for child in Mirror(reflecting: Self.defaults.http2).children {
            #expect(known.contains("http2." + (child.label ?? "")), "\(child.label ?? "")")
        }
    }
}
