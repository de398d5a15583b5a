#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the weights of sdk/client/splice_anew.c and prints the rows of splice_anew_weights.c.
Needs numpy and a folder with a text per language (en.txt, de.txt ...), one sentence a line. Ours
were the Debian packages debian-handbook, libreoffice-help-*, manpages-* and fortunes-*; only
weights are kept. None of the texts of texts.json is among them.

A sample is a seam: a sentence cut behind a blank ("g") or a letter ("l"), and behind it the rest or
another sentence in small letters. Features are hashed into one table.
"""
import random
import re
import sys

import numpy as np

LANGUAGES = "en de fr es it pt ru nl pl".split()
SIZE, FEATURES, LETTERS, WORDS = 32768, 40, 16, 24
WORD = re.compile(r"\w+(?:['’]\w+)*")
END, CLAUSE = re.compile(r"[.!?](?=\s|$)"), re.compile(r"[,;:]")
# Words: A and B the last two in front (B with the mark behind it), C, D and E the first three
# behind, F is C with the mark behind it, G is B and C as one word, and H, I and J are counts: of
# words to the end of the sentence, of the clause, and from the sentence's beginning to the seam. A
# number behind one: so many of its last letters; in front of it: of its first.
SHARED = ("", "B8", "C", "D", "B C", "B C3", "B3 C", "B2 C2", "C D", "C D3", "C2 D2", "F", "A B C",
          "3C", "C3", "A3 B3 C3", "D E", "B1", "H", "J H", "I", "J C", "D3 E3", "E")
JOINED = ("G", "B3 3C", "B2 2C", "B1 2C", "B2 1C", "B4 1C", "B3 2C", "B4 3C", "2C", "4C", "G6",
          "6G")


def slot(text):
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return (value ^ value >> 15) % SIZE


def bucket(count):
    return chr(0x30 + (count if count < 6 else count // 3 + 4))


def count_to(mark, words, text):
    """Words in front of the first mark; one more than can be when there is none."""
    found = mark.search(text)
    return sum(w.start() < found.start() for w in words) if found else WORDS + 1


def parts_of(left, right):
    before = re.split(r"[.!?]\s|\n", left)[-1]
    lasts = [w.group().lower() for w in WORD.finditer(before)]
    words = list(WORD.finditer(right))[:WORDS]
    right = right[:words[-1].end() + 1] if len(words) == WORDS else right
    firsts = [w.group().lower() for w in words[:3]]
    firsts += ["$"] * (3 - len(firsts))
    gap = right[words[0].end():words[1].start()].strip() if len(words) > 1 else "$"
    mark = left[-1:] if left and not WORD.match(left[-1]) else ""
    last = lasts[-1] if lasts else "^"
    return {"A": "^" + lasts[-2] if len(lasts) > 1 else "^", "B": "^" + last + mark,
            "C": "^" + firsts[0], "D": "^" + firsts[1], "E": "^" + firsts[2],
            "F": firsts[0] + gap[:1], "G": "^" + last + firsts[0],
            "H": bucket(count_to(END, words, right)), "I": bucket(count_to(CLAUSE, words, right)),
            "J": bucket(min(len(lasts), 20))}


def features(left, right, kind):
    parts = parts_of(left, right)
    for spec in SHARED + (JOINED if kind == "l" else ()):
        text = kind + spec
        for first, name, last in re.findall(r"(\d?)([A-J])(\d?)", spec):
            part = parts[name]
            part = part[:int(first)] if first else part[-int(last):] if last else part
            text += "|" + part
        yield slot(text)


def is_seam(text, at, kind):
    if kind == "g":
        return text[at - 1] == " " and text[at].isalpha() and text[at].islower()
    behind = text[at:].lstrip(" ")[:1]
    return text[at - 1].isalpha() and text[at] in " " + behind and behind.islower()


def sample(sentences, chance):
    kind, text = chance.choice("gl"), chance.choice(sentences)
    at = next((at for at in (chance.randint(2, len(text) - 2) for _ in range(20))
               if is_seam(text, at, kind)), 0)
    if at == 0:
        return None
    is_anew = chance.random() < 0.5
    other = chance.choice(sentences)
    right = other[0].lower() + other[1:] if is_anew else text[at:].lstrip()
    if not right[0].islower():
        return None
    return list(features(text[:at].rstrip(), right, kind)), is_anew


def samples(folder, count, seed, is_test):
    chance = random.Random(seed)
    rows, labels = np.full((count, FEATURES), SIZE, dtype=np.int32), np.zeros(count)
    at = 0
    for language in LANGUAGES:
        with open(f"{folder}/{language}.txt", encoding="utf-8") as file:
            sentences = [line.strip() for line in file if len(line) > 20]
        fresh = len(sentences) // 12
        sentences = sentences[:fresh] if is_test else sentences[fresh:]
        for _ in range(count // len(LANGUAGES)):
            found = sample(sentences, chance)
            if found is not None:
                rows[at, :len(found[0])], labels[at] = found
                at += 1
    return rows[:at], labels[:at]


def train(rows, labels, rounds=5, batch=1024):
    weights, squares = np.zeros(SIZE + 1), np.full(SIZE + 1, 1e-6)
    numbers = np.random.default_rng(3)
    for turn in range(rounds):
        order = numbers.permutation(len(labels))
        for begin in range(0, len(labels), batch):
            part = rows[order[begin:begin + batch]]
            sums = np.clip(weights[part].sum(1), -30, 30)
            errors = 1 / (1 + np.exp(-sums)) - labels[order[begin:begin + batch]]
            slope = np.bincount(part.ravel(), weights=np.repeat(errors, FEATURES),
                                minlength=SIZE + 1) / batch * 20 + 1e-5 * weights
            slope[SIZE] = 0
            squares += slope * slope
            weights -= 0.3 / (1 + turn) * slope / np.sqrt(squares)
    return np.clip(np.round(weights[:SIZE] * 4), -31, 31).astype(int)


def main():
    weights = train(*samples(sys.argv[1], 1000000, 1, False))
    rows, labels = samples(sys.argv[1], 60000, 7, True)
    sums = np.append(weights, 0)[rows].sum(1)
    print(f"/* of fresh samples right: {((sums > 0) == (labels > 0.5)).mean():.3f} */")
    for begin in range(0, SIZE, 64):
        row = "".join(chr(0x50 + weight) for weight in weights[begin:begin + 64])
        print(f'    "{row}",'.replace("\\", "~"))


if __name__ == "__main__":
    main()
