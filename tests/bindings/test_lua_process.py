#!/usr/bin/env python3
"""Programs in LuaJIT: interrupted, without their server, and with the module as it is installed."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from simulator import Simulator

TESTS = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["LOCKSYNC_LIBRARY"]).resolve().parents[1]
LUAJIT = shutil.which("luajit")


class Processes(unittest.TestCase):
    def begin(self, how, *arguments):
        """Starts a program, and returns it when it waits, with its simulator."""
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--static", *arguments)
        self.addCleanup(simulator.process.communicate)
        self.addCleanup(simulator.process.kill)
        program = subprocess.Popen([LUAJIT, TESTS / "lua" / "interrupted.lua", how], stdout=subprocess.PIPE, text=True,
                                   env=dict(os.environ, LOCKSYNC_BASE_URL=simulator.url))
        self.addCleanup(program.kill)
        self.assertEqual(program.stdout.readline(), "begun\n")
        time.sleep(0.5)
        return program, simulator

    def test_ctrl_c_is_answered_at_once(self):
        for how in ("fetch", "directory", "guard", "each", "next", "pool"):
            delay = "0" if how in ("each", "next", "pool") else "10000"
            with self.subTest(how=how):
                program, _ = self.begin(how, "--delay-ms", delay)
                begun = time.monotonic()
                program.send_signal(signal.SIGINT)
                output, _ = program.communicate(timeout=30)
                taken = time.monotonic() - begun
                print(f"Ctrl-C in {how}: {taken * 1000:.0f} ms")
                self.assertRegex(output, r"^raised interrupted!\nLOCK_SYNC_E_\w+\n$")
                self.assertEqual(program.returncode, 0)
                self.assertLess(taken, 5)

    def test_a_second_ctrl_c_ends_what_waits_in_c(self):
        program, _ = self.begin("one", "--delay-ms", "60000")
        begun = time.monotonic()
        while program.poll() is None and time.monotonic() - begun < 30:  # two that come at once may be one
            program.send_signal(signal.SIGINT)
            time.sleep(0.2)
        program.stdout.close()
        self.assertEqual(program.poll(), -signal.SIGINT)

    def test_the_simulator_is_killed_in_mid_fetch(self):
        for how in ("fetch", "directory", "one"):
            with self.subTest(how=how):
                program, simulator = self.begin(how, "--delay-ms", "10000")
                simulator.process.kill()
                output, _ = program.communicate(timeout=30)
                self.assertRegex(output, r"^LOCK_SYNC_E_(NETWORK|CONNECT)\n$")

    def test_429(self):
        program, _ = self.begin("fetch", "--fault", "429")
        self.assertEqual(program.communicate(timeout=30)[0], "LOCK_SYNC_E_RATE_LIMITED\n")


class Page(unittest.TestCase):
    def test_each_program_of_the_page_runs(self):
        page = TESTS.parents[1] / "docs" / "bindings" / "lua.md"
        sample = (TESTS.parents[1] / "bindings" / "lua" / "locks.lua").read_text(encoding="utf-8")
        programs = re.findall(r"^```lua\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
        self.assertEqual((len(programs), programs[0]), (5, sample))
        for program in programs:
            simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--static")
            self.addCleanup(simulator.process.communicate)
            self.addCleanup(simulator.process.terminate)
            done = subprocess.run([LUAJIT, "-"], input=program, capture_output=True, text=True, check=False, timeout=60,
                                  env=dict(os.environ, LOCKSYNC_BASE_URL=simulator.url,
                                           LOCKSYNC_PERSONAL_KEY="demo-key"))
            self.assertEqual((done.returncode, done.stderr), (0, ""), program)
            self.assertGreater(len(done.stdout.splitlines()), 1, program)


PROGRAM = """
for _ = 1, 2 do
  local locksync = require "locksync"
  local context = assert(locksync.context {base_url = arg[1], personal_key = "demo-key", guard_mode = 3})
  print(#assert(context:fetch()))
  local guard, err = locksync.guard {redis = "nowhere", key = "k"}
  print(err)
  for name in pairs(package.loaded) do
    if name:find "^locksync" then package.loaded[name] = nil end
  end
end
"""


class Installed(unittest.TestCase):
    def test_the_installed_module_needs_no_variable(self):
        """After `meson install` for the whole system, in a mount namespace with a /usr/local of its own."""
        with tempfile.TemporaryDirectory() as folder:
            if subprocess.run(["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/usr/local"],
                              capture_output=True, check=False).returncode != 0:
                self.skipTest("the kernel forbids a mount namespace")
            options = subprocess.run(["meson", "introspect", "--buildoptions", BUILD], capture_output=True, text=True,
                                     check=True).stdout
            if not re.search(r'"name": "prefix", "value": "/usr/local"', options):
                self.skipTest("this build is not for /usr/local")
            stage = pathlib.Path(folder, "stage")
            subprocess.run(["meson", "install", "--no-rebuild", "-C", BUILD], check=True, capture_output=True,
                           env=dict(os.environ, DESTDIR=str(stage)))
            simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--static")
            self.addCleanup(simulator.stop)
            program = pathlib.Path(folder, "program.lua")
            program.write_text(PROGRAM, encoding="utf-8")
            script = """
                mount -t tmpfs none /usr/local && cp -a "$1"/usr/local/. /usr/local
                rm -r /usr/local/include
                ldconfig -C "$2"/cache && mount --bind "$2"/cache /etc/ld.so.cache
                cd / && exec env -i luajit "$2"/program.lua "$3" """
            done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-euc", script, "sh", stage, folder,
                                   simulator.url], capture_output=True, text=True, check=False)
            why = "redis: it does not begin with redis://, rediss://, unix:// or redis+sentinel://"
            redis = (BUILD / "src" / "liblocksync-redis.so.0").exists()
            self.assertEqual(done.stdout.splitlines()[::2], ["4", "4"], done.stderr)
            if redis:
                self.assertEqual(done.stdout, f"4\n{why}\n" * 2)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
