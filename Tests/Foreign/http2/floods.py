"""Attacks a server while a healthy client goes on calling it, and prints what it cost.

Usage: floods.py PORT SERVER-PID SECONDS [CA-FILE]. Each attack is repeated for SECONDS (0: made once). Asserted: how each
attack ends, that no healthy call fails, that the server's memory stays within its bound. Latency and processor time
are printed, not asserted: they belong to the machine.
"""
import multiprocessing
import sys
import threading
import time

from attacks import FAST, SLOW
from wire import *

# What 100 streams of a hostile connection may make the server hold: 256 KiB of input each and 32 MiB for large
# requests, or 64 KiB of output each; and what malloc keeps of it.
MEMORY_BOUND = 96 << 20


class AttackPeer(Peer):
    ignores = False

    def restart(self, data):
        self.close()
        self.__init__(self.target, preface=False, timeout=self.timeout)
        self.send(data)

    def pending(self):
        """Takes what has arrived; true once the server has said or done something final."""
        try:
            while readable(self.socket, 0):
                if self.read(time.monotonic() + 1).kind == GOAWAY:
                    return True
        except Closed:
            return True
        except TimeoutError:
            pass
        return any(f.kind == GOAWAY for f in self.seen)

    def until(self, wanted):
        """Reads up to such a frame, or to the end of the connection."""
        try:
            while not wanted(self.read()):
                pass
        except (Closed, TimeoutError):
            pass

    def dribble(self, data):
        for n in range(len(data)):
            self.send(data[n:n + 1])
            time.sleep(0.05)
            if self.pending() or any(f.kind in (HEADERS, RST_STREAM) for f in self.seen):
                return

    def send_as_windows_allow(self, sizes, seconds):
        """Fills every window that the server opens."""
        end = time.monotonic() + seconds
        windows = {number: self.server_settings[WINDOW] - 5 for number in sizes}
        connection = 65535 + (1 << 20)
        while time.monotonic() < end:
            for number, left in sizes.items():
                size = min(left, windows[number], 16384, max(0, connection))
                if size > 0:
                    self.send(frame(DATA, 0, number, bytes(size)))
                    sizes[number] -= size
                    windows[number] -= size
                    connection -= size
            while readable(self.socket, 0.01):
                got = self.read()
                if got.kind == WINDOW_UPDATE:
                    more = struct.unpack(">I", got.payload)[0]
                    if got.stream:
                        windows[got.stream] += more
                    else:
                        connection += more

    def ending(self):
        """How the connection, or the attack's first stream, came to its end."""
        if self.ignores:
            # Until the server is gone, the socket takes no byte.
            limit = time.monotonic() + 15
            while time.monotonic() < limit:
                time.sleep(0.2)
                poll = select.poll()
                poll.register(self.socket, select.POLLHUP | select.POLLERR)
                if poll.poll(0):
                    return "closed"
            return "open"
        end = time.monotonic() + self.timeout
        at = 0
        while True:
            for got in self.seen[at:]:
                if got.kind == GOAWAY:
                    return f"GOAWAY {CODES[got.code]}"
                if got.kind == RST_STREAM and got.code == CANCEL:
                    return "RST_STREAM CANCEL"
                if got.kind == HEADERS:
                    fields = {bytes(name): bytes(value) for name, value in got.fields}
                    if b"grpc-status" in fields and len(self.seen) < 5000:
                        return "answered " + fields[b"grpc-status"].decode()
            at = len(self.seen)
            try:
                got = self.read(end)
                if got.kind == PING and not got.flags & ACK:
                    self.send(frame(PING, ACK, 0, got.payload))
            except Closed:
                return "closed"
            except TimeoutError:
                return "open"


