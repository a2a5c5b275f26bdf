"""Mixed calls for a long time: all types, cancels, deadlines, broken peers, TLS and clear; memory must stay flat.

Usage: soak.py MINUTES SERVER...     a server is clear:PORT:PID, tls:PORT:PID:CA-FILE or ragdzd:PORT:PID (with RAGDZ_KEY).
Prints a line a minute. Asserted at the end: no healthy call failed, every kind was made, and the median resident memory of
the last quarter is within 5 % (or 1 MiB, what malloc may keep of one burst) of that of the first quarter after warm-up.
"""
import multiprocessing
import os
import random
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http2"))

import grpc

import attacks
import floods
from wire import HEADERS, MAGIC, Peer, Target, frame, message, settings

KINDS = ["unary", "large unary", "server stream", "client stream", "chat", "cancelled", "deadline", "refused", "broken peer",
         "search", "ask", "ask cancelled"]


class Echo:
    """Calls of one healthy client, each checked."""

    def __init__(self, server):
        import echo_pb2
        import echo_pb2_grpc
        self.messages = echo_pb2
        self.target = Target(server["port"], server.get("authority"))
        address = f"localhost:{server['port']}"
        if server.get("authority"):
            with open(server["authority"], "rb") as file:
                self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()))
        else:
            self.channel = grpc.insecure_channel(address.replace("localhost", "127.0.0.1"))
        self.stub = echo_pb2_grpc.EchoStub(self.channel)

    def request(self, size=None):
        size = random.choice([0, 10, 100, 1000, 20000]) if size is None else size
        return self.messages.EchoRequest(text="é" * (size // 2), id=random.randrange(1 << 60), values=[1.5, 2.5])

    def unary(self):
        request = self.request()
        assert self.stub.Unary(request, timeout=20).id == request.id

    def large(self):
        request = self.request(2_000_000)
        assert self.stub.Unary(request, timeout=30).text == request.text

    def server_stream(self):
        count = random.choice([0, 1, 10, 500])
        sample = self.request(100)
        replies = list(self.stub.ServerStream(self.messages.StreamRequest(count=count, sample=sample), timeout=30))
        assert len(replies) == count and all(reply.id == sample.id for reply in replies)

    def client_stream(self):
        requests = [self.request(1000) for _ in range(random.choice([0, 1, 100]))]
        assert self.stub.ClientStream(iter(requests), timeout=30).id == len(requests)

    def chat(self):
        sent = [self.request(100) for _ in range(20)]
        assert [reply.id for reply in self.stub.Chat(iter(sent), timeout=30)] == [request.id for request in sent]

    def cancelled(self):
        replies = self.stub.ServerStream(self.messages.StreamRequest(count=1 << 40, sample=self.request(100)), timeout=30)
        for _ in range(random.choice([1, 50])):
            next(replies)
        replies.cancel()

    def deadline(self):
        call = self.stub.ServerStream(self.messages.StreamRequest(count=1 << 40, pause=20), timeout=0.1)
        try:
            for _ in call:
                pass
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
            return
        raise AssertionError("the deadline did not end the stream")

    def refused(self):
        try:
            list(self.stub.ServerStream(self.messages.StreamRequest(count=-1), timeout=20))
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
            return
        raise AssertionError("a refusal did not come")

    def broken_peer(self):
        """A peer that floods, or leaves in the middle of anything."""
        if random.random() < 0.2:
            _, attack, _ = random.choice(attacks.FAST)
            peer = floods.AttackPeer(self.target, timeout=2)
            try:
                attack(peer)
            except AssertionError:
                pass
        else:
            peer = Peer(self.target, greet=False)
            peer.headers(1, peer.request(path=random.choice(["/echo.Echo/Unary", "/echo.Echo/ClientStream", "/echo.Echo/Chat"])))
            peer.data(1, message(b"\x0a\x7f" + bytes(50))[:random.randrange(56)], 0)
        peer.close()

    def steps(self):
        return [("unary", self.unary, 10), ("large unary", self.large, 0.3), ("server stream", self.server_stream, 3),
                ("client stream", self.client_stream, 3), ("chat", self.chat, 3), ("cancelled", self.cancelled, 3),
                ("deadline", self.deadline, 2), ("refused", self.refused, 2), ("broken peer", self.broken_peer, 3)]


class Service:
    """A light set of real calls to ragdzd."""

    def __init__(self, server):
        from ragdz.v1 import retrieval_pb2, retrieval_pb2_grpc
        self.messages = retrieval_pb2
        self.stub = retrieval_pb2_grpc.RetrievalStub(grpc.insecure_channel(f"127.0.0.1:{server['port']}"))
        self.metadata = [("authorization", "Bearer " + os.environ["RAGDZ_KEY"])]

    def search(self):
        request = self.messages.SearchRequest(collections=["law"], query=random.choice(["TVA", "congé annuel", "salaire"]))
        assert self.stub.Search(request, metadata=self.metadata, timeout=30).hits

    def ask(self):
        events = list(self.stub.Ask(self.messages.AskRequest(collections=["law"], question="Quel est le taux de la TVA ?"),
                                    metadata=self.metadata, timeout=30))
        assert events

    def ask_cancelled(self):
        call = self.stub.Ask(self.messages.AskRequest(collections=["law"], question="Quel est le taux de la TVA ?"),
                             metadata=self.metadata, timeout=30)
        time.sleep(random.random() * 0.02)
        call.cancel()

    def steps(self):
        return [("search", self.search, 5), ("ask", self.ask, 2), ("ask cancelled", self.ask_cancelled, 2)]


def work(server, counts, failures, stop):
    client = Service(server) if server["kind"] == "ragdzd" else Echo(server)
    steps = client.steps()
    while not stop.is_set():
        name, step, _ = random.choices(steps, [weight for _, _, weight in steps])[0]
        try:
            step()
        except Exception as error:
            # A broken peer may see anything; the others may not.
            if name != "broken peer":
                failures.put(f"{server['kind']} {name}: {type(error).__name__} {str(error)[:300]}")
        with counts.get_lock():
            counts[KINDS.index(name)] += 1
        time.sleep(0.005 if server["kind"] != "ragdzd" else 0.05)


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def parse(text):
    kind, port, pid, *rest = text.split(":")
    return {"kind": kind, "port": int(port), "pid": int(pid), "authority": rest[0] if rest else None}


def flat(samples):
    """Median memory of the first quarter after warm-up and of the last one."""
    after = samples[len(samples) // 4:]
    quarter = max(1, len(after) // 4)
    return statistics.median(after[:quarter]), statistics.median(after[-quarter:])


def main():
    minutes = float(sys.argv[1])
    servers = [parse(text) for text in sys.argv[2:]]
    counts = multiprocessing.Array("q", len(KINDS))
    failures = multiprocessing.Queue()
    stop = multiprocessing.Event()
    # Nothing of grpc may run before the workers are forked.
    workers = [multiprocessing.Process(target=work, args=(server, counts, failures, stop), daemon=True)
               for server in servers for _ in range(1 if server["kind"] == "ragdzd" else 2)]
    for worker in workers:
        worker.start()
    samples = [[] for _ in servers]
    failed = []
    began = time.monotonic()
    minute = 0
    while time.monotonic() - began < minutes * 60:
        time.sleep(1)
        for index, server in enumerate(servers):
            samples[index].append(resident(server["pid"]))
        while not failures.empty():
            failed.append(failures.get())
        if time.monotonic() - began >= (minute + 1) * 60:
            minute += 1
            memory = ", ".join(f"{s['kind']} {samples[i][-1] / (1 << 20):.1f} MiB" for i, s in enumerate(servers))
            print(f"minute {minute}: {sum(counts)} calls, {len(failed)} failed; {memory}", flush=True)
    stop.set()
    for worker in workers:
        worker.join(40)
    while not failures.empty():
        failed.append(failures.get())
    print("calls: " + ", ".join(f"{name} {count}" for name, count in zip(KINDS, counts) if count))
    faults = [f"{len(failed)} healthy calls failed, say {failed[:3]}"] if failed else []
    for index, server in enumerate(servers):
        first, last = flat(samples[index])
        grown = (last / first - 1) * 100
        print(f"memory of {server['kind']}: {first / (1 << 20):.1f} MiB after warm-up, {last / (1 << 20):.1f} MiB at the end "
              f"({grown:+.1f} %)")
        if last > max(first * 1.05, first + (1 << 20)):
            faults.append(f"memory of {server['kind']} is not flat")
    wanted = {name for server in servers for name in (KINDS[9:] if server["kind"] == "ragdzd" else KINDS[:9])}
    faults += [f"no {name} was made" for name, count in zip(KINDS, counts) if name in wanted and not count]
    print("soak: " + ("; ".join(faults) if faults else f"no failed call in {sum(counts)}, memory flat"))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
