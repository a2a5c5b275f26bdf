"""What any HTTP/2 server must take: the generic group. One line is one case: section, name, what is sent, what must follow."""
from hpack import Encoder

from wire import *


def lives(peer):
    peer.alive()


def answers(stream=1, status="0"):
    return lambda p: p.answered(stream, status)


def somehow(stream=1):
    return lambda p: p.answered_somehow(stream)


def connection(*codes):
    return lambda p: p.connection_error(*codes)


def stream(number, *codes):
    return lambda p: p.stream_error(number, *codes)


def either(number, *codes):
    return lambda p: p.either_error(number, *codes)


def sends(*pieces):
    """Sends these bytes; a function gets the peer."""
    def run(p):
        for piece in pieces:
            p.send(piece(p) if callable(piece) else piece)
    return run


def calling(*steps):
    def run(p):
        for step in steps:
            step(p)
    return run


def head(number=1, flags=END_HEADERS, **changes):
    return lambda p: frame(HEADERS, flags, number, block(p.request(**changes)))


def body(number=1, flags=END_STREAM, payload=None):
    return frame(DATA, flags, number, message() if payload is None else payload)


def padded(payload, size=8):
    return bytes([size]) + payload + bytes(size)


def blocked(p):
    """A call whose answer cannot go out: its stream stays half-closed (remote)."""
    p.send(settings((WINDOW, 0)))
    p.call(1)
    p.wait(lambda f: f.kind == HEADERS and f.stream == 1, "headers of the answer")


def finished(p):
    """A call that is over: its stream is closed."""
    p.call(1)
    p.answered(1)


def split(parts, number=1, flags=0, **changes):
    """The header block of a call as HEADERS and CONTINUATION frames."""
    def make(p):
        whole = block(p.request(**changes))
        size = len(whole) // parts
        cut = [whole[i * size:(i + 1) * size] for i in range(parts - 1)] + [whole[(parts - 1) * size:]]
        out = frame(HEADERS, flags | (END_HEADERS if parts == 1 else 0), number, cut[0])
        for i, piece in enumerate(cut[1:]):
            out += frame(CONTINUATION, END_HEADERS if i == parts - 2 else 0, number, piece)
        return out
    return make


def with_field(representation):
    """A call whose header block ends in this field representation."""
    return lambda p: frame(HEADERS, END_HEADERS, 1, block(p.request()) + representation) + body()


def preceded(*representations):
    """A call whose header block begins with these (table size updates)."""
    return lambda p: frame(HEADERS, END_HEADERS, 1, b"".join(representations) + block(p.request())) + body()


def dynamic(p):
    """Two calls of which the second takes a field from the dynamic table that the first filled."""
    p.send(frame(HEADERS, END_HEADERS, 1, block(p.request()) + literal("x-kept", "v", "indexing")) + body())
    p.answered(1)
    p.send(frame(HEADERS, END_HEADERS, 3, block(p.request()) + indexed(62)) + body(3))
    p.answered(3)


def squeezed(p):
    """Many calls by an encoder that uses the dynamic table and Huffman codes to the full."""
    encoder = Encoder()
    for number in range(1, 41, 2):
        fields = p.request(extra=[(f"x-{number % 7}", f"value-{number % 5}" * (number % 4))])
        p.send(frame(HEADERS, END_HEADERS, number, encoder.encode(fields)) + body(number))
        p.answered(number)


