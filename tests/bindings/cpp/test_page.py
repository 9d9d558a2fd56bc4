#!/usr/bin/env python3
"""Compiles the code of docs/bindings/cpp.md, and runs its programs and examples/locks.cpp: test_page.py COMPILER FLAG...

Code without a main() is the body of a function. Its first line says what it has: `// with: PARAMETERS`. `C++20` means
that C++17 cannot compile it, `coroutine` that it must be in one. Both versions are tried otherwise.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from simulator import Simulator

TREE = pathlib.Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.M | re.S)
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wold-style-cast", "-Wshadow", "-Werror"]
HEADERS = "".join(f"#include <{name}>\n" for name in
                  ("locksync/locksync.hpp", "cstdlib", "future", "iostream", "string", "thread", "vector"))
TASK = """
#include <coroutine>
struct task {
    struct promise_type {
        task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
};
"""
COMPILER, *FLAGS = sys.argv[1:]
HAS_COROUTINES = subprocess.run([COMPILER, "-std=c++20", "-fsyntax-only", "-x", "c++", "-"], check=False, text=True,
                                input="#include <coroutine>\n#ifndef __cpp_lib_coroutine\n#error\n#endif\n",
                                capture_output=True).returncode == 0


def source_of(code):
    """Returns a program, or the function around a fragment."""
    if "int main(" in code:
        return code
    needs = re.match(r"// with: ([^;\n]*)", code)
    coroutine = "; coroutine" in code.splitlines()[0]
    unused = "".join(f"(void){name};\n" for name in re.findall(r"(\w+)(?:,|$)", needs[1]))
    head = f"{'task' if coroutine else 'void'} fragment({needs[1]})"
    return f"{HEADERS}{TASK if coroutine else ''}{head};\n{head}\n{{\n{unused}{code}(void)0;\n}}\n"


class Page(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def compiled(self, code, standard, *flags):
        file = self.folder / "program.cpp"
        file.write_text(code, encoding="utf-8")
        done = subprocess.run([COMPILER, f"-std={standard}", *STRICT, file, "-o", self.folder / "program", *FLAGS, *flags],
                              check=False, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def printed(self, *arguments, **environment):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"])
        self.addCleanup(simulator.stop)
        done = subprocess.run([self.folder / "program", *arguments], check=False, text=True, capture_output=True,
                              timeout=60, env={**os.environ, "LOCKSYNC_BASE_URL": simulator.url,
                                               "LOCKSYNC_PERSONAL_KEY": "demo-key", **environment})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_each_block_compiles_and_each_program_runs(self):
        blocks = BLOCK.findall((TREE / "docs" / "bindings" / "cpp.md").read_text(encoding="utf-8"))
        self.assertGreater(len(blocks), 5)
        for code in blocks:
            for standard in ("c++17", "c++20"):
                with self.subTest(code=code, standard=standard):
                    if standard == "c++17" and "C++20\n" in code:
                        continue
                    if "co_await" in code and not HAS_COROUTINES:
                        self.skipTest("the compiler has no coroutines")
                    is_program = "int main(" in code
                    self.compiled(source_of(code), standard, *([] if is_program else ["-fsyntax-only"]))
                    if is_program:
                        self.assertIn("1001", self.printed())

    def test_the_example_prints_names_and_changes(self):
        self.compiled((TREE / "examples" / "locks.cpp").read_text(encoding="utf-8"), "c++17")
        printed = self.printed()
        self.assertIn("1001 Front door: locked", printed)
        self.assertIn("1002 Garage: unknown, out of reach", printed)
        self.assertGreater(len(self.printed("1", LOCKSYNC_INTERVAL_MS="20").splitlines()), 4)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
