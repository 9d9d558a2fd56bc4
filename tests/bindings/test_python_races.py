#!/usr/bin/env python3
"""bindings/python: what arrives at an unlucky moment: a signal, a cancel, a stop, a failure of the guard."""
import asyncio
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from locksync import Guard, GuardMode, LockSyncError, Redis, Response, SlotOutcome, Status
from locksync._library import lib, redis_library
from python_support import BODY, AsyncCase, Case

# A trace function raises at the n-th line that the main thread runs, as a signal's handler may.
INTERRUPTED = """
import sys
from locksync import _interrupt

def run(interrupted_line):
    lines, begun, ended, called = 0, [], [], []

    def trace(frame, event, argument):
        nonlocal lines
        if frame.f_code is not _interrupt.interruptible.__code__:
            return None
        if event == "line":
            lines += 1
            if lines == interrupted_line:
                raise KeyboardInterrupt
        return trace

    def call():
        begun.append(True)
        answer = _interrupt.in_calling_thread(lambda: called.append(True) or "answer", "failed")
        ended.append(answer)
        return "result"

    try:
        sys.settrace(trace)
        result = _interrupt.interruptible(call, lambda: None)
        sys.settrace(None)
        assert (result, ended, len(called)) == ("result", ["answer"], 1) and lines < interrupted_line
        return False
    except KeyboardInterrupt:
        sys.settrace(None)
        assert len(begun) == len(ended) and len(called) <= 1, (interrupted_line, begun, ended, called)
        return True

line = 1
while run(line):
    line += 1
print(line > 15)
"""


class Signals(Case):
    def test_a_handler_may_raise_at_any_line(self):
        done = subprocess.run([sys.executable, "-c", INTERRUPTED], timeout=60, capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.stdout, done.stderr), ("True\n", ""))


class Transports(Case):
    def test_a_request_is_not_asked_after_its_transport(self):
        requests = []

        def transport(request):
            requests.append(request)
            return Response(200, BODY)

        context = self.context(transport=transport)
        context.fetch()
        with mock.patch.object(lib, "request_is_cancelled") as asked:
            self.assertFalse(requests[0].is_cancelled)
        asked.assert_not_called()


