#!/usr/bin/env python3
"""bindings/python under load: memory stays flat, and failures of service and program end where they should.

LOCKSYNC_ROUNDS changes the number of rounds.
"""
import asyncio
import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from locksync import (Context, Guard, GuardMode, LockSyncError, Pool, RequestKind, Response, Status)
from python_support import KEY, Case
from simulator import Simulator

ROUNDS = int(os.environ.get("LOCKSYNC_ROUNDS", "10000"))
WARM_UP = 1000
WAITING = """
import locksync, os, sys, threading
mode, url = sys.argv[1:]
context = locksync.Context(base_url=url, personal_key="demo-key", guard_mode=locksync.GuardMode.WAIT)
threading.Timer(0.5, lambda: print("waits", flush=True)).start()
try:
    if mode == "fetch":
        context.fetch()
    elif mode == "directory":
        context.fetch_directory()
    elif mode == "transport":
        import time
        context.set(transport=lambda request: time.sleep(60))
        context.fetch()
    elif mode == "watch":
        for changes in context.watch():
            pass
    elif mode == "guard":
        context.set(guard=locksync.Guard(min_interval=25), transport=lambda request: locksync.Response(503))
        try:
            context.fetch()
        except locksync.LockSyncError:
            context.fetch()
    elif mode == "pool":
        import asyncio
        async def main():
            async with locksync.Pool() as pool:
                await pool.fetch(context)
        asyncio.run(main())
except KeyboardInterrupt:
    context.set(timeout=1)  # it is not busy any more
    context.close()
    print("interrupted", flush=True)
"""


class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
                                                     "fsmblks", "uordblks", "fordblks", "keepcost")]


mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Mallinfo2


def in_use():
    """Returns the bytes that malloc has given out, also for Python's objects: see the end of this file."""
    gc.collect()
    info = mallinfo2()
    return info.uordblks + info.hblkhd


