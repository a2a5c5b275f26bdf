"""What a hostile client does to a server, one function each; the table at the end says how each must end.

A function gets a connection that has greeted and sends until the server ends it or the flood's budget is spent.
"""
import time

from wire import *

CHUNK = 200
# Fewer streams at a time than a connection may have.
FEW = 50


def flood(p, make, budget=60_000, paced=False):
    """Sends what `make(n)` gives, a few hundred frames at a time, until the server has had enough."""
    size = FEW if paced else CHUNK
    for start in range(0, budget, size):
        p.send(b"".join(make(n) for n in range(start, start + size)))
        if paced:
            # Waits until the server has worked off these, so that its limit of streams is never met.
            p.send(frame(PING, 0, 0, bytes(8)))
            p.until(lambda f: f.kind == GOAWAY or f.kind == PING and f.flags & ACK)
        if p.pending():
            return


def opening(p):
    """A header block of a call, made once."""
    return block(p.request())


def stream_number(n):
    return 2 * n + 1


def rapid_reset(p):
    head = opening(p)
    flood(p, lambda n: frame(HEADERS, END_HEADERS, stream_number(n), head)
          + frame(RST_STREAM, 0, stream_number(n), b"\0\0\0\x08"))


def reset_after_request(p):
    head = opening(p)
    flood(p, lambda n: frame(HEADERS, END_HEADERS, stream_number(n), head)
          + frame(DATA, END_STREAM, stream_number(n), message()) + frame(RST_STREAM, 0, stream_number(n), b"\0\0\0\x08"))


def made_you_reset_window(p):
    head = opening(p)
    flood(p, lambda n: frame(HEADERS, END_HEADERS, stream_number(n), head) + window_update(stream_number(n), 0), paced=True)


def made_you_reset_headers(p):
    head = opening(p) + literal("X-Upper", "v")
    flood(p, lambda n: frame(HEADERS, END_HEADERS, stream_number(n), head), paced=True)


def made_you_reset_length(p):
    head = opening(p) + literal("content-length", "1")
    flood(p, lambda n: frame(HEADERS, END_HEADERS, stream_number(n), head)
          + frame(DATA, END_STREAM, stream_number(n), b"12"), paced=True)


def made_you_reset_overflow(p):
    head = opening(p)
    flood(p, lambda n: frame(HEADERS, END_HEADERS, stream_number(n), head)
          + window_update(stream_number(n), 0x7FFFFFFF), paced=True)


def continuation(p):
    p.send(frame(HEADERS, 0, 1, opening(p)))
    flood(p, lambda n: frame(CONTINUATION, 0, 1, literal("x-a", "a" * 100)))


def continuation_empty(p):
    p.send(frame(HEADERS, 0, 1, opening(p)))
    flood(p, lambda n: frame(CONTINUATION, 0, 1))


def settings_flood(p):
    flood(p, lambda n: settings((WINDOW, 65535 + n % 2)))


def settings_many_pairs(p):
    flood(p, lambda n: settings(*[(WINDOW, 65535)] * 2000))


def settings_acks(p):
    flood(p, lambda n: frame(SETTINGS, ACK))


def ping_flood(p):
    flood(p, lambda n: frame(PING, 0, 0, bytes(8)))


def ping_acks(p):
    flood(p, lambda n: frame(PING, ACK, 0, bytes(8)))


def empty_data(p):
    p.headers(1)
    flood(p, lambda n: frame(DATA, 0, 1))


def padding_only(p):
    p.headers(1)
    flood(p, lambda n: frame(DATA, PADDED, 1, b"\xff" + bytes(255)))


def priority_flood(p):
    flood(p, lambda n: frame(PRIORITY, 0, 2 * (n % 1000) + 1, priority(2 * ((n + 7) % 1000) + 1001, n % 256, True)))


def unknown_frames(p):
    flood(p, lambda n: frame(0x42, 0, n & 0xFFFF, bytes(4)))


def window_updates(p):
    flood(p, lambda n: window_update(0, 1))


