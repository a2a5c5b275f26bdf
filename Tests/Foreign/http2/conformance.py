"""Runs every case against a server. Usage: conformance.py PORT [CA-FILE]; the last line is `N passed of M`."""
import sys

import cases_generic
import cases_hpack
import cases_http2
from wire import GOAWAY, SETTINGS, WINDOW_UPDATE, Closed, Peer, Target

GROUPS = [("generic", cases_generic.CASES), ("http2", cases_http2.CASES), ("hpack", cases_hpack.CASES)]


class CasePeer(Peer):
    """What the cases need beside a connection: one that begins with other bytes."""

    def fresh(self, data):
        self.close()
        self.__init__(self.target, preface=False)
        self.send(data)

    def hung_up(self):
        """No GOAWAY is needed for a peer that does not speak HTTP/2; it must be told nothing else but SETTINGS."""
        while True:
            try:
                got = self.read()
            except Closed:
                return
            assert got.kind in (SETTINGS, WINDOW_UPDATE, GOAWAY), f"{got} for a peer that does not speak HTTP/2"

    def wait_goaway(self):
        while True:
            got = self.read()
            if got.kind == GOAWAY:
                return got


def run(target):
    passed = total = 0
    for group, cases in GROUPS:
        for section, name, act, check in cases:
            total += 1
            label = f"{group} {section} {name}"
            try:
                peer = CasePeer(target)
                act(peer)
                check(peer)
                passed += 1
            except Exception as error:
                print(f"FAIL {label}: {type(error).__name__}: {error}")
            finally:
                peer.close()
    return passed, total


if __name__ == "__main__":
    target = Target(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
    passed, total = run(target)
    print(f"{passed} passed of {total}")
    sys.exit(0 if passed == total else 1)
