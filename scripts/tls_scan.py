"""Scans servers with sslyze and asserts what its JSON says. Usage: tls_scan.py FOLDER ecdsa=PORT rsa=PORT weak=PORT

FOLDER holds ca.pem. The server called "weak" must fail many of the checks that the others pass.
"""
import json
import subprocess
import sys

SCANS = (
    "sslv2 sslv3 tlsv1 tlsv1_1 tlsv1_2 tlsv1_3 certinfo reneg resum heartbleed robot openssl_ccs compression fallback "
    "elliptic_curves ems"
).split()
CIPHERS_1_2 = {
    "TLS_ECDHE_{}_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_{}_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_{}_WITH_AES_128_GCM_SHA256",
}
CIPHERS_1_3 = {"TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"}
CURVES = {"X25519", "secp256r1", "secp384r1"}


def scan(folder, name, port):
    """The scan's result, and whether Mozilla's intermediate configuration is met."""
    file = f"{folder}/{name}.json"
    done = subprocess.run(
        [sys.executable, "-m", "sslyze", *(f"--{scan}" for scan in SCANS), "--mozilla_config", "intermediate",
         "--sni", "localhost", "--certinfo_ca_file", f"{folder}/ca.pem", "--json_out", file, f"127.0.0.1:{port}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    with open(file) as text:
        report = json.load(text)
    (result,) = report["server_scan_results"]
    assert result["scan_status"] == "COMPLETED", done.stdout[-3000:]
    return result["scan_result"], done.stdout


def checks(found, said, kind):
    """What must hold, by name."""
    def result(of):
        assert found[of]["status"] == "COMPLETED", (of, found[of])
        return found[of]["result"]

    def accepted(of):
        return {suite["cipher_suite"]["name"] for suite in result(of)["accepted_cipher_suites"]}

    yield from ((f"no {name}", not accepted(f"{name}_cipher_suites")) for name in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"))
    yield "TLS 1.2 with ECDHE and AEAD only", accepted("tls_1_2_cipher_suites") == {c.format(kind) for c in CIPHERS_1_2}
    yield "TLS 1.3", accepted("tls_1_3_cipher_suites") == CIPHERS_1_3
    curves = result("elliptic_curves")
    yield "curves", {curve["name"] for curve in curves["supported_curves"] or []} == CURVES
    renegotiation = result("session_renegotiation")
    yield "no renegotiation by the client", not renegotiation["is_vulnerable_to_client_renegotiation_dos"]
    yield "secure renegotiation is announced", renegotiation["supports_secure_renegotiation"]
    yield "no compression", not result("tls_compression")["supports_compression"]
    yield "no Heartbleed", not result("heartbleed")["is_vulnerable_to_heartbleed"]
    yield "no CCS injection", not result("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"]
    yield "no ROBOT", result("robot")["robot_result"] == "NOT_VULNERABLE_RSA_NOT_SUPPORTED"
    yield "no downgrade", result("tls_fallback_scsv")["supports_fallback_scsv"]
    yield "extended master secret", result("tls_extended_master_secret")["supports_ems_extension"]
    resumption = result("session_resumption")
    yield "no session ids", resumption["session_id_successful_resumptions_count"] == 0
    yield "no session tickets", resumption["tls_ticket_successful_resumptions_count"] == 0
    (deployment,) = result("certificate_info")["certificate_deployments"]
    paths = [path for path in deployment["path_validation_results"] if path["trust_store"]["path"].endswith("ca.pem")]
    yield "the chain is the CA's", len(paths) == 1 and paths[0]["was_validation_successful"]
    yield "Mozilla's intermediate configuration", ": OK - Compliant" in said


folder = sys.argv[1]
failed = 0
for argument in sys.argv[2:]:
    name, port = argument.split("=")
    found, said = scan(folder, name, port)
    outcome = dict(checks(found, said, name.upper() if name != "weak" else "RSA"))
    passed = sum(outcome.values())
    missing = [what for what, holds in outcome.items() if not holds]
    if name == "weak":
        # The control: what a server of 2010 allows has to be noticed.
        expected = {"no tls_1_0", "no tls_1_1", "TLS 1.2 with ECDHE and AEAD only", "curves", "no session tickets"}
        print(f"TLS, a server that is weak on purpose: {len(missing)} findings ({', '.join(missing)})")
        failed += not expected <= set(missing)
    else:
        print(f"TLS with a certificate of {name}: {passed} of {len(outcome)} checks of sslyze passed")
        for what in missing:
            print(f"  FAIL {what}")
        if "Mozilla's intermediate configuration" in missing:
            print(said[said.find(" COMPLIANCE AGAINST"):])
        failed += bool(missing) or len(outcome) != 19
sys.exit(1 if failed else 0)
