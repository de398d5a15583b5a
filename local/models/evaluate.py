"""Examines the help model with heldout.json: greedy answers, keywords, shares per kind and topic.

  python evaluate.py                         the GGUF's own weights, dequantized, in PyTorch
  python evaluate.py --amphi path/to/amphi   the real engine, one process per question

An answer counts when every group of keywords has a hit, and when it refuses exactly where it should
(an off-topic question; see corpus_heldout.py). Follow-ups are asked after the model's own answers
to the turns before.
"""
import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent


class TorchBackend:
    def __init__(self, path):
        import gguf_file
        import model
        import tokenizer
        import torch
        torch.set_num_threads(1)
        metadata, tensors = gguf_file.read(path)
        merges = [merge.split(" ") for merge in metadata["tokenizer.ggml.merges"]]
        self.tokenizer = tokenizer.Tokenizer(metadata["tokenizer.ggml.tokens"], merges)
        self.model = model.Model.from_gguf(metadata, tensors)

    def converse(self, turns):
        messages = []
        for turn in turns:
            messages.append({"role": "user", "content": turn})
            ids = self.model.answer(self.tokenizer.encode_chat(messages))
            messages.append({"role": "assistant", "content": self.tokenizer.decode(ids)})
        return [m["content"] for m in messages if m["role"] == "assistant"]


class AmphiBackend:
    def __init__(self, program, path):
        self.base = [program, "ask", "--json", "--mode", "only_local", "--no-cache",
                     "--model", path]
        self.count = 0

    def converse(self, turns):
        self.count += 1
        answers = []
        with tempfile.TemporaryDirectory() as directory:
            for turn in turns:
                command = self.base + ["--data", directory]
                if len(turns) > 1:
                    command += ["--conversation", "exam-%d" % self.count]
                result = subprocess.run(command + [turn], capture_output=True, text=True,
                                        timeout=120)
                try:
                    answers.append(json.loads(result.stdout)["text"])
                except (ValueError, KeyError):
                    answers.append("(no answer: %s)" % (result.stderr.strip() or result.returncode))
        return answers


def refuses(answer):
    answer = answer.lower()
    return "offline" in answer and ("i can't" in answer or "did not understand" in answer)


def correct(item, answer):
    lower = answer.lower()
    hit = all(any(key.lower() in lower for key in group) for group in item["keys"])
    return hit and refuses(answer) == item.get("refuse", False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=str(HERE / "amphi-help.gguf"))
    parser.add_argument("--amphi", help="the amphi program; without it PyTorch answers")
    parser.add_argument("--items", default=str(HERE / "heldout.json"))
    parser.add_argument("--ask", nargs="+", help="ask these turns and print the answers instead")
    parser.add_argument("--verbose", action="store_true", help="print every answer")
    args = parser.parse_args()
    backend = AmphiBackend(args.amphi, args.model) if args.amphi else TorchBackend(args.model)
    if args.ask:
        for turn, answer in zip(args.ask, backend.converse(args.ask)):
            print("> %s\n%s\n" % (turn, answer))
        return
    right, total = defaultdict(int), defaultdict(int)
    for item in json.loads(Path(args.items).read_text()):
        answer = backend.converse(item["turns"])[-1]
        good = correct(item, answer)
        total[item["kind"]] += 1
        right[item["kind"]] += good
        if args.verbose or not good:
            print("%s %s: %s\n     %s" % ("ok  " if good else "FAIL", item["topic"],
                                          " > ".join(item["turns"]), answer))
    for kind in total:
        print("%-9s %3d of %3d  %.1f %%" % (kind, right[kind], total[kind],
                                            100 * right[kind] / total[kind]))
    print("all       %3d of %3d  %.1f %%" % (
        sum(right.values()), sum(total.values()), 100 * sum(right.values()) / sum(total.values())))


if __name__ == "__main__":
    main()
