import Foundation
import Testing

/// `ragdzd` over TLS as its operators run it: services known by their certificates, and certificates that change.
@Suite(.serialized) struct TLSTests {
    /// Which name in a certificate is which service.
    static let services = """
        # who may what
        spiffe://ragdz/reader          reader  platform.tenants.read
        spiffe://ragdz/*/writer        writer  platform.tenants.*,keys.write
        *.batch.internal               batch   tenant.read
        """

    /// A CA, the server's certificates (one after the other) and clients of every kind.
    static let certificates = """
        set -e; cd "$1"
        new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" "${@:2}"; }
        sign() {
            new "$1" -out "$1.csr"
            { [ -z "$2" ] || echo "subjectAltName=$2"; echo "extendedKeyUsage=$3"; } >extensions
            openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -out "$1.pem" -extfile extensions "${@:4}"
        }
        new ca -x509 -days 2 -out ca.pem
        for name in first second third; do sign $name DNS:localhost,IP:127.0.0.1 serverAuth -days 2; done
        cp first.pem live.pem; cp first.key live.key
        sign reader URI:spiffe://ragdz/reader clientAuth -days 2
        sign writer URI:spiffe://ragdz/eu/writer clientAuth -days 2
        sign unmapped URI:spiffe://ragdz/unmapped clientAuth -days 2
        sign nameless "" clientAuth -days 2
        sign double URI:spiffe://ragdz/reader,DNS:a.batch.internal clientAuth -days 2
        sign posing DNS:spiffe://ragdz/reader clientAuth -days 2
        sign serving URI:spiffe://ragdz/reader serverAuth -days 2
        new stranger -x509 -days 2 -addext subjectAltName=URI:spiffe://ragdz/reader -out stranger.pem
        mkdir -p issued; : >index; echo 01 >serial
        printf '%s\\n' '[ca]' 'default_ca=c' '[c]' 'database=index' 'serial=serial' 'new_certs_dir=issued' \\
            'default_md=sha256' 'policy=p' 'copy_extensions=copy' '[p]' 'commonName=supplied' >ca.conf
        new expired -addext subjectAltName=URI:spiffe://ragdz/reader -out expired.csr
        openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in expired.csr -out expired.pem -notext \\
            -startdate 20200101000000Z -enddate 20200201000000Z
        """

    @Test func servicesAreKnownByCertificateAndCertificatesChangeUnderLoad() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ragdz-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let made = try await Finished.run("/bin/bash", ["-c", Self.certificates, "certificates", folder.path])
        try #require(made.status == 0, "\(made.errors.suffix(2000))")
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
        try Self.services.write(toFile: path("services"), atomically: true, encoding: .utf8)
        let environment = [
            "RAGDZ_FEATURES": "tenants,keys", "RAGDZ_TLS_CERT": path("live.pem"), "RAGDZ_TLS_KEY": path("live.key"),
            "RAGDZ_TLS_CLIENT_CA": path("ca.pem"), "RAGDZ_SERVICES": path("services"),
        ]
        try await RunningServer.with(environment: environment) { server in
            let pid = try #require(server.process?.processIdentifier)
            try await ForeignClientTests().walk(
                "tls_client.py",
                [server.rpc, try server.operatorCredential(), folder.path, "\(pid)", server.folder + "/log"],
                checks: ["identities", "reloads", "all"])
        }
    }
}
