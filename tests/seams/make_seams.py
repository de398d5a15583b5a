#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the set of seams, one JSON object a line, from texts.json: each answer is cut inside
words, behind words, blanks, punctuation and line ends, and what the next server may say behind each
cut is put together: the rest, with its blank or without, the whole again, the last sentence or
words again, another answer, with a greeting or without, a refusal, talk about the text, nothing.
The odd kinds: the last words or letters again, from inside a word too, dots, a quote mark or a
fence in front of the rest, and another answer that begins in small letters.
The same on every run.

texts.json was written for this set, by hand; no text is from elsewhere. Half "a" is what the judge
was tuned on, half "b" was held back, "other" are languages that were looked at least.
"""
import json
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ENDS = ".!?。！？؟"
OPENERS = {
    "a": {"en": ["Sure! ", "Great question! ", "Here is the answer:\n\n"],
          "de": ["Gerne! ", "Natürlich, hier ist die Antwort: ", "Gute Frage! "],
          "fr": ["Bien sûr ! ", "Voici la réponse :\n\n", "Excellente question ! "],
          "es": ["¡Claro! ", "Por supuesto, aquí tiene: ", "¡Buena pregunta! "],
          "zh": ["当然可以！", "好的，", "这是答案：\n\n"]},
    "b": {"en": ["Of course. ", "Certainly, here you go: ", "Happy to help! "],
          "de": ["Klar! ", "Selbstverständlich. ", "Hier ist die Antwort:\n\n"],
          "fr": ["Avec plaisir. ", "D'accord, voici : ", "Certainement ! "],
          "es": ["Con gusto. ", "¡Hola! ", "Aquí está la respuesta:\n\n"],
          "zh": ["没问题。", "您好！", "很高兴回答您的问题：\n\n"]},
}
REFUSALS = {
    "a": {"en": ["I'm sorry, but I can't continue this text."],
          "de": ["Es tut mir leid, aber ich kann diesen Text nicht fortsetzen."],
          "fr": ["Je suis désolé, mais je ne peux pas continuer ce texte."],
          "es": ["Lo siento, pero no puedo continuar este texto."],
          "zh": ["抱歉，我无法继续这段文字。"]},
    "b": {"en": ["It looks like your message was cut off. What would you like me to write?"],
          "de": ["Ihre Nachricht scheint abgeschnitten zu sein. Was möchten Sie wissen?"],
          "fr": ["Votre message semble incomplet. Que souhaitez-vous savoir ?"],
          "es": ["Parece que su mensaje está incompleto. ¿Qué desea saber?"],
          "zh": ["您的消息似乎不完整。请问您想知道什么？"]},
}
METAS = {
    "a": {"en": "Here is the continuation:\n\n", "de": "Hier ist die Fortsetzung:\n\n",
          "fr": "Voici la suite :\n\n", "es": "Aquí está la continuación:\n\n",
          "zh": "以下是续写的内容：\n\n"},
    "b": {"en": "Continuing from where I left off: ", "de": "Ich fahre an dieser Stelle fort: ",
          "fr": "Je reprends là où je me suis arrêté : ", "es": "Continúo donde lo dejé: ",
          "zh": "继续上面的回答：\n\n"},
}


def is_word(text, i):
    return 0 <= i < len(text) and (text[i].isalnum() or text[i] == "_")


def places(text, rng):
    """(name, offset) of the cuts, a few of each sort."""
    n = len(text)
    sorts = {
        "mid-word": [i for i in range(2, n) if is_word(text, i - 1) and is_word(text, i)],
        "word": [i for i in range(4, n) if is_word(text, i - 1) and text[i] == " "],
        "blank": [i for i in range(4, n) if text[i - 1] == " " and is_word(text, i - 2)],
        "end": [i for i in range(4, n) if text[i - 1] in ENDS],
        "end-blank": [i for i in range(4, n) if text[i - 1] == " " and text[i - 2] in ENDS],
        "mark": [i for i in range(4, n) if text[i - 1] in ",;:，；：、{}[]()\""],
        "newline": [i for i in range(4, n) if text[i - 1] == "\n" and text[i] != "\n"],
    }
    many = {"mid-word": 3, "word": 2, "blank": 2}
    for name, offsets in sorts.items():
        for at in sorted(rng.sample(offsets, min(many.get(name, 1), len(offsets)))):
            yield name, at


def sentence_start(text, at):
    """Of the sentence that a cut lies in, or that ends there."""
    i = at - 1
    while i > 0 and not (text[i - 1] in ENDS + "\n" and i < at - 2):
        i -= 1
    while text[i] == " ":
        i += 1
    return i


def words_start(text, at, count):
    i = at
    while i > 0 and count > 0:
        i -= 1
        if text[i] == " " and i < at - 1:
            count -= 1
            if count == 0:
                return i + 1
    return i


def continuations(source, place, at):
    text = source["answer"]
    given, rest = text[:at], text[at:]
    yield "exact", rest, "continues", text
    if given.endswith(" "):
        yield "blank-twice", " " + rest, "continues", text
    if rest.startswith(" ") and rest[1:2].strip() and source["form"] in ("prose", "list"):
        yield "blank-lost", rest[1:], "continues", text
    yield "whole-again", text, "repeats", text
    start = sentence_start(text, at)
    if at - start >= 12 and source["form"] == "prose":
        yield "sentence-again", text[start:], "repeats", text
    if source["language"] not in ("zh", "ja", "") and source["form"] == "prose":
        start = words_start(text, at, 4)
        if at - start >= 10 and place != "end":
            yield "words-again", text[start:], "repeats", text


def new_answers(source, place, at, rng):
    text, half = source["answer"], source["half"]
    language = source["language"] if source["language"] in OPENERS["a"] else "en"
    half = half if half in OPENERS else "b"
    complete = text[at - 1] in ENDS or text[at - 1] == "\n" or text[at - 2:at - 1] in list(ENDS)
    for other in source["anew"]:
        yield "anew", other
    opener = rng.choice(OPENERS[half][language])
    yield "greeting-anew", opener + rng.choice(source["anew"])
    yield "greeting-whole", rng.choice(OPENERS[half][language]) + text
    yield "refusal", rng.choice(REFUSALS[half][language])
    yield "meta", METAS[half][language] + text[at:].lstrip()
    if not complete and source["form"] != "list":
        yield "nothing", ""


def inside_of(other, form):
    """A new answer that begins as a continuation would: in small letters, or without what opens
    it."""
    if form == "code" and "```" in other:
        return other.split("```")[1].split("\n", 1)[-1]
    if form == "json" and other.startswith("{"):
        return other[1:].lstrip()
    return other[0].lower() + other[1:] if other[0].isupper() else ""


def odd(source, at):
    """(kind, text) of next servers that say more than the rest, or a new answer in small letters.
    These have a line of their own per kind."""
    text = source["answer"]
    given, rest = text[:at], text[at:]
    words = [m.start() for m in re.finditer(r"\S+", given)]
    for count in (1, 2, 3):
        if len(words) > count:
            yield f"words-{count}", text[words[-count]:]
    for count in (6, 12, 25):
        if at > count + 8:
            yield f"letters-{count}", text[at - count:]
    yield "dots", "..." + rest
    yield "ellipsis", "\u2026" + rest
    if at > 28:
        yield "quote", '"' + text[at - 20:]
    if source["form"] != "code":
        yield "fence", "```python\n" + rest
    for other in source["anew"]:
        other = inside_of(other, source["form"])
        if other:
            yield "anew-small", other


def seams():
    with open(os.path.join(HERE, "texts.json"), encoding="utf-8") as file:
        texts = json.load(file)
    for source in texts:
        rng = random.Random(source["id"])
        for place, at in places(source["answer"], rng):
            given = source["answer"][:at]
            base = {"id": source["id"], "half": source["half"], "language": source["language"],
                    "form": source["form"], "place": place}
            for kind, text, verdict, whole in continuations(source, place, at):
                yield dict(base, kind=kind, given=given, next=text, verdict=verdict, whole=whole)
            for kind, text in new_answers(source, place, at, rng):
                yield dict(base, kind=kind, given=given, next=text, verdict="anew", whole="")
            for kind, text in odd(source, at):
                is_anew = kind == "anew-small"
                yield dict(base, kind=kind, given=given, next=text, odd=True,
                           verdict="anew" if is_anew else "continues",
                           whole="" if is_anew else source["answer"])


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    for seam in seams():
        print(json.dumps(seam, ensure_ascii=False))


if __name__ == "__main__":
    main()
