"""RFC 9113: what is wrong on the wire and how it must end. One line is one case."""
from cases_generic import *

BAD_CODE = b"\0\0\x00\xff"


def settings_error(key, value):
    return sends(settings((key, value)))


def no_preface(data):
    """On a connection that begins with these bytes instead of the preface."""
    def run(p):
        p.fresh(data)
    return run


def refused(p):
    """One stream more than is advertised: refused."""
    limit = p.server_settings[MAX_STREAMS]
    for n in range(limit + 1):
        p.headers(2 * n + 1)


def refused_check(p):
    number = 2 * p.server_settings[MAX_STREAMS] + 1
    p.either_error(number, REFUSED_STREAM, PROTOCOL_ERROR)


def first_data(size):
    """The answer's DATA frames begin with one of exactly this size."""
    def check(p):
        got = p.wait(lambda f: f.kind == DATA and f.stream == 1, "DATA")
        assert len(got.payload) == size, f"{got}, expected {size} bytes"
    return check


def windows_changed(p):
    """SETTINGS change the window of a stream that is open already (6.9.2)."""
    p.send(settings((WINDOW, 0)))
    p.call(1)
    p.wait(lambda f: f.kind == HEADERS and f.stream == 1, "headers of the answer")
    p.send(settings((WINDOW, 1)))


def negative_window(p):
    p.send(settings((WINDOW, 3)))
    p.call(1)
    p.wait(lambda f: f.kind == DATA, "3 bytes of DATA")
    p.send(settings((WINDOW, 2)))
    # The window is now -1: two bytes more make it 1.
    p.send(window_update(1, 2))


def closing(p):
    p.headers(1)
    p.send(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))


def ended(p):
    finished(p)


def unanswered(p):
    """Half-closed (remote): our side has ended, the server's has not."""
    blocked(p)


def big_block(p):
    p.send(frame(HEADERS, END_HEADERS, 1, block(p.request()) + literal("x-big", "v" * 20000)))


def length_case(*sizes, declared):
    def run(p):
        p.headers(1, p.request(extra=[("content-length", str(declared))]))
        for index, size in enumerate(sizes):
            p.data(1, bytes(size), END_STREAM if index == len(sizes) - 1 else 0)
    return run