class Memory(Case):
    def flat(self, name, a_round, rounds=ROUNDS, warm_up=WARM_UP, parts=1):
        """Checks that rounds, each of so many parts, keep less than 50 bytes a part, or 100 kB in all."""
        async def asynchronous():
            a_round()

        async def main():
            await self.flat_async(name, asynchronous, rounds, warm_up, parts)

        asyncio.run(main())

    async def flat_async(self, name, a_round, rounds=ROUNDS, warm_up=WARM_UP, parts=1):
        for _ in range(warm_up):
            await a_round()
        before, began = in_use(), time.monotonic()
        for _ in range(rounds):
            await a_round()
        grown = in_use() - before
        print(f"{name}: {rounds} rounds in {time.monotonic() - began:.1f} s: {grown} bytes", file=sys.stderr)
        self.assertLess(grown, max(50 * rounds * parts, 100000))

    def test_contexts_fetches_callbacks_and_watches(self):
        kept = self.context()

        def a_round():
            lines = []
            with Guard(min_interval=0.001) as guard, Context(
                    base_url=self.simulator.url, personal_key=KEY, guard=guard, guard_mode=GuardMode.OFF,
                    logger=lambda level, line: lines.append(line), token_provider=lambda rejected: None) as context:
                self.assertEqual(len(context.fetch([1001, 77])), 1)
                self.assertEqual(len(next(context.watch([1001]))), 1)
                first = kept.fetch()
                self.assertEqual((len(first), first.diff(kept.fetch())), (3, []))
                self.assertEqual(len(kept.fetch_directory()), 3)
                context.set(transport=lambda request: Response(503, b"{}", {"Retry-After": "7"}))
                self.fails(Status.SERVER, context.fetch)
            self.assertTrue(lines)

        self.flat("all parts", a_round)

    def test_failures_and_exceptions_in_callbacks(self):
        kept = self.context()
        raising = self.context(transport=lambda request: {}["nothing"])

        def a_round():
            self.fails(Status.NOT_FOUND, kept.fetch_one, 77)
            self.assertIsInstance(self.fails(Status.NETWORK, raising.fetch).__cause__, KeyError)
            self.assertRaises(ValueError, kept.set, base_url="ftp://no")

        self.flat("failures", a_round, rounds=2000)

    def test_contexts_that_are_dropped_without_close(self):
        def a_round():
            context = Context(base_url=self.simulator.url, personal_key=KEY, logger=lambda level, line: None)
            context.watch()
            context.build([1001])

        self.flat("dropped contexts", a_round)

    def test_the_pool_and_its_watches(self):
        async def main():
            contexts = [self.context(guard=Guard(min_interval=0.001)) for _ in range(10)]
            async with Pool() as pool:
                async def a_round():
                    await asyncio.gather(*(pool.fetch(context) for context in contexts))
                    async with pool.watch(contexts[0], interval=0.01) as watch:
                        self.assertEqual(len(await anext(watch)), 3)
                    with self.assertRaises(LockSyncError):
                        await pool.fetch(self.refused)

                self.refused = self.context(personal_key="wrong")
                await self.flat_async("pool", a_round, ROUNDS // 10, WARM_UP // 10, parts=12)

        asyncio.run(main())

    def test_requests_and_responses_of_another_client(self):
        body = b'{"result":[{"id":5,"isConnected":true,"deviceState":{"state":6}}],"success":true}'

        async def send(_request):
            await asyncio.sleep(0)  # as each client waits; the loop then drops timers that have ended
            return Response(200, body)

        context = self.context()

        asyncio.run(self.flat_async("another client", lambda: context.fetch_through(send)))


class Ends(Case):
    def test_the_service_is_killed_in_mid_fetch(self):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--fault", "slow")
        contexts = [self.context(base_url=simulator.url) for _ in range(3)]
        threading.Timer(0.3, simulator.process.kill).start()
        self.assertIn(self.tried(contexts[0].fetch), (Status.NETWORK, Status.CONNECT))
        simulator.process.communicate()
        self.assertEqual(self.tried(contexts[0].fetch), Status.CONNECT)

        async def pooled():
            other = Simulator(os.environ["LOCKSYNC_SIM"], "--fault", "slow")
            async with Pool() as pool:
                for context in contexts:
                    context.set(base_url=other.url)
                watch = pool.watch(self.context(base_url=other.url), interval=0.02)
                fetches = asyncio.gather(*(pool.fetch(context) for context in contexts), return_exceptions=True)
                await asyncio.sleep(0.3)
                other.process.kill()
                for error in await fetches:
                    self.assertIn(error.status, (Status.NETWORK, Status.CONNECT))
                for _ in range(200):
                    self.assertIsNone(await watch.wait(0.1))  # a temporary error: the watch continues
                    if watch.last_status != Status.OK:
                        break
                self.assertIn(watch.last_status, (Status.NETWORK, Status.CONNECT))
            other.process.communicate()

        asyncio.run(pooled())

    @staticmethod
    def tried(call):
        try:
            call()
        except LockSyncError as error:
            return error.status
        return Status.OK

    def test_after_a_429_no_request_is_sent(self):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--fault", "429")
        self.addCleanup(simulator.stop)
        context = self.context(base_url=simulator.url, guard_mode=GuardMode.FAIL)
        error = self.fails(Status.RATE_LIMITED, context.fetch)
        self.assertEqual((error.http_status, error.retry_after), (429, 7))
        for call in (context.fetch, context.fetch_directory):
            self.assertGreater(self.fails(Status.TOO_SOON, call).retry_after, 0)
        self.assertEqual(simulator.ask("stats")["requests"], 1)

    def test_ctrl_c_ends_each_wait_at_once(self):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--delay-ms", "60000")
        self.addCleanup(simulator.stop)
        for mode in ("fetch", "directory", "transport", "watch", "guard", "pool"):
            with self.subTest(mode), subprocess.Popen([sys.executable, "-c", WAITING, mode, simulator.url],
                                                      stdout=subprocess.PIPE, text=True) as program:
                self.assertEqual(program.stdout.readline(), "waits\n")
                began = time.monotonic()
                program.send_signal(signal.SIGINT)
                self.assertEqual(program.stdout.readline(), "interrupted\n")
                waited = time.monotonic() - began
                print(f"Ctrl-C, {mode}: {waited * 1000:.0f} ms", file=sys.stderr)
                self.assertLess(waited, 5)  # the wait itself is longer
                self.assertEqual(program.wait(10), 0)

    def test_a_signal_whose_handler_returns_does_not_end_the_fetch(self):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--delay-ms", "7000")
        self.addCleanup(simulator.stop)
        handled = []
        before = signal.signal(signal.SIGALRM, lambda number, frame: handled.append(time.monotonic()))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            began = time.monotonic()
            self.assertEqual(len(self.context(base_url=simulator.url).fetch()), 4)
        finally:
            signal.signal(signal.SIGALRM, before)
        self.assertLess(handled[0] - began, 5)

    def test_a_child_after_fork_fetches(self):
        context = self.context()
        context.fetch()
        child = os.fork()
        if child == 0:
            try:
                with Context(base_url=self.simulator.url, personal_key=KEY) as own:
                    os._exit(0 if len(own.fetch()) == 3 else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        context.fetch()

    def test_a_callback_may_use_another_context(self):
        other = self.context()
        context = self.context(transport=lambda request: Response(200, b'{"result":[]}' if len(other.fetch()) else b""))
        self.assertEqual(len(context.fetch()), 0)
        self.assertRaises(ValueError, Guard, intervals={RequestKind.SYNC: -1})


if __name__ == "__main__":
    if os.environ.get("PYTHONMALLOC") != "malloc":  # Python's own allocator hides which of its blocks are in use
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONMALLOC": "malloc"})
    unittest.main()
