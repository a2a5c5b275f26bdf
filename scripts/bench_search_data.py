"""Makes the data of scripts/bench-search.sh: tenants whose sizes follow Zipf's law, documents with words of the demo's corpus,
clustered unit vectors, and queries. Usage: bench_search_data.py FOLDER CORPUS TENANTS CHUNKS. The same data each time."""

import json
import os
import re
import struct
import sys
import uuid

import numpy

folder, corpus, tenant_count, chunk_count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
DIMENSION, CHUNKS_PER_DOCUMENT, WORDS, CLUSTERS, QUERIES = 512, 10, 90, 400, 20
random = numpy.random.default_rng(5)
space = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def name(*parts):
    return str(uuid.uuid5(space, "/".join(map(str, parts))))


text = " ".join(
    open(os.path.join(root, file), encoding="utf-8", errors="ignore").read()
    for root, _, files in os.walk(corpus) for file in sorted(files) if file.endswith((".md", ".txt", ".html")))
words = sorted({word.lower() for word in re.findall(r"[^\W\d_]{3,20}", text)})
weights = 1.0 / numpy.arange(1, len(words) + 1) ** 0.9
random.shuffle(words)
weights /= weights.sum()
sizes = 1.0 / numpy.arange(1, tenant_count + 1)
sizes = numpy.maximum(1, numpy.round(sizes / sizes.sum() * chunk_count)).astype(int)
# Words that stand in every tenth passage or more are stop words to a search, and are not asked for.
asked_weights = numpy.where(numpy.arange(len(words)) < 100, 0, weights)
asked_weights /= asked_weights.sum()
centres = random.standard_normal((CLUSTERS, DIMENSION)).astype(numpy.float32)
centres /= numpy.linalg.norm(centres, axis=1, keepdims=True)


def near(which, spread):
    vectors = centres[which] + spread / DIMENSION**0.5 * random.standard_normal((len(which), DIMENSION)).astype(numpy.float32)
    return (vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)).astype(">f2")


def tsvector(chosen):
    places = {}
    for place, word in enumerate(chosen, 1):
        places.setdefault(word, []).append(f"{place}A")
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())


def output(table):
    return open(os.path.join(folder, table + ".copy"), "w", encoding="utf-8")


HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)


def field(value):
    return struct.pack(">i", len(value)) + value


os.makedirs(folder, exist_ok=True)
with output("tenants") as tenants, output("collections") as collections, output("documents") as documents, output(
        "chunks") as chunks, output("queries") as queries, open(os.path.join(folder, "vectors.copy"), "wb") as vectors:
    vectors.write(HEADER)
    for number, size in enumerate(sizes, 1):
        tenant, collection, shelf = name("t", number), name("c", number), name("s", number)
        tenants.write(f"{tenant}\tbench-{number}\tBench {number}\tDZ\tAfrica/Algiers\tfr\tpro\tactive\t{{}}\n")
        collections.write(f"{collection}\t{tenant}\tbench\n")
        own = random.choice(CLUSTERS, size=max(2, min(CLUSTERS, int(size**0.5))), replace=False)
        which = random.choice(own, size=size)
        points = near(which, 0.9)
        picks = random.choice(len(words), size=(size, WORDS), p=weights)
        for first in range(0, size, CHUNKS_PER_DOCUMENT):
            count = min(CHUNKS_PER_DOCUMENT, size - first)
            document = name("d", number, first)
            content = []
            start = 0
            for ordinal in range(count):
                index = first + ordinal
                chosen = [words[pick] for pick in picks[index]]
                passage = " ".join(chosen)
                chunk = name("k", number, index)
                end = start + len(passage)
                chunks.write("\t".join([tenant, chunk, collection, document, str(ordinal), "0", str(start), str(end), str(start),
                                        "fr", "", passage, tsvector(chosen), str(WORDS)]) + "\n")
                vectors.write(struct.pack(">h", 5) + field(uuid.UUID(tenant).bytes) + field(uuid.UUID(chunk).bytes)
                              + field(uuid.UUID(collection).bytes) + field(uuid.UUID(document).bytes)
                              + field(struct.pack(">hh", DIMENSION, 0) + points[index].tobytes()))
                content.append(passage)
                start = end + 1
            body = " ".join(content)
            country = ["DZ", "CH", "FR", ""][first // CHUNKS_PER_DOCUMENT % 4]
            documents.write("\t".join([tenant, document, collection, "f.txt", "Bench", "text/plain", "fr", str(len(body)),
                                       str(len(body)), "0", "{0}", name("h", document).replace("-", "") * 2, body, str(count),
                                       country]) + "\n")
        asked = near(random.choice(which, size=QUERIES), 0.9).astype(numpy.float32)
        for query in range(QUERIES):
            chosen = [words[pick] for pick in random.choice(len(words), size=6, replace=False, p=asked_weights)]
            vector = "[" + ",".join(f"{x:.4f}" for x in asked[query]) + "]"
            queries.write("\t".join([str(number), str(query), tenant, vector, "{" + ",".join(chosen) + "}"]) + "\n")
    vectors.write(struct.pack(">h", -1))
json.dump({"tenants": tenant_count, "chunks": int(sizes.sum()), "largest": int(sizes[0]), "words": len(words)},
          open(os.path.join(folder, "made.json"), "w"))
