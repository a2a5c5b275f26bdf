"""As much of PostgreSQL's wire protocol as a measurement needs: prepared statements, and units that are sent as one.

A unit is what the driver sends for one call: its statements bound and executed in a row, and one sync behind them.
"""
import ctypes
import os
import pathlib
import select
import socket
import struct

PTRACE_PEEKUSER, PTRACE_SINGLESTEP, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 3, 9, 17, 0x4206, 0x4207
# Of x86-64: where the register is among those of a process, and that any kind of child is waited for.
INSTRUCTION_POINTER, WAIT_ALL = 128, 0x40000000


def message(kind, *parts):
    body = b"".join(parts)
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value):
    return str(value).encode() + b"\0"


def execution(name, values):
    """Bind, Describe and Execute with all values as texts, as libpq sends them; None is NULL."""
    bound = [struct.pack("!i", -1) if v is None else struct.pack("!i", len(e := str(v).encode())) + e for v in values]
    return (message(b"B", text(""), text(name), struct.pack("!hh", 0, len(values)), *bound, struct.pack("!h", 0))
            + message(b"D", b"P", text("")) + message(b"E", text(""), struct.pack("!i", 0)))


SYNC = message(b"S")


class Connection:
    def __init__(self, folder, user, database):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{folder}/.s.PGSQL.5432")
        options = struct.pack("!i", 196608) + text("user") + text(user) + text("database") + text(database) + b"\0"
        self.socket.sendall(struct.pack("!i", len(options) + 4) + options)
        self.rest = b""
        self.pid = 0
        self.wait()

    def wait(self, units=1):
        """Reads until the server is ready that many times; how many rows came."""
        rows = 0
        while units:
            while len(self.rest) < 5 or len(self.rest) < (size := struct.unpack_from("!i", self.rest, 1)[0] + 1):
                data = self.socket.recv(1 << 20)
                if not data:
                    raise ConnectionError("the server is gone")
                self.rest += data
            kind, body, self.rest = self.rest[:1], self.rest[5:size], self.rest[size:]
            rows += kind == b"D"
            units -= kind == b"Z"
            if kind == b"K":
                self.pid = struct.unpack_from("!i", body)[0]
            if kind == b"E":
                raise RuntimeError(body.replace(b"\0", b" ").decode(errors="replace"))
        return rows

    def run(self, sql):
        self.socket.sendall(message(b"Q", text(sql)))
        return self.wait()

    def prepare(self, name, sql):
        self.socket.sendall(message(b"P", text(name), text(sql), b"\0\0") + SYNC)
        self.wait()

    def call(self, units):
        """One after the other, each sent when the one before is answered; how many rows came."""
        rows = 0
        for unit in units:
            self.socket.sendall(unit)
            rows += self.wait()
        return rows

    def spent(self):
        """Nanoseconds of CPU that the server's process has used; it has to be idle."""
        return int(pathlib.Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])

    def settle(self):
        """Waits until the server's process sleeps: it sends its answer a moment before."""
        while pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "S":
            pass

    def instructions(self, unit):
        """How many instructions the server's process executes outside of the kernel for this unit, counted one by one; None where
        nobody may look at other processes so closely. It is exact but for the last hundred."""
        ptrace = ctypes.CDLL(None).ptrace
        ptrace.restype, ptrace.argtypes = ctypes.c_long, [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        pid, places = self.pid, os.sched_getaffinity(self.pid)
        self.settle()
        if ptrace(PTRACE_SEIZE, pid, None, None) != 0:
            return None
        # Beside us on one processor, where a step is no more than a switch.
        os.sched_setaffinity(pid, os.sched_getaffinity(0))
        ptrace(PTRACE_INTERRUPT, pid, None, None)
        os.waitpid(pid, WAIT_ALL)
        self.socket.sendall(unit)
        count, steps, place, ready = 0, 0, 0, select.poll()
        ready.register(self.socket, select.POLLIN)
        while True:
            ptrace(PTRACE_SINGLESTEP, pid, None, None)
            os.waitpid(pid, WAIT_ALL)
            # An instruction that repeats itself stops at each turn, and counts once.
            before, place = place, ptrace(PTRACE_PEEKUSER, pid, INSTRUCTION_POINTER, None)
            count += place != before
            steps += 1
            if steps % 64 == 0 and ready.poll(0):
                self.rest += self.socket.recv(1 << 20)
                if self._ready():
                    break
        ptrace(PTRACE_DETACH, pid, None, None)
        os.sched_setaffinity(pid, places)
        return count

    def _ready(self):
        """Takes whole messages from what has come; how often the server was ready."""
        ready = 0
        while len(self.rest) >= 5 and len(self.rest) >= (size := struct.unpack_from("!i", self.rest, 1)[0] + 1):
            ready += self.rest[:1] == b"Z"
            self.rest = self.rest[size:]
        return ready

    def close(self):
        self.socket.sendall(message(b"X"))
        self.socket.close()
