import RPC
import Testing

@testable import Keys

@Suite struct ServiceMapTests {
    static let text = """
        # comment

        spiffe://ragdz/billing    billing  tenant.read,platform.tenants.read   # and why
        spiffe://ragdz/*/worker   worker   keys.write
        *.batch.internal\tbatch\t*
        spiffe://ragdz/batch      batch    *
        """

    func outcome(_ names: [String]) throws -> String {
        let map = try ServiceMap(parsing: Self.text)
        do {
            let identity = try map.identity(of: names)
            if case .service(let name, _) = identity { return name }
            return "no service"
        } catch { return error.reason ?? "" }
    }

    @Test func namesAreFoundWholeAndPartByPart() throws {
        for (names, expected) in [
            (["spiffe://ragdz/billing"], "billing"),
            (["spiffe://ragdz/Billing"], "CERTIFICATE_UNKNOWN"),
            (["spiffe://ragdz/billing/x"], "CERTIFICATE_UNKNOWN"),
            (["spiffe://evil/billing"], "CERTIFICATE_UNKNOWN"),
            (["spiffe://ragdz/eu/worker"], "worker"),
            (["spiffe://ragdz//worker"], "CERTIFICATE_UNKNOWN"),
            (["spiffe://ragdz/a/b/worker"], "CERTIFICATE_UNKNOWN"),
            (["A.Batch.internal"], "batch"),
            (["batch.internal"], "CERTIFICATE_UNKNOWN"),
            (["a.b.batch.internal"], "CERTIFICATE_UNKNOWN"),
            (["unknown.example", "spiffe://ragdz/billing"], "billing"),
            (["a.batch.internal", "spiffe://ragdz/batch"], "batch"),
            (["a.batch.internal", "spiffe://ragdz/billing"], "CERTIFICATE_AMBIGUOUS"),
            ([], "CERTIFICATE_UNKNOWN"),
        ] as [([String], String)] {
            #expect(try outcome(names) == expected, "\(names)")
        }
    }

    @Test func scopesComeFromTheLine() throws {
        let identity = try ServiceMap(parsing: Self.text).identity(of: ["spiffe://ragdz/billing"])
        #expect(identity == .service(name: "billing", scopes: ["tenant.read", "platform.tenants.read"]))
        #expect(identity.isOperator)
        #expect(identity.tenant == nil)
    }

    @Test func whatIsNoMapIsRefusedWithItsLine() {
        for (text, line) in [
            ("spiffe://ragdz/a a", 1), ("\nspiffe://ragdz/a a x.y extra", 2), ("spiffe://ragdz/a A x.y", 1),
            ("spiffe://ragdz/a a x..y", 1), ("spiffe://ragdz/a a x.y,", 1), ("spiffe://ragdz/a a *.y", 1),
            ("spiffe://*/a a x.y", 1), ("spiffe://ragdz/a* a x.y", 1), ("spiffe:a a x.y", 1), ("a..b a x.y", 1),
            ("internal.* a x.y", 1), ("* a x.y", 1), ("é.internal a x.y", 1),
        ] {
            let error = #expect(throws: ServiceMap.Malformed.self, "\(text)") { try ServiceMap(parsing: text) }
            #expect(error?.line == line, "\(text)")
        }
        let many = String(repeating: "a.internal a x.y\n", count: ServiceMap.maximumEntries + 1)
        #expect(throws: ServiceMap.Malformed.self) { try ServiceMap(parsing: many) }
    }

    @Test func aReplacedMapCountsAtOnce() throws {
        let directory = ServiceDirectory()
        #expect(throws: Status.self) { try directory.identity(of: ["a.internal"]) }
        directory.replace(try ServiceMap(parsing: "a.internal a x.y"))
        for _ in 0..<2 {
            #expect(try directory.identity(of: ["a.internal"]) == .service(name: "a", scopes: ["x.y"]))
        }
        directory.replace(try ServiceMap(parsing: "a.internal a x.z"))
        #expect(try directory.identity(of: ["a.internal"]) == .service(name: "a", scopes: ["x.z"]))
        directory.replace(ServiceMap())
        #expect(throws: Status.self, "what was remembered goes with its map") {
            try directory.identity(of: ["a.internal"])
        }
    }
}
