"""Compares counts with Benchmarks/thresholds.json.

bench_thresholds.py debug|release    reads lines `MEASURE CASE NUMBER` and fails when one is above its threshold
bench_thresholds.py thread FILE loop|main    instructions of one thread in callgrind's files of one run
"""
import glob
import json
import os
import re
import sys


def instructions(path, which):
    """callgrind writes FILE-01 for the main thread, FILE-02 … for the others; the loop is the busiest of these."""
    totals = {}
    for name in glob.glob(path + "-*"):
        text = open(name).read()
        totals[name.rsplit("-", 1)[1]] = int(re.findall(r"^(?:summary|totals): (\d+)", text, re.M)[-1])
    return totals["01"] if which == "main" else max(v for k, v in totals.items() if k != "01")


def compare(build):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    limits = json.load(open(os.path.join(root, "Benchmarks/thresholds.json")))[build]
    missing = {(measure, case) for measure in limits for case in limits[measure]}
    failed = False
    print(f"{build + ' build':<16}{'measure':<14}{'each':>12}{'threshold':>12}")
    for line in sys.stdin:
        measure, case, number = line.split()
        limit = limits.get(measure, {}).get(case)
        missing.discard((measure, case))
        over = limit is None or float(number) > limit
        failed = failed or over
        verdict = "" if not over else "  NO THRESHOLD" if limit is None else "  ABOVE"
        print(f"{case:<16}{measure:<14}{float(number):>12g}{limit if limit is not None else '-':>12}{verdict}")
    for measure, case in sorted(missing):
        print(f"{case:<16}{measure:<14}{'NOT MEASURED':>12}")
    if failed or missing:
        sys.exit("A count is above its threshold. If the growth is worth it, raise the threshold in "
                 "Benchmarks/thresholds.json and say why in the commit.")


if sys.argv[1] == "thread":
    print(instructions(sys.argv[2], sys.argv[3]))
else:
    compare(sys.argv[1])