class Through(Case):
    """fetch_through() with a guard in a file."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "guard")

    def guarded(self, **settings):
        return self.context(**{"guard": Guard(str(self.path), min_interval=0.001), "guard_mode": GuardMode.FAIL} |
                            settings)

    def break_the_guard(self):
        self.path.unlink()
        self.path.mkdir()

    def test_a_guard_that_fails_after_the_request_keeps_the_results(self):
        async def send(_request):
            self.break_the_guard()
            return Response(200, BODY)

        self.assertEqual(len(asyncio.run(self.guarded().fetch_through(send))), 1)

    def test_a_guard_that_fails_after_the_request_keeps_the_error(self):
        async def send(_request):
            self.break_the_guard()
            return Response(429, b"", {"Retry-After": "7"})

        error = self.fails(Status.RATE_LIMITED, asyncio.run, self.guarded().fetch_through(send))
        self.assertEqual(error.retry_after, 7)

    def test_a_cancelled_task_gives_its_slot_back(self):
        async def send(_request):
            raise AssertionError("it was cancelled")

        class Slow:
            """A guard whose reserve() has ended only after the task was cancelled, or just before."""
            may_block = True

            def __init__(self, guard, granted):
                self.guard, self.granted, self.cancelled = guard, granted, threading.Event()

            def reserve(self, kind, lease):
                slot = self.guard.reserve(kind, lease=lease)
                self.granted()
                self.cancelled.wait(20)
                return slot

        async def cancelled():
            asking, loop = asyncio.Event(), asyncio.get_running_loop()
            slow = context._guard_kept = Slow(context.guard, lambda: loop.call_soon_threadsafe(asking.set))
            fetch = asyncio.ensure_future(context.fetch_through(send))
            await asyncio.wait_for(asking.wait(), 20)
            if is_late:
                slow.cancelled.set()
                time.sleep(0.2)  # the event loop has not noticed the slot yet
            fetch.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await fetch
            slow.cancelled.set()

        for is_late in (False, True):
            context = self.context(guard=Guard(str(self.path)), guard_mode=GuardMode.FAIL)
            asyncio.run(cancelled())  # waits for its threads
            context.guard.reserve().settle(SlotOutcome.NOT_SENT)

    def test_nothing_is_sent_while_the_context_is_stopped(self):
        sent = []

        async def send(_request):
            sent.append(True)
            return Response(200, BODY)

        context = self.guarded(guard_mode=GuardMode.OFF)
        for mode in (GuardMode.OFF, GuardMode.FAIL):
            context.set(guard_mode=mode)
            context.set_stopped(True)
            self.fails(Status.CANCELLED, asyncio.run, context.fetch_through(send))
            self.fails(Status.CANCELLED, asyncio.run, context.fetch_directory_through(send))
            context.set_stopped(False)
        self.assertFalse(sent)
        self.assertEqual(len(asyncio.run(context.fetch_through(send))), 1)

    def test_a_stop_during_the_wait_for_the_guard_ends_the_fetch(self):
        sent = []

        async def send(_request):
            sent.append(True)
            return Response(200, BODY)

        async def stopped():
            await context.fetch_through(send)
            fetch = asyncio.ensure_future(context.fetch_through(send))
            await asyncio.sleep(0.1)
            context.set_stopped(True)
            await fetch

        context = self.context(guard=Guard(min_interval=0.5), guard_mode=GuardMode.WAIT)
        self.fails(Status.CANCELLED, asyncio.run, stopped())
        self.assertEqual(len(sent), 1)


class Closes(Case):
    """close() of another thread while a call of the object runs."""

    def test_a_guard_stays_until_its_call_ends(self):
        unref, freed, during = lib.guard_unref, [], []

        def counted(handle):
            freed.append(handle)
            unref(handle)

        def reserve(*_arguments):
            closing = threading.Thread(target=guard.close)
            closing.start()
            closing.join()
            during.append(len(freed))
            return Status.OK

        with mock.patch.object(lib, "guard_unref", counted), mock.patch.object(lib, "guard_reserve_for", reserve):
            guard = Guard()
            guard.reserve()
        self.assertEqual((during, len(freed)), ([1], 2))  # the guard has a reference, and the call another one
        self.fails(Status.INVALID_ARGUMENT, guard.reserve)

    @unittest.skipUnless(os.environ.get("LOCKSYNC_REDIS_LIBRARY"), "liblocksync-redis was not built")
    def test_a_server_stays_until_its_call_ends(self):
        def prepare(*_arguments):
            closing.start()
            closing.join(0.2)
            during.append(redis.is_closed)
            return Status.OK

        redis, during = Redis("redis://127.0.0.1:1"), []
        closing = threading.Thread(target=redis.close)
        with mock.patch.object(redis_library(), "redis_prepare", prepare):
            redis.prepare("key")
        closing.join()
        self.assertEqual((during, redis.is_closed), ([False], True))


class ClosesInAPool(AsyncCase):
    """close() while a pool works."""

    def closed_inside(self, setting, begin):
        """Has a callback close everything that is in use, and checks that the fetch or watch continues."""
        async def work(pool):
            def callback(*_arguments):
                called.append(True)
                for each in in_use:
                    self.fails(Status.BUSY, each.close)
                return "fresh-token"

            called = []
            context = self.context(personal_key=None, access_token="fresh-token")
            context.set(**{setting: callback}, **({"access_token": None} if setting == "token_provider" else {}))
            in_use = [context]
            locks = await begin(pool, context, in_use)
            self.assertEqual(len(locks), 3)
            self.assertTrue(called)
            for each in reversed(in_use):
                each.close()

        self.run_in_pool(work)

    def test_a_callback_cannot_close_what_fetches(self):
        for setting in ("token_provider", "logger"):
            with self.subTest(setting):
                self.closed_inside(setting, lambda pool, context, in_use: pool.fetch(context))
                self.closed_inside(setting, lambda pool, context, in_use: pool.fetch_directory(context))

    def test_a_callback_cannot_close_what_watches(self):
        def begin(pool, context, in_use):
            in_use.append(pool.watch(context))
            return anext(in_use[1])

        for setting in ("token_provider", "logger"):
            with self.subTest(setting):
                self.closed_inside(setting, begin)

    def test_a_callback_may_close_another_context(self):
        async def work(pool):
            other = self.context()
            self.assertEqual(len(await pool.fetch(self.context(logger=lambda level, line: other.close()))), 3)
            self.assertTrue(other.is_closed)

        self.run_in_pool(work)

    def test_a_watch_that_its_callback_drops_ends_after_the_callback(self):
        async def work(pool):
            context = self.context(personal_key=None, token_provider=lambda rejected: kept.clear() or "fresh-token")
            kept = [pool.watch(context)]
            while kept:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)
            self.assertEqual(pool.pending, 0)
            self.assertEqual(len(await pool.fetch(context)), 3)

        self.run_in_pool(work)

    def test_another_thread_cannot_close_what_a_pool_has(self):
        async def work(pool):
            context = self.slow_context()
            fetch = asyncio.ensure_future(pool.fetch(context))
            await asyncio.sleep(0)
            await asyncio.to_thread(self.fails, Status.BUSY, context.close)
            fetch.cancel()
            await asyncio.wait([fetch])
            await asyncio.to_thread(context.close)

            context = self.context()
            watch = pool.watch(context)
            self.assertEqual(len(await anext(watch)), 3)
            for each in (context, watch, pool):
                await asyncio.to_thread(self.fails, Status.BUSY, each.close)
            self.assertEqual(pool.pending, 1)
            watch.close()
            await asyncio.to_thread(context.close)

        self.run_in_pool(work)

    def test_closes_of_other_threads_at_any_moment(self):
        async def closed(pool, number):
            for _ in range(10):
                context = self.context()
                fetch = asyncio.ensure_future(pool.fetch(context))
                await asyncio.sleep(0.0005 * (number % 5))
                with contextlib.suppress(LockSyncError):
                    await asyncio.to_thread(context.close)
                with contextlib.suppress(LockSyncError):
                    self.assertEqual(len(await fetch), 3)
                await asyncio.to_thread(context.close)

        self.run_in_pool(lambda pool: asyncio.gather(*(closed(pool, number) for number in range(20))))

    def test_a_watch_that_another_thread_drops_is_freed_before_its_context(self):
        freed = []

        def freeing(name):
            free = getattr(lib, name)
            return mock.patch.object(lib, name, lambda handle: (freed.append(name), free(handle)))

        async def work(pool):
            context = self.context()
            kept = [pool.watch(context)]
            dropping = threading.Thread(target=kept.clear)
            dropping.start()
            dropping.join()
            context.close()
            await asyncio.sleep(0)

        with freeing("watch_free"), freeing("ctx_free"):
            self.run_in_pool(work)
        self.assertEqual(freed, ["watch_free", "ctx_free"])


if __name__ == "__main__":
    unittest.main()
