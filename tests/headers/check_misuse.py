#!/usr/bin/env python3
"""Checks that compilers find misuse of the headers: check_misuse.py FLAT INCLUDE_FOLDER CC...

A status is ignored of a function that makes something; a result of three values is used as a boolean in C++. Also checks
the type that bindgen, if it is installed, gives the constants.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from check_flat import TYPES

FLAT, INCLUDE, *CC = sys.argv[1:]
HEADERS = "#include <locksync/locksync.h>\n"
# each compiler with its language and its versions
C, CXX = ["c99", "c11"], ["c++11", "c++17"]
COMPILERS = [(CC, "c", C), ([os.environ.get("CXX", "c++")], "c++", CXX)]
COMPILERS += [(["clang"], "c", C), (["clang++"], "c++", CXX)] if shutil.which("clang++") else []

# In C++: each text, and whether it compiles.
TRISTATE = [
    ("if (lock_sync_lock_is_locked(lock)) return;", False),
    ("if (!lock_sync_lock_is_jammed(lock)) return;", False),
    ("bool locked = lock_sync_lock_is_locked(lock); (void)locked;", False),
    ("int locked = lock_sync_lock_is_locked(lock); (void)locked;", False),
    ("while (lock_sync_lock_is_locked(lock) && true) return;", False),
    ("lock_sync_status status = lock_sync_lock_is_locked(lock); (void)status;", False),
    ("if (lock_sync_lock_is_locked(lock) == 1) return;", False),
    ("if (lock_sync_lock_is_locked(lock) == LOCK_SYNC_YES) return;", True),
    ("if (lock_sync_lock_is_locked(lock) != lock_sync_tristate::unknown) return;", True),
    ("switch (lock_sync_lock_is_locked(lock)) { case LOCK_SYNC_YES: case LOCK_SYNC_NO: case LOCK_SYNC_UNKNOWN: return; }",
     True),
    ("static_assert(sizeof(lock_sync_tristate) == 4 && static_cast<int>(LOCK_SYNC_UNKNOWN) == 2, \"as in C\");", True),
]


def compiled(compiler, language, standard, text, *options):
    """Returns whether the text compiles, and what the compiler writes."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "misuse")
        file.write_text(text, encoding="utf-8")
        run = subprocess.run([*compiler, "-x", language, f"-std={standard}", f"-I{INCLUDE}", "-Wall", "-Wextra", "-Wpedantic",
                              "-c", "-o", os.devnull, *options, file], capture_output=True, text=True)
    return run.returncode == 0, run.stderr


def functions():
    """Yields name and parameters of each public function that returns a status."""
    text = pathlib.Path(FLAT).read_text(encoding="utf-8")
    return re.findall(r"^lock_sync_status (\w+)\((.*)\);$", text, re.MULTILINE)


def check_ignored(compiler, language, standard):
    lines, makes = HEADERS.splitlines(), set()
    for name, parameters in functions():
        arguments = ", ".join(re.search(r"\w+$", parameter)[0] for parameter in parameters.split(", "))
        for real, flat in TYPES.items():
            parameters = re.sub(rf"\b{flat}\b", real, parameters)
        lines.append(f"void ignore_{name}({parameters}) {{ {name}({arguments}); }}")
        if re.search(r"\*\*\w+$|\*slot$", parameters):
            makes.add(lines[-1])
    good, written = compiled(compiler, language, standard, "\n".join(lines) + "\n")
    assert good, written
    found = {lines[int(number) - 1] for number in re.findall(r":(\d+):\d+: warning:", written)}
    assert len(makes) > 20 and found == makes, f"{compiler}, {standard}: {found ^ makes}\n{written}"


def check_tristate(compiler, standard):
    for text, good in TRISTATE:
        body = HEADERS + f"void use(const lock_sync_lock *lock);\nvoid use(const lock_sync_lock *lock)\n{{\n(void)lock;\n{text}\n}}\n"
        result, written = compiled(compiler, "c++", standard, body, "-Werror")
        assert result == good, f"{compiler}, {standard}: {text}\n{written}"


def check_bindgen():
    """In Rust the constants of a status have its type, so that they can be compared."""
    if not shutil.which("bindgen"):
        print("bindgen is not installed")
        return
    rust = subprocess.run(["bindgen", pathlib.Path(INCLUDE, "locksync", "locksync.h")], check=True, capture_output=True,
                          text=True).stdout
    # newer ones write spaces around all signs if rustfmt is not installed
    rust = re.sub(r" (?=[:;])", "", re.sub(r"\s*::\s*(?=std|os|raw|c_)", "::", rust))
    types = dict(re.findall(r"pub type (\w+) = ?(\S+);", rust))
    constants = dict(re.findall(r"pub const (LOCK_SYNC_\w+): (\w+) =", rust))
    for name, kind in constants.items():
        is_bits = re.match(r"LOCK_SYNC_(FIELD|CHANGE|CHANNEL|VERSION|GUARD_(RECORD|SOURCE))_", name)
        real = "u32" if is_bits else "i32"
        found = types.get(kind, kind).replace("::std::os::raw::c_uint", "u32")
        assert found == real, f"{name} is {found}"
    assert len(constants) > 80 and types["lock_sync_status"] == "i32"
    subprocess.run(["bindgen", FLAT], check=True, stdout=subprocess.DEVNULL)  # parses alone too
    print(f"bindgen: {len(constants)} constants")


def main():
    for compiler, language, standards in COMPILERS:
        for standard in standards:
            check_ignored(compiler, language, standard)
            if language == "c++":
                check_tristate(compiler, standard)
    check_bindgen()


if __name__ == "__main__":
    main()
