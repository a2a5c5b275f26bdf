#!/usr/bin/env python3
"""Prints the questions of Debian's installer and packages that exist in Arabic, French and English, one JSON object a line each.

usage: templates.py ROOT, where ROOT holds the control files of packages in one folder each: what `dpkg-deb -e` unpacks.
A template's short description asks for its long one, as a heading asks for its section; what stands in both is left as it is.
"""
import glob
import json
import os
import re
import sys

SHORTEST = 80
LANGUAGES = {"ar": "Description-ar.UTF-8", "fr": "Description-fr.UTF-8", "en": "Description"}


def fields(stanza):
    found, name = {}, None
    for line in stanza.split("\n"):
        if line.startswith(" ") and name:
            found[name].append(line[1:])
        elif ":" in line:
            name, value = line.split(":", 1)
            found[name] = [value.strip()]
    return found


def text_of(lines):
    """Lines of a paragraph are joined, lines that are set in stay lines; what the installer would fill in is left out."""
    paragraphs = [""]
    for line in lines:
        if line.strip() == ".":
            paragraphs.append("")
        elif line.startswith(" "):
            paragraphs[-1] += "\n" + line.strip()
        else:
            paragraphs[-1] += " " + line.strip()
    text = "\n\n".join(paragraph.strip() for paragraph in paragraphs).strip()
    return re.sub(r"\$\{[A-Za-z_]+\}", "", text)


def main():
    seen, number = set(), 0
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*", "templates"))):
        with open(path, encoding="utf-8", errors="replace") as file:
            stanzas = file.read().split("\n\n")
        for stanza in stanzas:
            found = fields(stanza)
            if any(name not in found for name in LANGUAGES.values()):
                continue
            both = {language: (found[name][0], text_of(found[name][1:])) for language, name in LANGUAGES.items()}
            names = [both["ar"][1], both["ar"][0], both["en"][0]]
            if any(len(text) < SHORTEST for _, text in both.values()) or "${" in both["en"][0]:
                continue
            if both["ar"][1] == both["en"][1] or any(name in seen for name in names):
                continue
            seen.update(names)
            for language, (heading, text) in both.items():
                print(json.dumps({
                    "book": "templates", "chapter": found["Template"][0].split("/")[0], "section": str(number),
                    "language": language, "heading": heading.rstrip(":؟?"), "text": text,
                }, ensure_ascii=False))
            number += 1


main()
