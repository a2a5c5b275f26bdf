import Glibc

/// Certificates made for one test run by the openssl command, in a folder that is gone afterwards.
final class Certificates: Sendable {
    let folder: String

    /// A CA, a server certificate (localhost, 127.0.0.1), a client certificate (URI spiffe://ragdz/worker), all EC.
    init() throws {
        var template = Array("/tmp/ragdz-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(text: "mkdtemp") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let script = """
            set -e; cd \(folder)
            new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout $1.key "${@:2}"; }
            new ca -x509 -days 2 -out ca.pem
            new stranger -x509 -days 2 -out stranger.pem
            sign() { openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $1.pem \
              -extfile <(echo "subjectAltName=$2"); }
            new server -out server.csr; sign server DNS:localhost,IP:127.0.0.1
            new client -out client.csr; sign client URI:spiffe://ragdz/worker
            new other -out other.csr; sign other DNS:elsewhere.example
            """
        guard system("bash -c '\(script)' >/dev/null 2>&1") == 0 else { throw Failure(text: "openssl failed") }
    }

    deinit { _ = system("rm -rf '\(folder)'") }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    struct Failure: Error { let text: String }
}
