#!/usr/bin/env python3
"""Writes a public header, with those it includes, as one file of plain C declarations: flatten.py HEADER [BASE] >OUTPUT

For parsers without a preprocessor: cffi, LuaJIT's ffi.cdef, and the like. Comments, conditionals, includes and export
macros are removed; of a conditional for C++, the part for C stays. A macro that is a number becomes an enumerator. Types
of the standard headers become those of the language, so that the output needs no other header. It must not contain a
preprocessor line. It leaves out BASE and what BASE includes: a parser reads the file of BASE first.
"""
import pathlib
import re
import sys

# macros of common.h in declarations
MACROS = r"\bLOCK_SYNC_(?:(?:NODISCARD_)?API|EXTENSION|INT32)\b"
# where the library has been built, size_t is as wide as long
TYPES = {"bool": "_Bool", "size_t": "unsigned long", "uint8_t": "unsigned char", "int32_t": "int",
         "uint32_t": "unsigned int", "int64_t": "long long", "uint64_t": "unsigned long long"}


def text_of(header, seen):
    """Returns the declarations of a header and of the headers that it includes, each header once."""
    if header in seen:
        return ""
    seen.add(header)
    source = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    kept = []
    conditionals = []  # of each: its condition, and whether its lines stay; the first is the include guard
    for line in source.splitlines():
        directive = re.match(r"\s*#\s*(\w+)\s*(.*?)\s*$", line)
        word, rest = directive.groups() if directive else ("", "")
        if word.startswith("if"):
            conditionals.append([f"{word} {rest}", not conditionals])
        elif word == "else":
            conditionals[-1][1] = conditionals[-1][0] == "ifdef __cplusplus"
        elif word == "endif":
            conditionals.pop()
        if word.startswith("if") or word in ("elif", "else", "endif") or not all(stays for _, stays in conditionals):
            continue
        if word == "include":
            if rest.startswith('"'):
                kept.append(text_of((header.parent / rest.strip('"')).resolve(), seen))
        elif word == "define":
            macro = re.fullmatch(r"(\w+)\s+(\d+)", rest)
            kept.append("enum { %s = %s };" % macro.groups() if macro else "")
        else:
            kept.append(line)
    return "\n".join(kept)


def declarations(text):
    """Yields the declarations of a text: each on one line, but with one line for each member and enumerator."""
    for declaration in re.findall(r"(?:[^;{}]|\{[^{}]*\})+;", re.sub(MACROS, "", text)):
        declaration = re.sub(r"\b(%s)\b" % "|".join(TYPES), lambda found: TYPES[found[1]], declaration)
        declaration = re.sub(r"\s+", " ", declaration).strip()
        yield re.sub(r"\{ (.*) \}", lambda body: "{\n    %s\n}" % re.sub(r"([,;]) (?![^()]*\))", r"\1\n    ", body[1]),
                     declaration)


def main():
    header = pathlib.Path(sys.argv[1]).resolve()
    seen = set()
    for base in sys.argv[2:]:
        text_of(pathlib.Path(base).resolve(), seen)
    flat = "\n".join(declarations(text_of(header, seen)))
    if re.search(r"[#\\\"]|/\*|//", flat):
        sys.exit("flatten.py: the output contains something that is not a plain declaration")
    print(flat)


if __name__ == "__main__":
    main()
