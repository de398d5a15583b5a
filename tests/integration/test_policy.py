#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The policy document through `amphi policy`: its table, the published JSON Schema and the
reference page say the same; an independent validator (python3-jsonschema, where it is installed)
accepts what Amphi accepts, and nothing else."""
import json
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import faces  # noqa: E402
from faces import amphi, promise, refused, write  # noqa: E402

SCHEMA = "sdk/docs/policy.schema.json"
PAGE = "sdk/docs/policy.md"


def schema():
    with open(SCHEMA, encoding="utf-8") as file:
        return json.load(file)


def fields_of(node, prefix=""):
    """{dotted name: its schema}, without "pinned"."""
    found = {}
    for key, value in node["properties"].items():
        if value.get("type") == "object":
            found.update(fields_of(value, prefix + key + "."))
        elif value.get("type") != "array":
            found[prefix + key] = value
    return found


def rows_of_page():
    """{dotted name: the row's other cells}"""
    with open(PAGE, encoding="utf-8") as file:
        section = file.read().split("\n## The fields\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", section, re.M)
    return {name: cells.split(" | ") for name, cells in rows}


def explained():
    done = amphi("policy", "show", "--json")
    assert done.returncode == 0, done.stderr
    fields = {}
    for top in json.loads(done.stdout):
        part = amphi("policy", "explain", top, "--json")
        assert part.returncode == 0, part.stderr
        fields.update({field["field"]: field for field in json.loads(part.stdout)["fields"]})
    return fields


def nested(fields):
    document = {}
    for name, value in fields.items():
        *groups, last = name.split(".")
        inner = document
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = value
    return document


@promise
def policy__published_schema_is_the_one_of_the_library(folder):
    done = amphi("policy", "schema")
    assert done.returncode == 0 and done.stderr == ""
    with open(SCHEMA, encoding="utf-8") as file:
        assert file.read() == done.stdout, f"amphi policy schema > {SCHEMA}"


@promise
def policy__table_schema_and_page_agree(folder):
    table, published, page = explained(), fields_of(schema()), rows_of_page()
    assert set(table) == set(published) == set(page), set(table) ^ set(published) ^ set(page)
    assert len(table) > 50
    for name, field in table.items():
        one, (default, limits, unit, payload, meaning) = published[name], page[name]
        assert one["default"] == field["default"] == field["value"], name
        assert json.loads(default.strip("`")) == one["default"], (name, default)
        assert one["description"] == field["help"] == meaning, name
        assert one.get("x-unit", "") == field["unit"] == unit, (name, unit)
        assert one["x-payload"] == field["payload"] == payload, name
        if "enum" in one:
            assert field["limits"] == ", ".join(f'"{word}"' for word in one["enum"]), name
        elif one["type"] == "boolean":
            assert field["limits"] == "true, false" and limits == "`true`, `false`", name
        else:
            assert field["limits"] == limits == f"{one['minimum']} to {one['maximum']}", name
            assert one["minimum"] <= one["default"] <= one["maximum"], name
    assert nested({name: one["default"] for name, one in published.items()}) == json.loads(
        amphi("policy", "show", "--json").stdout)


def right_value(one, rng):
    if "enum" in one:
        return rng.choice(one["enum"])
    if one["type"] == "boolean":
        return rng.random() < 0.5
    low, high = one["minimum"], one["maximum"]
    value = rng.choice([low, high, one["default"], rng.randint(low, high),
                        rng.uniform(low, high) if one["type"] == "number" else low + 1])
    return float(value) if rng.random() < 0.1 else value


def wrong_value(one, rng):
    odd = [None, [], {}, "", "auto ", "AUTO", [one["default"]], {"value": 1}, "7", -1, 1e300, 0.5]
    if "minimum" in one:
        odd += [one["minimum"] - 1, one["maximum"] + 1, one["minimum"] + 0.5, True,
                str(one["default"])]
    else:
        odd += [0, 1, True, "true", "local"]
    return rng.choice(odd)


def random_document(published, groups, rng):
    """Of a few fields; about half of the documents have one mistake. Some mistakes are none."""
    names = rng.sample(sorted(published), rng.randint(0, 6))
    document = nested({name: right_value(published[name], rng) for name in names})
    if rng.random() < 0.3:
        document["pinned"] = rng.sample(sorted(published) + sorted(groups), rng.randint(0, 3))
    mistake = rng.choice(["value", "key", "nested key", "group", "pin", "top", *["none"] * 5])
    name = rng.choice(sorted(published))
    group = rng.choice(sorted(groups))
    if mistake == "value":
        document.update(nested({name: wrong_value(published[name], rng)}))
    elif mistake == "key":
        document[rng.choice(["modes", "Mode", "", "a.b", name, "größe", "mode ", "$schema"])] = 1
    elif mistake == "nested key":
        document.update(nested({group + rng.choice([".nope", ".Enabled", ".", ".mode.x"]): True}))
    elif mistake == "group":
        document.update(nested({group: rng.choice([None, 1, [], "x", True])}))
    elif mistake == "pin":
        document["pinned"] = rng.choice(["mode", {}, None, [1], ["nope"], ["local."], ["mode", ""]])
    elif mistake == "top":
        return rng.choice([[], [document], None, 1, "auto", True])
    return document


@promise
def policy__an_independent_validator_says_the_same(folder):
    try:
        import jsonschema
    except ImportError:
        raise faces.Skipped("python3-jsonschema is not installed") from None
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    published = fields_of(schema())
    groups = {name.rsplit(".", 1)[0] for name in published if "." in name} | {"local"}
    rng = random.Random(13)
    documents = [random_document(published, groups, rng) for _ in range(3000)]
    files = [write(folder, f"{i}.json", document) for i, document in enumerate(documents)]
    verdicts = []
    for start in range(0, len(files), 250):
        done = amphi("policy", "check", "--json", *files[start:start + 250])
        verdicts += json.loads(done.stdout)["documents"]
    accepted = related = 0
    for document, verdict in zip(documents, verdicts, strict=True):
        valid = validator.is_valid(document)
        # What a schema can't say: one field may bound another.
        if valid and not verdict["ok"] and " must not be above " in verdict["error"]:
            related += 1
            continue
        assert valid == verdict["ok"], (document, verdict, list(validator.iter_errors(document)))
        accepted += valid
    print(f"{len(documents)} documents: {accepted} accepted by both, {related} contradict "
          f"themselves, {len(documents) - accepted - related} refused by both")
    assert accepted > 800 and len(documents) - accepted - related > 800 and related > 20


@promise
def policy__check_names_what_is_wrong_and_what_is_vain(folder):
    good = write(folder, "good.json", {"mode": "prefer_local"})
    vain = write(folder, "vain.json",
                 {"cost": {"over": "last"}, "cache": {"ttl_s": 0, "near": True}})
    bad = write(folder, "bad.json", {"battery": {"min": 3}})
    twice = write(folder, "twice.json", '{"mode":"auto","mode":"only_local"}')
    done = amphi("policy", "check", good, vain)
    assert done.returncode == 0 and done.stderr == "", done
    assert f"{good}: a policy document" in done.stdout
    assert f"{vain}: note: cost.over does nothing while cost.day_usd_max is 0" in done.stdout
    assert f"{vain}: note: cache.near does nothing while cache.ttl_s is 0" in done.stdout
    done = amphi("policy", "check", good, bad)
    assert f"{good}: a policy document" in done.stdout
    refused(done, bad, "battery.min")
    refused(amphi("policy", "check", twice), "mode stands there twice")
    refused(amphi("policy", "check", "-", stdin=""), "policy: ")
    refused(amphi("policy", "check", "-", stdin=b"{}\0"), "policy: ")
    assert amphi("policy", "check", "-", stdin="{}").returncode == 0
    refused(amphi("policy", "check", os.path.join(folder, "missing.json")), "missing.json")
    done = amphi("policy", "check", "--json", good, bad)
    assert done.returncode == 1 and done.stderr == ""
    first, second = json.loads(done.stdout)["documents"]
    assert first == {"file": good, "ok": True, "notes": []}, first
    assert second["file"] == bad and not second["ok"] and "battery.min" in second["error"], second


@promise
def policy__show_diff_and_explain_a_document(folder):
    one = write(folder, "one.json", {"battery": {"min_percent": 40}, "pinned": ["cloud.enabled"]})
    two = write(folder, "two.json", {"battery": {"min_percent": 40}, "thermal": {"max": "serious"}})
    shown = amphi("policy", "show", one).stdout
    assert re.search(r"^battery.min_percent +40 \(default 20\)$", shown, re.M), shown
    assert re.search(r"^cloud.enabled +true, pinned$", shown, re.M), shown
    whole = json.loads(amphi("policy", "show", "--json", one).stdout)
    assert whole["battery"]["resume_percent"] == 45 and whole["pinned"] == ["cloud.enabled"], whole
    assert amphi("policy", "show", "--json", "--policy", one).stdout == json.dumps(
        whole, separators=(",", ":")) + "\n"
    again = write(folder, "again.json", whole)
    assert json.loads(amphi("policy", "show", "--json", again).stdout) == whole
    changes = json.loads(amphi("policy", "diff", "--json", one, two).stdout)["differences"]
    assert changes == [
        {"field": "cloud.enabled", "from": True, "to": True, "from_pinned": True,
         "to_pinned": False},
        {"field": "thermal.max", "from": "fair", "to": "serious", "from_pinned": False,
         "to_pinned": False}], changes
    assert json.loads(amphi("policy", "diff", "--json", one, again).stdout) == {"differences": []}
    text = amphi("policy", "diff", two).stdout
    assert re.search(r"^battery.resume_percent +25 -> 45$", text, re.M), text
    assert re.search(r'^thermal.max +"fair" -> "serious"$', text, re.M), text
    text = amphi("policy", "explain", "battery.resume_percent", one).stdout
    assert "here     45, following a field of the document" in text and "0 to 100 %" in text, text
    text = amphi("policy", "explain", "cloud.enabled", "--policy", one).stdout
    assert "payload  nothing: it is pinned" in text, text


@promise
def policy__mistakes_are_one_line(folder):
    bad = write(folder, "bad.json", {"nope": 1})
    refused(amphi("policy", "explain", "batery"), "did you mean battery")
    refused(amphi("policy", "explain", "local.enable"), "did you mean local.enabled?")
    refused(amphi("policy", "explain", ""), "there is no field")
    for words in (["show", bad], ["diff", bad], ["diff", bad, bad], ["explain", "mode", bad]):
        refused(amphi("policy", *words), "nope")
    for words in ([], ["fly"], ["check"], ["diff"], ["explain"], ["show", bad, bad],
                  ["diff", bad, bad, bad], ["schema", bad]):
        assert amphi("policy", *words).returncode == 2, words


if __name__ == "__main__":
    faces.main()
