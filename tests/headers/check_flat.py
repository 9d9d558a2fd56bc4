#!/usr/bin/env python3
"""Checks the flat headers against the real ones: check_flat.py FLAT[:FLAT] INCLUDE_FOLDER CC...

The compiler reads both in one file. It rejects a function or a type that differs, and assertions compare enumerators
and the members of structs. Both must have the same names, so that no declaration is missing.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# The types of the flat header, which needs no other header; longer names first
TYPES = {"uint64_t": "unsigned long long", "int64_t": "long long", "size_t": "unsigned long", "uint32_t": "unsigned int",
         "bool": "_Bool", "int32_t": "int"}
STANDARD = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"
REAL = "#include <locksync/locksync.h>\n"
REDIS = "#include <locksync/redis.h>\n"
BOTH = '''
#define SAME(s, m) _Static_assert(offsetof(struct s, m) == offsetof(struct flat_##s, m) && \\
    _Generic(&((struct s *)0)->m, __typeof__(&((struct flat_##s *)0)->m): 1, default: 0), #s "." #m)
'''
WIDTHS = "".join(f'_Static_assert(sizeof({name}) == sizeof({plain}), "{name}");\n' for name, plain in TYPES.items())


def beside_the_real_one(flat):
    """Changes the flat header's text so that it compiles after the real header if both declare the same."""
    def enumerators(body):
        return "".join(f'_Static_assert({name} == {value}, "{name}");\n' for name, value in
                       re.findall(r"(\w+) = (\w+)", body[1]))

    def struct(found):
        name, body = found.groups()
        members = re.findall(r"(?:\(\*(\w+)\)\(.*\)|(\w+));", body)
        return (f"struct flat_{name} {{{body}}};\n" + "".join(f"SAME({name}, {a or b});\n" for a, b in members) +
                f'_Static_assert(sizeof(struct {name}) == sizeof(struct flat_{name}), "{name}");\n')

    for name, plain in TYPES.items():
        flat = re.sub(rf"\b{plain}\b", name, flat)
    flat = re.sub(r"enum \{(.*?)\};\n", enumerators, flat, flags=re.DOTALL)
    return re.sub(r"typedef struct (\w+) \{(.*?)\} \1;\n", struct, flat, flags=re.DOTALL)


def names(text):
    return set(re.findall(r"\b(?:lock_sync|LOCK_SYNC)_\w+", text))


def main():
    flat_files, include, *cc = sys.argv[1:]
    flat_files = flat_files.split(":")
    flat = "".join(pathlib.Path(file).read_text(encoding="utf-8") for file in flat_files)
    real_text = REAL + (REDIS if len(flat_files) > 1 else "")
    assert "#" not in flat, "a line for the preprocessor"
    with tempfile.TemporaryDirectory() as folder:
        def compile_text(name, text, *options):
            file = pathlib.Path(folder, name)
            file.write_text(text, encoding="utf-8")
            return subprocess.run([*cc, "-I" + include, *options, file], check=True, capture_output="-E" in options,
                                  text=True).stdout

        compile_text("alone.c", flat, "-fsyntax-only")
        strict = "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"
        compile_text("strict.c", flat, "-std=c99", *strict)
        compile_text("c23.c", flat, "-std=c2x", *strict)
        compile_text("beside.c", STANDARD + flat + WIDTHS, "-std=c11", *strict)
        compile_text("both.c", STANDARD + real_text + BOTH + beside_the_real_one(flat), "-std=gnu11", "-Wall", "-Werror",
                     "-fsyntax-only")
        real = compile_text("real.c", real_text, "-E")
        macros = set(re.findall(r"#define (LOCK_SYNC_\w+) \d+$", compile_text("real.c", real_text, "-E", "-dM"),
                                re.MULTILINE))
    assert names(flat) == names(real) | macros, f"only in one: {names(flat) ^ (names(real) | macros)}"


if __name__ == "__main__":
    main()