class Healthy(multiprocessing.Process):
    """Calls all the time on one connection; tells latencies of the time between two questions."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target = target
        self.ours, self.theirs = multiprocessing.Pipe()

    def run(self):
        latencies = []
        failures = []
        peer, number = self.fresh(), 1
        while True:
            began = time.monotonic()
            try:
                peer.call(number)
                peer.answered(number)
            except AssertionError as error:
                failures.append(str(error))
                peer, number = self.fresh(), -1
            latencies.append(time.monotonic() - began)
            peer.seen.clear()
            number += 2
            time.sleep(0.002)
            if self.theirs.poll():
                self.theirs.recv()
                self.theirs.send((sorted(latencies), failures))
                latencies = []

    def fresh(self):
        peer = Peer(self.target, timeout=20)
        # Enough window for all its answers.
        peer.send(window_update(0, 0x40000000))
        return peer

    def since(self):
        """Median and 99th percentile in milliseconds of the calls since the last question, their number, all failures."""
        self.ours.send(None)
        times, failures = self.ours.recv()
        if not times:
            return 0, 0, 0, failures
        return times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3, len(times), failures


class Server:
    def __init__(self, pid):
        self.pid = pid

    def resident(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096

    def processor(self):
        """Seconds of processor time."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return total / 1e9


def one(target, attack, timeout=12):
    peer = AttackPeer(target, timeout=timeout)
    try:
        attack(peer)
        return peer.ending()
    finally:
        peer.close()


def fits(found, wanted):
    return found == wanted or (wanted == "ended" and (found == "closed" or found.startswith("GOAWAY")))


class Report:
    def __init__(self, server, healthy):
        self.server, self.healthy = server, healthy
        self.failed = 0
        self.base = server.resident()

    def measure(self, name, wanted, body):
        time.sleep(0.3)
        before = self.healthy.since()
        memory, processor, began = self.server.resident(), self.server.processor(), time.monotonic()
        endings = body()
        spent = time.monotonic() - began
        used = self.server.processor() - processor
        grown = self.server.resident() - memory
        during = self.healthy.since()
        wrong = sorted({found for found in endings if not fits(found, wanted)})
        faults = []
        if wrong:
            faults.append(f"ended {wrong}, expected {wanted}")
        if during[3]:
            faults.append(f"healthy calls failed: {during[3][:2]}")
        if self.server.resident() - self.base > MEMORY_BOUND:
            faults.append(f"memory grew by {(self.server.resident() - self.base) >> 20} MiB")
        self.failed += bool(faults)
        print(f"| {name} | {endings[0]} | {len(endings)} | {before[0]:.2f} / {before[1]:.2f} | "
              f"{during[0]:.2f} / {during[1]:.2f} | {used * 1000 / len(endings):.1f} | {used / spent * 100:.0f} % | "
              f"{grown / 1024:+.0f} |{' FAIL: ' + '; '.join(faults) if faults else ''}", flush=True)


def main():
    port, pid, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    target = Target(port, sys.argv[4] if len(sys.argv) > 4 else None)
    healthy = Healthy(target)
    healthy.start()
    server = Server(pid)
    time.sleep(0.5)
    healthy.since()
    report = Report(server, healthy)
    print("| attack | ends in | times | healthy p50 / p99 ms before | during | server CPU ms each | of a core | memory KiB |")
    print("|---|---|---|---|---|---|---|---|")

    def repeated(attack):
        end = time.monotonic() + seconds
        endings = [one(target, attack)]
        while time.monotonic() < end:
            endings.append(one(target, attack))
        return endings

    for name, attack, wanted in FAST:
        report.measure(name, wanted, lambda: repeated(attack))

    if seconds:
        for name, attack, wanted in SLOW:
            report.measure(name, wanted, lambda: [one(target, attack)])
    else:
        endings = {}

        def side_by_side():
            threads = [threading.Thread(target=lambda n=name, a=attack: endings.__setitem__(n, one(target, a)))
                       for name, attack, _ in SLOW]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return [wanted if fits(endings.get(name, "failed"), wanted) else f"{name}: {endings.get(name, 'failed')}"
                    for name, _, wanted in SLOW]

        # Each has its own expectation; here only whether they were met.
        report.measure("the slow ones together", "met", lambda: ["met" if found in [w for _, _, w in SLOW] else found
                                                                  for found in side_by_side()])
    print(f"{len(FAST) + len(SLOW) - report.failed} of {len(FAST) + len(SLOW)} attacks ended as they must")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
