#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which folder may include which. Reads every #include under the source folders and fails
with the offending line. It also proves that it can fail: a forbidden include in a scratch copy must
be found."""
import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMENTS = r"(?:\s|/\*.*?\*/)*"
INCLUDE = re.compile(rf"^{COMMENTS}(?:#|%:){COMMENTS}(?:include|include_next|import)\b(.*)")
PLAIN = re.compile(r'^\s+([<"])([^>"]+)[>"]')
SOURCES = (".c", ".h", ".inc", ".inl", ".cc", ".cpp", ".hpp", ".S")

# What runs in the app whichever way the local engine is isolated.
LOCAL_IN_APP = ["local/run.h", "local/run_queue.h", "local/token_count.h", "local/limits.h",
                "local/breadcrumb.h", "local/compute/kernels.h", "local/model/file_key.h",
                "local/model/fingerprint.h", "local/judge/"]
# The engine and the rooms that it stands on.
LOCAL_ENGINE = ["local/engine/", "local/limits.h", "local/text/", "local/constraint/",
                "local/jinja/template.h", "local/tokens/tokenizer.h", "local/graph/llm.h",
                "local/graph/memory_need.h",
                "local/model/"]

# Folder, file, or a file's name up to a dot (longest match wins) -> prefixes of project headers
# that its files may include.
ALLOWED = {
    "sdk/include": ["amphi/"],
    "sdk/docs": ["amphi/"],
    "sdk/docs/examples": ["amphi/", "system_engine.h"],  # to be copied together
    "sdk/core": ["amphi/", "sdk/core/"],
    "sdk/near": ["amphi/", "sdk/core/", "sdk/near/"],
    "sdk/client": ["amphi/", "sdk/core/", "sdk/client/", "sdk/near/near.h", "policy/policy.h"],
    "sdk/client/compose.c": ["amphi/", "sdk/core/", "sdk/client/", "policy/policy.h",
                             "local/local.h", "remote/remote.h", "storage/storage.h"],
    "policy": ["amphi/", "sdk/core/", "policy/"],
    # local/*.c compose the rooms below. local.c chooses: the engine in a process (over parent/), or
    # on a thread of the app (over engine/). Neither knows the other.
    "local": ["amphi/", "sdk/core/", "local/"],
    "local/local.": ["amphi/", "sdk/core/", "local/limits.h", "local/local.h", "local/run.h",
                     "local/process_engine.h", "local/thread_engine.h", "local/judge/judge.h"],
    "local/process_engine.": ["amphi/", "sdk/core/", "local/local.h", "local/process_engine.h",
                              "local/parent/supervisor.h", *LOCAL_IN_APP],
    "local/run.": ["amphi/", "sdk/core/", "local/run.h", "local/limits.h", "local/text/",
                   "local/judge/"],
    "local/run_judge.": ["amphi/", "sdk/core/", "local/run.h", "local/judge/"],
    # Trains a head over any engine: it composes the front header and the judges.
    "local/head_train.": ["amphi/", "sdk/core/", "local/local.h", "local/limits.h", "local/judge/",
                          "local/model/fingerprint.h"],
    "local/run_queue.": ["amphi/", "sdk/core/", "local/run"],
    "local/token_count.": ["amphi/", "sdk/core/", "local/token_count.h"],
    "local/thread_engine.": ["amphi/", "sdk/core/", "local/local.h", "local/thread_engine",
                             *LOCAL_IN_APP, *LOCAL_ENGINE],
    "local/thread_engine_state.": ["amphi/", "sdk/core/", *LOCAL_IN_APP, *LOCAL_ENGINE],
    "local/thread_engine_work.": ["amphi/", "sdk/core/", "local/thread_engine_state.h",
                                  *LOCAL_IN_APP, *LOCAL_ENGINE],
    # The engine and what it stands on run in the worker process and inside the app: they know
    # neither.
    "local/engine": ["amphi/", "sdk/core/", *LOCAL_ENGINE],
    "local/compute": ["amphi/", "sdk/core/", "local/compute/"],
    "local/model": ["amphi/", "sdk/core/", "local/compute/", "local/model/"],
    "local/graph": ["amphi/", "sdk/core/", "local/compute/", "local/model/", "local/graph/"],
    "local/tokens": ["amphi/", "sdk/core/", "local/model/gguf.h", "local/tokens/"],
    "local/jinja": ["amphi/", "sdk/core/", "local/jinja/"],
    "local/constraint": ["amphi/", "sdk/core/", "local/tokens/tokenizer.h", "local/constraint/"],
    "local/text": ["amphi/", "sdk/core/", "local/text/"],
    # What judges an answer's first tokens, in the app's process.
    "local/judge": ["amphi/", "sdk/core/", "local/judge/", "local/text/certainty.h",
                    "local/compute/half.h", "local/model/fingerprint.h"],
    # The worker program wraps the engine; its parent sees only the wire between them, and what runs
    # in the app anyway.
    "local/worker": ["amphi/", "sdk/core/", *LOCAL_ENGINE, "local/worker/"],
    "local/worker/ring.": ["amphi/", "local/worker/ring.h"],
    "local/worker/protocol.h": ["local/worker/ring.h"],
    "local/worker/cage.": ["local/worker/"],
    "local/worker/cage_check.": ["local/worker/"],
    "local/worker/fatal_signals.": ["local/worker/"],
    "local/parent": ["amphi/", "sdk/core/", "local/parent/", "local/local.h", *LOCAL_IN_APP,
                     "local/worker/protocol.h", "local/worker/ring.h",
                     "local/text/logprobs_record.h"],
    "remote": ["amphi/", "sdk/core/", "remote/"],
    "storage": ["amphi/", "sdk/core/", "storage/"],
    # And headers of the same folder.
    "bindings": ["amphi/", "../gateway/gateway.h", "../gateway/redis_cache.h"],
}

# Third-party headers -> the one file or folder that may include them.
THIRD_PARTY = {
    "curl/": ["remote/http_curl"],
    "cjson/": ["sdk/core/json.c"],
    "sqlcipher/": ["storage/sqlcipher_library.h"],
    "sqlite3.h": ["storage/sqlcipher_library.h"],
    "psa/": ["sdk/core/crypto_"],
    "mbedtls/": ["sdk/core/crypto_"],
    "utf8proc.h": ["sdk/core/unicode.c"],
    "pcre2.h": ["local/tokens/pretokenizer.c"],
    "seccomp.h": ["local/worker/cage.c"],
    "microhttpd.h": ["bindings/gateway/", "bindings/cli/bench_cloud.c"],
    "hiredis/": ["bindings/gateway/redis_cache.c"],
    "editline/": ["bindings/cli/chat.c"],
    "zstd.h": ["storage/"],
}
PROJECT = re.compile(r"^(amphi|sdk|policy|local|remote|storage|bindings|tests)/")


def rule_for(path):
    best = None
    for folder in ALLOWED:
        prefix = folder if folder.endswith(".") else folder + "/"
        inside = path == folder or path.startswith(prefix)
        if inside and (best is None or len(folder) > len(best)):
            best = folder
    if best == "local" and path.count("/") > 1:
        return None  # a room of its own needs a rule of its own
    return ALLOWED[best] if best else None


def complaint(path, rest):
    """What is wrong with this include (`rest` is behind the word) in this file, or None."""
    plain = PLAIN.match(rest)
    if not plain:
        return "must name its header plainly: what a macro names is not checked"
    quote, header = plain.groups()
    for prefix, homes in THIRD_PARTY.items():
        if header.startswith(prefix) and not any(path.startswith(home) for home in homes):
            return f"only {', '.join(homes)} may include <{header}>"
    if quote == '"' or PROJECT.match(header):
        allowed = rule_for(path)
        if path.startswith("bindings/") and quote == '"' and "/" not in header:
            return None  # beside the file
        if allowed is None:
            return "is in a folder that no rule here names"
        if not any(header.startswith(prefix) for prefix in allowed):
            return f"may include only {' '.join(allowed)}"
        if ".." in header.split("/") and header not in allowed:
            return "must not leave a folder by .."
    elif ".." in header.split("/"):
        return "must not leave a folder by .."
    return None


def offences(root):
    found = []
    for top in ("sdk", "policy", "local", "remote", "storage", "bindings"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if not name.endswith(SOURCES):
                    continue
                path = os.path.relpath(os.path.join(folder, name), root)
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    for number, line in enumerate(file, 1):
                        match = INCLUDE.match(line)
                        wrong = match and complaint(path, match.group(1))
                        if wrong:
                            found.append(f"{path}:{number}: {line.strip()}   ({path} {wrong})")
    return found


def proves_that_it_can_fail():
    cases = {
        "policy/router.c": '#include "remote/remote.h"\n',
        "sdk/client/chat.c": '#include "storage/storage.h"\n',
        "sdk/core/buf.c": '#include "policy/policy.h"\n',
        "bindings/cli/ask.c": '#include "sdk/core/buf.h"\n',
        "remote/endpoint.c": "#include <curl/curl.h>\n",
        "local/local_none.c": "#include <storage/storage.h>\n",
        "local/engine/generate.c": '#include "local/worker/ring.h"\n',
        "local/engine/load.c": '#include "local/parent/supervisor.h"\n',
        "local/engine/answer.c": '#include "local/run.h"\n',
        "local/local.c": '#include "local/parent/supervisor.h"\n',
        "local/process_engine.c": '#include "local/engine/inference.h"\n',
        "local/thread_engine.c": '#include "local/worker/protocol.h"\n',
        "local/thread_engine_work.c": '#include "local/parent/supervisor.h"\n',
        "local/run_queue.c": '#include "local/engine/inference.h"\n',
        "local/parent/supervisor.c": '#include "local/engine/inference.h"\n',
        "local/parent/worker_process.c": '#include "local/worker/cage.h"\n',
        "local/worker/worker_main.c": '#include "local/parent/supervisor.h"\n',
        "local/worker/cage.c": '#include "local/engine/inference.h"\n',
        "local/jinja/lexer.c": '#include "local/text/sampler.h"\n',
        "local/constraint/matcher.c": '#include "local/jinja/value.h"\n',
        "local/tokens/bpe.c": '#include "local/graph/llm.h"\n',
        "local/text/tool_calls.c": '#include "local/engine/answer.h"\n',
        "local/graph/forward.c": '#include "local/engine/inference.h"\n',
        "local/model/gguf.c": '#include "local/graph/llm.h"\n',
        "local/compute/kernels.c": '#include "local/model/gguf.h"\n',
        "local/engine/prompt.c": '#include "local/text/../worker/ring.h"\n',
        "local/engine/generation.h": "#include <../local/worker/ring.h>\n",
        "local/engine/request_fields.c": '/* */ #include/**/ "local/worker/ring.h"\n',
        "local/engine/logprobs_report.c": "#include RING_HEADER\n",
        "local/engine/table.inc": '#include "local/worker/ring.h"\n',
        "local/a_new_room/file.c": '#include "local/worker/ring.h"\n',
        "sdk/a_new_room/file.c": '#include "local/worker/ring.h"\n',
    }
    with tempfile.TemporaryDirectory() as root:
        for path, line in cases.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write("/* a file */\n" + line)
        found = offences(root)
    return len(found) == len(cases) and all(":2: " in line for line in found)


def main():
    if not proves_that_it_can_fail():
        print("layers: the test itself does not find forbidden includes")
        return 1
    found = offences(ROOT)
    for line in found:
        print(line)
    print(f"{0 if found else 1} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
