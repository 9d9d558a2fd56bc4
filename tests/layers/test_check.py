#!/usr/bin/env python3
"""Shows that the check of the layers finds faults: test_check.py CHECK [--nm NM] [--cc CC...]

Each test puts one fault into a small tree without faults, and expects that the check reports it. The tests of calls
compile the tree; they are skipped without nm or a compiler.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

# A tree without faults: each layer has a file that uses one of a lower layer.
TREE = {
    "include/locksync/common.h": "",
    "include/locksync/guard.h": '#include "common.h"\n',
    "include/locksync/redis.h": '#include "guard.h"\n',
    "src/meson.build": "",
    "src/lib.map": "",
    "src/base/clock.h": "int lsync_clock(void);\n",
    "src/base/clock.c": '#include "base/clock.h"\n#include <time.h>\nint lsync_clock(void) { return (int)time(0); }\n',
    "src/guard/rule.h": '#include "locksync/guard.h"\nint lsync_rule(int now);\n',
    "src/guard/rule.c": '#include "guard/rule.h"\n#include <string.h>\nint lsync_rule(int now) { return now; }\n',
    "src/guard/guard.c": '#include "base/clock.h"\n#include "guard/rule.h"\n'
                         "int lock_sync_guard(void) { return lsync_rule(lsync_clock()); }\n",
    "src/guard/redis/redis.c": '#include "locksync/redis.h"\n#include "base/clock.h"\nint lock_sync_guard(void);\n'
                               "int lock_sync_redis(void) { return lsync_clock() + lock_sync_guard(); }\n",
    "src/wire/lock.c": '#include "locksync/common.h"\nint lsync_lock(void) { return 1; }\n',
    "src/transport/loop.h": "int lsync_loop(void);\n",
    "src/transport/loop.c": '#include "transport/loop.h"\nint lsync_lock(void);\n'
                            "int lsync_loop(void) { return lsync_lock(); }\n",
    "src/client/fetch.c": '#include "transport/loop.h"\nint lsync_fetch(void) { return lsync_loop(); }\n',
    "src/watch/watch.c": "int lsync_fetch(void);\nint lsync_watch(void) { return lsync_fetch(); }\n",
    "src/pool/pool.c": "int lsync_watch(void);\nint lsync_pool(void) { return lsync_watch(); }\n",
    "tests/layers/allowed": "# nothing\n",
}
OPTIONS = argparse.Namespace()
OBJECTS = {}  # {(file, text): the object}, so that no file is compiled twice


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = pathlib.Path(folder.name, "source")
        self.build = pathlib.Path(folder.name, "build")
        self.build.mkdir()
        for name, text in TREE.items():
            self.put(name, text)

    def put(self, name, text):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def add(self, name, text):
        self.put(name, TREE.get(name, "") + text)

    def try_each(self, cases, judge):
        """Each case: lines to add to files, and the arguments of `judge`."""
        for added, *expected in cases:
            with self.subTest(expected):
                for name, text in added.items():
                    self.add(name, text)
                judge(*expected)
            for name in added:
                (self.source / name).unlink()
                if name in TREE:
                    self.put(name, TREE[name])

    def compile(self, leave_out=()):
        """Compiles the tree as a build would, and writes the commands as Meson does."""
        if not OPTIONS.cc or not shutil.which(OPTIONS.cc[0]) or not shutil.which(OPTIONS.nm):
            self.skipTest("no compiler or no nm")
        commands = []
        for file in sorted(self.source.glob("src/**/*.c")):
            if file.name not in leave_out:
                output = "src/" + "_".join(file.relative_to(self.source).parts) + ".o"
                commands.append({"directory": str(self.build), "file": str(file), "output": output})
                self.compile_one(file, self.build / output)
        (self.build / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")

    def compile_one(self, file, output):
        key = (file.name, file.read_text(encoding="utf-8"))
        output.parent.mkdir(exist_ok=True)
        if key not in OBJECTS:
            folders = ["-I", self.source / "src", "-I", self.source / "include"]
            subprocess.run([*OPTIONS.cc, *folders, "-c", "-o", output, file], check=True)
            OBJECTS[key] = output.read_bytes()
        output.write_bytes(OBJECTS[key])

    def check(self, *arguments, fails=True):
        """Runs the check, and returns what it prints."""
        tree = ["--source", self.source, "--build", self.build, "--nm", OPTIONS.nm]
        run = subprocess.run([sys.executable, OPTIONS.check, *tree, *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, int(fails), run.stdout + run.stderr)
        return run.stdout

    def expect_only(self, *lines):
        """Expects that the check finds these in this order, and nothing else."""
        printed = self.check()
        self.assertEqual([line for line in printed.splitlines()[:-1] if line[0] != " "], list(lines), printed)

    def expect_new(self, *violations):
        self.expect_only(*("new: " + line for line in violations))


class Includes(Tree):
    def test_a_tree_without_faults_passes(self):
        self.assertIn("0 violations, 0 new, 0 gone; without the symbols: there is no build", self.check(fails=False))

    def test_faults_are_reported(self):
        self.try_each((
            ({"src/base/clock.h": '#include "guard/rule.h"\n'},
             "base -> guard: src/base/clock.h includes src/guard/rule.h"),
            ({"src/wire/lock.c": '#  include <locksync/guard.h>\n'},
             "wire -> guard: src/wire/lock.c includes include/locksync/guard.h"),
            ({"include/locksync/common.h": '#include "guard.h"\n'},
             "base -> guard: include/locksync/common.h includes include/locksync/guard.h",
             "cycle: include/locksync/common, include/locksync/guard"),
            ({"src/pool/pool.c": '#include "locksync/redis.h"\n'},
             "pool -> redis: src/pool/pool.c includes include/locksync/redis.h"),
            ({"src/guard/redis/redis.c": '#include "../rule.h"\n'},
             "redis -> guard: src/guard/redis/redis.c includes src/guard/rule.h"),
            ({"src/pool/pool.c": "#include <curl/curl.h>\n"}, "outside: src/pool/pool.c includes curl/curl.h"),
            ({"src/guard/guard.c": "#include <hiredis/hiredis.h>\n"},
             "outside: src/guard/guard.c includes hiredis/hiredis.h"),
            ({"src/client/fetch.c": "#include <jansson.h>\n"}, "outside: src/client/fetch.c includes jansson.h"),
            ({"src/guard/rule.c": "#include <time.h>\n"}, "not pure: src/guard/rule.c includes time.h"),
            ({"src/wire/lock.c": "#include <sys/socket.h>\n"}, "not pure: src/wire/lock.c includes sys/socket.h"),
            ({"src/wire/lock.c": '#include "base/clock.h"\n'}, "not pure: src/wire/lock.c includes src/base/clock.h"),
            ({"src/transport/wait_epoll.c": '#include "transport/socket.h"\n', "src/transport/wait_poll.h": "",
              "src/transport/socket.h": '#include "transport/wait_poll.h"\n'},
             "cycle: src/transport/socket, src/transport/wait_*"),  # variants of a file are one
            ({"src/fetch.c": "", "src/notes.txt": "", "src/attic/old.c": "", "include/locksync/extra.h": ""},
             "loose: src/fetch.c (move it to the folder of its layer)",
             "loose: src/notes.txt (move it to the folder of its layer)",
             "no layer: include/locksync/extra.h (add it to a layer in tests/layers/check)",
             "no layer: src/attic/old.c (add it to a layer in tests/layers/check)")), self.expect_new)

    def test_allowed_uses_are_not_reported(self):
        for name, text in (("src/transport/loop.c", "#include <curl/curl.h>\n"),
                           ("src/guard/redis/redis.c", "#include <hiredis/hiredis.h>\n"),
                           ("src/wire/lock.c", "#include <jansson.h>\n"),
                           ("src/guard/guard.c", "#include <pthread.h>\n"),
                           ("src/pool/pool.c", "/*\n * #include <curl/curl.h>\n */\n")):
            self.add(name, text)
        self.check(fails=False)

    def test_a_cycle_is_shown_with_its_dependencies(self):
        self.put("src/client/context.h", '#include "client/fetch.h"\n')
        self.put("src/client/fetch.h", "")
        self.add("src/client/fetch.c", '#include "client/context.h"\n')
        self.assertIn("new: cycle: src/client/context, src/client/fetch\n"
                      "    src/client/context.h includes src/client/fetch.h\n"
                      "    src/client/fetch.c includes src/client/context.h\n", self.check())


class Calls(Tree):
    def test_a_tree_without_faults_passes(self):
        self.compile()
        self.assertRegex(self.check(fails=False), r"0 violations, 0 new, 0 gone\n$")

    def test_faults_are_reported(self):
        def judge(*found):
            self.compile()
            self.expect_new(*found)

        self.try_each((
            ({"src/client/fetch.c": "int lsync_pool(void);\nint lsync_up(void) { return lsync_pool(); }\n"},
             "client -> pool: src/client/fetch.c uses lsync_pool (of src/pool/pool.c)",
             "cycle: src/client/fetch, src/pool/pool, src/watch/watch"),
            ({"src/wire/lock.c": "int lsync_rule(int);\nint lsync_aside(void) { return lsync_rule(1); }\n"},
             "wire -> guard: src/wire/lock.c uses lsync_rule (of src/guard/rule.c)"),
            ({"src/guard/redis/redis.c": "int lsync_rule(int);\nint lsync_inside(void) { return lsync_rule(1); }\n"},
             "redis -> guard: src/guard/redis/redis.c uses lsync_rule (of src/guard/rule.c)"),
            ({"src/guard/rule.c": "int lsync_clock(void);\nlong time(long *);\n"
                                  "long lsync_late(void) { return lsync_clock() + time(0); }\n"},
             "not pure: src/guard/rule.c uses lsync_clock (of src/base/clock.c)",
             "not pure: src/guard/rule.c uses time"),
            ({"src/pool/pool.c": "void curl_free(void *);\nvoid lsync_outside(void) { curl_free(0); }\n"},
             "outside: src/pool/pool.c uses curl_free")), judge)

    def test_a_missing_object_is_an_error(self):
        self.compile()
        (self.build / "src" / "src_pool_pool.c.o").unlink()
        self.check()

    def test_without_nm_the_includes_are_still_checked(self):
        self.compile()
        self.add("src/base/clock.h", '#include "guard/rule.h"\n')
        printed = self.check("--nm", "no-such-nm")
        self.assertIn("new: base -> guard:", printed)
        self.assertIn("without the symbols: nm cannot read the objects", printed)


class List(Tree):
    UP = "base -> guard: src/base/clock.h includes src/guard/rule.h"
    CALL = "client -> pool: src/client/fetch.c uses lsync_pool"
    CYCLE = "cycle: src/client/fetch, src/pool/pool, src/watch/watch"
    REMEDY = "tests/layers/allowed is not up to date or not sorted: run tests/layers/check --write"

    def list(self, *lines):
        self.put("tests/layers/allowed", "".join(line + "\n" for line in ("# a comment", *lines)))

    def listed(self):
        return (self.source / "tests/layers/allowed").read_text(encoding="utf-8").splitlines()[1:]

    def gone(self, entry):
        return f"remove: {entry} (it does not occur any more, or is another cycle)"

    def test_listed_violations_pass_and_write_adds_the_others(self):
        up, loose = {"src/base/clock.h": '#include "guard/rule.h"\n'}, {"src/fetch.c": ""}
        cycle = {"src/client/a.h": '#include "client/b.h"\n', "src/client/b.h": '#include "client/a.h"\n'}
        noted, greater = self.UP + "  # to fix", "cycle: src/client/a, src/client/b, src/client/c"
        cases = (  # the faults, the list, what is found, the list after --write
            (up, [noted], [], [noted]),
            ({}, [self.UP], [self.gone(self.UP), self.REMEDY], []),
            (up | loose, [noted, "loose: src/gone.c"],
             ["new: loose: src/fetch.c (move it to the folder of its layer)", self.gone("loose: src/gone.c"),
              self.REMEDY],
             [noted, "loose: src/fetch.c"]),
            (up | loose, ["loose: src/fetch.c", self.UP], [self.REMEDY], [self.UP, "loose: src/fetch.c"]),
            (cycle, [greater], [self.gone(greater), self.REMEDY], ["cycle: src/client/a, src/client/b"]),
        )

        def judge(lines, found, anew):
            self.list(*lines)
            if found:
                self.expect_only(*found)
            self.check("--write", fails=False)
            self.assertEqual(self.listed(), anew)
            self.check(fails=False)

        self.try_each(cases, judge)

    def test_calls_in_files_that_a_build_leaves_out_stay_listed(self):
        self.add("src/client/fetch.c", "int lsync_pool(void);\nint lsync_up(void) { return lsync_pool(); }\n")
        self.list(self.CALL, self.CYCLE)
        self.compile()
        self.check(fails=False)
        (self.build / "compile_commands.json").unlink()
        self.check(fails=False)
        self.compile(leave_out=("fetch.c", "pool.c"))
        self.check("--write", fails=False)
        self.assertEqual(self.listed(), [self.CALL, self.CYCLE])

    def test_calls_that_no_longer_occur_must_be_removed(self):
        self.list(self.CALL, self.CYCLE)
        self.compile()
        self.expect_only(self.gone(self.CALL), self.gone(self.CYCLE), self.REMEDY)


if __name__ == "__main__":
    ARGUMENTS = argparse.ArgumentParser()
    ARGUMENTS.add_argument("check")
    ARGUMENTS.add_argument("--nm", default="nm")
    ARGUMENTS.add_argument("--cc", nargs=argparse.REMAINDER, default=["cc"])
    ARGUMENTS.parse_args(namespace=OPTIONS)
    unittest.main(argv=sys.argv[:1])
