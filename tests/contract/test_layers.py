#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom. Reads every #include under the house's folders and fails with the offending
line. It also proves that it can fail: a forbidden include in a scratch copy must be found."""
import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

# Folder (longest match wins) -> prefixes of project headers that its files may include.
ALLOWED = {
    "sdk/include": ["amphi/"],
    "sdk/core": ["amphi/", "sdk/core/"],
    "sdk/client": ["amphi/", "sdk/core/", "sdk/client/", "policy/policy.h"],
    "sdk/client/compose.c": ["amphi/", "sdk/core/", "sdk/client/", "policy/policy.h",
                             "local/local.h", "remote/remote.h", "storage/storage.h"],
    "policy": ["amphi/", "sdk/core/", "policy/"],
    "local": ["amphi/", "sdk/core/", "local/"],
    "remote": ["amphi/", "sdk/core/", "remote/"],
    "storage": ["amphi/", "sdk/core/", "storage/"],
    "bindings": ["amphi/", "../gateway/gateway.h"],  # and headers of the same folder
}

# Third-party headers -> the one file or folder that may include them.
THIRD_PARTY = {
    "curl/": ["remote/http_curl.c", "remote/http_curl_error."],
    "cjson/": ["sdk/core/json.c"],
    "sqlcipher/": ["storage/sqlcipher.c"],
    "sqlite3.h": ["storage/sqlcipher.c"],
    "psa/": ["sdk/core/crypto_"],
    "mbedtls/": ["sdk/core/crypto_"],
    "pcre2.h": ["local/tokens/pretokenizer.c"],
    "seccomp.h": ["local/worker/cage.c"],
    "microhttpd.h": ["bindings/gateway/", "bindings/cli/bench_cloud.c"],
    "editline/": ["bindings/cli/chat.c"],
    "zstd.h": ["storage/"],
}
PROJECT = re.compile(r"^(amphi|sdk|policy|local|remote|storage|bindings|tests)/")


def rule_for(path):
    best = None
    for folder in ALLOWED:
        if (path == folder or path.startswith(folder + "/")) and (best is None or len(folder) > len(best)):
            best = folder
    return ALLOWED[best] if best else None


def complaint(path, quote, header):
    """What is wrong with this include in this file, or None."""
    for prefix, homes in THIRD_PARTY.items():
        if header.startswith(prefix) and not any(path.startswith(home) for home in homes):
            return f"only {', '.join(homes)} may include <{header}>"
    if quote == '"' or PROJECT.match(header):
        allowed = rule_for(path)
        if path.startswith("bindings/") and quote == '"' and "/" not in header:
            return None  # beside the file
        if allowed is not None and not any(header.startswith(prefix) for prefix in allowed):
            return f"may include only {' '.join(allowed)}"
    return None


def offences(root):
    found = []
    for top in ("sdk", "policy", "local", "remote", "storage", "bindings"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if not name.endswith((".c", ".h")):
                    continue
                path = os.path.relpath(os.path.join(folder, name), root)
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    for number, line in enumerate(file, 1):
                        match = INCLUDE.match(line)
                        wrong = match and complaint(path, match.group(1), match.group(2))
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
        "local/local.c": "#include <storage/storage.h>\n",
    }
    with tempfile.TemporaryDirectory() as root:
        for path, line in cases.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write("/* a file */\n" + line)
        found = offences(root)
    return len(found) == len(cases) and all(":2: #include" in line for line in found)


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
