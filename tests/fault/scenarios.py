# SPDX-License-Identifier: Apache-2.0
"""The scenarios: short runs of the command over copies of a data folder, one for each kind of write
that the store has, and what each promises when it says that it is done."""
import json
import os

import cloud
import pages

CANARY = "kingfisher"  # in every text that the stage stores: it may stand in no file as it is
LOCAL_ANSWER = "".join(f"word{i:02d} " for i in range(24))
EXPORT, COPY = "export.jsonl", "copy.db"


class Scenario:
    """words: the command's. source: which of the stage's data folders it begins with.

    A run that says that it is done has added, removed and cancelled all of `adds`, `removes` (rows
    of Content.messages) and `cancels` (of Content.entries); one that does not has done all of it or
    nothing. answer: the text that it prints. queued: the conversation of a message that goes into
    the outbox. shows(place, out, content): what is wrong with what was shown or written, or None.
    repeats: undisturbed and once more, the command does what was cut off."""

    def __init__(self, name, words, source="full", adds=(), removes=(), cancels=(), answer="",
                 queued="", shows=None, repeats=False):
        self.name, self.words, self.source = name, words, source
        self.adds, self.removes, self.cancels = list(adds), list(removes), list(cancels)
        self.answer, self.queued, self.shows = answer, queued, shows
        self.repeats = repeats


class Content:
    """What a store holds: (conversation, role, content) of each message and of each draft,
    (conversation, request) of each entry of the outbox."""

    def __init__(self, store=None):
        self.messages, self.drafts, self.entries = [], [], []
        if store is None or store.is_empty():
            return
        tables = {row[0] for row in
                  store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "messages" not in tables:
            return
        self.messages = store.rows(
            "SELECT c.id, m.role, m.content FROM messages m JOIN conversations c"
            " ON c.seq = m.conversation ORDER BY m.id")
        self.entries = store.rows("SELECT conversation, request_json FROM outbox ORDER BY seq")
        if "drafts" in tables:
            self.drafts = store.rows(
                "SELECT conversation, role, content FROM drafts ORDER BY draft, place")


def turn(conversation, question, answer):
    return [(conversation, "user", question), (conversation, "assistant", answer)]


# ---- What is shown ----

def shows_conversation(name):
    def look(_, out, content):
        shown = len(json.loads(out)["messages"])
        if shown != len([m for m in content.messages if m[0] == name]):
            return "a part of the conversation was shown as the whole"
        return None
    return look


def shows_hits(_, out, content):
    hits = json.loads(out)["hits"]
    if len(hits) != len([m for m in content.messages if CANARY in m[2]]):
        return "a part of the hits was shown as all"
    return None


def shows_export(place, _, content):
    conversation, written = "", []
    for line in pages.read(os.path.join(place, EXPORT)).decode().splitlines():
        row = json.loads(line)
        conversation = row.get("conversation", conversation)
        if "message" in row:
            written.append((conversation, row["role"], row["content"]))
    if sorted(written) != sorted(content.messages):
        return "a part of the history was exported as the whole"
    return None


def shows_copy(place, _, content):
    store = pages.Store(os.path.join(place, "data"), COPY)
    store.check()
    if store.broken:
        return "the backup is broken: " + store.broken[0]
    copied = Content(store)
    if (copied.messages, copied.entries) != (content.messages, content.entries):
        return "the backup holds something else"
    return None


def shows_new_key(place, _, __):
    """The stage's stores have the key file's own key."""
    with open(os.path.join(place, "data", "store.key"), encoding="ascii") as file:
        provider = pages.Key(bytes.fromhex(file.read()))
    if pages.read(os.path.join(place, "data", "amphi.db"))[:pages.SALT] == provider.salt:
        return "the store still has its old key"
    return None


# ---- All of them ----

def turns(stage):
    ask = ["ask", "--json"]
    return [
        Scenario("first start", [*ask, *stage.local, "--conversation", "new",
                                 f"{CANARY} first of all"], source="empty",
                 adds=turn("new", f"{CANARY} first of all", LOCAL_ANSWER), answer=LOCAL_ANSWER),
        Scenario("ask local", [*ask, *stage.local, f"{CANARY} on the device"],
                 answer=LOCAL_ANSWER),
        Scenario("ask cloud", [*ask, *stage.online, f"{CANARY} in the cloud"],
                 answer=cloud.ANSWER),
        Scenario("conversation", [*ask, *stage.local, "--conversation", "old",
                                  f"{CANARY} goes on"],
                 adds=turn("old", f"{CANARY} goes on", LOCAL_ANSWER), answer=LOCAL_ANSWER),
        Scenario("cached answer", [*ask, *stage.online, "--conversation", "cached",
                                   f"{CANARY} that was asked before"],
                 adds=turn("cached", f"{CANARY} that was asked before", cloud.ANSWER),
                 answer=cloud.ANSWER),
        Scenario("queue", [*ask, *stage.offline, "--conversation", "queued",
                           f"{CANARY} while offline"], queued="queued"),
    ]


def waiting(stage, flags):
    cancelled = stage.kept["full"].entries[1]
    return [
        Scenario("outbox send", ["outbox", "send", *stage.online]),
        Scenario("outbox cancel", ["outbox", "cancel", stage.entry_id(cancelled), *flags],
                 cancels=[cancelled]),
    ]


def history(stage, flags):
    kept = stage.kept["full"].messages
    return [
        Scenario("history", ["history", "old", "--json", *flags], shows=shows_conversation("old")),
        Scenario("search", ["history", "search", CANARY, "--limit", "100", "--json", *flags],
                 shows=shows_hits),
        Scenario("delete", ["history", "--delete", "doomed", *flags],
                 removes=[m for m in kept if m[0] == "doomed"]),
        Scenario("delete one", ["history", "delete", "old", "--message", "3", *flags],
                 removes=[m for m in kept if m[1] == "user" and "question 1" in m[2]]),
        Scenario("draft", ["history", "old", "--json", *flags], source="crashed",
                 shows=shows_conversation("old")),
        Scenario("import", ["history", "import", stage.brought_file, *flags],
                 adds=stage.brought),
        Scenario("export", ["history", "export", "--out", EXPORT, *flags], shows=shows_export),
    ]


def store(flags):
    return [
        Scenario("migrate", ["history", "old", "--json", *flags], source="old",
                 shows=shows_conversation("old")),
        Scenario("backup", ["history", "backup", os.path.join("data", COPY), *flags],
                 shows=shows_copy),
        Scenario("rekey", ["keys", "rekey", *flags], shows=shows_new_key),
        Scenario("repair", ["history", "repair", *flags], source="damaged", repeats=True),
    ]


def all_of(stage, flags):
    return turns(stage) + waiting(stage, flags) + history(stage, flags) + store(flags)
