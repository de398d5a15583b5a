#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public headers and the rule at the top of amphi/types.h.

Every header compiles alone, as C11 and as C++17. Every struct says what it is (SIZED, TABLE,
FROZEN), begins with struct_size and has an inline _init accordingly, and is played by an older and
a newer caller in test_abi_*.c. Its layout is compared with
tests/contract/abi_layout.txt: a FROZEN struct never changes, the others grow at their end only,
behind their former size. After such a change: python3 tests/contract/test_headers.py BUILD --update

It also proves that it can fail."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = os.path.join(ROOT, "sdk", "include")
LAYOUT = os.path.join(ROOT, "tests", "contract", "abi_layout.txt")
STRUCT = re.compile(r"(?P<comment>/\*(?:(?!\*/).)*\*/\n)?(?:typedef )?struct (?P<name>amphi_\w+) \{"
                    r"(?P<body>.*?)\n\}[^;\n]*;", re.S)
COMPILERS = (["gcc", "-x", "c", "-std=c11"], ["clang", "-x", "c", "-std=c11"],
             ["g++", "-x", "c++", "-std=c++17"], ["clang++", "-x", "c++", "-std=c++17"])
FLAGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", INCLUDE]


def headers():
    for folder, _, names in sorted(os.walk(INCLUDE)):
        for name in sorted(names):
            if name.endswith(".h"):
                yield os.path.relpath(os.path.join(folder, name), INCLUDE)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def fields_of(body):
    """Names of the members, in order."""
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    found = []
    for member in body.split(";"):
        pointer = re.search(r"\(\*(\w+)\)\s*\(", member)
        if pointer:
            found.append(pointer.group(1))
            continue
        for declarator in member.split(","):
            name = re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*$", declarator)
            if name:
                found.append(name.group(1))
    return found


def structs_in(text):
    """[(name, kind, use, fields)]; kind is None where the comment does not say it."""
    found = []
    for match in STRUCT.finditer(text):
        comment = " ".join((match.group("comment") or "").replace("*", " ").split())
        mark = re.match(r"/ (SIZED|TABLE|FROZEN)\b([^.]*)", comment)
        found.append((match.group("name"), mark and mark.group(1), mark.group(2) if mark else "",
                      fields_of(match.group("body"))))
    return found


def complaints(text, played_structs, played_tables):
    """What is wrong with the structs of one header."""
    wrong = []
    for name, kind, use, fields in structs_in(text):
        played = {
            "read": rf"\bREAD\({name},",
            "filled in": rf"\bFILL\({name},",
            "handed": rf"\bHANDED\({name},|relay_\w+\(void \*user, const {name} \*",
        }
        if kind is None:
            wrong.append(f"{name}: its comment does not begin with SIZED, TABLE or FROZEN")
        elif (kind == "FROZEN") == (fields[0] == "struct_size"):
            wrong.append(f"{name}: {kind}, but its first field is {fields[0]}")
        elif kind == "SIZED":
            if not re.search(rf"static inline void {name}_init\(", text):
                wrong.append(f"{name}: no inline {name}_init")
            uses = [word for word in played if re.search(rf"\b{word}", use)]
            if not uses:
                wrong.append(f"{name}: read, filled in or handed out?")
            for word in uses:
                if not re.search(played[word], played_structs):
                    wrong.append(f"{name}: no test_abi_*.c has a case where it is {word}")
        elif kind == "TABLE" and not re.search(rf"\bTABLE\({name},", played_tables):
            wrong.append(f"{name}: test_abi_tables.c has no TABLE({name}, ...)")
    return wrong


