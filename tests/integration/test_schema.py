#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""amphi ask --schema: the twenty schemas of tests/support/schemas.json, with the embedded model and
with one of random weights, each answer checked by a small validator of its own."""
import concurrent.futures
import json
import math
import os
import re
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
RANDOM_MODEL = "../shared/vectors/models/llama-f16.gguf"
KINDS = {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}


def is_kind(kind, value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in ("number", "integer"):
        return number and (kind == "number" or value == int(value))
    return isinstance(value, KINDS[kind])


def resolve(root, path):
    for step in path.split("/")[1:]:
        root = root[step.replace("%20", " ").replace("~1", "/").replace("~0", "~")]
    return root


def valid(root, schema, value):
    if isinstance(schema, bool):
        return schema
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    says = [kinds is None or any(is_kind(kind, value) for kind in kinds),
            "enum" not in schema or value in schema["enum"],
            "const" not in schema or value == schema["const"],
            "$ref" not in schema or valid(root, resolve(root, schema["$ref"]), value),
            "anyOf" not in schema or any(valid(root, s, value) for s in schema["anyOf"]),
            "oneOf" not in schema or sum(valid(root, s, value) for s in schema["oneOf"]) == 1,
            all(valid(root, s, value) for s in schema.get("allOf", []))]
    if is_kind("number", value):
        says += [value >= schema.get("minimum", value), value <= schema.get("maximum", value),
                 value > schema.get("exclusiveMinimum", -math.inf),
                 value < schema.get("exclusiveMaximum", math.inf),
                 value % schema.get("multipleOf", 1) == 0 or "multipleOf" not in schema]
    elif isinstance(value, str):
        says += [schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)),
                 "pattern" not in schema or re.search(schema["pattern"], value) is not None]
    elif isinstance(value, list):
        prefix = schema.get("prefixItems", [])
        says += [schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))]
        says += [valid(root, prefix[i] if i < len(prefix) else schema.get("items", True), item)
                 for i, item in enumerate(value)]
    elif isinstance(value, dict):
        own = schema.get("properties", {})
        says += [name in value for name in schema.get("required", [])]
        says += [valid(root, own.get(name, schema.get("additionalProperties", True)), member)
                 for name, member in value.items()]
    return all(says)


def ask(model, entry, folder):
    """What is wrong with the answer, or None."""
    path = os.path.join(folder, entry["name"] + ".json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(entry["schema"], out)
    command = [os.path.join(BUILD, "bin", "amphi"), "ask", "--schema", path, "--mode", "only_local",
               "--model", model, "--data", os.path.join(folder, entry["name"]), "--no-cache",
               "--no-queue", "--seed", "3", "--max-tokens", "220", "An example, please."]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        stderr = done.stderr.decode(errors="replace")
        return f"{entry['name']}: exit {done.returncode}: {stderr[-300:]}"
    try:
        if valid(entry["schema"], entry["schema"], json.loads(text)):
            return None
    except ValueError as error:
        return f"{entry['name']}: {error}: {text[:300]}"
    return f"{entry['name']}: does not satisfy its schema: {text[:300]}"


def main():
    if not os.path.exists(os.path.join(BUILD, "bin", "amphi")):
        print("skipped: this build has no command-line program")
        return 77
    os.environ["AMPHI_WORKER"] = os.path.join(BUILD, "bin", "amphi-worker")
    with open("tests/support/schemas.json", encoding="utf-8") as file:
        schemas = json.load(file)
    assert len(schemas) == 20
    assert not valid({}, {"type": "integer", "maximum": 3}, 4)  # the checker can say no
    failures = []
    for model in ("local/models/amphi-help.gguf", RANDOM_MODEL):
        if not os.path.exists(model):
            print(f"{model} is not here: skipped")
            continue
        with tempfile.TemporaryDirectory() as folder, \
                concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda entry: ask(model, entry, folder), schemas))
        wrong = [answer for answer in answers if answer is not None]
        good = len(answers) - len(wrong)
        print(f"{model}: {good} of {len(answers)} answers satisfy their schema")
        failures += wrong
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
