"""HTTP/2 by hand: a peer that sends any bytes it likes, and reads frames strictly.

Only the decoding of header blocks comes from a library (hpack of PyPI); everything that is sent is spelled out here, so
that a case can be as wrong as it wants to be.
"""
import os
import select
import socket
import ssl
import struct
import time

from hpack import Decoder, HeaderTuple
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
NAMES = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
         "CONTINUATION"]
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY) = range(13)
CODES = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
         "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
         "INADEQUATE_SECURITY"]
TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, WINDOW, FRAME_SIZE, HEADER_LIST = range(1, 7)
MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """One frame; `length` lies about the payload's size."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def priority(dependency, weight=15, exclusive=False):
    return struct.pack(">IB", dependency | (0x80000000 if exclusive else 0), weight)


def integer(value, bits, first=0):
    """An HPACK integer with a prefix of `bits` bits (RFC 7541, 5.1)."""
    top = (1 << bits) - 1
    if value < top:
        return bytes([first | value])
    out = [first | top]
    value -= top
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def text(value, packed=False):
    """An HPACK string literal (5.2)."""
    value = value.encode("latin-1") if isinstance(value, str) else value
    if packed:
        value = huffman.encode(value)
        return integer(len(value), 7, 0x80) + value
    return integer(len(value), 7) + value


def literal(name, value, kind="without", packed=False):
    """A literal field; `name` is an index or a string; kind: indexing, without, never (6.2)."""
    bits, first = {"indexing": (6, 0x40), "without": (4, 0), "never": (4, 0x10)}[kind]
    head = integer(name, bits, first) if isinstance(name, int) else integer(0, bits, first) + text(name, packed)
    return head + text(value, packed)


def indexed(index):
    return integer(index, 7, 0x80)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def message(payload=b"", compressed=0):
    """A gRPC frame."""
    return struct.pack(">BI", compressed, len(payload)) + payload


def text_field(size):
    """A protobuf message whose field 1 is a text of this size."""
    return b"\x0a" + bytes([size & 0x7F | 0x80, size >> 7]) + b"x" * size


class Closed(Exception):
    """The server has closed the connection."""


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def code(self):
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack(">I", self.payload[at:at + 4])[0]

    def __repr__(self):
        name = NAMES[self.kind] if self.kind < len(NAMES) else f"type {self.kind}"
        code = f" {CODES[self.code]}" if self.kind in (GOAWAY, RST_STREAM) and self.code < len(CODES) else ""
        return f"{name}{code} stream {self.stream} flags {self.flags:#x} {len(self.payload)} bytes"


class Target:
    """Where the server is, and how a connection to it is opened."""

    def __init__(self, port, authority=None, path="/echo.Echo/Unary", stream_path="/echo.Echo/ClientStream"):
        self.port, self.authority, self.path, self.stream_path = port, authority, path, stream_path

    def connect(self, timeout=5.0, buffer=None):
        raw = socket.socket()
        if buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        raw.settimeout(timeout)
        raw.connect(("127.0.0.1", self.port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.authority is None:
            return raw
        context = ssl.create_default_context(cafile=self.authority)
        context.set_alpn_protocols(["h2"])
        secured = context.wrap_socket(raw, server_hostname="localhost")
        assert secured.selected_alpn_protocol() == "h2", "ALPN did not choose h2"
        return secured

    @property
    def scheme(self):
        return "http" if self.authority is None else "https"


class Peer:
    """A connection. Frames that are not asked for are kept in `seen`; SETTINGS and PING are not answered by itself."""

    def __init__(self, target, preface=True, settings_pairs=(), greet=True, timeout=3.0, buffer=None):
        self.target = target
        self.timeout = timeout
        self.socket = target.connect(timeout, buffer)
        self.decoder = Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.input = b""
        self.seen = []
        self.server_settings = {}
        if preface:
            self.send(MAGIC + settings(*settings_pairs))
            if greet:
                self.greet()

    def greet(self):
        """Waits for the server's SETTINGS and its ACK of ours; acknowledges."""
        self.wait(lambda f: f.kind == SETTINGS and not f.flags & ACK, "the server's SETTINGS")
        self.send(frame(SETTINGS, ACK))
        self.wait(lambda f: f.kind == SETTINGS and f.flags & ACK, "ACK of our SETTINGS")

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            # What the server said before it closed is still to be read.
            pass

    def close(self):
        self.socket.close()

    def read(self, deadline=None):
        """The next frame; raises Closed at the end and TimeoutError when nothing comes."""
        end = time.monotonic() + self.timeout if deadline is None else deadline
        while True:
            if len(self.input) >= 9:
                size = int.from_bytes(self.input[:3], "big")
                if len(self.input) >= 9 + size:
                    got = Frame(self.input[3], self.input[4], int.from_bytes(self.input[5:9], "big") & 0x7FFFFFFF,
                                self.input[9:9 + size])
                    self.input = self.input[9 + size:]
                    self.note(got)
                    return got
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("silence")
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(1 << 16)
            except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                raise Closed()
            except (socket.timeout, ssl.SSLWantReadError):
                raise TimeoutError("silence")
            if not more:
                raise Closed()
            self.input += more

    def note(self, got):
        self.seen.append(got)
        if got.kind == SETTINGS and not got.flags & ACK:
            for at in range(0, len(got.payload), 6):
                key, value = struct.unpack(">HI", got.payload[at:at + 6])
                self.server_settings[key] = value
        if got.kind in (HEADERS, CONTINUATION):
            got.fields = self.decoder.decode(got.payload, raw=True) if got.flags & END_HEADERS else []

    def wait(self, wanted, what):
        """The first frame that fits; the ones before it are only noted."""
        while True:
            try:
                got = self.read()
            except (Closed, TimeoutError) as error:
                raise AssertionError(f"no {what}: {'closed' if isinstance(error, Closed) else 'silence'}; "
                                     f"seen {self.seen[-4:]}")
            if wanted(got):
                return got
            if got.kind in (GOAWAY,):
                raise AssertionError(f"no {what}: {got}")

    # MARK: requests

    def request(self, path=None, method="POST", extra=(), drop=(), replace=()):
        """The fields of a well-formed call, with changes."""
        fields = [(":method", method), (":scheme", self.target.scheme), (":path", path or self.target.path),
                  (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc")]
        fields = [(name, dict(replace).get(name, value)) for name, value in fields if name not in drop]
        return fields + list(extra)

    def headers(self, stream, fields=None, flags=END_HEADERS, raw=None):
        self.send(frame(HEADERS, flags, stream, block(fields or self.request()) if raw is None else raw))

    def data(self, stream, payload=None, flags=END_STREAM):
        self.send(frame(DATA, flags, stream, message() if payload is None else payload))

    def call(self, stream, **changes):
        self.headers(stream, self.request(**changes))
        self.data(stream)

    # MARK: what is expected

    def answered(self, stream, status="0"):
        """The call on this stream ends with this gRPC status."""
        while True:
            got = self.wait(lambda f: f.stream == stream and f.kind in (HEADERS, RST_STREAM), f"answer on {stream}")
            assert got.kind == HEADERS, f"{got} instead of an answer"
            fields = {bytes(name): bytes(value) for name, value in got.fields}
            if b"grpc-status" in fields:
                found = fields[b"grpc-status"].decode()
                assert status is None or found == status, f"grpc-status {found}, expected {status}"
                return
            if fields.get(b":status", b"200") != b"200":
                raise AssertionError(f"answer {fields}")

    def answered_somehow(self, stream):
        """Any HTTP answer."""
        got = self.wait(lambda f: f.stream == stream and f.kind in (HEADERS, RST_STREAM), f"answer on {stream}")
        assert got.kind == HEADERS, f"{got} instead of an answer"

    def alive(self):
        """The server answers a PING."""
        self.send(frame(PING, 0, 0, b"stillyou"))
        self.wait(lambda f: f.kind == PING and f.flags & ACK and f.payload == b"stillyou", "PING ACK")

    def connection_error(self, *codes):
        """GOAWAY with one of these codes, then the end of the connection."""
        while True:
            try:
                got = self.read()
            except Closed:
                raise AssertionError(f"closed without GOAWAY; seen {self.seen[-4:]}")
            except TimeoutError:
                raise AssertionError(f"silence instead of GOAWAY {names(codes)}; seen {self.seen[-4:]}")
            if got.kind == GOAWAY:
                assert got.code in codes, f"{got}, expected {names(codes)}"
                break
        self.closed()

    def closed(self):
        while True:
            try:
                self.read()
            except Closed:
                return
            except TimeoutError:
                raise AssertionError(f"still open; seen {self.seen[-4:]}")

    def stream_error(self, stream, *codes):
        """RST_STREAM with one of these codes on this stream, and the connection lives."""
        got = self.wait(lambda f: f.kind == RST_STREAM and f.stream == stream, f"RST_STREAM {names(codes)}")
        assert got.code in codes, f"{got}, expected {names(codes)}"
        self.alive()

    def either_error(self, stream, *codes):
        """A stream error or, as the RFC allows for it, a connection error."""
        while True:
            try:
                got = self.read()
            except (Closed, TimeoutError) as error:
                raise AssertionError(f"{type(error).__name__} instead of {names(codes)}; seen {self.seen[-4:]}")
            if got.kind == GOAWAY:
                assert got.code in codes, f"{got}, expected {names(codes)}"
                return self.closed()
            if got.kind == RST_STREAM and got.stream == stream:
                assert got.code in codes, f"{got}, expected {names(codes)}"
                # A stream error may be followed by the end of the connection, for the same reason.
                self.send(frame(PING, 0, 0, b"stillyou"))
                while True:
                    got = self.read()
                    if got.kind == PING and got.flags & ACK:
                        return
                    if got.kind == GOAWAY:
                        assert got.code in codes, f"{got}, expected {names(codes)}"
                        return self.closed()


def names(codes):
    return "/".join(CODES[code] for code in codes)


def readable(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])
