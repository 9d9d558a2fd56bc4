#!/usr/bin/env python3
"""Which public functions each binding uses. One that it does not use is in unused/BINDING.json, with the reason."""
import json
import pathlib
import re
import runpy
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[1]
# Where a binding's sources are, and how they call the function lock_sync_{}.
BINDINGS = {
    "cpp": (["include/locksync/*.hpp", "include/locksync/cpp/*.hpp"], r"\block_sync_{}\b"),
    "lua": (["bindings/lua/**/*.lua"], r"\block_sync_{}\b"),
    "node": (["bindings/node/*.[cm]js", "bindings/node/*.js", "bindings/node/lib/**/*.[cm]js",
              "bindings/node/lib/**/*.js"], r"\block_sync_{}\b"),
    "python": (["bindings/python/src/locksync/*.py"], r"\b(?:_?lib|library|redis_library\(\))\.{}\b"),
}


def public_functions():
    flatten = runpy.run_path(str(TREE / "include" / "flatten.py"))
    seen = set()
    text = "".join(flatten["text_of"]((TREE / "include" / "locksync" / name).resolve(), seen)
                   for name in ("locksync.h", "redis.h"))
    lines = "\n".join(flatten["declarations"](text))
    return set(re.findall(r"^(?!typedef)\w[\w ]*[ *]lock_sync_(\w+)\(", lines, re.MULTILINE))


class Coverage(unittest.TestCase):
    def test_each_binding_uses_each_function_or_says_why_not(self):
        functions = public_functions()
        self.assertGreater(len(functions), 100)
        lists = sorted((HERE / "unused").glob("*.json"))
        self.assertTrue(lists)
        for file in lists:
            with self.subTest(file.stem):
                patterns, call = BINDINGS[file.stem]
                source = "".join(path.read_text(encoding="utf-8") for pattern in patterns
                                 for path in sorted(TREE.glob(pattern)) if "node_modules" not in path.parts)
                used = {name for name in functions if re.search(call.format(name), source)}
                reasons = json.loads(file.read_text(encoding="utf-8"))
                self.assertTrue(all(reasons.values()))
                self.assertEqual(set(reasons) - functions, set(), "these are not public functions")
                self.assertEqual(used & set(reasons), set(), "these are used")
                self.assertEqual(functions - used - set(reasons), set(), "these are not used, without a reason")


if __name__ == "__main__":
    unittest.main()
