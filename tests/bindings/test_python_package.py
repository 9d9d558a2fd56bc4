#!/usr/bin/env python3
"""bindings/python as its users have it: installed by pip into a new environment, without a variable of the tests."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import unittest

from simulator import Simulator

TREE = pathlib.Path(__file__).resolve().parents[2]
SOURCE = TREE / "bindings" / "python"
LIBRARY = pathlib.Path(os.environ["LOCKSYNC_LIBRARY"])
REDIS_LIBRARY = os.environ.get("LOCKSYNC_REDIS_LIBRARY")

PROGRAM = """
import asyncio, concurrent.futures, sys
import locksync

URL = sys.argv[1]

def fetch(key):
    with locksync.Context(base_url=URL, personal_key=key) as context:
        return [lock.id for lock in context.fetch()]

async def watch():
    context = locksync.Context(base_url=URL, personal_key="demo-key")
    async with locksync.Pool() as pool:
        changes = pool.watch(context)
        first = await anext(changes)
        for _ in range(3):
            try:
                await asyncio.wait_for(anext(changes), 0.01)
            except asyncio.TimeoutError:
                pass
        return len(first), changes.last_status, changes.age < 60, len(changes.results)

if __name__ == "__main__":
    print(fetch("demo-key"))
    with concurrent.futures.ProcessPoolExecutor(1) as processes:
        try:
            processes.submit(fetch, "wrong").result()
        except locksync.LockSyncError as error:
            print(error.status.name, error.http_status)
        print(processes.submit(fetch, "demo-key").result())
    print(asyncio.run(watch()))
    try:
        locksync.Context(personal_key="k").fetch([])
    except ValueError as error:
        print(error)
"""
PRINTED = """[1001, 1002, 1003, 1004]
UNAUTHORIZED 401
[1001, 1002, 1003, 1004]
(4, <Status.OK: 0>, True, 4)
the list of ids is empty; pass None for all locks
"""

TYPED = """
import asyncio
import logging
from datetime import datetime
from typing import assert_type

from locksync import (Change, Changes, Context, Directory, Door, Guard, GuardMode, Lock, LockSyncError, Pool, Redis,
                      Request, Response, Results, State, Status)


def transport(request: Request) -> Response:
    return Response(200, b"{}", {"Date": request.url})


def use(key: str) -> None:
    with Context(personal_key=key, timeout=5, logger=logging.getLogger("locks"), guard=Guard("/tmp/guard"),
                 guard_mode=GuardMode.WAIT, transport=transport) as context:
        assert_type(context, Context)
        for lock in context.fetch([1001]):
            assert_type(lock, Lock)
            assert_type(lock.is_locked, bool | None)
            assert_type(lock.state, State | int | None)
            assert_type(lock.door_state, Door | int | None)
            assert_type(lock.last_state_changed, datetime | None)
        results = context.fetch()
        assert_type(results[1001], Lock)
        assert_type(results.find(1001), Lock | None)
        assert_type(results.diff(results), list[Change])
        assert_type(context.fetch_directory(), Directory)
        watch = context.watch(serial_numbers=["1"], directory=True)
        assert_type(next(watch), Changes)
        assert_type(watch.wait(5), Changes | None)
        assert_type(watch.age, float | None)
        assert_type(watch.last_status, Status | int)
        context.set(logger=None, guard=Guard.open_redis(Redis("redis://localhost"), "key"))
    try:
        context.fetch()
    except LockSyncError as error:
        assert_type(error.retry_after, float | None)
        assert_type(error.api_messages, tuple[str, ...])


async def use_pool(context: Context) -> None:
    async def send(request: Request) -> Response:
        return Response(200)

    async with Pool(max_active=10) as pool:
        assert_type(await pool.fetch(context, [1]), Results)
        assert_type(await pool.fetch_directory(context), Directory)
        async for changes in pool.watch(context):
            assert_type(changes, Changes)
        assert_type(await context.fetch_through(send), Results)


asyncio.run(use_pool(Context()))
"""
# Each line must be an error of a type checker.
WRONG = """
import locksync
locksync.Context(personal_kye="key")
locksync.Context(timeout="5")
locksync.Context().fetch("1001")
locksync.Context().fetch()["1001"]
locksync.Context(transport=lambda request: request.url)
for lock in locksync.Context().fetch():
    print(lock.isLocked)
"""


def user_s_environment(**more):
    """Returns the environment without the variables of the tests."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("LOCKSYNC_") and name not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    return kept | more


