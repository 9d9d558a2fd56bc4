#!/usr/bin/env python3
"""Checks the pages: each C block compiles, marked programs do what their mark says, links have a target. The index is
complete, and tests that pages name exist.

pages.py PREFIX SIMULATOR WORK_FOLDER
pages.py --links FOLDER: checks only the links, of the pages below FOLDER, such as those of a package

PREFIX is where the library is installed. A block with a `main` is a program. A block without one is a fragment; its
first line declares what it needs: /* fragment: lock_sync_ctx *ctx (with a credential), int n; needs <poll.h> */

The line before a block marks a program that is run. Its parts are divided by |, and all but the first are optional.
<!-- run | simulator: OPTIONS | with: ARGUMENTS | prints: TEXT | fails -->
The program runs against a separate simulator. It must end with 0 (unless it `fails`) and print TEXT.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

HEADERS = "locksync/locksync.h inttypes.h stdio.h stdlib.h string.h"
STRICT = "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Werror".split()
BLOCK = re.compile(r"(?:^<!-- run *(?P<mark>.*?) *-->\n)?^(?P<indent> *)```c\n(?P<code>.*?)^ *```$", re.M | re.S)
FRAGMENT = re.compile(r"/\* fragment: (?P<needs>.*?) *(?:; needs (?P<headers>.*))?\*/\n")
CASE = re.compile(r"`(?!lock_sync_|lsync_)[a-z]+(?:_[a-zA-Z0-9]+){3,}`")
FOLDERS = "|".join(folder.name for folder in pathlib.Path("tests").iterdir() if folder.is_dir())
TEST = re.compile(rf"`(?P<name>(?P<folder>{FOLDERS})-[\w*-]+)`")
NAMES_CASES = "SECURITY.md", "docs/reliability.md"
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<place>[^)\s]+))?\)")


def pages():
    found = pathlib.Path(".").rglob("*.md")
    return sorted(str(page) for page in found if not {"build", "node_modules", "subprojects"} & set(page.parts))


def pkg_config(prefix, *what):
    found = [folder for folder, _, names in os.walk(prefix) if "locksync.pc" in names]
    environment = dict(os.environ, PKG_CONFIG_PATH=found[0])
    return subprocess.check_output(["pkg-config", *what], env=environment, text=True).split()


def source_of(code):
    """Returns a program as it is, and a fragment inside a function that declares its needs."""
    if re.search(r"^int main\(", code, re.M):
        return code
    first = FRAGMENT.match(code)
    if not first:
        raise ValueError("a block without main must begin with /* fragment: what it needs */")
    needs = re.sub(r" *\([^()]*\)", "", first["needs"])
    headers = [f"<{name}>" for name in HEADERS.split()] + re.findall(r"<[^>]+>", first["headers"] or "")
    included = "".join(f"#include {name}\n" for name in headers)
    unused = "".join(f"(void){name};\n" for name in re.findall(r"(\w+) *(?:,|$)", needs))
    return f"{included}void fragment({needs});\nvoid fragment({needs})\n{{\n{unused}{code}}}\n"


class Try:
    """The mark before a program."""

    def __init__(self, mark):
        parts = dict((part.split(":", 1) + [""])[:2] for part in re.split(r" *\| *", mark) if part)
        self.simulator = shlex.split(parts.pop("simulator", ""))
        self.arguments = shlex.split(parts.pop("with", ""))
        self.prints = parts.pop("prints", "").strip()
        self.status = 1 if parts.pop("fails", None) is not None else 0
        if parts:
            raise ValueError(f"unknown in the mark: {', '.join(parts)}")

    def run(self, program, simulator, folder):
        with subprocess.Popen([simulator, "--port", "0", *self.simulator], stdout=subprocess.PIPE, text=True) as server:
            try:
                environment = dict(os.environ, LOCKSYNC_BASE_URL=server.stdout.readline().strip(),
                                   LOCKSYNC_PERSONAL_KEY="demo-key", LOCKSYNC_ACCESS_TOKEN="demo-token")
                done = subprocess.run([program, *self.arguments], env=environment, cwd=folder, text=True, timeout=60,
                                      check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            finally:
                server.terminate()
        if done.returncode != self.status or self.prints not in done.stdout:
            raise ValueError(f"exit status {done.returncode}, and it printed: {done.stdout}")


def check_block(block, flags, simulator, folder):
    code = block["code"]
    os.makedirs(folder)
    program = os.path.join(folder, "program")
    is_program = re.search(r"^int main\(", code, re.M)
    with open(program + ".c", "w", encoding="utf-8") as file:
        file.write(source_of(code))
    compiler = shlex.split(os.environ.get("CC", "cc"))
    command = [*compiler, *STRICT, *([] if is_program else ["-c"]), "-o", program, program + ".c", *flags, "-pthread"]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise ValueError(done.stdout)
    if block["mark"] is not None:
        Try(block["mark"]).run(program, simulator, folder)


def places(page):
    """Returns the anchors of a page's headings, as hosting pages make them."""
    with open(page, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)
    titles = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", "\n".join(re.findall(r"^#+ +(.*)", text, re.M))).lower()
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles.split("\n")}