def window_drips(p):
    """A large answer, taken byte by byte."""
    p.send(settings((WINDOW, 0)))
    p.headers(1, p.request(path="/echo.Echo/ServerStream"))
    p.send(frame(DATA, END_STREAM, 1, message(b"\x08\xff\xff\xff\x07\x12\x04\x0a\x02hi")))
    flood(p, lambda n: window_update(1, 1))


def header_bomb(p):
    """4,000 bytes in the table, then one byte for each time that they are said again."""
    bomb = opening(p) + literal("a", "b" * 4000, "indexing") + indexed(62) * 12000
    flood(p, lambda n: frame(HEADERS, END_HEADERS | END_STREAM, stream_number(n), bomb), CHUNK)


def header_list_huge(p):
    many = opening(p) + b"".join(literal(f"x-{n}", "v" * 900) for n in range(17))
    head = frame(HEADERS, 0, 1, many)
    for n in range(6):
        head += frame(CONTINUATION, 0, 1, many[-16000:])
    p.send(head)


def table_sizes(p):
    """Blocks that begin with thousands of table size updates."""
    updates = (integer(0, 5, 0x20) + integer(4096, 5, 0x20)) * 4000
    flood(p, lambda n: frame(HEADERS, END_HEADERS | END_STREAM, stream_number(n), updates + opening(p)), CHUNK)


def go_aways(p):
    flood(p, lambda n: frame(GOAWAY, 0, 0, bytes(8)))


def oversized(p):
    p.send(frame(DATA, 0, 1, b"", length=(1 << 24) - 1) + bytes(100_000))


def last_stream(p):
    """The highest number there is, then one that is lower."""
    p.call(0x7FFFFFFF)
    p.answered(0x7FFFFFFF)
    p.seen.clear()
    p.call(0x7FFFFFFD)


def beyond_limit(p):
    head = opening(p)
    flood(p, lambda n: frame(HEADERS, END_HEADERS, stream_number(n), head))


