"""Counts the cases of the official conformance suite; fails unless exactly the expected ones were run and passed.

The runner is content when everything is skipped, so its verbose log is read: each case by name, those skipped, those failed.
Usage: conformance_protobuf_counts.py LOG STATUS FAILURE_LIST
"""

import collections
import re
import sys

# The cases of Debian 12's protobuf 3.21.12 by level and form. Text format and JSPB are no part of the product.
EXPECTED = {
    ("Required", "proto3 binary and JSON", "passed"): 1041,
    ("Recommended", "proto3 binary and JSON", "passed"): 323,
    ("Required", "proto2 binary and JSON", "passed"): 436,
    ("Recommended", "proto2 binary and JSON", "passed"): 216,
    # An extension by its name in JSON: extensions are kept as unknown fields.
    ("Recommended", "proto2 binary and JSON", "failed"): 1,
    ("Required", "text format", "skipped"): 88,
    ("Recommended", "text format", "skipped"): 32,
}

log, status = open(sys.argv[1], encoding="utf-8", errors="replace").read(), int(sys.argv[2])


def names(pattern):
    return set(re.findall(pattern, log, re.M))


ran = names(r"^conformance test: name=([^,]+),") - {"FindFailures"}
skipped = names(r"^SKIPPED, test=(\S+)")
failed = {name.rstrip(":") for name in names(r"^(?:ERROR|WARNING), test=(\S+)")}
# The runner itself fails when one of these passes.
failed |= set(open(sys.argv[3]).read().split())


def kind(name):
    """Level and form of a case; those that name no syntax are about proto3's message."""
    level, syntax = name.split(".")[:2]
    if "TextFormat" in name:
        return level, "text format"
    return level, ("proto2" if syntax == "Proto2" else "proto3") + " binary and JSON"


table = collections.Counter()
for outcome, cases in (("passed", ran - skipped - failed), ("skipped", skipped), ("failed", failed)):
    table.update((*kind(name), outcome) for name in cases)
for (level, form, outcome), count in sorted(table.items()):
    print(f"{level:12} {form:24} {outcome:8} {count}")
for name in sorted(failed):
    print("failed:", name)

wrong = [f"{key}: {table[key]}, expected {EXPECTED.get(key, 0)}" for key in sorted(table.keys() | EXPECTED.keys())
         if table[key] != EXPECTED.get(key, 0)]
successes = sum(int(count) for count in re.findall(r"^CONFORMANCE SUITE \w+: (\d+) successes", log, re.M))
passed = sum(count for key, count in table.items() if key[2] == "passed")
if successes != passed:
    wrong.append(f"the runner counts {successes} successes, its log names {passed}")
if status != 0:
    wrong.append(f"the runner ended with {status}")
for line in wrong:
    print("not conformant:", line)
if not wrong:
    print(f"protobuf conformance: {passed} cases pass, all 1,041 required and 323 recommended ones of proto3 among them")
sys.exit(1 if wrong else 0)
