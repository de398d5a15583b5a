#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How good are the judges of a local answer's first tokens? Not a ctest: it runs real models.

    exam.py grade --amphi BIN --model M --kind help --out ROWS [--limit N]
    exam.py grade --amphi BIN --model M --kind gsm8k|letters --questions F --out ROWS [--limit N]
    exam.py letters --questions FOLDER --out F
    exam.py figures --amphi BIN --model M --rows ROWS
    exam.py weights --amphi BIN --pair M ROWS [--pair M ROWS]...

grade asks the model (amphi serve, greedy, only_local) and writes {"prompt","right"} lines:
  help     questions.jsonl beside this file. Inside the help model's job an answer is right when it
           has its topic's keywords (local/models/heldout.json); outside of it none is, a refusal
           included: a cloud would have answered.
  gsm8k    {"question","answer"} lines whose answer ends in "#### NUMBER": the last number said.
  letters  {"prompt","answer"} lines, answer A, B, C or D: the first such letter said.
letters turns MMLU-Redux's CSV files (question;choices;answer;error_type) into such lines, in a
fixed shuffled order; what its reviewers found wrong is left out.
weights fits the judge for every model (local/judge/judge_logits.c): one logistic function of the
six numbers of the logits, for the rows of several models, which all count the same.
figures trains a head on each half of the rows and tries it on the other one, so no row is judged by
a head that has seen it, and prints the area under the ROC curve with a 95 % bootstrap interval, and
the curve: share of answers moved to the cloud against share of wrong answers that are shown."""
import argparse
import ast
import csv
import glob
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "..", "local", "models")


# ---- asking ----

# As long as it takes: an exam may run beside other work.
PATIENT = {"total_ms": 3600000, "local": {"budgets": {"first_token_ms": 3600000,
                                                      "idle_ms": 3600000}}}


class Gateway:
    """amphi serve over one model, on a free port."""

    def __init__(self, amphi, model, threads):
        self.folder = tempfile.TemporaryDirectory()
        policy = os.path.join(self.folder.name, "policy.json")
        with open(policy, "w", encoding="utf-8") as file:
            json.dump(PATIENT, file)
        self.process = subprocess.Popen(
            [amphi, "serve", "--port", "0", "--model", model, "--mode", "only_local", "--no-cache",
             "--no-queue", "--threads", str(threads), "--policy", policy,
             "--data", os.path.join(self.folder.name, "data")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.url = None
        for line in self.process.stdout:
            found = re.search(r"http://[\w.\[\]:]+", line)
            if found:
                self.url = found.group(0)
                break
        if self.url is None:
            sys.exit("amphi serve does not start")

    def ask(self, prompt, tokens):
        body = {"messages": [{"role": "user", "content": prompt}], "temperature": 0,
                "max_tokens": tokens, "model": "local"}
        request = urllib.request.Request(self.url + "/v1/chat/completions",
                                         json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=3600) as reply:
            return json.load(reply)["choices"][0]["message"]["content"] or ""

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


# ---- grading ----

def help_questions():
    with open(os.path.join(MODELS, "heldout.json"), encoding="utf-8") as file:
        keys = {row["topic"]: row["keys"] for row in json.load(file) if row["kind"] == "single"}
    with open(os.path.join(HERE, "questions.jsonl"), encoding="utf-8") as file:
        for row in map(json.loads, file):
            yield row["prompt"], keys[row["topic"]] if row["topic"] else None


def help_is_right(answer, keys):
    answer = answer.lower()
    refuses = "offline" in answer and ("i can't" in answer or "did not understand" in answer)
    return keys is not None and not refuses and \
        all(any(key.lower() in answer for key in group) for group in keys)


def gsm8k_questions(path):
    with open(path, encoding="utf-8") as file:
        for row in map(json.loads, file):
            yield row["question"], row["answer"].split("####")[-1].strip().replace(",", "")


def last_number_is_right(answer, number):
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", answer)
    try:
        return bool(found) and float(found[-1].replace(",", "")) == float(number)
    except ValueError:
        return False


def letters(args):
    rows = []
    for path in sorted(glob.glob(os.path.join(args.questions, "*.csv"))):
        with open(path, encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file, delimiter=";"):
                try:
                    choices, answer = ast.literal_eval(row["choices"]), int(row["answer"])
                except (KeyError, TypeError, ValueError, SyntaxError):
                    continue
                text = row["question"].strip() + "".join(
                    f"\n{letter}. {choice}" for letter, choice in zip("ABCD", choices))
                if (row["error_type"] or "").strip().lower() == "ok" and len(choices) == 4 \
                        and 0 <= answer < 4 and len(text) <= 1000:
                    rows.append({"prompt": text + "\nAnswer with the letter of the right choice "
                                                  "only.", "answer": "ABCD"[answer]})
    random.Random(5).shuffle(rows)
    with open(args.out, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    print(f"{len(rows)} questions")


def letters_questions(path):
    with open(path, encoding="utf-8") as file:
        for row in map(json.loads, file):
            yield row["prompt"], row["answer"]


def first_letter_is_right(answer, letter):
    found = re.search(r"\b([ABCD])\b", answer)
    return found is not None and found.group(1) == letter


def grade(args):
    questions, is_right, tokens = {
        "help": (help_questions, help_is_right, 160),
        "gsm8k": (lambda: gsm8k_questions(args.questions), last_number_is_right, 256),
        "letters": (lambda: letters_questions(args.questions), first_letter_is_right, 16),
    }[args.kind]
    gateway = Gateway(args.amphi, args.model, args.threads)
    right = count = 0
    try:
        with open(args.out, "w", encoding="utf-8") as out:
            for prompt, wanted in questions():
                if args.limit and count == args.limit:
                    break
                good = is_right(gateway.ask(prompt, tokens), wanted)
                out.write(json.dumps({"prompt": prompt, "right": good}) + "\n")
                out.flush()
                count += 1
                right += good
    finally:
        gateway.close()
    print(f"{right} of {count} answers are right")


# ---- figures ----

def run_head(args, verb, model, rows):
    done = subprocess.run([args.amphi, "model", "head", verb, "--model", model, "--json",
                           "--threads", str(args.threads), rows],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return json.loads(done.stdout)


def roc_area(pairs):
    """Of (score, right) pairs, equal scores by half."""
    ranked = sorted(pairs)
    ranks, rights, at = 0.0, 0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        here = sum(right for _, right in ranked[at:end])
        ranks += here * (at + end + 1) / 2
        rights += here
        at = end
    wrongs = len(ranked) - rights
    return (ranks - rights * (rights + 1) / 2) / (rights * wrongs) if rights and wrongs else 0.5


def interval(pairs, rounds=2000):
    draw = random.Random(26)
    areas = sorted(roc_area([draw.choice(pairs) for _ in pairs]) for _ in range(rounds))
    return areas[int(rounds * 0.025)], areas[int(rounds * 0.975)]


def print_curve(name, pairs):
    wrongs = sum(not right for _, right in pairs)
    print(f"  {name}: threshold, share moved, share of wrong answers shown, "
          "share of right answers shown")
    for percent in range(10, 95, 10):
        shown = [right for score, right in pairs if score >= percent / 100]
        wrong = sum(not right for right in shown)
        rights = len(pairs) - wrongs
        print(f"    {percent:2} %  {1 - len(shown) / len(pairs):6.1%}  "
              f"{wrong / max(wrongs, 1):6.1%}  {sum(shown) / max(rights, 1):6.1%}")


def figures(args):
    with open(args.rows, encoding="utf-8") as file:
        rows = [line for line in file if line.strip()]
    random.Random(19).shuffle(rows)
    halves = [rows[0::2], rows[1::2]]
    head, logits, chosen = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model.gguf")
        os.symlink(os.path.abspath(args.model), model)
        paths = [os.path.join(folder, f"half{i}.jsonl") for i in (0, 1)]
        for path, half in zip(paths, halves):
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(half)
        for i in (0, 1):
            trained = run_head(args, "train", model, paths[i])
            chosen.append(f"depth {trained['depth']}/8, {trained['pool']}, "
                          f"cross-validated {trained['auc']:.3f}")
            tried = run_head(args, "test", model, paths[1 - i])
            for right, by_head, by_logits, _ in tried["scores"]:
                head.append((by_head, right))
                logits.append((by_logits, right))
    right = sum(right for _, right in head)
    print(f"{os.path.basename(args.model)}, {os.path.basename(args.rows)}: {len(head)} rows, "
          f"{right} right; heads: {'; '.join(chosen)}")
    for name, pairs in (("head", head), ("logits", logits)):
        low, high = interval(pairs)
        print(f"  {name}: area under the ROC curve {roc_area(pairs):.3f} ({low:.3f} to {high:.3f})")
    print_curve("head", head)
    print_curve("logits", logits)


# ---- the judge for every model ----

def fit(rows, penalty=0.01, steps=3000):
    """(numbers, right, weight) rows to weights on the numbers as they are, the bias last: gradient
    descent on standardized columns."""
    total = sum(weight for *_, weight in rows)
    columns = list(zip(*(numbers for numbers, _, _ in rows)))
    means = [sum(column) / len(column) for column in columns]
    deviations = [max(1e-6, math.sqrt(sum((x - mean) ** 2 for x in column) / len(column)))
                  for column, mean in zip(columns, means)]
    rows = [([(x - m) / d for x, m, d in zip(numbers, means, deviations)], right, weight / total)
            for numbers, right, weight in rows]
    weights, bias = [0.0] * len(means), 0.0
    for _ in range(steps):
        slope, bias_slope = [penalty * w for w in weights], 0.0
        for numbers, right, weight in rows:
            odds = bias + sum(w * x for w, x in zip(weights, numbers))
            off = weight * (1 / (1 + math.exp(-odds)) - right)
            bias_slope += off
            slope = [s + off * x for s, x in zip(slope, numbers)]
        weights = [w - 0.5 * s for w, s in zip(weights, slope)]
        bias -= 0.5 * bias_slope
    weights = [w / d for w, d in zip(weights, deviations)]
    return weights + [bias - sum(w * m for w, m in zip(weights, means))]


def weights(args):
    rows, per_model = [], []
    for model_path, rows_path in args.pair:
        with tempfile.TemporaryDirectory() as folder:
            model = os.path.join(folder, "model.gguf")
            os.symlink(os.path.abspath(model_path), model)
            scores = run_head(args, "train", model, rows_path)["scores"]
        mine = [(numbers, right, 1 / len(scores)) for right, _, _, numbers in scores]
        per_model.append((os.path.basename(rows_path), mine))
        rows += mine
    print("all:", ", ".join(f"{w:.4f}" for w in fit(rows)))
    for name, mine in per_model:  # each without itself, and what that is worth to it
        if len(per_model) > 1:
            others = fit([row for other, theirs in per_model if other != name for row in theirs])
            pairs = [(others[-1] + sum(w * x for w, x in zip(others, numbers)), right)
                     for numbers, right, _ in mine]
            print(f"{name}: by the others' weights {roc_area(pairs):.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("verb", choices=["grade", "letters", "figures", "weights"])
    parser.add_argument("--amphi")
    parser.add_argument("--model")
    parser.add_argument("--pair", nargs=2, action="append", default=[])
    parser.add_argument("--kind", choices=["help", "gsm8k", "letters"])
    parser.add_argument("--questions")
    parser.add_argument("--rows")
    parser.add_argument("--out")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    {"grade": grade, "letters": letters, "figures": figures, "weights": weights}[args.verb](args)


if __name__ == "__main__":
    main()
