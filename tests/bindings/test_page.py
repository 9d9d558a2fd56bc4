#!/usr/bin/env python3
"""Runs the programs of the pages on bindings against the simulator. A program below a file name is that file."""
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
PAGES = [SAMPLES.parent / "docs" / page for page in ("bindings.md", "bindings/node.md")]
BLOCK = re.compile(r"^(?:`bindings/(\S+)`:\n\n)?```(python|javascript|lua)\n(.*?)^```$", re.M | re.S)
FOLDERS = {"python": SAMPLES / "python", "javascript": NODE_USER, "lua": SAMPLES / "lua"}
INTERPRETERS = {"python": sys.executable, "javascript": "node", "lua": "luajit"}


class Page(unittest.TestCase):
    def test_each_program_runs(self):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"])
        self.addCleanup(simulator.stop)
        environment = dict(os.environ, LOCKSYNC_BASE_URL=simulator.url, LOCKSYNC_PERSONAL_KEY="demo-key")
        blocks = [block for page in PAGES for block in BLOCK.findall(page.read_text(encoding="utf-8"))]
        self.assertEqual({file for file, _, _ in blocks} - {""}, {"python/locks.py", "node/locks.js", "lua/locks.lua"})
        for file, language, code in blocks:
            with self.subTest(language=language, program=code):
                if file:
                    self.assertEqual(code, (SAMPLES / file).read_text(encoding="utf-8"))
                if not shutil.which(INTERPRETERS[language]) or language == "javascript" and not NODE_USER:
                    self.skipTest(f"what {language} needs is not installed")
                module = ["--input-type=module"] if code.startswith("import {") else []
                done = subprocess.run([INTERPRETERS[language], *module, "-"], input=code, cwd=FOLDERS[language],
                                      env=environment, check=False, text=True, capture_output=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("1001", done.stdout)


if __name__ == "__main__":
    unittest.main()
