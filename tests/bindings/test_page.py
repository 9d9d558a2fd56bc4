#!/usr/bin/env python3
"""Runs the programs of docs/bindings/*.md against the simulator. A program below a file name is that file."""
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from simulator import Simulator

SAMPLES = pathlib.Path(os.environ["LOCKSYNC_FFI_SAMPLES"])
NODE_USER = os.environ.get("NODE_USER")  # where the package for Node is installed
PAGES = SAMPLES.parent / "docs" / "bindings"
BLOCK = re.compile(r"^(?:`bindings/(\S+)`:\n\n)?```(python|javascript|lua)\n(.*?)^```$", re.M | re.S)
FOLDERS = {"python": SAMPLES / "python", "javascript": NODE_USER, "lua": SAMPLES / "lua"}
INTERPRETERS = {"python": sys.executable, "javascript": "node", "lua": "luajit"}


def lacks(language, code):
    """Returns what a program needs that is not installed."""
    if not shutil.which(INTERPRETERS[language]) or language == "javascript" and not NODE_USER:
        return f"what {language} needs is not installed"
    if "import aiohttp" in code and not importlib.util.find_spec("aiohttp"):
        return "aiohttp is not installed"
    return None


class Page(unittest.TestCase):
    def run_page(self, page):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"])
        self.addCleanup(simulator.stop)
        environment = dict(os.environ, LOCKSYNC_BASE_URL=simulator.url, LOCKSYNC_PERSONAL_KEY="demo-key")
        blocks = BLOCK.findall((PAGES / page).read_text(encoding="utf-8"))
        self.assertTrue(blocks)
        self.assertEqual(len({file for file, _, _ in blocks} - {""}), 1)
        for file, language, code in blocks:
            with self.subTest(language=language, program=code):
                if file:
                    self.assertEqual(code, (SAMPLES / file).read_text(encoding="utf-8"))
                lacking = lacks(language, code)
                if lacking:
                    self.skipTest(lacking)
                module = ["--input-type=module"] if code.startswith("import {") else []
                done = subprocess.run([INTERPRETERS[language], *module, "-"], input=code, cwd=FOLDERS[language],
                                      env=environment, check=False, text=True, capture_output=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("1001", done.stdout)

    def test_python(self):
        self.run_page("python.md")

    def test_node(self):
        self.run_page("node.md")

    def test_lua(self):
        self.run_page("lua.md")


if __name__ == "__main__":
    unittest.main()
