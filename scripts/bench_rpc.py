"""What scripts/bench-rpc.sh measures without foreign peers. Usage: bench_rpc.py tls|health SERVER FOLDER"""
import os
import random
import re
import statistics
import struct
import subprocess
import sys
import time

RUNS = int(os.environ.get("RUNS", 3))
part, server, folder = sys.argv[1:4]
tls_options = ["--certificate", folder + "/cert.pem", "--key", folder + "/key.pem"]


class Server:
    """An echo server pinned to CPU 0."""

    def __init__(self, *options):
        self.port = random.randint(20000, 30000)
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", server, "--port", str(self.port), *options], stdout=subprocess.PIPE, text=True)
        if "ready" not in self.process.stdout.readline():
            sys.exit("the server does not start")

    def cpu(self):
        return time.clock_gettime(((~self.process.pid) << 3) | 2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def message(text, number, values):
    """echo.EchoRequest in wire form, with gRPC's frame: 99 bytes of message as in the peers' kit."""
    packed = b"".join(struct.pack("<d", value) for value in values)
    body = b"\x0a" + bytes([len(text)]) + text + b"\x10" + bytes([number]) + b"\x1a" + bytes([len(packed)]) + packed
    return b"\0" + len(body).to_bytes(4, "big") + body


def load(target, calls, clients, streams, path="/echo.Echo/Unary", body="body", scheme="http"):
    out = subprocess.run(
        ["taskset", "-c", "1", "h2load", "-n", str(calls), "-c", str(clients), "-m", str(streams), "-t", "1",
         "-d", f"{folder}/{body}", "-H", "content-type: application/grpc", "-H", "te: trailers",
         f"{scheme}://127.0.0.1:{target.port}{path}"], capture_output=True, text=True).stdout
    if f"{calls} succeeded" not in out:
        sys.exit("h2load: " + out[-500:])
    if scheme == "https" and "TLS Protocol: TLSv1.3" not in out:
        sys.exit("not TLS 1.3: " + out[:500])
    return out


def cost(target, calls, *arguments, **options):
    """CPU microseconds a call, and calls a second."""
    before = target.cpu()
    out = load(target, calls, *arguments, **options)
    return (target.cpu() - before) / calls * 1e6, float(re.search(r"([\d.]+) req/s", out)[1])


def tls():
    print(f"{'thr: unary, 10 x 32':<22}{'CPU us a call':>15}{'calls/s':>12}   (median of {RUNS})")
    with Server() as plain, Server(*tls_options) as secure:
        rows = {"plain": [], "TLS 1.3": []}
        for run in range(RUNS + 1):
            for name, target, scheme in (("plain", plain, "http"), ("TLS 1.3", secure, "https")):
                got = cost(target, 200_000, 10, 32, scheme=scheme)
                if run:
                    rows[name].append(got)
        middle = {name: statistics.median(r[0] for r in got) for name, got in rows.items()}
        for name, got in rows.items():
            print(f"{name:<22}{middle[name]:>15.2f}{statistics.median(r[1] for r in got):>12.0f}")
        print(f"TLS / plain: {middle['TLS 1.3'] / middle['plain']:.2f}")


def health():
    print(f"{'health check, 50 x 32':<22}{'CPU us a call':>15}{'calls/s':>12}{'peak RSS MB':>13}")
    with Server() as target:
        load(target, 50_000, 50, 32, path="/grpc.health.v1.Health/Check", body="empty")
        got = cost(target, 200_000, 50, 32, path="/grpc.health.v1.Health/Check", body="empty")
        peak = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{target.process.pid}/status").read())[1]) / 1024
        print(f"{'ragdz-echo, one loop':<22}{got[0]:>15.2f}{got[1]:>12.0f}{peak:>13.0f}")


open(folder + "/body", "wb").write(message(b"The quick brown fox jumps over the lazy dog", 42, [1.5] * 6))
open(folder + "/empty", "wb").write(b"\0" * 5)
{"tls": tls, "health": health}[part]()