CASES = [
    ("3.4", "valid preface", sends(head(), body()), answers()),
    ("3.4", "wrong preface", no_preface(b"INVALID CONNECTION PREFACE\r\n\r\n"), lambda p: p.hung_up()),
    ("3.4", "an HTTP/1.1 request", no_preface(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), lambda p: p.hung_up()),
    ("3.4", "preface without SETTINGS", no_preface(MAGIC + frame(PING, 0, 0, bytes(8))), connection(PROTOCOL_ERROR)),
    # Frame format
    ("4.1", "frame of unknown type", sends(frame(0x16, 0, 0, bytes(8))), lives),
    ("4.1", "frame with an undefined flag", sends(frame(PING, 0x16, 0, b"stillyou")), lives),
    ("4.1", "frame with the reserved bit", sends(frame(PING, 0, 0x80000000, b"stillyou")), lives),
    ("4.2", "DATA of 16,384 bytes", sends(head(), body(payload=message(text_field(16376)))),
     answers()),
    ("4.2", "DATA larger than SETTINGS_MAX_FRAME_SIZE", sends(head(), body(payload=bytes(16385))),
     connection(FRAME_SIZE_ERROR)),
    ("4.2", "HEADERS larger than SETTINGS_MAX_FRAME_SIZE", big_block, connection(FRAME_SIZE_ERROR)),
    ("4.3", "header block that cannot be decoded", sends(frame(HEADERS, END_HEADERS, 1, b"\x00\xff\xff\xff\xff\xff\x0f")),
     connection(COMPRESSION_ERROR)),
    ("4.3", "PRIORITY inside a header block", sends(head(flags=0), frame(PRIORITY, 0, 1, priority(0))),
     connection(PROTOCOL_ERROR)),
    ("4.3", "HEADERS of another stream inside a header block", sends(head(flags=0), head(3)), connection(PROTOCOL_ERROR)),
    # Stream states
    ("5.1", "idle: DATA", sends(body()), connection(PROTOCOL_ERROR)),
    ("5.1", "idle: RST_STREAM", sends(frame(RST_STREAM, 0, 1, bytes(4))), connection(PROTOCOL_ERROR)),
    ("5.1", "idle: WINDOW_UPDATE", sends(window_update(1, 100)), connection(PROTOCOL_ERROR)),
    ("5.1", "idle: CONTINUATION", sends(frame(CONTINUATION, END_HEADERS, 1, b"\x82")), connection(PROTOCOL_ERROR)),
    ("5.1", "half-closed (remote): DATA", calling(unanswered, sends(body())), either(1, STREAM_CLOSED)),
    ("5.1", "half-closed (remote): HEADERS", calling(unanswered, sends(head())), either(1, STREAM_CLOSED)),
    ("5.1", "half-closed (remote): CONTINUATION",
     calling(unanswered, sends(frame(CONTINUATION, END_HEADERS, 1, b"\x82"))), connection(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1", "closed by RST_STREAM: DATA", calling(closing, sends(body())), either(1, STREAM_CLOSED)),
    ("5.1", "closed by RST_STREAM: HEADERS", calling(closing, sends(head())), either(1, STREAM_CLOSED)),
    ("5.1", "closed by RST_STREAM: CONTINUATION",
     calling(closing, sends(frame(CONTINUATION, END_HEADERS, 1, b"\x82"))), connection(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1", "closed by END_STREAM: DATA", calling(ended, sends(body())), connection(STREAM_CLOSED)),
    ("5.1", "closed by END_STREAM: HEADERS", calling(ended, sends(head())), connection(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1", "closed by END_STREAM: CONTINUATION",
     calling(ended, sends(frame(CONTINUATION, END_HEADERS, 1, b"\x82"))), connection(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1.1", "even stream number", sends(head(2)), connection(PROTOCOL_ERROR)),
    ("5.1.1", "stream number lower than one before", sends(head(5), body(5), head(3)), connection(PROTOCOL_ERROR)),
    ("5.1.2", "one stream more than allowed", refused, refused_check),
    ("5.3.1", "HEADERS that depends on itself",
     sends(lambda p: frame(HEADERS, END_HEADERS | PRIORITIZED, 1, priority(1) + block(p.request()))),
     either(1, PROTOCOL_ERROR)),
    ("5.3.1", "PRIORITY that depends on itself", sends(frame(PRIORITY, 0, 1, priority(1))), either(1, PROTOCOL_ERROR)),
    ("5.4.1", "invalid PING ends the connection", sends(frame(PING, 0, 0, bytes(6))), connection(FRAME_SIZE_ERROR)),
    ("5.4.1", "the GOAWAY names the last stream", calling(finished, sends(frame(PING, 0, 3, bytes(8)))),
     lambda p: goaway_names(p, 1)),
    ("5.5", "unknown extension frame", sends(frame(0xFF, 0, 0, b"unknown")), lives),
    ("5.5", "unknown extension frame on a stream", sends(head(), frame(0xFF, 0xFF, 1, b"unknown"), body()), answers()),
    ("5.5", "unknown extension frame inside a header block", sends(head(flags=0), frame(0xFF, 0, 0, b"unknown")),
     connection(PROTOCOL_ERROR)),
    # DATA
    ("6.1", "DATA on stream 0", sends(body(0)), connection(PROTOCOL_ERROR)),
    ("6.1", "DATA on a stream that is not open", calling(unanswered, sends(body())), either(1, STREAM_CLOSED)),
    ("6.1", "padding as long as the frame", sends(head(), frame(DATA, END_STREAM | PADDED, 1, b"\x06" + bytes(5))),
     connection(PROTOCOL_ERROR)),
    ("6.1", "PADDED without a pad length", sends(head(), frame(DATA, END_STREAM | PADDED, 1)),
     connection(PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    # HEADERS
    ("6.2", "HEADERS without END_HEADERS, then PRIORITY", sends(head(flags=0), frame(PRIORITY, 0, 1, priority(0))),
     connection(PROTOCOL_ERROR)),
    ("6.2", "HEADERS of another stream inside a block", sends(head(flags=0), head(3)), connection(PROTOCOL_ERROR)),
    ("6.2", "HEADERS on stream 0", sends(head(0)), connection(PROTOCOL_ERROR)),
    ("6.2", "padding longer than the frame",
     sends(lambda p: frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + block(p.request())[:100])),
     connection(PROTOCOL_ERROR)),
    ("6.2", "priority fields cut short", sends(frame(HEADERS, END_HEADERS | PRIORITIZED, 1, b"\0\0")),
     connection(PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    # PRIORITY
    ("6.3", "PRIORITY on stream 0", sends(frame(PRIORITY, 0, 0, priority(0))), connection(PROTOCOL_ERROR)),
    ("6.3", "PRIORITY of 4 bytes", sends(frame(PRIORITY, 0, 1, bytes(4))), either(1, FRAME_SIZE_ERROR)),
    # RST_STREAM
    ("6.4", "RST_STREAM on stream 0", sends(frame(RST_STREAM, 0, 0, bytes(4))), connection(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM on an idle stream", sends(frame(RST_STREAM, 0, 1, bytes(4))), connection(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM of 3 bytes", sends(head(), frame(RST_STREAM, 0, 1, bytes(3))), connection(FRAME_SIZE_ERROR)),
    # SETTINGS
    ("6.5", "ACK with a payload", sends(frame(SETTINGS, ACK, 0, bytes(6))), connection(FRAME_SIZE_ERROR)),
    ("6.5", "SETTINGS on a stream", sends(frame(SETTINGS, 0, 1, bytes(6))), connection(PROTOCOL_ERROR)),
    ("6.5", "SETTINGS of 3 bytes", sends(frame(SETTINGS, 0, 0, bytes(3))), connection(FRAME_SIZE_ERROR)),
    ("6.5.2", "ENABLE_PUSH of 2", settings_error(ENABLE_PUSH, 2), connection(PROTOCOL_ERROR)),
    ("6.5.2", "INITIAL_WINDOW_SIZE beyond 2^31-1", settings_error(WINDOW, 1 << 31), connection(FLOW_CONTROL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE below 16,384", settings_error(FRAME_SIZE, 16383), connection(PROTOCOL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE beyond 2^24-1", settings_error(FRAME_SIZE, 1 << 24), connection(PROTOCOL_ERROR)),
    ("6.5.2", "unknown setting", sends(settings((0xFF, 1))), lives),
    ("6.5.3", "the last of several values counts",
     sends(settings((WINDOW, 100), (WINDOW, 1)), head(), body()), first_data(1)),
    ("6.5.3", "SETTINGS are acknowledged", sends(settings((WINDOW, 100))),
     lambda p: p.wait(lambda f: f.kind == SETTINGS and f.flags & ACK, "ACK")),
    # PUSH_PROMISE, PING, GOAWAY
    ("6.6", "PUSH_PROMISE from a client", sends(head(), frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02\x82")),
     connection(PROTOCOL_ERROR)),
    ("6.7", "PING is answered with its payload", lambda p: None, lives),
    ("6.7", "PING ACK is not answered", sends(frame(PING, ACK, 0, b"notasked")), lambda p: quiet(p, b"notasked")),
    ("6.7", "PING on a stream", sends(frame(PING, 0, 1, bytes(8))), connection(PROTOCOL_ERROR)),
    ("6.7", "PING of 6 bytes", sends(frame(PING, 0, 0, bytes(6))), connection(FRAME_SIZE_ERROR)),
    ("6.8", "GOAWAY on a stream", sends(frame(GOAWAY, 0, 1, bytes(8))), connection(PROTOCOL_ERROR)),
    ("6.8", "GOAWAY of 4 bytes", sends(frame(GOAWAY, 0, 0, bytes(4))), connection(FRAME_SIZE_ERROR)),
    # Flow control
    ("6.9", "connection WINDOW_UPDATE of 0", sends(window_update(0, 0)), connection(PROTOCOL_ERROR)),
    ("6.9", "stream WINDOW_UPDATE of 0", sends(head(), window_update(1, 0)), either(1, PROTOCOL_ERROR)),
    ("6.9", "WINDOW_UPDATE of 3 bytes", sends(frame(WINDOW_UPDATE, 0, 0, bytes(3))), connection(FRAME_SIZE_ERROR)),
    ("6.9.1", "DATA keeps to a window of 1", sends(settings((WINDOW, 1)), head(), body()), first_data(1)),
    ("6.9.1", "connection window beyond 2^31-1", sends(window_update(0, 0x7FFFFFFF), window_update(0, 0x7FFFFFFF)),
     connection(FLOW_CONTROL_ERROR)),
    ("6.9.1", "stream window beyond 2^31-1",
     sends(head(), window_update(1, 0x7FFFFFFF), window_update(1, 0x7FFFFFFF)), either(1, FLOW_CONTROL_ERROR)),
    ("6.9.1", "more DATA than our window takes", lambda p: overrun(p), either(1, FLOW_CONTROL_ERROR)),
    ("6.9.2", "window changed while a stream is open", windows_changed, first_data(1)),
    ("6.9.2", "window made negative and mended", negative_window, first_data(1)),
    ("6.9.2", "INITIAL_WINDOW_SIZE beyond the maximum", settings_error(WINDOW, 0xFFFFFFFF), connection(FLOW_CONTROL_ERROR)),
    ("6.9.2", "window of an open stream pushed beyond 2^31-1",
     sends(head(), window_update(1, 0x7FFFFFFF - 65535), settings((WINDOW, 65536))), connection(FLOW_CONTROL_ERROR)),
    # CONTINUATION
    ("6.10", "several CONTINUATION frames", sends(split(4), body()), answers()),
    ("6.10", "CONTINUATION followed by DATA",
     sends(head(flags=0), frame(CONTINUATION, 0, 1, literal("x-a", "a")), body()), connection(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION on stream 0", sends(head(flags=0), frame(CONTINUATION, END_HEADERS, 0, b"\x82")),
     connection(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after END_HEADERS", sends(head(), frame(CONTINUATION, END_HEADERS, 1, b"\x82")),
     connection(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after a CONTINUATION with END_HEADERS",
     sends(split(2), frame(CONTINUATION, END_HEADERS, 1, b"\x82")), connection(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after DATA", sends(head(), body(flags=0), frame(CONTINUATION, END_HEADERS, 1, b"\x82")),
     connection(PROTOCOL_ERROR)),
    # Error codes
    ("7", "GOAWAY with an unknown code", sends(frame(GOAWAY, 0, 0, bytes(4) + BAD_CODE)), lambda p: p.closed()),
    ("7", "RST_STREAM with an unknown code", sends(head(), frame(RST_STREAM, 0, 1, BAD_CODE)), lives),
    # Messages
    ("8.1", "second HEADERS without END_STREAM", sends(head(), body(flags=0), frame(HEADERS, END_HEADERS, 1, literal("x", "1"))),
     either(1, PROTOCOL_ERROR)),
    ("8.2.1", "upper case in a name", sends(head(extra=[("X-TEST", "ok")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "space in a name", sends(head(extra=[("x test", "ok")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "colon in a name", sends(head(extra=[("x:test", "ok")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "empty name", sends(head(extra=[("", "ok")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "NUL in a value", sends(head(extra=[("x-test", "a\0b")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "CR in a value", sends(head(extra=[("x-test", "a\rb")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "LF in a value", sends(head(extra=[("x-test", "a\nb: c")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "space around a value", sends(head(extra=[("x-test", " a")])), either(1, PROTOCOL_ERROR)),
    ("8.2.1", "tab at the end of a value", sends(head(extra=[("x-test", "a\t")])), either(1, PROTOCOL_ERROR)),
    ("8.2.2", "connection field", sends(head(extra=[("connection", "keep-alive")])), either(1, PROTOCOL_ERROR)),
    ("8.2.2", "transfer-encoding field", sends(head(extra=[("transfer-encoding", "chunked")])), either(1, PROTOCOL_ERROR)),
    ("8.2.2", "upgrade field", sends(head(extra=[("upgrade", "h2c")])), either(1, PROTOCOL_ERROR)),
    ("8.2.2", "keep-alive field", sends(head(extra=[("keep-alive", "1")])), either(1, PROTOCOL_ERROR)),
    ("8.2.2", "proxy-connection field", sends(head(extra=[("proxy-connection", "x")])), either(1, PROTOCOL_ERROR)),
    ("8.2.2", "te that is not trailers", sends(head(replace=[("te", "gzip")])), either(1, PROTOCOL_ERROR)),
    ("8.3", "unknown pseudo-header", sends(head(extra=[(":test", "ok")])), either(1, PROTOCOL_ERROR)),
    ("8.3", "pseudo-header of an answer", sends(head(extra=[(":status", "200")])), either(1, PROTOCOL_ERROR)),
    ("8.3", "pseudo-header in the trailers",
     sends(head(), body(flags=0), frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(":method", "POST"))),
     either(1, PROTOCOL_ERROR)),
    ("8.3", "pseudo-header after a field",
     sends(lambda p: frame(HEADERS, END_HEADERS, 1, block([("x-a", "b")] + p.request()))), either(1, PROTOCOL_ERROR)),
    ("8.3.1", "empty :path", sends(head(replace=[(":path", "")])), either(1, PROTOCOL_ERROR)),
    ("8.3.1", ":path without a slash", sends(head(replace=[(":path", "echo")])), either(1, PROTOCOL_ERROR)),
    ("8.3.1", "no :method", sends(head(drop=[":method"])), either(1, PROTOCOL_ERROR)),
    ("8.3.1", "no :scheme", sends(head(drop=[":scheme"])), either(1, PROTOCOL_ERROR)),
    ("8.3.1", "no :path", sends(head(drop=[":path"])), either(1, PROTOCOL_ERROR)),
    ("8.3.1", ":method twice", sends(lambda p: frame(HEADERS, END_HEADERS, 1, block([(":method", "POST")] + p.request()))),
     either(1, PROTOCOL_ERROR)),
    ("8.3.1", ":scheme twice",
     sends(lambda p: frame(HEADERS, END_HEADERS, 1, block([(":scheme", p.target.scheme)] + p.request()))),
     either(1, PROTOCOL_ERROR)),
    ("8.3.1", ":path twice", sends(lambda p: frame(HEADERS, END_HEADERS, 1, block([(":path", "/a")] + p.request()))),
     either(1, PROTOCOL_ERROR)),
    ("8.3.1", "neither :authority nor host", sends(head(drop=[":authority"])), either(1, PROTOCOL_ERROR)),
    ("8.5", "CONNECT with :scheme and :path", sends(head(replace=[(":method", "CONNECT")])), either(1, PROTOCOL_ERROR)),
    ("8.1.1", "content-length larger than the DATA frame", length_case(5, declared=6), either(1, PROTOCOL_ERROR)),
    ("8.1.1", "content-length smaller than the DATA frame", length_case(5, declared=4), either(1, PROTOCOL_ERROR)),
    ("8.1.1", "content-length larger than several DATA frames", length_case(2, 3, declared=6), either(1, PROTOCOL_ERROR)),
    ("8.1.1", "content-length smaller than several DATA frames", length_case(3, 3, declared=5), either(1, PROTOCOL_ERROR)),
    ("8.1.1", "content-length that is no number", sends(head(extra=[("content-length", "five")])), either(1, PROTOCOL_ERROR)),
    ("8.1.1", "content-length and no DATA", sends(head(flags=END_HEADERS | END_STREAM, extra=[("content-length", "5")])),
     either(1, PROTOCOL_ERROR)),
    ("8.1.1", "content-length as it is", sends(head(extra=[("content-length", "5")]), body()), answers()),
    ("8.4", "PUSH_PROMISE from a client", sends(frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02\x82")),
     connection(PROTOCOL_ERROR)),
]


def goaway_names(p, number):
    got = p.wait_goaway()
    last = struct.unpack(">I", got.payload[:4])[0]
    assert got.code == PROTOCOL_ERROR and last == number, f"{got}, last stream {last}"


def quiet(p, payload):
    p.alive()
    assert not any(f.kind == PING and f.payload == payload for f in p.seen), "an ACK was answered"


def overrun(p):
    """DATA for a handler that cannot take it: it waits for a window for its own answers."""
    p.send(settings((WINDOW, 0)))
    p.headers(1, p.request(path=p.target.path.rsplit("/", 1)[0] + "/Chat"))
    request = message(text_field(16000))
    for _ in range(60):
        p.data(1, request, 0)
