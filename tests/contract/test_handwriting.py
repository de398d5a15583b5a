#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the house's handwriting asks for and a formatter does not see: no comma operator between
statements, no line over 100 columns, no padding before the end of a comment, no goto but cleanup,
no function over 70 lines, no file over 600, comments of a public struct in one column, no words for
persons where a comment or a document means code (PERSONS: write "the caller", "the worker", "per
request"). It also proves that it can fail. Commas inside parentheses are found by clang-tidy
(-Wcomma, .clang-tidy)."""
import io
import os
import re
import sys
import tokenize

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLUMNS_MAX, FUNCTION_LINES_MAX, FILE_LINES_MAX = 100, 70, 600

# Path, or path:function -> why it may be longer.
LONGER = {
    "tests/contract/test_local_engine.c": "one contract, run over both kinds of isolation",
    "tests/unit/local/graph/test_llm.c": "one small model, built here, behind every test",
}

# Sentences that trained the help model: data, one per line.
DATA = re.compile(r"^local/models/corpus\w*\.py$")
SCRIPTS = re.compile(r"(\.py|\.sh|\.cmake|\.cmake\.in|CMakeLists\.txt|^dev|^\.ci/run)$")
PERSONS = re.compile(r"\b(?:who(?:m)?ever|(?:some|no|any|every)body|(?:some|any|every)one|told|"
                     r"the\W+ones?\W+who)\b", re.I)
TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
# "type name", "type *name", "struct type name": a declaration, whose commas part declarators.
DECLARATION = re.compile(r"(?:[A-Za-z_]\w*\s+)+\**\s*\**[A-Za-z_]\w*\s*(?:[=,;\[(]|$)|"
                         r"[A-Za-z_]\w*\s*\*+\s*(?:const\s+)?[A-Za-z_]\w*\s*(?:[=,;\[]|$)")
NOT_A_TYPE = re.compile(r"(?:return|else|do|case|goto)\b")


def blank(match):
    """As many lines, no content."""
    text = match.group(0)
    return ('""' if text[0] in "\"'" else " ") + "\n" * text.count("\n")


def commas(text):
    """Line numbers of statements that a comma operator joins. Only what stands directly in a block
    is looked at: a comma in parentheses or in an initializer parts arguments or elements."""
    text = DIRECTIVE.sub(blank, TOKENS.sub(blank, text))
    found, depth, begin, comma, blocks = [], 0, 0, -1, []
    for at, char in enumerate(text):
        if char in "([":
            depth += 1
        elif char in ")]":
            depth = max(0, depth - 1)
        elif char == "{":
            before = text[begin:at].rstrip()
            # a block follows ")", "else", "do", another block; anything else is a list
            blocks.append((depth == 0 and re.search(r"(\)|\belse|\bdo|:|^)$", before) is not None,
                           begin, comma, depth))
            if blocks[-1][0]:
                begin, comma = at + 1, -1
            else:
                depth += 1
        elif char == "}" and blocks:
            is_block, old_begin, old_comma, old_depth = blocks.pop()
            depth = old_depth
            begin, comma = (at + 1, -1) if is_block else (old_begin, old_comma)
        elif char == "," and depth == 0 and comma < 0 and any(block[0] for block in blocks):
            comma = at
        elif char == ";" and depth == 0:
            statement = text[begin:at].strip()
            statement = re.sub(r"^(?:(?:if|for|while|switch)\s*\(.*\)|else)\s*(?=[A-Za-z_*(])", "",
                               statement, flags=re.S)
            if comma >= 0 and (NOT_A_TYPE.match(statement) or not DECLARATION.match(statement)):
                found.append(text.count("\n", 0, comma) + 1)
            begin, comma = at + 1, -1
    return found


def functions(lines):
    """(name, line number, lines) of each: its body's braces stand in the first column."""
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            head = " ".join(lines[max(0, begin - 8):begin - 1])
            head = re.split(r"[;}]|\*/", head)[-1]
            name = re.search(r"([A-Za-z_]\w*)\s*\(", head)
            yield name.group(1) if name else "?", begin, number - begin + 1
            begin = None


longer = set()  # of LONGER, what was found to be so


def may_be_longer(place):
    longer.add(place)
    return place in LONGER


def comments(path, text):
    """(line number, text) of each comment; of a document, the whole."""
    if path.endswith(".md"):
        yield 1, text
    elif path.endswith((".c", ".h")):
        for match in TOKENS.finditer(text):
            if match.group(0)[0] == "/":
                yield text.count("\n", 0, match.start()) + 1, match.group(0)
    elif path.endswith(".py"):
        begins = True  # a statement: a string there is a docstring
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT or begins and token.type == tokenize.STRING:
                yield token.start[0], token.string
            if token.type not in (tokenize.COMMENT, tokenize.NL):
                begins = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    else:
        for match in re.finditer(r"(?:^|(?<=\s))#[^\n]*", text):
            yield text.count("\n", 0, match.start()) + 1, match.group(0)


def persons(path, text):
    """(line number, what is wrong) of each word for a person in a comment."""
    for begin, comment in comments(path, text):
        for match in PERSONS.finditer(comment):
            word = " ".join(match.group(0).replace("*", " ").split())
            yield begin + comment.count("\n", 0, match.start()), f"\"{word}\" in a comment"


def ragged(text):
    """(line number, what is wrong) of comments that stand beside a struct's fields, or an enum's
    values, in more than one column. Blank lines and comments between fields part groups."""
    group, inside, comment = set(), False, False
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"(?:typedef )?(?:struct|enum)\b.*\{$", line):
            group, inside = set(), True
        elif line.startswith("}"):
            inside = False
        elif comment or not inside:
            comment = comment and "*/" not in line
        elif not line.strip() or line.lstrip().startswith("/*"):
            group, comment = set(), bool(line.strip()) and "*/" not in line
        elif "/*" in line:
            group.add(line.index("/*"))
            comment = "*/" not in line
            if len(group) > 1:
                yield number, "a comment in another column than those beside the fields above"
                group = {line.index("/*")}


