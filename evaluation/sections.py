#!/usr/bin/env python3
"""Prints the sections of debian-faq and debian-reference that exist in English and French, one JSON object a line.

usage: sections.py ROOT, where ROOT holds the unpacked packages debian-faq, debian-faq-fr, debian-reference-en, debian-reference-fr.
A section is a heading of level 2 or 3 and the text up to the next heading. The heading is taken out of the text: it is the question.
"""
import glob
import html
import json
import os
import re
import sys

SHORTEST, LONGEST = 200, 4000


def text_of(markup):
    markup = re.sub(r"(?s)<(script|style|pre|table)\b.*?</\1>", " ", markup)
    markup = re.sub(r"</?(p|li|ul|ol|div|dt|dd|dl|br)\b[^>]*>", "\n", markup)
    text = html.unescape(re.sub(r"<[^>]*>", "", markup)).replace("\xa0", " ")
    lines = (re.sub(r"[ \t\n]+", " ", line).strip() for line in re.split(r"\n\s*\n|\n(?=\n)", text))
    return "\n".join(line for line in lines if line)


def sections(path):
    page = open(path, encoding="utf-8").read()
    page = re.sub(r'(?s)<div class="(toc|navfooter|navheader|footnotes)".*?</div>', " ", page)
    heads = list(re.finditer(r'(?s)<h([1-4])[^>]*class="title"[^>]*>\s*<a id="([^"]+)"\s*(?:/>|></a>)(.*?)</h\1>', page))
    for head, following in zip(heads, heads[1:] + [None]):
        if head.group(1) not in "23":
            continue
        title = re.sub(r"\s+", " ", text_of(head.group(3))).strip()
        title = re.sub(r"^[\dA-Z]+(\.\d+)*\.\s*", "", title)
        yield head.group(2), title, text_of(page[head.end() : following.start() if following else len(page)])


def main():
    root = sys.argv[1]
    books = {
        "faq": ("usr/share/doc/debian/FAQ/%s.en.html", "usr/share/doc/debian/FAQ/fr/%s.fr.html"),
        "reference": ("usr/share/debian-reference/%s.en.html", "usr/share/debian-reference/%s.fr.html"),
    }
    for book, patterns in books.items():
        chapters = sorted(os.path.basename(p)[: -len(".en.html")] for p in glob.glob(os.path.join(root, patterns[0] % "*")))
        for chapter in chapters:
            if chapter in ("index", "redistrib"):
                continue
            both = []
            for pattern in patterns:
                path = os.path.join(root, pattern % chapter)
                both.append({key: (title, text) for key, title, text in sections(path)} if os.path.exists(path) else {})
            for key, (title, text) in both[0].items():
                if key not in both[1] or not SHORTEST <= len(text) or not SHORTEST <= len(both[1][key][1]):
                    continue
                # The French edition of debian-reference leaves many paragraphs in English.
                french = both[1][key][1].lower().split()
                if french.count("the") > len(french) / 200:
                    continue
                for language, (heading, body) in (("en", (title, text)), ("fr", both[1][key])):
                    print(json.dumps({"book": book, "chapter": chapter, "section": key, "language": language,
                                      "heading": heading, "text": body[:LONGEST]}, ensure_ascii=False))


main()
