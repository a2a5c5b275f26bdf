#!/usr/bin/env python3
"""Prints an answer that POST /v1/ask streams as server-sent events, as it comes, with its citations below.

The exit status is 1 when the stream ends with an error or without its end, 3 when the answer abstains.
"""
import json
import sys

event, citations, abstained, ended = "message", [], False, False
for line in sys.stdin:
    line = line.rstrip("\n")
    if line.startswith("event: "):
        event = line[7:]
    if line.startswith("{"):
        sys.exit(f"the bridge refused: {line}")
    if not line.startswith("data: "):
        continue
    data = json.loads(line[6:])
    if event == "text":
        # A line break inside a sentence comes from the document; it says nothing here.
        sys.stdout.write(data["text"]["text"].replace("\n", " "))
        sys.stdout.flush()
    elif event == "citation":
        citations.append(data["citation"])
    elif event == "abstention":
        abstained = True
        print(f"{data['abstention']['message']} [{data['abstention']['reason']}]", end="")
    elif event == "error":
        sys.exit(f"\nthe stream broke: {data.get('detail')}")
    elif event == "end":
        ended = True
print()
for citation in citations:
    page = f", page {citation['page']}" if citation.get("page") else ""
    quote = " ".join(citation["quote"].split())
    print(f"  [{citation['number']}] {citation['title']}{page}, "
          f"characters {citation.get('start', 0)}–{citation['end']}: «{quote}»")
if not ended:
    sys.exit("the stream stopped before its end")
sys.exit(3 if abstained else 0)