def upgrade_garbage(p):
    p.restart(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
              b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n" + os.urandom(5000))


def random_bytes(p):
    p.restart(MAGIC + os.urandom(20000))


def preface_dribble(p):
    p.restart(b"")
    p.dribble(MAGIC * 20)


def silent(p):
    p.restart(b"")


def header_dribble(p):
    head = opening(p)
    p.send(frame(HEADERS, END_HEADERS, 1, b"", length=len(head)))
    p.dribble(head * 20)


def continuation_dribble(p):
    p.send(frame(HEADERS, 0, 1, opening(p)) + frame(CONTINUATION, 0, 1, b"", length=10_000))
    p.dribble(bytes(1000))


def body_dribble(p):
    p.headers(1)
    p.send(frame(DATA, 0, 1, b"", length=2005) + b"\0\0\0\x07\xd0")
    p.dribble(bytes(1000))


def zero_window(p):
    p.send(settings((WINDOW, 0)))
    p.headers(1, p.request(path="/echo.Echo/ServerStream"))
    p.data(1, message(b"\x08\xff\xff\xff\x07\x12\x04\x0a\x02hi"))


def idle_pings(p):
    """No call, but a PING now and then, which must not keep the connection."""
    for _ in range(100):
        p.send(frame(PING, 0, 0, bytes(8)))
        time.sleep(0.15)
        if p.pending():
            return


def never_reads(p):
    """Answers without end, windows wide open, and nobody takes a byte from the socket."""
    p.send(settings((WINDOW, 0x7FFFFFFF)) + window_update(0, 0x7FFFFFFF - 65535))
    request = message(b"\x08\xff\xff\xff\x07\x12\xe9\x07\x0a\xe6\x07" + b"x" * 998)
    for n in range(100):
        p.headers(stream_number(n), p.request(path="/echo.Echo/ServerStream"))
        p.data(stream_number(n), request)
    p.ignores = True


def large_requests(p):
    """As many requests as there are streams, each 4 MiB, and none complete."""
    size = 4 << 20
    first = struct.pack(">BI", 0, size)
    for n in range(100):
        p.headers(stream_number(n))
        p.data(stream_number(n), first, 0)
    p.send_as_windows_allow({stream_number(n): size - 1 for n in range(100)}, seconds=1.0)


def single_bytes(p):
    """A long body in DATA frames of one byte: slow, but allowed."""
    p.headers(1, p.request(path="/echo.Echo/ClientStream"))
    p.send(frame(DATA, 0, 1, message(text_field(16000))[:10]))
    rest = message(text_field(16000))[10:]
    p.send(b"".join(frame(DATA, 0, 1, rest[n:n + 1]) for n in range(len(rest))))
    p.send(frame(DATA, END_STREAM, 1))


def churn(p):
    for _ in range(100):
        Peer(p.target, greet=False).close()
    p.call(1)


CALM = "GOAWAY ENHANCE_YOUR_CALM"
# name, attack, how it must end
FAST = [
    ("rapid reset (CVE-2023-44487)", rapid_reset, CALM),
    ("rapid reset after whole requests", reset_after_request, CALM),
    ("MadeYouReset by WINDOW_UPDATE 0 (CVE-2025-8671)", made_you_reset_window, "GOAWAY PROTOCOL_ERROR"),
    ("MadeYouReset by malformed headers", made_you_reset_headers, CALM),
    ("MadeYouReset by content-length", made_you_reset_length, CALM),
    ("MadeYouReset by window overflow", made_you_reset_overflow, "GOAWAY FLOW_CONTROL_ERROR"),
    ("CONTINUATION flood (CVE-2024-28182)", continuation, CALM),
    ("empty CONTINUATION flood", continuation_empty, CALM),
    ("SETTINGS flood (CVE-2019-9515)", settings_flood, CALM),
    ("SETTINGS of 2,000 entries", settings_many_pairs, CALM),
    ("SETTINGS ACK flood", settings_acks, "GOAWAY PROTOCOL_ERROR"),
    ("PING flood (CVE-2019-9512)", ping_flood, CALM),
    ("PING ACK flood", ping_acks, CALM),
    ("empty DATA (CVE-2019-9518)", empty_data, CALM),
    ("DATA of padding alone", padding_only, CALM),
    ("PRIORITY flood (CVE-2019-9513)", priority_flood, CALM),
    ("frames of unknown type", unknown_frames, CALM),
    ("WINDOW_UPDATE flood", window_updates, CALM),
    ("answer taken byte by byte (CVE-2019-9511)", window_drips, CALM),
    ("HPACK bomb", header_bomb, CALM),
    ("header list of 100 KB", header_list_huge, CALM),
    ("table size updates by the thousand", table_sizes, "answered 3"),
    ("GOAWAY spam", go_aways, CALM),
    ("frame that claims 16 MiB", oversized, "GOAWAY FRAME_SIZE_ERROR"),
    ("end of the stream numbers", last_stream, "GOAWAY PROTOCOL_ERROR"),
    ("streams beyond the limit", beyond_limit, "GOAWAY PROTOCOL_ERROR"),
    ("HTTP/1.1 upgrade and garbage", upgrade_garbage, "closed"),
    ("random frames after the preface", random_bytes, "ended"),
    ("body in DATA frames of one byte", single_bytes, "answered 0"),
    ("100 connections opened and dropped", churn, "answered 0"),
]
# These take as long as the server's timeouts; they run side by side.
SLOW = [
    ("silence instead of a preface", silent, "GOAWAY NO_ERROR"),
    ("preface, byte by byte", preface_dribble, "ended"),
    ("header block, byte by byte", header_dribble, CALM),
    ("CONTINUATION, byte by byte", continuation_dribble, CALM),
    ("body, byte by byte", body_dribble, "answered 4"),
    ("window of zero for ever", zero_window, "RST_STREAM CANCEL"),
    ("PINGs without a call", idle_pings, "GOAWAY NO_ERROR"),
    ("client that never reads", never_reads, "closed"),
    ("100 requests of 4 MiB, none complete", large_requests, "answered 4"),
]
