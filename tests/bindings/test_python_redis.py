#!/usr/bin/env python3
"""bindings/python: guards that several machines share, in a Redis server."""
import asyncio
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from locksync import GuardMode, Guard, Pool, Redis, Status
from python_support import Case
from sockets import accepts


class Server:
    """A Redis server on a unix socket."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        socket = pathlib.Path(self.folder.name, "socket")
        self.url = f"unix://{socket}"
        self.process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--save", ""],
                                        cwd=self.folder.name, stdout=subprocess.DEVNULL)
        while not accepts(socket) and self.process.poll() is None:
            time.sleep(0.01)

    def ask(self, *command):
        return subprocess.check_output(["redis-cli", "-s", self.url.removeprefix("unix://"), *command], text=True)

    def settle_in(self):
        """Makes the database one that was used a day ago, so that a new account need not wait."""
        identity = self.ask("INFO", "replication").partition("master_replid:")[2][:40]
        self.ask("SET", "test:locksync", f"{identity} {int(time.time() - 86400) * 1000000}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


@unittest.skipUnless(os.environ.get("LOCKSYNC_REDIS_LIBRARY"), "liblocksync-redis was not built")
class Guards(Case):
    def setUp(self):
        if shutil.which("redis-server") is None:
            self.skipTest("redis-server is not installed")
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.redis = Redis(self.server.url)
        self.redis.prepare("other:any")
        self.server.settle_in()

    def test_two_machines_share_a_guard(self):
        one, other = (Guard.open_redis(Redis(self.server.url), "test:account") for _ in range(2))
        self.context(guard=one, guard_mode=GuardMode.FAIL).fetch()
        denied = self.context(guard=other, guard_mode=GuardMode.FAIL)
        self.assertTrue(0 < self.fails(Status.TOO_SOON, denied.fetch).retry_after < 21)

        async def send(_request):
            raise AssertionError("the guard denies it")

        self.fails(Status.TOO_SOON, asyncio.run, denied.fetch_through(send))
        self.assertIn("append", other.warning)

    def test_in_a_pool(self):
        async def work():
            contexts = [self.context(guard=Guard.open_redis(self.redis, f"test:{i}"), guard_mode=GuardMode.FAIL)
                        for i in range(20)]
            async with Pool() as pool:
                fetched = await asyncio.gather(*map(pool.fetch, contexts))
                again = await asyncio.gather(*map(pool.fetch, contexts), return_exceptions=True)
            self.assertEqual([len(results) for results in fetched], [3] * 20)
            self.assertEqual({error.status for error in again}, {Status.TOO_SOON})

        asyncio.run(work())

    def test_a_server_that_is_gone(self):
        guard = Guard.open_redis(self.redis, "test:gone")
        self.server.process.kill()
        self.server.process.wait()
        error = self.fails(Status.GUARD, guard.reserve)
        self.assertEqual((str(error), error.is_retryable), (guard.error_message, True))
        self.assertIn("redis", str(self.fails(Status.GUARD, self.context(guard=guard, guard_mode=GuardMode.FAIL).fetch))
                      .lower())
        self.fails(Status.GUARD, self.redis.prepare, "test:gone")
        self.assertTrue(self.redis.error_message)

    def test_a_bad_url_says_why(self):
        for url in ("http://localhost", "redis://user@localhost", ""):
            with self.assertRaises(ValueError) as raised:
                Redis(url)
            self.assertTrue(str(raised.exception))
        self.redis.close()
        self.fails(Status.INVALID_ARGUMENT, Guard.open_redis, self.redis, "key")
        self.fails(Status.INVALID_ARGUMENT, self.redis.prepare, "key")


if __name__ == "__main__":
    unittest.main()
