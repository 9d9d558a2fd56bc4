"""Shared by the tests of bindings/python: a simulator for each class, and contexts of it."""
import asyncio
import contextlib
import os
import unittest

from locksync import Context, GuardMode, LockSyncError, Pool
from simulator import Simulator

KEY = "demo-key"
BODY = b'{"result":[{"id":5,"isConnected":true,"deviceState":{"state":17,"doorState":2}}],"success":true}'


class Case(unittest.TestCase):
    OPTIONS = "--static", "--locks", "3", "--personal-key", KEY, "--access-token", "fresh-token"

    @classmethod
    def setUpClass(cls):
        cls.simulator = Simulator(os.environ["LOCKSYNC_SIM"], *cls.OPTIONS)
        cls.addClassCleanup(cls.simulator.stop)

    def context(self, **settings):
        """Returns a context that may fetch as often as it likes."""
        defaults = {"base_url": self.simulator.url, "personal_key": KEY, "guard_mode": GuardMode.OFF}
        context = Context(**{**defaults, **settings})
        self.addCleanup(context.close)
        return context

    @contextlib.contextmanager
    def fault(self, name):
        self.simulator.fault(name)
        try:
            yield
        finally:
            self.simulator.fault(name, 0)

    def slow_context(self):
        """Returns a context whose service responds after a minute."""
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--delay-ms", "60000")
        self.addCleanup(simulator.stop)
        return self.context(base_url=simulator.url)

    def fails(self, status, call, *arguments, **settings):
        with self.assertRaises(LockSyncError) as raised:
            call(*arguments, **settings)
        self.assertEqual(raised.exception.status, status, raised.exception)
        return raised.exception


class AsyncCase(Case):
    def run_in_pool(self, work):
        async def main():
            async with Pool() as pool:
                return await work(pool)

        return asyncio.run(main())
