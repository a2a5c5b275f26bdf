#!/usr/bin/env python3
"""Fits the weights of the evidence gate on the tuning half of `make eval`, and prints them as Swift.

usage: RAGDZ_EVAL_DUMP=FILE make eval; evaluation/fit_gate.py FILE

Examples: facts with their document (answerable), unanswerable questions, and, at half the weight, facts whose document was taken
away: what remains stands next to the answer. A logistic regression on standardised features with a ridge; weights that the
cross-validation by document does not ask for stay small. At the threshold one in twenty of the answerable questions goes unanswered. The test half is not read. The same file gives the same figures.
"""
import hashlib
import json
import math
import random
import sys

RIDGE, REMOVED_WEIGHT, FOLDS, ABSTENTION = 10.0, 0.5, 8, 0.05
DRAWS = 500


def solve(matrix, vector):
    """Gauss with pivots; a dozen unknowns."""
    n = len(vector)
    rows = [list(row) + [value] for row, value in zip(matrix, vector)]
    for column in range(n):
        pivot = max(range(column, n), key=lambda r: abs(rows[r][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for r in range(n):
            if r != column:
                factor = rows[r][column] / rows[column][column]
                for c in range(column, n + 1):
                    rows[r][c] -= factor * rows[column][c]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def fit(examples):
    """Newton's method; the last weight is the bias."""
    size = len(examples[0][0]) + 1
    weights = [0.0] * size
    for _ in range(40):
        gradient = [RIDGE * w for w in weights[:-1]] + [0.0]
        hessian = [[RIDGE if r == c and r < size - 1 else 0.0 for c in range(size)] for r in range(size)]
        for values, answer, weight in examples:
            row = values + [1.0]
            p = 1 / (1 + math.exp(-sum(w * v for w, v in zip(weights, row))))
            for r in range(size):
                gradient[r] += weight * (p - answer) * row[r]
                for c in range(size):
                    hessian[r][c] += weight * p * (1 - p) * row[r] * row[c]
        step = solve(hessian, gradient)
        weights = [w - s for w, s in zip(weights, step)]
        if max(map(abs, step)) < 1e-9:
            break
    return weights


def auroc(yes, no):
    won = sum((a > b) + 0.5 * (a == b) for a in yes for b in no)
    return won / (len(yes) * len(no)) if yes and no else float("nan")


def interval(scores):
    """The middle 95 % of the AUROC when documents and questions are drawn anew, by what is kept together."""
    groups = {}
    for group, answer, score in scores:
        groups.setdefault(group, []).append((answer, score))
    names, dice, drawn = sorted(groups), random.Random(1), []
    for _ in range(DRAWS):
        sample = [pair for _ in names for pair in groups[dice.choice(names)]]
        drawn.append(auroc([s for a, s in sample if a], [s for a, s in sample if not a]))
    drawn = sorted(d for d in drawn if d == d)
    return drawn[int(0.025 * len(drawn))], drawn[int(0.975 * len(drawn))]


def main():
    rows = []
    for line in open(sys.argv[1], encoding="utf-8"):
        asked = json.loads(line)
        if asked["half"] != "tuning" or asked["set"] not in ("facts", "unanswerable"):
            continue
        language, group = asked["direction"].split(">")[0], asked["group"]
        rows.append((language, group, asked["set"], asked["features"], float(asked["set"] == "facts"), 1.0))
        if asked["removed"]:
            rows.append((language, group, "removed", asked["removed"], 0.0, REMOVED_WEIGHT))
    count = len(rows[0][3])
    mean = [sum(r[3][i] for r in rows) / len(rows) for i in range(count)]
    spread = [math.sqrt(sum((r[3][i] - mean[i]) ** 2 for r in rows) / len(rows)) or 1.0 for i in range(count)]
    standard = [[(r[3][i] - mean[i]) / spread[i] for i in range(count)] for r in rows]
    fold = [int(hashlib.md5(r[1].encode()).hexdigest(), 16) % FOLDS for r in rows]
    held_out = [0.0] * len(rows)
    for f in range(FOLDS):
        weights = fit([(s, r[4], r[5]) for s, r, k in zip(standard, rows, fold) if k != f])
        for i, (values, k) in enumerate(zip(standard, fold)):
            if k == f:
                held_out[i] = sum(w * v for w, v in zip(weights, values + [1.0]))
    answerable = sorted(s for s, r in zip(held_out, rows) if r[2] == "facts")
    threshold = answerable[int(ABSTENTION * len(answerable))]
    for language in ("ar", "fr", "en"):
        def of(name):
            return sorted(s for s, r in zip(held_out, rows) if r[0] == language and r[2] == name)
        yes, no, removed = of("facts"), of("unanswerable"), of("removed")
        low, high = interval([(r[1], r[4] == 1.0, s) for s, r in zip(held_out, rows)
                              if r[0] == language and r[2] in ("facts", "unanswerable")])
        print(f"{language}: AUROC {auroc(yes, no):.3f} ({low:.3f}-{high:.3f}), document taken away {auroc(yes, removed):.3f}, "
              f"false abstention {sum(y < threshold for y in yes) / len(yes):.3f}, "
              f"false answers {sum(n >= threshold for n in no) / len(no):.3f}")
    weights = fit([(s, r[4], r[5]) for s, r in zip(standard, rows)])
    raw = [w / s for w, s in zip(weights, spread)]
    bias = weights[-1] - sum(w * m for w, m in zip(raw, mean))
    print("    var weights = [" + ", ".join(f"{w:.2f}" for w in raw) + "]")
    print(f"    var bias = {bias:.2f}")
    print(f"    var threshold = {1 / (1 + math.exp(-threshold)):.3f}")


main()