def complaints(path, text):
    found = list(persons(path, text))
    lines = text.splitlines()
    if path.endswith(".md"):
        return found
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX and "://" not in line:
            found.append((number, f"{len(line)} columns, at most {COLUMNS_MAX}"))
    if not path.endswith((".c", ".h")):
        return found
    for number, line in enumerate(lines, 1):
        if re.search(r"\S {2,}\*/", line):
            found.append((number, "padding before the end of a comment"))
        if re.match(r"\s*goto (?!cleanup;)", line):
            found.append((number, "a goto other than cleanup"))
    found += [(number, "a comma operator joins two statements") for number in commas(text)]
    if path.startswith("sdk/include/"):
        found += ragged(text)
    for name, number, count in functions(lines):
        if count > FUNCTION_LINES_MAX and not may_be_longer(f"{path}:{name}"):
            found.append((number, f"{name}() has {count} lines, at most {FUNCTION_LINES_MAX}"))
    if len(lines) > FILE_LINES_MAX and not may_be_longer(path):
        found.append((1, f"{len(lines)} lines, at most {FILE_LINES_MAX}"))
    return found


def proves_that_it_can_fail():
    body = "int f(int a, char b)\n{\n    int x = 1, y[2] = {3, 4};\n%s\n    return g(x, y);\n}\n"
    bad = ["    a(), b();", "    x = 1, y = 2;", "    return a, b;",
           "    if (x)\n        a(), b();",
           "    goto out;", "    x = 1; /* padded   */", "    " + "x" * 100, "    x;\n" * 70,
           "    *x = 1, *y = 2;", "    while (x) {\n        i++, j++;\n    }",
           "    x; /* freed by whoever called */", "    x; // Nobody calls it",
           "    /* for the one\n     * who called */"]
    good = ["", "    for (i = 0, j = 0; i < 2; i++, j--)\n        a(i, j);", "    goto cleanup;",
            "    const char *p = \"a, b\", *q; /* one, two */", "    s = (t){1, 2};",
            "    f((t){.a = 1, .b = {2, 3}}, 4);", "    struct t x, *y;", "    enum { A, B };",
            "    char buffer[100], other[200];", "    unsigned long long a, b;",
            "    if (a)\n        x = (t){1, 2};", "    size_t n = 0, m;",
            "    amphi_str a, b = x(1);",
            "    static const int list[] = {1, 2};", "    list *next, *last = NULL;",
            "    log(\"nobody /* told */\"); /* one per body */",
            "    int (*call)(int, int) = g;", "    case 1:\n        a(1, 2);"]
    missed = [text for text in bad if not complaints("x.c", body % text)]
    invented = [text for text in good if complaints("x.c", body % text)]
    other = {"x.py": ("# somebody\n", "def f():\n    \"\"\"As told.\"\"\"\n", "x = 1  # told\n"),
             "x.sh": ("# for everyone\n", "x # anybody\n"), "x.md": ("Anyone may call it.\n",)}
    missed += [text for path, texts in other.items() for text in texts
               if not complaints(path, text)]
    other = {"x.py": "x = \"nobody\"  # a name\n", "x.sh": "echo nobody#told\n", "x.md": "Fine.\n"}
    invented += [text for path, text in other.items() if complaints(path, text)]
    fields = "typedef struct t {\n    int a; /* x */%s\n    int bc;%s /* y */\n} t;\n"
    for gap, blanks, is_ragged in (("", "", True), ("\n    int b;", "", True), ("", " ", True),
                                   ("\n", "", False), ("\n    /* z */", "", False)):
        if bool(complaints("sdk/include/x.h", fields % (gap, blanks))) != is_ragged:
            missed.append(fields % (gap, blanks))
    for text in missed + invented:
        print(f"handwriting: judges this wrongly:\n{text[:200]}")
    return not missed and not invented and complaints("x.h", "int a;\n" * 601)


def sources():
    """Our own code, scripts and documents, without what a build leaves."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - {"build", ".git", "__pycache__"})
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            ours = path.endswith((".c", ".h", ".md")) or SCRIPTS.search(path)
            if ours and not DATA.match(path):
                yield path


def main():
    if not proves_that_it_can_fail():
        print("handwriting: the test itself does not see what it should")
        print("0 passed, 1 failed")
        return 1
    count = 0
    for path in sources():
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            for number, wrong in complaints(path, file.read()):
                print(f"{path}:{number}: {wrong}")
                count += 1
    for place in sorted(set(LONGER) - longer):
        print(f"{place} may be longer, but is not: take it off the list")
        count += 1
    print(f"{0 if count else 1} passed, {count} failed")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