CASES = [
    ("3.4", "client preface: the server sends SETTINGS first", lambda p: None, lambda p: check_first(p)),
    # Streams
    ("5.1", "PRIORITY on an idle stream", sends(frame(PRIORITY, 0, 1, priority(0)), head(), body()), answers()),
    ("5.1", "WINDOW_UPDATE on half-closed (remote)", calling(blocked, sends(window_update(1, 100))), answers()),
    ("5.1", "PRIORITY on half-closed (remote)",
     calling(blocked, sends(frame(PRIORITY, 0, 1, priority(0)), window_update(1, 100))), answers()),
    ("5.1", "RST_STREAM on half-closed (remote)",
     calling(blocked, sends(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))), lives),
    ("5.1", "PRIORITY on a closed stream", calling(finished, sends(frame(PRIORITY, 0, 1, priority(0)))), lives),
    # Frames
    ("6.1", "DATA frame", sends(head(), body()), answers()),
    ("6.1", "several DATA frames", sends(head(), body(payload=b"\0\0", flags=0), body(payload=b"\0\0\0")), answers()),
    ("6.1", "DATA with padding", sends(head(), frame(DATA, END_STREAM | PADDED, 1, padded(message()))), answers()),
    ("6.1", "DATA with padding of 255", sends(head(), frame(DATA, END_STREAM | PADDED, 1, padded(message(), 255))),
     answers()),
    ("6.2", "HEADERS frame", sends(head(), body()), answers()),
    ("6.2", "HEADERS with padding",
     sends(lambda p: frame(HEADERS, END_HEADERS | PADDED, 1, padded(block(p.request()))), body()), answers()),
    ("6.2", "HEADERS with priority",
     sends(lambda p: frame(HEADERS, END_HEADERS | PRIORITIZED, 1, priority(0) + block(p.request())), body()), answers()),
    ("6.3", "PRIORITY with weight 1", sends(frame(PRIORITY, 0, 1, priority(0, 0)), head(), body()), answers()),
    ("6.3", "PRIORITY with weight 256", sends(frame(PRIORITY, 0, 1, priority(0, 255)), head(), body()), answers()),
    ("6.3", "PRIORITY with a dependency",
     sends(frame(PRIORITY, 0, 1, priority(0)), frame(PRIORITY, 0, 3, priority(1)), head(), body()), answers()),
    ("6.3", "PRIORITY with the exclusive flag",
     sends(frame(PRIORITY, 0, 1, priority(0, exclusive=True)), head(), body()), answers()),
    ("6.3", "PRIORITY for an idle stream, then HEADERS of a lower one",
     sends(frame(PRIORITY, 0, 5, priority(0)), head(3), body(3)), answers(3)),
    ("6.4", "RST_STREAM frame", sends(head(), frame(RST_STREAM, 0, 1, b"\0\0\0\x08")), lives),
    ("6.5", "SETTINGS frame", sends(settings((MAX_STREAMS, 10))),
     lambda p: p.wait(lambda f: f.kind == SETTINGS and f.flags & ACK, "ACK")),
    ("6.7", "PING frame", lambda p: None, lives),
    ("6.8", "GOAWAY frame", sends(frame(GOAWAY, 0, 0, bytes(8))), lambda p: p.closed()),
    ("6.9", "WINDOW_UPDATE of the connection", sends(window_update(0, 1), head(), body()), answers()),
    ("6.9", "WINDOW_UPDATE of a stream", sends(head(), window_update(1, 1), body()), answers()),
    ("6.10", "CONTINUATION frame", sends(split(2), body()), answers()),
    ("6.10", "several CONTINUATION frames", sends(split(5), body()), answers()),
    # Messages
    ("8.1", "GET gets an HTTP answer", sends(head(flags=END_HEADERS | END_STREAM, method="GET")), somehow()),
    ("8.1", "HEAD gets an HTTP answer", sends(head(flags=END_HEADERS | END_STREAM, method="HEAD")), somehow()),
    ("8.1", "POST gets its answer", sends(head(), body()), answers()),
    ("8.1", "POST with trailers", sends(head(), body(flags=0),
                                        frame(HEADERS, END_HEADERS | END_STREAM, 1, literal("x-end", "1"))), answers()),
    ("8.1", "OPTIONS * gets an HTTP answer",
     sends(head(flags=END_HEADERS | END_STREAM, method="OPTIONS", path="*")), somehow()),
    ("8.2.3", "a cookie in several fields",
     sends(head(extra=[("cookie", "a=1"), ("cookie", "b=2")]), body()), answers()),
    ("8.3.1", "host instead of :authority",
     sends(head(drop=[":authority"], extra=[("host", "localhost")]), body()), answers()),
    ("8.6", "100 calls one after the other", lambda p: [p.call(n) or p.answered(n) for n in range(1, 201, 2)], lives),
    ("5.1.2", "as many calls at once as the server allows", lambda p: [p.call(2 * n + 1) for n in range(100)],
     lambda p: collect(p, 100)),
    # HPACK
    ("H6.1", "indexed field", sends(with_field(indexed(16))), answers()),
    ("H6.2.1", "literal with indexing, indexed name", sends(with_field(literal(58, "a", "indexing"))), answers()),
    ("H6.2.1", "the same, Huffman", sends(with_field(literal(58, "agent", "indexing", True))), answers()),
    ("H6.2.1", "literal with indexing, new name", sends(with_field(literal("x-a", "a", "indexing"))), answers()),
    ("H6.2.1", "the same, Huffman", sends(with_field(literal("x-a", "agent", "indexing", True))), answers()),
    ("H6.2.2", "literal without indexing, indexed name", sends(with_field(literal(58, "a"))), answers()),
    ("H6.2.2", "the same, Huffman", sends(with_field(literal(58, "agent", packed=True))), answers()),
    ("H6.2.2", "literal without indexing, new name", sends(with_field(literal("x-a", "a"))), answers()),
    ("H6.2.2", "the same, Huffman", sends(with_field(literal("x-a", "agent", packed=True))), answers()),
    ("H6.2.3", "literal never indexed, indexed name", sends(with_field(literal(58, "a", "never"))), answers()),
    ("H6.2.3", "the same, Huffman", sends(with_field(literal(58, "agent", "never", True))), answers()),
    ("H6.2.3", "literal never indexed, new name", sends(with_field(literal("x-a", "a", "never"))), answers()),
    ("H6.2.3", "the same, Huffman", sends(with_field(literal("x-a", "agent", "never", True))), answers()),
    ("H6.3", "table size update", sends(preceded(integer(128, 5, 0x20))), answers()),
    ("H6.3", "two table size updates", sends(preceded(integer(0, 5, 0x20), integer(4096, 5, 0x20))), answers()),
    ("H2.3.2", "a field from the dynamic table", dynamic, lives),
    ("H2.3.2", "dynamic table and Huffman over many calls", squeezed, lives),
    ("H5.1", "an integer with needless zero bytes within bounds",
     sends(with_field(b"\x0f\x80\x80\x00" + text("gzip"))), answers()),
    ("H5.2", "an empty string, Huffman coded", sends(with_field(b"\x00" + text("x-a") + b"\x80")), answers()),
]


def check_first(p):
    assert p.seen[0].kind == SETTINGS and not p.seen[0].flags & ACK, f"first frame {p.seen[0]}"


def collect(p, count):
    """All of these calls are answered, in any order."""
    open_calls = {2 * n + 1 for n in range(count)}
    while open_calls:
        got = p.wait(lambda f: f.kind in (HEADERS, RST_STREAM), f"answers on {len(open_calls)} streams")
        assert got.kind == HEADERS, got
        if any(bytes(name) == b"grpc-status" and bytes(value) == b"0" for name, value in got.fields):
            open_calls.discard(got.stream)
