#!/usr/bin/env python3
"""Writes a public header, with those it includes, as one file of plain C declarations: flatten.py HEADER >OUTPUT

For parsers without a preprocessor: cffi, LuaJIT's ffi.cdef, and the like. Comments, conditionals, includes and export
macros are removed; a macro that is a number becomes an enumerator. The output must not contain a preprocessor line.
"""
import pathlib
import re
import sys


def text_of(header, seen):
    """Returns the declarations of a header and of the headers that it includes, each header once."""
    if header in seen:
        return ""
    seen.add(header)
    source = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    kept = []
    depth = 0  # of conditionals; 1 is the include guard's
    for line in source.splitlines():
        directive = re.match(r"\s*#\s*(\w+)\s*(.*?)\s*$", line)
        word, rest = directive.groups() if directive else ("", "")
        depth += word.startswith("if") - (word == "endif")
        if depth > 1 or word in ("if", "ifdef", "ifndef", "endif", "else", "elif"):
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
    for declaration in re.findall(r"(?:[^;{}]|\{[^{}]*\})+;", text.replace("LOCK_SYNC_API", "")):
        declaration = re.sub(r"\s+", " ", declaration).strip()
        yield re.sub(r"\{ (.*) \}", lambda body: "{\n    %s\n}" % re.sub(r"([,;]) (?![^()]*\))", r"\1\n    ", body[1]),
                     declaration)


def main():
    header = pathlib.Path(sys.argv[1]).resolve()
    flat = "\n".join(declarations(text_of(header, set())))
    if re.search(r"[#\\\"]|/\*|//", flat):
        sys.exit("flatten.py: the output contains something that is not a plain declaration")
    print(flat)


if __name__ == "__main__":
    main()
