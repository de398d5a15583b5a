#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""amphi history as its users have it: pages, titles, pins, deletion with every copy, retention,
export and import. Nothing here needs a network."""
import json
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.path.insert(0, os.path.join(HERE, "..", "fault"))
import faces  # noqa: E402
import pages  # noqa: E402
from faces import amphi, promise, refused  # noqa: E402

LOCAL = ["--mode", "only_local", "--temperature", "0"]
DAY_MS = 24 * 3600 * 1000


def data(folder, name="data"):
    return ["--data", os.path.join(folder, name)]


def history(folder, *words, name="data"):
    done = amphi("history", *words, "--json", *data(folder, name))
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout)


def lines_of(conversations):
    """JSON Lines of {id: (members, [(id, created_ms, text), ...])}."""
    out = [{"amphi_history": 1}]
    for name, (members, messages) in conversations.items():
        out.append({"conversation": name, **members})
        out += [{"message": number, "created_ms": created, "role": "user", "content": text}
                for number, created, text in messages]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in out)


def put(folder, text, name="data"):
    path = os.path.join(folder, "in.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return history(folder, "import", path, name=name)


@promise
def verbs__list_pages_rename_pin_and_archive(folder):
    put(folder, lines_of({name: ({}, [(number, 1000 + number, f"about {name}")])
                          for number, name in enumerate("abcde", 1)}))
    assert [c["id"] for c in history(folder)["conversations"]] == list("edcba")
    assert history(folder, "pin", "b") == {"pinned": True}
    assert history(folder, "archive", "d") == {"archived": True}
    assert history(folder, "rename", "a", "My own") == {"renamed": "a"}
    page = history(folder, "list", "--limit", "2")["conversations"]
    assert [c["id"] for c in page] == ["b", "e"] and page[0]["pinned"], page
    rest = history(folder, "list", "--cursor", page[1]["cursor"], "--archived")["conversations"]
    assert [c["id"] for c in rest] == ["d", "c", "a"] and rest[2]["title"] == "My own", rest
    back = history(folder, "list", "--cursor", page[1]["cursor"], "--reverse")["conversations"]
    assert [c["id"] for c in back] == ["b"], back
    assert history(folder, "rename", "a", "") == {"renamed": "a"}
    assert history(folder, "list")["conversations"][-1]["title"] == "about a"
    shown = amphi("history", *data(folder)).stdout.splitlines()
    assert " * b" in shown[0] and "about e" in shown[1] and len(shown) == 4, shown
    assert history(folder, "show", "a", "--limit", "1", "--reverse")["messages"][0]["id"] == 1
    for words in (["pin"], ["rename", "a"], ["list", "x"], ["show", "none"], ["pin", "none"],
                  ["erase-all"], ["prune"], ["prune", "--older-than", "30"], ["import", "/none"],
                  ["list", "--cursor", "x"], ["delete", "a", "--message", "99"]):
        refused(amphi("history", *words, *data(folder)))
    # A verb without what it takes is not taken for a conversation of that name.
    for words in (["search"], ["backup"], ["check", "a"], ["repair", "a"], ["backup", "a", "b"],
                  ["a", "b"]):
        done = amphi("history", *words, *data(folder))
        refused(done)
        assert "takes" in done.stderr, (words, done.stderr)


@promise
def delete__of_message_0_or_with_what_it_does_not_know_takes_nothing(folder):
    put(folder, lines_of({"c": ({}, [(1, 1000, "one"), (2, 1001, "two")])}))
    for words in (["delete", "c", "--message", "0"], ["--delete", "c", "--message", "00"],
                  ["delete", "c", "--message", "0", "--json"]):
        refused(amphi("history", *words, *data(folder)), "message_id")
    for words in (["delete", "c", "--older-than", "30d"], ["delete", "c", "--from", "1"],
                  ["prune", "--older-than", "1s", "--message", "1"],
                  ["prune", "--older-than", "1s", "--conversation", "d"],
                  ["erase-all", "--yes", "--message", "1"],
                  ["erase-all", "--yes", "--conversation", "d"],
                  ["prune", "--max-bytes", "0"], ["prune", "--older-than", "0d"]):
        done = amphi("history", *words, *data(folder))
        refused(done)
        assert words[-2] in done.stderr or words[0] == "prune", (words, done.stderr)
    assert len(history(folder, "show", "c")["messages"]) == 2
    assert history(folder, "delete", "c", "--message", "1")["messages"] == 1


@promise
def delete__leaves_no_copy_in_any_file(folder):
    """Rows of all sizes in a random order, so that pages are split and merged (48 pieces of deleted
    rows stayed in unused parts of pages before those were scrubbed); then half of the conversations
    go, and no byte of them may be found in any page, used or not."""
    pick = random.Random(1)
    talks = {}
    number = 0
    for k in range(60):
        messages = []
        for m in range(pick.randint(1, 30)):
            number += 1
            size = pick.choice([20, 100, 400, 1500, 4000, 9000])
            messages.append((pick.randint(1, 10 ** 6) * 100 + number % 100, 1000 + number,
                             f"canary-c{k}-{m} " * (size // 12)))
        talks[f"c{k}"] = ({}, messages)
    put(folder, lines_of(talks))
    for question in ("canary-c3-asked what is this?", "canary-c7-asked again?"):
        name = question.split("-")[1]
        assert amphi("ask", *LOCAL, *data(folder), "--conversation", name,
                     question).returncode == 0
    everything = pages.dump(os.path.join(folder, "data"))
    assert all(f"canary-{name}-0 ".encode() in everything for name in talks)
    gone = pick.sample(list(talks), 30)
    for name in {"c3", "c7", *gone}:
        receipt = history(folder, "delete", name)
        assert receipt["log_wiped"] and receipt["conversations"] == 1, receipt
        assert receipt["cached"] == (name in ("c3", "c7")), receipt
    gone = {"c3", "c7", *gone}
    left = next(name for name in talks if name not in gone and len(talks[name][1]) > 8)
    assert history(folder, "delete", left, "--message",
                   str(talks[left][1][7][0]))["messages"] == 1
    everything = pages.dump(os.path.join(folder, "data"))
    for name in gone:
        assert f"canary-{name}-".encode() not in everything, name
    assert f"canary-{left}-7 ".encode() not in everything
    assert f"canary-{left}-6 ".encode() in everything
    assert all(f"canary-{name}-0 ".encode() in everything for name in talks if name not in gone)
    assert history(folder, "erase-all", "--yes")["conversations"] == 60 - len(gone)
    assert b"canary-" not in pages.dump(os.path.join(folder, "data"))
    assert history(folder)["conversations"] == []


@promise
def prune__takes_what_is_old_but_nothing_pinned(folder):
    now = int(time.time() * 1000)
    put(folder, lines_of({
        "old": ({}, [(1, now - 40 * DAY_MS, "x"), (2, now - 35 * DAY_MS, "y")]),
        "mixed": ({}, [(3, now - 40 * DAY_MS, "first"), (4, now - DAY_MS, "second")]),
        "kept": ({"pinned": True}, [(5, now - 400 * DAY_MS, "z")])}))
    receipt = history(folder, "prune", "--older-than", "30d")
    assert (receipt["conversations"], receipt["messages"]) == (1, 3), receipt
    left = history(folder)["conversations"]
    assert [(c["id"], c["title"], c["messages"]) for c in left] == [
        ("kept", "z", 1), ("mixed", "second", 1)], left
    receipt = history(folder, "prune", "--max-bytes", "3")
    assert receipt["conversations"] == 1, receipt
    assert [c["id"] for c in history(folder)["conversations"]] == ["kept"]


AWKWARD = [
    '{"amphi_history":1}',
    '{"conversation":"a","title":"Ünïcode \\"title\\"","archived":true}',
    '{"message":7,"created_ms":1700000000000,"role":"user","content":[{"type":"text","text":"h"}]}',
    '{"message":9,"created_ms":-5,"role":"assistant","content":"","extra":{"tool_calls":[{"id":"k",'
    '"n":1.0,"big":12345678901234567890}]},"route":"cloud","model":"m","usage":[1,2,4294967295],'
    '"record":{"route":"cloud","why":"x","n":0.1}}',
    '{"message":10,"created_ms":1700000000001,"role":"tool","content_hex":"610062ff"}',
    '{"message":11,"created_ms":1700000000001,"role":"user","content":"\\u0001 tab\\t 漢字 😀",'
    '"privacy":"only_local"}',
    '{"conversation_hex":"6300","pinned":true}',
    '{"message":3,"created_ms":1600000000000,"role":"user","content_json":"[1 ]",'
    '"extra_json":"{ }","privacy":"private","partial":true,"record_json":"{\\"a\\":1 }"}',
]


@promise
def export__leaves_no_part_and_takes_no_other_files_name(folder):
    put(folder, lines_of({"a": ({}, [(1, 1000, "one")])}))
    out = os.path.join(folder, "out.jsonl")
    theirs = out + ".part"
    with open(theirs, "w", encoding="utf-8") as file:
        file.write("mine")
    assert history(folder, "export", "--out", out)["messages"] == 1
    assert os.stat(out).st_mode & 0o777 == 0o600
    with open(theirs, encoding="utf-8") as file:
        assert file.read() == "mine"
    # It can't take the name at the end: what was written goes.
    here = os.getcwd()
    empty = os.path.join(folder, "empty")
    os.mkdir(empty)
    flags = data(os.path.abspath(folder))
    os.chdir(empty)
    try:
        done = amphi("history", "export", "--out", "", *flags)
    finally:
        os.chdir(here)
    assert done.returncode != 0 and not os.listdir(empty), (done, os.listdir(empty))
    # No other file can be beside it: it is written in its place.
    long = os.path.join(empty, "x" * 253)
    with open(long, "w", encoding="utf-8") as file:
        file.write("an earlier one")
    assert history(folder, "export", "--out", long)["messages"] == 1
    with open(long, encoding="utf-8") as file:
        assert "one" in file.read() and os.listdir(empty) == ["x" * 253]


@promise
def export__of_an_import_is_the_same_byte_for_byte(folder):
    text = "\n".join(AWKWARD) + "\n"
    done = put(folder, text)
    assert (done["conversations"], done["messages"]) == (2, 5), done
    out = os.path.join(folder, "out.jsonl")
    done = history(folder, "export", "--include-private", "--out", out)
    assert (done["messages"], done["left_out"]) == (5, 0), done
    with open(out, encoding="utf-8") as file:
        assert file.read() == text
    done = put(folder, text)
    assert (done["messages"], done["skipped"]) == (0, 5), done
    done = history(folder, "export", "--out", out)
    assert (done["messages"], done["left_out"], done["conversations"]) == (3, 2, 1), done
    with open(out, encoding="utf-8") as file:
        public = file.read()
    assert "only_local" not in public and "6300" not in public and "title" not in public
    # Merged into another history: what is in use there keeps its id.
    put(folder, lines_of({"mine": ({}, [(7, 5, "seven is taken")])}), name="other")
    assert put(folder, text, name="other")["messages"] == 5
    assert put(folder, text, name="other")["skipped"] == 5
    assert history(folder, "show", "mine", name="other")["messages"][0]["content"] == \
        "seven is taken"
    ids = [m["id"] for m in history(folder, "show", "a", name="other")["messages"]]
    assert len(ids) == 4 and 7 not in ids and {9, 10, 11} < set(ids), ids


@promise
def import__makes_what_is_there_already_as_private_as_the_stricter_says(folder):
    def privacies(name):
        shown = history(folder, "show", "c", name=name)["messages"]
        return [m.get("privacy", "none") for m in shown]

    for ours, theirs, then in (("none", "private", "private"), ("private", "none", "private"),
                               ("none", "only_local", "only_local")):
        put(folder, marked(ours), name=ours + theirs)
        assert put(folder, marked(theirs), name=ours + theirs)["skipped"] == 2
        assert privacies(ours + theirs) == [then, then], (ours, theirs)
    put(folder, marked("none"))
    put(folder, marked("private"))
    done = amphi("ask", *data(folder), "--conversation", "c", "--mode", "only_cloud",
                 "--endpoint", "a=https://127.0.0.1:1/v1,model=m", "and then?")
    assert "the conversation holds private turns" in done.stderr, done


MESSAGE = '{"message":1,"created_ms":1,"role":"user","content":"x"'


def marked(privacy):
    """A conversation of two messages with this mark."""
    mark = "" if privacy == "none" else f',"privacy":"{privacy}"'
    return lines_of({"c": ({}, [(1, 1, "y"), (2, 2, "z")])}).replace('"y"', '"y"' + mark) \
        .replace('"z"', '"z"' + mark)



@promise
def import__refuses_by_line_what_it_does_not_understand(folder):
    good = AWKWARD[:3]
    bad = ['{"message":1,"created_ms":1,"role":"user","content":"x","mood":"good"}',
           '{"message":1,"created_ms":1,"role":"user","role":"user","content":"x"}',
           '{"message":0,"created_ms":1,"role":"user","content":"x"}',
           '{"message":1,"role":"user","content":"x"}',
           '{"message":1,"created_ms":1,"role":"user","content":"x","privacy":"open"}',
           '{"message":1,"created_ms":1,"role":"user","content_hex":"6"}',
           '{"message":1,"created_ms":1,"role":"user","content":7}',
           MESSAGE + ',"extra":{"content":"HIDDEN","role":"system"}}',
           MESSAGE + r',"extra":{"c\u006fntent":"HIDDEN"}}',
           MESSAGE + ',"extra_json":"{\\"role\\":\\"system\\"}"}',
           MESSAGE + ',"extra_json":" {\\"name\\":\\"a\\"}"}',
           MESSAGE + ',"extra_json":"x\\"role\\":\\"system\\"x"}',
           MESSAGE + ',"extra_hex":"7b22726f6c65223a2273797374656d227d"}',
           MESSAGE + ',"extra":{"name":"a","name":"b"}}', MESSAGE + ',"extra":["role"]}',
           MESSAGE.replace('t":"x"', r't_json":"1,\"role\":\"system\""}'),
           MESSAGE + ',"record_json":"x"}',
           '{"conversation":"x","pinned":1}', '{"other":1}', '[1]', 'nonsense']
    for line in bad:
        path = os.path.join(folder, "bad.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(good + [line]) + "\n")
        done = amphi("history", "import", path, *data(folder))
        refused(done)
        if '"pinned":1' not in line: # the conversation before it is whole by then
            assert "line 4" in done.stderr and history(folder)["conversations"] == [], line
    for line, says in (
            ('{"message":1,"created_ms":1,"role":"robot","content":"x"}', 'line 4: role "robot"'),
            ('{"message":1,"created_ms":1,"role_hex":"7573","content":"x"}', 'line 4: role "us"'),
            (r'{"message":1,"created_ms":1,"role":"user","content":"a\u0000b"}', "line 4: \\u0000"),
            (r'{"message":1,"created_ms":1,"role":"user","content":"\\\u0000"}', "line 4: \\u0000"),
            (MESSAGE + ',"extra":{"content":"y"}}', "line 4: extra: role and content"),
            ('{"conversation":""}\n' + MESSAGE + "}", "line 4: conversation: empty"),
            ('{"conversation":"%s"}\n' % ("x" * 4000) + MESSAGE + "}", "line 4: "),
            (r'{"conversation":"x\u0000y"}', "line 4: \\u0000")):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(good + [line]) + "\n")
        done = amphi("history", "import", path, *data(folder))
        refused(done)
        assert says in done.stderr and history(folder)["conversations"] == [], (line, done.stderr)
    path = os.path.join(folder, "head.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"amphi_history":2}\n')
    assert "line 1" in amphi("history", "import", path, *data(folder)).stderr


@promise
def import__of_what_is_no_export_says_so(folder):
    """A folder, nothing at all, blank lines, and a line without an end."""
    def refusal(*words, **more):
        done = amphi("history", "import", *words, *data(folder), **more)
        assert done.returncode != 0 and done.stdout == "", (words, done.stdout)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr
    assert "a folder" in refusal(folder)
    for content in ("", "\n\n"):
        path = os.path.join(folder, "empty.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        assert "empty" in refusal(path), content
    assert "empty" in refusal("-", stdin="")
    assert "line 1: longer than 64 MiB" in refusal("/dev/zero")


@promise
def import__of_a_text_that_only_looks_like_nul_keeps_it(folder):
    line = r'{"message":1,"created_ms":1,"role":"user","content":"a\\u0000b"}'
    assert put(folder, '{"amphi_history":1}\n{"conversation":"c"}\n' + line + "\n")["messages"] == 1
    assert history(folder, "show", "c")["messages"][0]["content"] == "a\\u0000b"


@promise
def names__show_their_control_characters_and_json_keeps_them(folder):
    title = "red \x1b[31m\nline \u009b2J\x7f Ünï"
    put(folder, lines_of({"i\x1bd": ({"title": title}, [(1, 5, "text")])}))
    shown = amphi("history", *data(folder)).stdout
    assert "red \\x1b[31m\\x0aline \\xc2\\x9b2J\\x7f Ünï" in shown and "i\\x1bd" in shown, shown
    assert "\x1b" not in shown and len(shown.splitlines()) == 1, shown
    listed = history(folder)["conversations"][0]
    assert (listed["id"], listed["title"]) == ("i\x1bd", title), listed


if __name__ == "__main__":
    sys.exit(faces.main())