def check_link(page, link):
    target = os.path.normpath(os.path.join(os.path.dirname(page), link["path"])) if link["path"] else page
    if not os.path.exists(target):
        raise ValueError(f"there is no {target}")
    if link["place"] and target.endswith(".md") and link["place"] not in places(target):
        raise ValueError(f"{target} has no heading #{link['place']}")


def check_links(folder):
    passed = failed = 0
    for page in sorted(map(str, pathlib.Path(folder).rglob("*.md"))):
        for link in LINK.finditer(pathlib.Path(page).read_text(encoding="utf-8")):
            try:
                check_link(page, link)
                passed += 1
            except ValueError as error:
                failed += 1
                print(f"FAIL {page}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


def check_index():
    with open("docs/README.md", encoding="utf-8") as file:
        named = {link["path"] for link in LINK.finditer(file.read())}
    for page in pages():
        if re.fullmatch(r"docs/[^/]+\.md", page) and page[5:] not in {*named, "README.md"}:
            raise ValueError(f"docs/README.md does not name {page}")


def check_test(name, folder):
    """Checks that the folder's meson.build has the name, whole or as a beginning and an end; * is any end."""
    builds = "".join(file.read_text(encoding="utf-8") for file in pathlib.Path("tests", folder).rglob("meson.build"))
    ends = [name[at:] for at in range(1, len(name)) if f"'{name[:at]}' + " in builds]
    if f"'{name}'" not in builds and not any(
            end == "*" or f"'{end}'" in builds or f"'{end.replace('-', '_')}'" in builds for end in ends):
        raise ValueError(f"there is no test {name}")


def main():
    if sys.argv[1] == "--links":
        return check_links(sys.argv[2])
    prefix, simulator, work = (os.path.abspath(argument) for argument in sys.argv[1:])
    flags = pkg_config(prefix, "--cflags", "--libs", "locksync-redis", "locksync")
    libraries = [flag[2:] for flag in flags if flag.startswith("-L")]
    os.environ["LD_LIBRARY_PATH"] = ":".join(libraries)
    cases = "".join(source.read_text(encoding="utf-8") for source in pathlib.Path("tests").rglob("*.c"))
    check_index()
    passed = failed = 0
    for page in pages():
        with open(page, encoding="utf-8") as file:
            text = file.read()
        for number, found in enumerate([*BLOCK.finditer(text), *LINK.finditer(text), *TEST.finditer(text),
                                        *(CASE.finditer(text) if page in NAMES_CASES else [])]):
            try:
                if found.re is BLOCK:
                    check_block(found, flags, simulator, os.path.join(work, f"{page.replace('/', '-')}-{number}"))
                elif found.re is LINK:
                    check_link(page, found)
                elif found.re is TEST:
                    check_test(found["name"], found["folder"])
                elif not re.search(rf"^TEST\w*\({found[0][1:-1]}[,)]", cases, re.M):
                    raise ValueError(f"there is no test case {found[0]}")
                passed += 1
            except (ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAIL {page}:{text.count(chr(10), 0, found.start()) + 1}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