def run(*command, **how):
    how = {"env": user_s_environment(), "text": True, "capture_output": True, "timeout": 240, "check": False} | how
    return subprocess.run(list(map(str, command)), **how)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.source = cls.folder / "tree" / "bindings" / "python"  # pip writes into the tree that it builds
        shutil.copytree(SOURCE, cls.source, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(TREE / "include", cls.folder / "tree" / "include")
        for name in ("LICENSE", "meson.build"):
            shutil.copy(TREE / name, cls.folder / "tree")
        made = run(sys.executable, "-m", "venv", cls.folder / "plain")
        if made.returncode != 0:
            raise unittest.SkipTest("the module venv, or pip, is not installed")
        cls.plain = cls.folder / "plain" / "bin" / "python"
        cls.pip(cls.plain, "install", cls.source)
        cls.libraries = cls.folder / "libraries"  # of the system
        cls.libraries.mkdir()
        for library in filter(None, (LIBRARY, REDIS_LIBRARY)):
            shutil.copy(library, cls.libraries / (pathlib.Path(library).name.partition(".so")[0] + ".so.0"))
        cls.simulator = Simulator(os.environ["LOCKSYNC_SIM"])
        cls.addClassCleanup(cls.simulator.stop)

    @classmethod
    def pip(cls, python, *arguments):
        done = run(cls.plain, "-m", "pip", "--python", python, *arguments, "--no-index", "--disable-pip-version-check")
        assert done.returncode == 0, done.stdout + done.stderr

    def environment(self, name):
        run(sys.executable, "-m", "venv", "--without-pip", self.folder / name)
        return self.folder / name / "bin" / "python"

    def check_licence(self, folder):
        """Checks the licence in an installed package, and in its source archive."""
        name, = (path for path in folder.rglob("LICENSE") if "locksync" in path.parent.parent.name)
        self.assertEqual(name.read_bytes(), (TREE / "LICENSE").read_bytes())
        self.assertIn("\nLicense-File: LICENSE\n", (name.parent.parent / "METADATA").read_text(encoding="utf-8"))

    def check_program(self, python, **variables):
        program = self.folder / "program.py"
        program.write_text(PROGRAM, encoding="utf-8")
        done = run(python, program, self.simulator.url, cwd=self.folder, env=user_s_environment(**variables))
        self.assertEqual((done.stdout, done.stderr, done.returncode), (PRINTED, "", 0))

    def test_it_has_the_licence(self):
        self.check_licence(self.folder / "plain")

    def test_it_uses_the_system_s_library(self):
        self.check_program(self.plain, LD_LIBRARY_PATH=str(self.libraries))

    def test_without_the_library_the_import_says_what_to_install(self):
        done = run(self.plain, "-c", "import locksync", env=user_s_environment(LD_LIBRARY_PATH=str(self.folder)))
        if done.returncode == 0:
            self.skipTest("this system has liblocksync.so.0")
        self.assertIn("ImportError: locksync needs the C library, which was not found", done.stderr)
        self.assertIn("liblocksync0", done.stderr)

    def test_an_older_library_is_named(self):
        code = ("import ctypes, locksync._capi as capi\ntry:\n    capi.Library(ctypes.CDLL(None))\n"
                "except AttributeError:\n    print('missing')")
        done = run(self.plain, "-c", code, env=user_s_environment(LD_LIBRARY_PATH=str(self.libraries)))
        self.assertEqual(done.stdout, "missing\n", done.stderr)

    def test_a_wheel_carries_the_library(self):
        wheels = self.folder / "wheels"
        self.pip(self.plain, "wheel", self.source, "--wheel-dir", wheels, "--config-settings",
                 f"library={self.libraries}")
        wheel, = wheels.glob("*.whl")
        self.assertIn(sysconfig.get_platform().replace("-", "_").replace(".", "_"), wheel.name)
        python = self.environment("carried")
        self.pip(python, "install", wheel)
        self.check_program(python)
        if REDIS_LIBRARY:
            done = run(python, "-c", "import locksync; print(locksync.Guard.open_redis(locksync.Redis("
                                     "'redis://127.0.0.1:1'), 'key').warning)")
            self.assertEqual((done.stdout, done.stderr), ("\n", ""))

    def test_a_source_archive_needs_no_tree(self):
        archives = self.folder / "archives"
        archives.mkdir()
        done = run(sys.executable, "-c", f"import sys; sys.path.insert(0, 'backend'); import locksync_backend; "
                                         f"print(locksync_backend.build_sdist({str(archives)!r}))", cwd=self.source)
        archive = archives / done.stdout.strip()
        python = self.environment("from-archive")
        self.pip(python, "install", archive)
        self.check_licence(self.folder / "from-archive")
        with tarfile.open(archive) as files:
            name = archive.name.removesuffix(".tar.gz") + "/LICENSE"
            self.assertEqual(files.extractfile(name).read(), (TREE / "LICENSE").read_bytes())
        self.check_program(python, LD_LIBRARY_PATH=str(self.libraries))

    def test_a_copy_inside_another_package_works(self):
        installed = next((self.folder / "plain").glob("lib/*/site-packages/locksync"))
        shutil.copytree(installed, self.folder / "project" / "vendored" / "locks")
        done = run(self.plain, "-c", "from vendored import locks; print(locks.version(), locks.__name__)",
                   cwd=self.folder / "project", env=user_s_environment(LD_LIBRARY_PATH=str(self.libraries)))
        self.assertRegex(done.stdout, r"^\d+\.\d+\.\d+ vendored.locks\n$")

    def check_types(self, *checker):
        """Checks the package, a user's program, and one with errors."""
        installed = next((self.folder / "plain").glob("lib/*/site-packages/locksync"))
        (self.folder / "typed.py").write_text(TYPED, encoding="utf-8")
        (self.folder / "wrong.py").write_text(WRONG, encoding="utf-8")
        done = run(*checker, installed, self.folder / "typed.py", cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = run(*checker, self.folder / "wrong.py", cwd=self.folder)
        errors = set(re.findall(r"wrong\.py:(\d+).* error", done.stdout))
        self.assertEqual(errors, {"3", "4", "5", "6", "7", "9"}, done.stdout)

    def test_mypy_finds_no_error(self):
        mypy = shutil.which("mypy")
        if mypy is None:
            self.skipTest("mypy is not installed")
        self.check_types(mypy, "--strict", "--cache-dir", self.folder / "cache", "--python-executable", self.plain)

    def test_pyright_finds_no_error(self):
        pyright = shutil.which("pyright")
        if pyright is None:
            self.skipTest("pyright is not installed")
        (self.folder / "pyrightconfig.json").write_text(
            '{"typeCheckingMode": "strict", "reportPrivateUsage": "none", "include": ["."]}', encoding="utf-8")
        self.check_types(pyright, "--pythonpath", self.plain)


if __name__ == "__main__":
    unittest.main()