def layout_now(structs):
    """{struct: (kind, size, [(field, offset)])}, from a program that is compiled for it."""
    lines = [f"#include <{header}>" for header in headers()]
    lines += ["#include <stdio.h>", "int main(void)", "{"]
    for name, kind, _, fields in structs:
        lines.append(f'    printf("{kind} {name} %zu", sizeof({name}));')
        lines += [f'    printf(" {field}@%zu", offsetof({name}, {field}));' for field in fields]
        lines.append('    printf("\\n");')
    lines += ["    return 0;", "}"]
    with tempfile.TemporaryDirectory() as scratch:
        source, program = os.path.join(scratch, "layout.c"), os.path.join(scratch, "layout")
        with open(source, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        subprocess.run(["gcc", "-std=c11", "-I", INCLUDE, source, "-o", program], check=True)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout


def parse_layout(text):
    parsed = {}
    for line in text.splitlines():
        kind, name, size, *fields = line.split()
        parsed[name] = (kind, int(size), [(f.split("@")[0], int(f.split("@")[1])) for f in fields])
    return parsed


def is_as_frozen(size, fields, size_now, fields_now):
    """The same, or with names for some of what was reserved at the end."""
    if (size_now, fields_now) == (size, fields):
        return True
    named = fields_now[len(fields) - 1:]
    return (size_now == size and fields[-1][0] == "reserved" and named
            and fields_now[:len(fields) - 1] == fields[:-1] and named[0][1] == fields[-1][1])


def layout_complaints(before, now):
    wrong = []
    for name, (kind, size, fields) in before.items():
        if name not in now:
            wrong.append(f"{name}: is gone")
            continue
        kind_now, size_now, fields_now = now[name]
        if kind_now != kind:
            wrong.append(f"{name}: was {kind}, is {kind_now}")
        elif kind == "FROZEN":
            if not is_as_frozen(size, fields, size_now, fields_now):
                wrong.append(f"{name}: FROZEN, but its layout changed")
        elif fields_now[:len(fields)] != fields:
            wrong.append(f"{name}: fields may be added at the end only, none may move or go")
        elif any(offset < size for _, offset in fields_now[len(fields):]):
            wrong.append(f"{name}: a new field lies in the padding of the former version")
        elif size_now != size:
            wrong.append(f"{name}: grew from {size} to {size_now} bytes: run this with --update")
    wrong += [f"{name}: new: run this with --update" for name in now if name not in before]
    return wrong


def proves_that_it_can_fail():
    sized = ("/* SIZED, read. */\n"
             "typedef struct amphi_x {\n    size_t struct_size;\n    int a;\n} amphi_x;\n"
             "static inline void amphi_x_init(amphi_x *x)\n")
    tests = "READ(amphi_x, f, g)", "TABLE(amphi_x, f)"
    bad = (
        (sized.replace("SIZED, read. ", ""), tests),
        (sized.replace("size_t struct_size", "size_t size"), tests),
        (sized.replace("SIZED, read", "FROZEN"), tests),
        (sized.replace("amphi_x_init", "amphi_y_init"), tests),
        (sized, ("READ(amphi_xy, f, g)", "")),
        (sized.replace("read", "filled in"), tests),
        (sized.replace("SIZED, read", "TABLE"), (tests[0], "")),
    )
    before = parse_layout("SIZED amphi_x 16 struct_size@0 a@8\nFROZEN amphi_y 8 a@0\n")
    changed = (
        "SIZED amphi_x 16 struct_size@0 a@8 b@12\nFROZEN amphi_y 8 a@0\n",   # in the padding
        "SIZED amphi_x 24 struct_size@0 b@8 a@16\nFROZEN amphi_y 8 a@0\n",   # moved
        "SIZED amphi_x 24 struct_size@0 a@8 b@16\nFROZEN amphi_y 8 a@0\n",   # grew: to be noted
        "SIZED amphi_x 16 struct_size@0 a@8\nFROZEN amphi_y 16 a@0 b@8\n",   # frozen
        "FROZEN amphi_y 8 a@0\n",
    )
    return (not complaints(sized, *tests) and
            all(complaints(text, *with_) for text, with_ in bad) and
            not layout_complaints(before, before) and
            all(len(layout_complaints(before, parse_layout(text))) == 1 for text in changed))


def compile_alone():
    wrong = []
    for compiler in COMPILERS:
        if shutil.which(compiler[0]) is None:
            print(f"{compiler[0]} is not installed: left out")
            continue
        for header in headers():
            source = f"#include <{header}>\n"
            done = subprocess.run([*compiler, *FLAGS, "-"], input=source, capture_output=True,
                                  text=True, check=False)
            if done.returncode != 0:
                wrong.append(f"{header} alone with {' '.join(compiler)}:\n{done.stderr}")
    return wrong


def main():
    if not proves_that_it_can_fail():
        print("headers: the test itself does not find what is wrong")
        return 1
    here = os.path.dirname(os.path.abspath(__file__))
    played = "".join(read(os.path.join(here, name)) for name in sorted(os.listdir(here))
                     if name.startswith("test_abi_") and name.endswith(".c"))
    texts = [read(os.path.join(INCLUDE, header)) for header in headers()]
    wrong = [line for text in texts for line in complaints(text, played, played)]
    wrong += compile_alone()
    if not wrong:
        now = layout_now([struct for text in texts for struct in structs_in(text)])
        if "--update" in sys.argv:
            with open(LAYOUT, "w", encoding="utf-8") as file:
                file.write(now)
        wrong = layout_complaints(parse_layout(read(LAYOUT)), parse_layout(now))
    for line in wrong:
        print(line)
    print(f"{0 if wrong else 1} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
