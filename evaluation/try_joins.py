#!/usr/bin/env python3
"""Tries other weights of the join of both legs on what `make eval` found, and prints what each makes of the tuning halves.

usage: RAGDZ_EVAL_DUMP=FILE make eval; evaluation/try_joins.py FILE FILE.templates [NAME=VALUE ...]

A name is one of WEIGHTS, a value its figure; without any, the weights that the server has. Means over the directions of each kind of
set of nDCG@10 and recall@10, what the two legs have alone, and for each direction that is more than a point of recall@10 below its
better leg, by how many questions. The test half is not read.
"""
import json
import math
import sys

# As in FusionWeights and LanguageBalance.
WEIGHTS = {"term": 0.15, "most": 0.9, "rank": 0.2, "foreign": 0.13, "exponent": 1.5, "field": 40, "nearest": 5, "share": 0.5,
           "malus": 0.02, "balance": 1.0}


class Question:
    def __init__(self, line):
        asked = json.loads(line)
        self.half, self.set, self.direction, self.language = (asked[k] for k in ("half", "set", "direction", "language"))
        self.terms = len(asked["terms"])
        self.unknown = len(asked["unknown"]) / max(1, self.terms)
        names = "right left file language similarity coverage dense lexical relevance".split()
        self.rows = [dict(zip(names, row)) for row in asked["rows"]]
        best = max((row["relevance"] for row in self.rows), default=0)
        for row in self.rows:
            row["strength"] = row["relevance"] / best if best else 0
            row["foreign"] = "und" not in (row["language"], self.language) and row["language"] != self.language

    def place(self, ranking):
        """Of the answer, from 0. Passages of one document count once when the document is what is looked for."""
        if self.set not in ("headings", "templates"):
            return next((place for place, row in enumerate(ranking) if row["right"]), None)
        seen = set()
        for row in ranking:
            if row["right"]:
                return len(seen)
            if not row["left"]:
                seen.add(row["file"])
        return None

    def leg(self, name):
        return self.place(sorted((row for row in self.rows if row[name] > 0), key=lambda row: row[name]))

    def joined(self, weights):
        lexical = min(weights["most"], weights["term"] * self.terms)
        floor = weights["foreign"] * self.unknown ** 2 * (lexical + weights["rank"])
        for row in self.rows:
            words = lexical * row["coverage"] ** weights["exponent"] + weights["rank"] * row["strength"]
            row["score"] = row["similarity"] + max(words, floor if row["foreign"] else 0)
        ranked = sorted(self.rows, key=lambda row: -row["score"])
        return self.place(self.balanced(ranked[:int(weights["field"])], weights) + ranked[int(weights["field"]):])

    def balanced(self, field, weights):
        levels = {}
        for language in {row["language"] for row in field}:
            own = [row for row in field if row["language"] == language]
            nearest = sorted((row["similarity"] for row in own), reverse=True)[:int(weights["nearest"])]
            levels[language] = (sum(nearest) / len(nearest), max(row["relevance"] for row in own), len(nearest) / weights["nearest"])
        best = max((level[1] for level in levels.values()), default=0)
        for row in field:
            near, relevance, trust = levels[row["language"]]
            shift = 0
            if relevance:
                shift += weights["rank"] * weights["share"] * trust * (row["relevance"] / relevance - row["relevance"] / best)
            if row["foreign"] and self.language in levels:
                own = levels[self.language]
                shift += weights["balance"] * (own[0] - near) * min(trust, own[2]) - weights["malus"]
            row["shifted"] = row["score"] + shift
        return sorted(field, key=lambda row: -row["shifted"])


def gain(place):
    return 1 / math.log2(place + 2) if place is not None and place < 10 else 0


def found(place):
    return place is not None and place < 10


def kind(question):
    own = question.direction.split(">")[0] == question.direction.split(">")[1]
    return question.set if question.set in ("arabic", "darija") else question.set + (" within" if own else " across")


def main():
    files = [argument for argument in sys.argv[1:] if "=" not in argument]
    weights = dict(WEIGHTS)
    for argument in sys.argv[1:]:
        if "=" in argument:
            name, value = argument.split("=")
            assert name in weights, name
            weights[name] = float(value)
    groups = {}
    for file in files:
        for line in open(file, encoding="utf-8"):
            question = Question(line)
            if question.half == "tuning" and question.set != "unanswerable":
                groups.setdefault((kind(question), question.direction), []).append(question)
    kinds, missed = {}, []
    for (name, direction), questions in sorted(groups.items()):
        places = [[q.leg("dense") for q in questions], [q.leg("lexical") for q in questions], [q.joined(weights) for q in questions]]
        count = len(questions)
        hits = [sum(map(found, system)) for system in places]
        kinds.setdefault(name, []).append([sum(map(gain, system)) / count for system in places] + [h / count for h in hits])
        below = max(hits[:2]) - hits[2]
        if below > 0.01 * count:
            missed.append(f"{name} {direction}: {below} of {count}")
    for name, rows in kinds.items():
        mean = [sum(column) / len(rows) for column in zip(*rows)]
        print("{:18} nDCG@10 dense {:.3f} lexical {:.3f} hybrid {:.3f}, recall@10 {:.3f} {:.3f} {:.3f}".format(name, *mean))
    print("below the better leg: " + ("; ".join(missed) or "none"))


main()
