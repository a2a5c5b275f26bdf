"""What connections and streams cost the server in memory. Usage: memory.py PORT SERVER-PID PART [COUNT]

A part needs a server of its own: what one leaves free in the process would hide what the next one takes. Each is asserted as a bound in bytes, never as a time.
"""
import resource
import sys
import time

from floods import Server
from wire import *

MIB = 1 << 20
# Input that the 1 GiB stream may leave in the server at any time: its window, the socket's buffers and malloc's slack.
STREAM_BOUND = 4 * MIB
# A slow reader's stream: 64 KiB of queued answers, one message over it, and the task of its handler.
SLOW_BOUND = 112 * 1024
IDLE_STREAM_BOUND = 16 * 1024
IDLE_CONNECTION_BOUND = 24 * 1024


class Meter:
    def __init__(self, server):
        self.server, self.failed = server, False
        self.restart()

    def restart(self):
        time.sleep(0.5)
        self.base = self.peak = self.server.resident()

    def look(self):
        self.peak = max(self.peak, self.server.resident())

    def report(self, what, bound, count=1):
        self.look()
        grown = (self.peak - self.base) / count
        fits = grown <= bound
        self.failed |= not fits
        print(f"| {what} | {grown / 1024:.1f} KiB | {bound / 1024:.0f} KiB |{'' if fits else ' FAIL'}", flush=True)


def gibibyte(target, meter):
    """1 GiB in one client stream."""
    peer = Peer(target, timeout=30)
    text = text_field(16300)
    request = message(text)
    total = (1 << 30) // 16300 + 1
    wire = frame(DATA, 0, 1, request)
    peer.headers(1, peer.request(path="/echo.Echo/ClientStream"))
    stream, connection = peer.server_settings[WINDOW], 65535
    for got in peer.seen:
        if got.kind == WINDOW_UPDATE:
            connection += struct.unpack(">I", got.payload)[0]
    sent = 0
    while sent < total:
        batch = min(total - sent, stream // len(request), connection // len(request), 16)
        if batch > 0:
            peer.send(wire * batch)
            sent += batch
            stream -= batch * len(request)
            connection -= batch * len(request)
        while batch == 0 or readable(peer.socket, 0) or len(peer.input) >= 13:
            got = peer.read()
            batch = 1
            if got.kind == WINDOW_UPDATE:
                more = struct.unpack(">I", got.payload)[0]
                if got.stream:
                    stream += more
                else:
                    connection += more
            if got.kind in (RST_STREAM, GOAWAY):
                raise AssertionError(f"{got}")
        peer.seen.clear()
        if sent % 1024 < 16:
            meter.look()
    peer.send(frame(DATA, END_STREAM, 1))
    peer.answered(1)
    peer.close()
    meter.report(f"client stream of 1 GiB ({total} messages), whole", STREAM_BOUND)


def slow_readers(target, meter, count, opens_window):
    """Endless answers of 1 KB messages that nobody reads: held back by the stream's window, or by the socket."""
    peers = []
    request = message(b"\x08\xff\xff\xff\x07\x12\xe9\x07\x0a\xe6\x07" + b"x" * 998)
    for _ in range(count // 100):
        peer = Peer(target, buffer=4096)
        if opens_window:
            peer.send(settings((WINDOW, 0x7FFFFFFF)) + window_update(0, 0x7FFFFFFF - 65535))
        for n in range(100):
            peer.headers(2 * n + 1, peer.request(path="/echo.Echo/ServerStream"))
            peer.data(2 * n + 1, request)
        peers.append(peer)
    for _ in range(30):
        time.sleep(0.1)
        meter.look()
    where = "windows open, socket unread" if opens_window else "window never returned"
    meter.report(f"slow reader, {where}, a stream (of {count})", SLOW_BOUND, count)
    for peer in peers:
        peer.close()


def idle_streams(target, meter, count):
    peers = []
    for _ in range(count // 100):
        peer = Peer(target)
        for n in range(100):
            peer.headers(2 * n + 1, peer.request(path="/echo.Echo/Chat"))
        peer.alive()
        peers.append(peer)
    meter.report(f"idle stream (of {count}), with its handler", IDLE_STREAM_BOUND, count)
    for peer in peers:
        peer.close()


def idle_connections(target, meter, count):
    peers = []
    for _ in range(count):
        peer = Peer(target)
        peer.call(1)
        peer.answered(1)
        peers.append(peer)
    meter.report(f"idle connection (of {count}), after a call", IDLE_CONNECTION_BOUND, count)
    for peer in peers:
        peer.close()


def main():
    target, server = Target(int(sys.argv[1])), Server(int(sys.argv[2]))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    part = sys.argv[3]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    # A first round, so that what a process keeps for good is not charged to the first measurement.
    for _ in range(20):
        peer = Peer(target)
        peer.call(1)
        peer.answered(1)
        peer.close()
    meter = Meter(server)
    if part == "stream":
        gibibyte(target, meter)
    elif part == "slow-window":
        slow_readers(target, meter, count, False)
    elif part == "slow-socket":
        slow_readers(target, meter, count, True)
    elif part == "idle-streams":
        idle_streams(target, meter, count)
    else:
        idle_connections(target, meter, min(count, hard - 100))
    sys.exit(1 if meter.failed else 0)


if __name__ == "__main__":
    main()
