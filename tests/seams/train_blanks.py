#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the weights of sdk/client/splice_blank.c and prints the rows of splice_blank_weights.c.
Needs numpy and wordfreq (its small word lists, frequencies only; none of its words are kept).

A sample is a joint: one word cut anywhere, or two words without their blank; words come by their
frequency to the power of 0.85, in thirteen languages. Features are hashed into one table.
"""
import random

import numpy as np
from wordfreq import get_frequency_dict

LANGUAGES = "en de fr es it pt nl ru pl sv ar he fa".split()
SIZE, FEATURES, LETTERS = 32768, 24, 12


def slot(tag, text):
    value = 2166136261
    for byte in (tag + text).encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return (value ^ value >> 15) % SIZE


def slots(left, right):
    marked, ended = "^" + left, right + "$"
    found = [slot("a", marked[-k:]) for k in range(1, min(6, len(marked)) + 1)]
    found += [slot("b", ended[:k]) for k in range(1, min(6, len(ended)) + 1)]
    found += [slot("c", marked[-a:] + "|" + ended[:b])
              for a, b in ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3))]
    found += [slot("h", left), slot("i", right)]
    return found + [slot("j", f"{min(len(left), 9)}|{min(len(right), 9)}")]


def words_of(language):
    items = [(word, share) for word, share in get_frequency_dict(language, "small").items()
             if word.isalpha() and len(word) <= 24][:40000]
    weights = np.array([share for _, share in items]) ** 0.85
    cuts = weights * np.array([len(word) - 1 for word, _ in items])
    return [word for word, _ in items], weights / weights.sum(), cuts / cuts.sum()


def samples(count, seed):
    numbers, chance = np.random.default_rng(seed), random.Random(seed)
    features, labels = np.full((count, FEATURES), SIZE, dtype=np.int32), np.zeros(count)
    at = 0
    for language in LANGUAGES:
        words, shares, cuts = words_of(language)
        part = min(count // len(LANGUAGES) + 1, count - at)
        first, second = (numbers.choice(len(words), part, p=shares) for _ in range(2))
        whole = numbers.choice(len(words), part, p=cuts)
        for k in range(part):
            left, right = words[first[k]], words[second[k]]
            if k % 2:
                word = words[whole[k]]
                cut = chance.randint(1, len(word) - 1)
                left, right = word[:cut], word[cut:]
            row = slots(left[-LETTERS:], right[:LETTERS])
            features[at, :len(row)], labels[at] = row, 1 - k % 2
            at += 1
    return features[:at], labels[:at]


def train(features, labels, rounds=6, batch=2048):
    weights, squares = np.zeros(SIZE + 1), np.full(SIZE + 1, 1e-6)
    numbers = np.random.default_rng(3)
    for turn in range(rounds):
        order = numbers.permutation(len(labels))
        for begin in range(0, len(labels), batch):
            rows = features[order[begin:begin + batch]]
            sums = weights[rows].sum(1)
            errors = 1 / (1 + np.exp(-np.clip(sums, -30, 30))) - labels[order[begin:begin + batch]]
            slope = np.bincount(rows.ravel(), weights=np.repeat(errors, FEATURES),
                                minlength=SIZE + 1) / batch * 20
            slope[SIZE] = 0
            squares += slope * slope
            weights -= 0.3 / (1 + turn) * slope / np.sqrt(squares)
    return np.clip(np.round(weights[:SIZE] * 4), -31, 31).astype(int)


def main():
    weights = train(*samples(1200000, 1))
    features, labels = samples(60000, 7)
    sums = np.append(weights, 0)[features].sum(1)
    print(f"/* of fresh samples right: {((sums > 0) == (labels > 0.5)).mean():.3f} */")
    for begin in range(0, SIZE, 64):
        row = "".join(chr(0x50 + weight) for weight in weights[begin:begin + 64])
        print(f'    "{row}",'.replace("\\", "~"))


if __name__ == "__main__":
    main()
