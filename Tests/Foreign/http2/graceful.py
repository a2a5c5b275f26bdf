"""A server that is told to stop: what was sent is answered, streams get an end, and a second word cuts.

Usage: graceful.py RAGDZ-ECHO CERTIFICATE KEY     Starts its own servers; prints a line a case, then `N of N`.
"""
import signal
import subprocess
import sys
import threading
import time

from wire import *

STREAM = "/echo.Echo/ServerStream"


class Stopping:
    """A server of its own for one case."""

    def __init__(self, program, *arguments, authority=None):
        self.process = subprocess.Popen([program, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.target = Target(int(line.rsplit(":", 1)[1]), authority)

    def term(self):
        self.process.send_signal(signal.SIGTERM)

    def ends(self, status):
        found = self.process.wait(timeout=30)
        assert found == status, f"exit status {found}, expected {status}"


def endless(count=1 << 30, pause=20):
    """A request for this many replies, so many milliseconds apart."""
    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])
    return message(b"\x08" + varint(count) + b"\x12\x04\x0a\x02hi" + b"\x18" + varint(pause))


class Load(threading.Thread):
    """Calls on one connection, 32 at a time, until the server says stop; then it waits for what it sent."""

    def __init__(self, target):
        super().__init__()
        self.peer = Peer(target, timeout=20)
        self.peer.send(window_update(0, 0x40000000))
        self.sent, self.answered, self.faults, self.goaways = 0, 0, [], []

    def run(self):
        peer, in_flight, number = self.peer, set(), 1
        last = None
        try:
            while True:
                while last is None and len(in_flight) < 32:
                    peer.call(number)
                    in_flight.add(number)
                    self.sent += 1
                    number += 2
                try:
                    got = peer.read()
                except Closed:
                    if last is None or in_flight:
                        raise
                    return
                peer.seen.clear()
                if got.kind == GOAWAY:
                    last = struct.unpack(">I", got.payload[:4])[0]
                    self.goaways.append((last, got.code))
                    if any(n > last for n in in_flight):
                        self.faults.append(f"stream above {last} not taken")
                elif got.kind == PING and not got.flags & ACK:
                    peer.send(frame(PING, ACK, 0, got.payload))
                elif got.kind == RST_STREAM:
                    self.faults.append(f"{got}")
                    in_flight.discard(got.stream)
                elif got.kind == HEADERS and got.flags & END_STREAM:
                    fields = {bytes(name): bytes(value) for name, value in got.fields}
                    if fields.get(b"grpc-status") != b"0":
                        self.faults.append(f"{fields}")
                    self.answered += 1
                    in_flight.discard(got.stream)
        except (Closed, TimeoutError, AssertionError) as error:
            self.faults.append(f"{type(error).__name__} {error} with {len(in_flight)} calls open")


def under_load(server):
    loads = [Load(server.target) for _ in range(4)]
    for load in loads:
        load.start()
    time.sleep(0.5)
    server.term()
    for load in loads:
        load.join()
    server.ends(0)
    faults = [fault for load in loads for fault in load.faults]
    assert not faults, faults[:3]
    for load in loads:
        assert load.sent == load.answered, f"{load.sent} sent, {load.answered} answered"
        # A notice that takes what is on its way, then, once the client has proved to know it, the last word.
        assert load.goaways[0] == (0x7FFFFFFF, NO_ERROR) and len(load.goaways) == 2, load.goaways
    return f"{sum(load.sent for load in loads)} calls, 0 failed"


def running_stream(server):
    peer = Peer(server.target)
    peer.headers(1, peer.request(path=STREAM))
    peer.data(1, endless(20, 25))
    peer.wait(lambda f: f.kind == DATA, "DATA")
    server.term()
    answer_pings(peer, lambda f: f.kind == HEADERS and f.flags & END_STREAM)
    assert status_of(peer) == b"0"
    peer.closed()
    server.ends(0)


def cut_stream(server):
    peer = Peer(server.target)
    peer.headers(1, peer.request(path=STREAM))
    peer.data(1, endless())
    peer.wait(lambda f: f.kind == DATA, "DATA")
    server.term()
    answer_pings(peer, lambda f: f.kind == HEADERS and f.flags & END_STREAM)
    fields = {bytes(name): bytes(value) for name, value in peer.seen[-1].fields}
    assert fields[b"grpc-status"] == b"14", fields
    assert b"SHUTDOWN" in base64_of(fields[b"grpc-status-details-bin"]), fields
    server.ends(0)


def second_signal(server):
    peer = Peer(server.target)
    peer.headers(1, peer.request(path=STREAM))
    peer.data(1, endless())
    peer.wait(lambda f: f.kind == DATA, "DATA")
    server.term()
    peer.timeout = 10
    while peer.read().kind != GOAWAY:
        pass
    server.term()
    server.ends(1)


def no_listener(server):
    peer = Peer(server.target)
    peer.headers(1, peer.request(path=STREAM))
    peer.data(1, endless())
    peer.wait(lambda f: f.kind == DATA, "DATA")
    server.term()
    while peer.read().kind != GOAWAY:
        pass
    try:
        Peer(server.target)
    except ConnectionRefusedError:
        peer.close()
        return server.ends(0)
    raise AssertionError("a stopping server takes a new connection")


def silent_client(server):
    """A client that never answers the server's PING holds it up for no longer than the grace."""
    peer = Peer(server.target)
    peer.call(1)
    peer.answered(1)
    server.term()
    server.ends(0)


def answer_pings(peer, done):
    peer.timeout = 20
    while True:
        got = peer.read()
        if got.kind == PING and not got.flags & ACK:
            peer.send(frame(PING, ACK, 0, got.payload))
        if done(got):
            return


def status_of(peer):
    return {bytes(name): bytes(value) for name, value in peer.seen[-1].fields}[b"grpc-status"]


def base64_of(value):
    import base64
    return base64.b64decode(value + b"=" * (-len(value) % 4))


def main():
    program, certificate, key = sys.argv[1:4]
    tls = ("--certificate", certificate, "--key", key)
    cases = [
        ("load in the clear", under_load, (), None), ("load over TLS", under_load, tls, certificate),
        ("a stream that ends within the grace", running_stream, (), None),
        ("a stream that does not: UNAVAILABLE, SHUTDOWN", cut_stream, ("--grace", "1"), None),
        ("the same over TLS", cut_stream, ("--grace", "1", *tls), certificate),
        ("a second SIGTERM cuts", second_signal, ("--grace", "60"), None),
        ("no new connections", no_listener, ("--grace", "20"), None),
        ("a client that answers no PING", silent_client, ("--grace", "1"), None),
    ]
    passed = 0
    for name, case, arguments, authority in cases:
        server = Stopping(program, *arguments, authority=authority)
        try:
            said = case(server)
            passed += 1
            print(f"stop: {name}: ok{f' ({said})' if said else ''}", flush=True)
        except Exception as error:
            print(f"stop: {name}: FAIL {type(error).__name__} {error}", flush=True)
        finally:
            server.process.kill()
    print(f"stop: {passed} of {len(cases)}")
    sys.exit(0 if passed == len(cases) else 1)


if __name__ == "__main__":
    main()
