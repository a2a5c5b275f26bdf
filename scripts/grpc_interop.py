"""Runs gRPC's interoperability cases against every stock peer, both ways, and prints a table of cases by peers.

What a stock peer does not have is shown as "-" and listed below the table; the number of cases of every column is
fixed here, so that nothing can fall out of it unnoticed.
"""
import argparse
import contextlib
import os
import socket
import subprocess
import sys
import time
import types

CASES = (
    "empty_unary large_unary client_streaming server_streaming ping_pong empty_stream custom_metadata "
    "status_code_and_message special_status_message unimplemented_method unimplemented_service cancel_after_begin "
    "cancel_after_first_response timeout_on_sleeping_server client_compressed_unary server_compressed_unary "
    "client_compressed_streaming server_compressed_streaming"
).split()
# More that the stock C++ client can do: a thousand calls on one channel, a thousand channels, a slow reader, both at once.
MORE_IN_CPP = ["half_duplex", "slow_consumer", "rpc_soak", "channel_soak"]
SOAK = ["--soak_per_iteration_max_acceptable_latency_ms=30000", "--soak_overall_timeout_seconds=300"]
# The stock Python client and server know nothing of compression; the C++ ones cover it.
NOT_IN_PYTHON = {case for case in CASES if "compressed" in case}
# grpc's test certificate bears this name.
TLS_NAME = "foo.test.google.fr"
CASE_SECONDS = 320
# The stock C++ client aborts on what is wrong, but leaves quietly when its server does not notice a lie about compression.
PROOF = {
    "client_compressed_unary": "Compressed unary request probe succeeded",
    "client_compressed_streaming": "Compressed streaming request probe succeeded",
}

arguments = argparse.ArgumentParser()
arguments.add_argument("--short", action="store_true")
arguments.add_argument("--ours", required=True)
arguments.add_argument("--cpp", required=True)
arguments.add_argument("--credentials", required=True)
options = arguments.parse_args()
authority, certificate, key = (
    os.path.join(options.credentials, name) for name in ("ca.pem", "server1.pem", "server1.key"))


@contextlib.contextmanager
def running(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def our_server(*more):
    with running([options.ours, "serve", *more]) as process:
        line = process.stdout.readline()
        assert line.startswith("ready on "), f"our server said {line!r}"
        yield int(line.split()[-1])


@contextlib.contextmanager
def stock_server(command):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running([*command, f"--port={port}"]) as process:
        for _ in range(600):
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port


def python_client(port, tls):
    """The stock client's own cases, in this process."""
    from tests.interop import client, methods
    import grpc

    results = {}
    for case in methods.TestCase:
        if case.value not in CASES:
            continue  # credentials of Google's cloud
        given = types.SimpleNamespace(
            server_host="localhost", server_port=port, test_case=case.value, use_tls=tls, use_alts=False, use_test_ca=True,
            custom_credentials_type=None, server_host_override=TLS_NAME, oauth_scope=None,
            default_service_account=None, grpc_test_use_grpclb_with_child_policy=None)
        channel = client._create_channel(given)
        try:
            case.test_interoperability(client.create_stub(channel, given), given)
            results[case.value] = "pass"
        except (Exception, grpc.RpcError) as error:
            results[case.value] = f"FAIL {error}"
        channel.close()
    return results


def cpp_client(port, tls, cases=CASES):
    results = {}
    debugging = {**os.environ, "GRPC_VERBOSITY": "DEBUG"}
    for case in cases:
        command = [f"{options.cpp}/client", "--server_host=localhost", f"--server_port={port}", f"--test_case={case}"]
        if case.endswith("_soak"):
            command += SOAK
        if tls:
            command += ["--use_tls=true", "--use_test_ca=true", f"--server_host_override={TLS_NAME}"]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                timeout=CASE_SECONDS, env=debugging)
            is_proved = PROOF.get(case, "Testing these cases: " + case) in done.stdout
            said = "\n".join(done.stdout.splitlines()[-5:])
            results[case] = "pass" if done.returncode == 0 and is_proved else f"FAIL {done.returncode}: {said}"
        except subprocess.TimeoutExpired:
            results[case] = f"FAIL not done in {CASE_SECONDS} s"
    return results


def our_client(port, cases, *more):
    results = {}
    for case in cases:
        try:
            done = subprocess.run(
                [options.ours, "client", "--port", str(port), "--case", case, *more],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=CASE_SECONDS)
            line = done.stdout.strip()
            results[case] = "pass" if done.returncode == 0 and line == f"{case} pass" else f"FAIL {line}"
        except subprocess.TimeoutExpired:
            results[case] = f"FAIL not done in {CASE_SECONDS} s"
    return results


IN_PYTHON = [case for case in CASES if case not in NOT_IN_PYTHON]
PYTHON_SERVER = [sys.executable, "-m", "tests.interop.server"]
our_tls = ("--cert", certificate, "--key", key)
as_tls_client = ("--ca", authority, "--name", TLS_NAME)
columns = {}
with our_server() as port:
    columns["Python client"] = (14, python_client(port, False))
    columns["ours, RAG-DZ framing"] = (18, our_client(port, CASES, "--wire", "ragdz"))
    if not options.short:
        columns["C++ client"] = (22, cpp_client(port, False, CASES + MORE_IN_CPP))
with stock_server(PYTHON_SERVER) as port:
    columns["Python server"] = (14, our_client(port, IN_PYTHON))
    if not options.short:
        # That server knows nothing of compression: a table that let this pass would prove nothing.
        control = cpp_client(port, False, ["client_compressed_unary", "server_compressed_unary"])
        assert all(result.startswith("FAIL") for result in control.values()), control
        print("control: the C++ client fails", *control, "against the stock Python server, as it must")
if not options.short:
    with our_server(*our_tls) as port:
        columns["Python client, TLS"] = (14, python_client(port, True))
        columns["C++ client, TLS"] = (18, cpp_client(port, True))
    with stock_server([f"{options.cpp}/server"]) as port:
        columns["C++ server"] = (18, our_client(port, CASES))
    with stock_server([*PYTHON_SERVER, "--use_tls=true"]) as port:
        columns["Python server, TLS"] = (14, our_client(port, IN_PYTHON, *as_tls_client))
    with stock_server([f"{options.cpp}/server", "--use_tls=true"]) as port:
        columns["C++ server, TLS"] = (18, our_client(port, CASES, *as_tls_client))

names = list(columns)
widths = [max(len(name), 4) for name in names]
print("case".ljust(30), *(name.ljust(width) for name, width in zip(names, widths)), sep="  ")
for case in CASES if options.short else CASES + MORE_IN_CPP:
    cells = [columns[name][1].get(case, "-")[:4] for name in names]
    print(case.ljust(30), *(cell.ljust(width) for cell, width in zip(cells, widths)), sep="  ")
failed = [(name, case, result) for name in names for case, result in columns[name][1].items() if result != "pass"]
for name, case, result in failed:
    print(f"{name}: {case}: {result}")
wanted = sum(count for count, _ in columns.values())
passed = sum(result == "pass" for _, results in columns.values() for result in results.values())
print(f'"-": not in the stock Python peers ({", ".join(sorted(NOT_IN_PYTHON))}); the C++ ones have all {len(CASES)}.')
if not options.short:
    print(f"Of the C++ client alone, in the clear: {', '.join(MORE_IN_CPP)}.")
print(f"gRPC interoperability: {passed} of {wanted} passed")
sys.exit(0 if passed == wanted and not failed else 1)
