#!/usr/bin/env python3
"""The client's side of bench-ingest.sh: bench_ingest.py BRIDGE PID DOCUMENTS"""
import json
import os
import random
import sys
import threading
import time
import urllib.request

bridge, server, documents = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
KEY = os.environ["RAGDZ_KEY"]
STRICT = os.environ.get("BUSY", "1") != "0"
BUSY_AT_LEAST = 0.90
PDF_GROWTH_LIMIT = 12 << 20  # what 2,000 pages may take more than 50: pieces of a large upload, what the allocator leaves
CHARACTERS = 40_000  # of a document
WORDS = ("impôt taxe loyer bail société contrat facture délai preuve tribunal salaire marché licence registre capital "
         "ضريبة إيجار عقد شركة فاتورة مهلة دليل محكمة أجر سوق رخصة سجل tax rent lease contract invoice proof court wage").split()


def call(method, path, body=None):
    request = urllib.request.Request(
        bridge + path, method=method, data=body,
        headers={"Authorization": "Bearer " + KEY, "Content-Type": "application/octet-stream"})
    with urllib.request.urlopen(request, timeout=600) as response:
        return json.loads(response.read())


def upload(name, data):
    return call("POST", f"/v1/collections/bench/documents?filename={name}&background=true", data)


def wait(ingests):
    """Until all have ended; the time of the first change and of the end."""
    left = set(ingests)
    while left:
        for ingest in list(left):
            now = call("GET", f"/v1/ingests/{ingest}")
            if now["state"] in ("INGEST_STATE_FAILED", "INGEST_STATE_CANCELLED"):
                raise SystemExit(f"an ingest failed: {now}")
            if now["state"] == "INGEST_STATE_SUCCEEDED":
                left.discard(ingest)
        time.sleep(0.2)


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                with open(f"/proc/{entry}/cmdline") as file:
                    found.append((int(entry), file.read().replace("\0", " "), fields))
        except OSError:
            pass
    return found


def embedder():
    for pid, command, _ in children(server):
        if "embedding_server.py" in command:
            return pid
    raise SystemExit("there is no embedding server below the server")


def port_of(pid):
    """The loopback port that the process listens on."""
    sockets = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            sockets.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                return int(fields[1].split(":")[1], 16)
    raise SystemExit("the embedding server listens nowhere")


def busy(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as response:
        return json.loads(response.read())["busy_seconds"]


def cpu(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid, name="VmHWM"):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1]) << 10
    return 0


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def text(seed):
    chance = random.Random(seed)
    sentences = []
    size = 0
    while size < CHARACTERS:
        sentence = " ".join(chance.choice(WORDS) for _ in range(12)).capitalize() + ". "
        sentences.append(sentence)
        size += len(sentence)
    return "".join(sentences).encode()


def pdf(pages):
    """Pages of text without any compression, so that its size grows with its pages."""
    chance = random.Random(pages)
    latin = [w for w in WORDS if w.isascii()]
    out, places = [b"%PDF-1.4\n"], {}

    def add(number, body):
        places[number] = sum(map(len, out))
        out.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(pages)).encode()
    add(1, b"<</Type/Catalog/Pages 2 0 R>>")
    add(2, b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids))
    add(3, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for page in range(pages):
        lines = b"".join(
            b"(%s.) Tj T*\n" % " ".join(chance.choice(latin) for _ in range(10)).capitalize().encode() for _ in range(40))
        stream = b"BT /F1 10 Tf 14 TL 50 800 Td\n" + lines + b"ET"
        add(4 + 2 * page, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>"
                          b"/Contents %d 0 R>>" % (5 + 2 * page))
        add(5 + 2 * page, b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
    start = sum(map(len, out))
    table = b"".join(b"%010d 00000 n \n" % places[number] for number in sorted(places))
    out.append(b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
               % (len(places) + 1, table, len(places) + 1, start))
    return b"".join(out)


class ChildPeak(threading.Thread):
    """The largest extractor that was seen."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0
        self.over = False

    def run(self):
        while not self.over:
            for pid, command, _ in children(server):
                if "extractor.py" in command or "pdftotext" in command:
                    try:
                        self.peak = max(self.peak, memory(pid))
                    except OSError:
                        pass
            time.sleep(0.005)


def long_pdf(pages):
    forget_peak(server)
    before = memory(server, "VmRSS")
    child = ChildPeak()
    child.start()
    data = pdf(pages)
    wait([upload(f"{pages}.pdf", data)["ingestId"]])
    child.over = True
    grown = memory(server) - before
    print(f"   PDF of {pages} pages ({len(data) >> 10} KiB): ragdzd at most {grown / 2**20:.1f} MiB more than before "
          f"({before / 2**20:.1f} MiB), the extractor {child.peak / 2**20:.1f} MiB")
    return grown


def main():
    pid = embedder()
    port = port_of(pid)
    # Warm, so that the first document is not the one that loads everything.
    wait([upload("warm.txt", text(-1))["ingestId"]])
    busy_before, cpu_before, own_before, begin = busy(port), cpu(pid), cpu(server), time.monotonic()
    forget_peak(server)
    ingests = [upload(f"{number}.txt", text(number))["ingestId"] for number in range(documents)]
    received = time.monotonic() - begin
    wait(ingests)
    seconds = time.monotonic() - begin
    share = (busy(port) - busy_before) / seconds
    print(f"   {documents} documents of {CHARACTERS} characters in {seconds:.1f} s, {documents * CHARACTERS / seconds:,.0f} "
          f"characters/s; all bytes were there after {received:.1f} s")
    print(f"   embedding server: its model worked {share:.1%} of the time, {(cpu(pid) - cpu_before) / seconds:.2f} cores; "
          f"ragdzd {(cpu(server) - own_before) / seconds:.2f} cores, at most {memory(server) / 2**20:.0f} MiB")
    # Buffers and tables that are made once.
    long_pdf(200)
    short, middle, long = (long_pdf(pages) for pages in (50, 500, 2_000))
    failed = []
    if share < BUSY_AT_LEAST:
        failed.append(f"the embedding server was busy {share:.1%} of the time, {BUSY_AT_LEAST:.0%} are wanted")
    if max(middle, long) - short > PDF_GROWTH_LIMIT:
        failed.append(f"a long PDF takes {(max(middle, long) - short) / 2**20:.1f} MiB more than one of 50 pages")
    for failure in failed:
        print(f"   NOT MET: {failure}")
    if failed and STRICT:
        raise SystemExit(1)


main()
