#!/usr/bin/env python3
"""bindings/python against the simulator: the pool and its watches in asyncio, and fetches through another client."""
import asyncio
import dataclasses
import gc
import json
import threading
import unittest
import urllib.error
import urllib.request

from locksync import (ChangeKind, Context, Guard, GuardMode, LockSyncError, Pool, RequestKind, Response, State,
                      Status)
from python_support import KEY, AsyncCase, Case


class Pools(AsyncCase):
    def test_many_contexts_at_once(self):
        contexts = [self.context() for _ in range(50)]
        fetched = self.run_in_pool(lambda pool: asyncio.gather(*(pool.fetch(each, [1001, 77]) for each in contexts)))
        self.assertEqual([(len(results), results.missing) for results in fetched], [(1, (77,))] * 50)

    def test_a_directory(self):
        directory = self.run_in_pool(lambda pool: pool.fetch_directory(self.context()))
        self.assertEqual([info.name for info in directory][:2], ["Front door", "Garage"])

    def test_a_failure_is_raised_with_its_detail(self):
        with self.fault("503"):
            error = self.fails(Status.SERVER, self.run_in_pool, lambda pool: pool.fetch(self.context()))
            self.assertEqual(error.retry_after, 7)
            self.fails(Status.SERVER, self.run_in_pool, lambda pool: pool.fetch_directory(self.context()))

    def test_what_is_not_possible_is_rejected(self):
        own = self.context(transport=lambda request: Response(200))
        for call in (lambda pool: pool.fetch(self.context(), []), lambda pool: pool.fetch(self.context(), [-1]),
                     lambda pool: pool.fetch(own), lambda pool: pool.fetch_directory(own),
                     lambda pool: anext(pool.watch(own))):
            with self.assertRaises(ValueError) as raised:
                self.run_in_pool(call)
            self.assertNotIn("lock_sync_", str(raised.exception))

        async def limits(**settings):
            Pool(**settings).close()

        for settings in ({"max_active": 0}, {"max_connections": (2, 1)}):
            self.assertRaises(ValueError, asyncio.run, limits(**settings))
        asyncio.run(limits(max_active=1, max_connections=(1, 1)))

        async def after_the_end(pool):
            pool.close()
            pool.close()
            for call in (pool.fetch, pool.fetch_directory):
                with self.assertRaisesRegex(ValueError, "closed"):
                    await call(self.context())
            self.assertRaisesRegex(ValueError, "closed", pool.watch, self.context())

        self.run_in_pool(after_the_end)

    def test_a_context_that_fetches_is_busy(self):
        async def work(pool):
            context = self.context()
            fetch = asyncio.ensure_future(pool.fetch(context))
            await asyncio.sleep(0)
            self.assertEqual(pool.pending, 1)
            self.fails(Status.BUSY, context.set, timeout=1)
            return await fetch

        self.assertEqual(len(self.run_in_pool(work)), 3)

    def test_cancelling_the_task_cancels_the_fetch(self):
        context = self.slow_context()

        async def work(pool):
            for call in (pool.fetch, pool.fetch_directory):
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(call(context), 0.05)
            context.set(base_url=self.simulator.url)  # it is not busy any more
            return await pool.fetch(context)

        self.assertEqual(len(self.run_in_pool(work)), 3)

    def test_closing_the_pool_ends_pending_fetches(self):
        async def work(pool):
            fetch = asyncio.ensure_future(pool.fetch(self.context()))
            await asyncio.sleep(0)
            pool.close()
            await fetch

        self.fails(Status.CANCELLED, self.run_in_pool, work)

    def test_closing_a_context_ends_its_fetch(self):
        async def work(pool):
            context = self.slow_context()
            fetch = asyncio.ensure_future(pool.fetch(context))
            await asyncio.sleep(0.05)
            context.close()
            await fetch

        self.fails(Status.CANCELLED, self.run_in_pool, work)

    def test_an_exception_in_a_callback_is_the_cause(self):
        def raising(*_arguments):
            raise ZeroDivisionError

        async def work(pool):
            self.assertEqual(len(await pool.fetch(self.context(logger=raising))), 3)
            await pool.fetch(self.context(personal_key=None, token_provider=raising))

        error = self.fails(Status.NO_CREDENTIAL, self.run_in_pool, work)
        self.assertIsInstance(error.__cause__, ZeroDivisionError)


class Watches(AsyncCase):
    OPTIONS = "--time-scale", "3600"

    def test_changes_follow(self):
        async def work(pool):
            watches = [pool.watch(self.context(), [1001], interval=0.01) for _ in range(3)]
            self.assertEqual((pool.pending, watches[0].age, watches[0].results), (3, None, None))
            for watch in watches:
                first, then = await anext(watch), await anext(watch)
                self.assertEqual(([change.kinds & ChangeKind.ADDED for change in first], len(then)),
                                 ([ChangeKind.ADDED], 1))
                self.assertEqual(then[0].after, then.results.locks[0])
                self.assertLess(watch.age, 60)
                self.assertEqual((watch.last_status, len(watch.results)), (Status.OK, 1))
            await watches[0].aclose()
            self.fails(Status.BUSY, watches[1]._context.set, timeout=1)
            watches[0]._context.set(timeout=1)
            pool.close()
            for watch in watches:
                with self.assertRaises(LockSyncError) as raised:
                    async for _ in watch:
                        pass
                self.assertEqual(raised.exception.status, Status.CANCELLED)

        self.run_in_pool(work)

    def test_a_timeout_ends_neither_the_watch_nor_loses_a_change(self):
        async def work(pool):
            async with pool.watch(self.context(), interval=0.05) as watch:
                self.assertEqual(len(await anext(watch)), 4)
                seen = {lock.id: lock for lock in watch.results}
                for _ in range(200):
                    try:
                        changes = await asyncio.wait_for(anext(watch), 0.02)
                    except asyncio.TimeoutError:
                        continue
                    for change in changes:
                        # no change was lost; the time of the last change is not one
                        before = seen[change.lock.id]
                        self.assertEqual(change.before, dataclasses.replace(
                            before, last_state_changed=change.before.last_state_changed))
                        seen[change.lock.id] = change.after
                self.assertEqual(len(seen), 4)

        self.run_in_pool(work)

    def test_a_bad_watch_leaves_the_context_free(self):
        async def work(pool):
            context = self.context()
            self.assertRaises(ValueError, pool.watch, context, interval=0)
            self.assertRaises(ValueError, pool.watch, context, [])
            other = pool.watch(context)
            self.fails(Status.BUSY, pool.watch, context)
            other.close()
            self.assertEqual(len(await pool.fetch(context)), 4)

        self.run_in_pool(work)

    def test_a_stopped_watch_sleeps(self):
        async def work(pool):
            context = self.context()
            watch = pool.watch(context, interval=0.01)
            await anext(watch)
            context.set_stopped(True)
            with self.assertRaises(LockSyncError) as raised:
                while True:  # a change may have come before
                    await anext(watch)
            self.assertEqual(raised.exception.status, Status.CANCELLED)
            self.assertIsNone(await watch.wait(0.1))
            context.set_stopped(False)
            self.assertTrue(await watch.wait(10))

        self.run_in_pool(work)

    def test_no_change_in_time_is_none(self):
        async def work(pool):
            watch = pool.watch(self.context(), [1001], interval=3600)
            self.assertEqual(len(await watch.wait()), 1)
            self.assertIsNone(await watch.wait(0.05))
            self.assertIsNone(await watch.wait(0))

        self.run_in_pool(work)

    def test_an_error_is_raised_and_the_watch_continues(self):
        async def work(pool):
            watch = pool.watch(self.context(), interval=0.01)
            with self.fault("403"):
                with self.assertRaises(LockSyncError) as raised:
                    await anext(watch)
                self.assertEqual((raised.exception.status, watch.last_status), (Status.FORBIDDEN, Status.FORBIDDEN))
            while True:
                try:
                    return await anext(watch)
                except LockSyncError as error:  # of a poll before the fault ended
                    self.assertEqual(error.status, Status.FORBIDDEN)

        self.assertEqual(len(self.run_in_pool(work)), 4)

    def test_an_error_that_lasts_is_raised_once(self):
        async def work(pool):
            watch = pool.watch(self.context(), interval=0.01)
            self.assertEqual(len(await anext(watch)), 4)
            requests = self.simulator.ask("stats")["requests"]
            with self.fault("403"):
                while self.simulator.ask("stats")["requests"] < requests + 5:
                    await asyncio.sleep(0.02)
            while watch.last_status != Status.OK:
                await asyncio.sleep(0.02)
            with self.assertRaises(LockSyncError) as raised:
                while True:  # a change may have come before
                    await anext(watch)
            self.assertEqual(raised.exception.status, Status.FORBIDDEN)
            self.assertTrue(await anext(watch))

        self.run_in_pool(work)

    def test_a_dropped_watch_ends(self):
        async def work(pool):
            context = self.context()
            async for changes in pool.watch(context, interval=0.01):
                self.assertEqual(len(changes), 4)
                break
            gc.collect()
            self.assertEqual(pool.pending, 0)
            context.set(timeout=1)
            kept = [pool.watch(context)]
            dropping = threading.Thread(target=kept.clear)  # as the garbage collector may, in any thread
            dropping.start()
            dropping.join()
            await asyncio.sleep(0.01)
            self.assertEqual(pool.pending, 0)

        self.run_in_pool(work)

    def test_a_watch_by_serial_numbers_with_names(self):
        async def work(pool):
            guard = Guard(min_interval=0.001, intervals={RequestKind.DIRECTORY: 0.001})
            context = self.context(guard=guard)
            first = (await pool.fetch_directory(context)).locks[0]
            changes = await anext(pool.watch(context, serial_numbers=[first.serial_number], interval=0.01))
            self.assertEqual([change.info for change in changes], [first])
            directory = await pool.fetch_directory(self.context())
            watch = pool.watch(self.context(guard=guard), directory=directory)
            self.assertEqual({change.info.name for change in await anext(watch)}, {info.name for info in directory})

        self.run_in_pool(work)

    def test_closing_the_context_ends_the_watch(self):
        async def work(pool):
            context = self.context()
            watch = pool.watch(context)
            waiting = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            context.close()
            with self.assertRaises(LockSyncError):
                await waiting

        self.run_in_pool(work)


class ThroughAnotherClient(Case):
    """fetch_through() with urllib in a thread, in place of a client such as aiohttp."""

    def setUp(self):
        self.sent = []

    async def send(self, request):
        def blocking():
            self.sent.append(request)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            try:
                with opener.open(urllib.request.Request(request.url, headers=dict(request.headers)),
                                 timeout=request.timeout) as response:
                    return Response(response.status, response.read(), dict(response.headers))
            except urllib.error.HTTPError as error:
                return Response(error.code, error.read(), dict(error.headers))

        return await asyncio.to_thread(blocking)

    def through(self, context, ids=None):
        return asyncio.run(context.fetch_through(self.send, ids))

    def test_it_fetches(self):
        context = self.context()
        results = self.through(context, [1001, 77])
        self.assertEqual(([lock.id for lock in results], results.missing), ([1001], (77,)))
        directory = asyncio.run(context.fetch_directory_through(self.send))
        self.assertEqual([info.name for info in directory][:2], ["Front door", "Garage"])
        self.assertNotIn(KEY, repr(self.sent))

    def test_the_provider_is_asked_before_and_once_after_a_401(self):
        def provider(rejected):
            asked.append(rejected)
            return tokens.pop(0)

        for tokens, then in ((["fresh-token"], [False]), (["stale-token", "fresh-token"], [False, True])):
            asked, self.sent = [], []
            context = self.context(personal_key=None, token_provider=provider, guard_mode=GuardMode.FAIL)
            self.assertEqual(len(self.through(context)), 3)
            self.assertEqual((asked, len(self.sent)), (then, len(then)))
            self.fails(Status.TOO_SOON, self.through, context)
        asked, tokens = [], ["stale-token"] * 3
        context = self.context(personal_key=None, token_provider=provider, guard_mode=GuardMode.FAIL)
        self.fails(Status.UNAUTHORIZED, self.through, context)
        self.assertEqual(asked, [False, True])
        context.set(token_provider=None)
        self.fails(Status.UNAUTHORIZED, self.through, self.context(personal_key="wrong"))
        self.fails(Status.NO_CREDENTIAL, self.through, self.context(personal_key=None))

    def test_a_provider_that_fails_ends_the_fetch(self):
        def provider(_rejected):
            self.fails(Status.BUSY, context.close)
            raise error

        for error, status in ((KeyError("no token"), Status.NO_CREDENTIAL),
                              (LockSyncError(Status.TIMEOUT), Status.TIMEOUT)):
            context = self.context(personal_key=None, token_provider=provider)
            raised = self.fails(status, self.through, context)
            self.assertIs(raised.__cause__ or raised, error)
        self.assertEqual(self.sent, [])

    def test_a_directory_of_several_pages(self):
        pages = [page(range(1, 101)), page([*range(101, 200), 101]),  # full, with the same record twice
                 page([100, *range(200, 202)], "later")]
        fetched = self.directory(context := self.context(guard_mode=GuardMode.FAIL), pages)
        self.assertEqual([request.url.partition("&")[2] for request in self.sent], ["Page=1", "Page=2", "Page=3"])
        ids = [*range(1, 100), *range(102, 200), 101, 100, 200, 201]
        self.assertEqual(([info.id for info in fetched], [lock.id for lock in fetched.results]), (ids, ids))
        self.assertEqual((fetched[100].name, fetched.results[100].state), ("later", State.UNLOCKED))
        self.assertEqual((fetched[99].name, fetched.has_more), ("earlier", False))
        self.assertRaisesRegex(ValueError, "several pages", context.watch, directory=fetched)
        self.assertRaisesRegex(ValueError, "several pages", fetched.results.diff, fetched.results)
        self.fails(Status.TOO_SOON, self.directory, context, [])
        single = self.directory(self.context(), [page([5])])
        self.assertEqual(single.results.diff(single.results), [])
        context.watch(directory=single).close()

    def test_a_directory_ends_at_its_last_page(self):
        pages = [page(range(first, first + 100)) for first in range(1, 1001, 100)]
        self.fails(Status.TOO_LARGE, self.directory, self.context(), pages)
        self.assertEqual(len(self.sent), 10)
        self.assertEqual(len(self.directory(self.context(), [*pages[:9], page([])])), 900)

    def directory(self, context, pages):
        """Fetches the directory from a service that has these pages."""
        responses, self.sent = iter(pages), []

        async def send(request):
            self.sent.append(request)
            return next(responses)

        return asyncio.run(context.fetch_directory_through(send))

    def test_the_guard_is_asked_and_informed(self):
        context = self.context(guard_mode=GuardMode.FAIL)
        self.through(context)
        self.assertTrue(0 < self.fails(Status.TOO_SOON, self.through, context).retry_after <= 20)
        self.fails(Status.TOO_SOON, context.fetch)  # the same guard
        self.assertEqual(len(self.sent), 1)
        limited = self.context(guard_mode=GuardMode.FAIL)
        with self.fault("429"):
            self.assertEqual(self.fails(Status.RATE_LIMITED, self.through, limited).retry_after, 7)
        self.fails(Status.TOO_SOON, limited.fetch_directory)  # after a 429 no kind of request is allowed

    def test_it_waits_for_the_guard(self):
        guard = Guard(min_interval=0.05)
        context = self.context(guard=guard, guard_mode=GuardMode.WAIT)
        for _ in range(3):
            self.through(context)
        context.set(guard=Guard(min_interval=60))
        self.through(context)
        self.fails(Status.TOO_SOON, self.through, context)  # longer than the timeout

    def test_a_request_that_was_not_sent_is_refunded(self):
        async def unreachable(_request):
            raise LockSyncError(Status.CONNECT)

        context = self.context(guard_mode=GuardMode.FAIL)
        self.fails(Status.CONNECT, asyncio.run, context.fetch_through(unreachable))
        self.through(context)

    def test_it_ends_at_the_timeout_and_with_an_exception(self):
        async def slow(_request):
            await asyncio.sleep(60)

        async def broken(_request):
            raise ZeroDivisionError

        context = self.context(guard_mode=GuardMode.FAIL, timeout=0.05)
        self.fails(Status.TIMEOUT, asyncio.run, context.fetch_through(slow))
        self.fails(Status.TOO_SOON, self.through, context)  # it may have been sent
        self.assertRaises(ZeroDivisionError, asyncio.run, self.context().fetch_through(broken))

    def test_a_response_without_its_request_is_rejected(self):
        seen = []
        with self.context(transport=lambda request: (seen.append(request), Response(503))[1]) as context:
            self.fails(Status.SERVER, context.fetch)
            self.assertRaisesRegex(ValueError, "not made by build", context.decode, seen[0], Response(200))
            for decode, request, other in ((context.decode, context.build_directory(), r"use decode_directory\(\)"),
                                           (context.decode_directory, context.build(), r"use decode\(\)")):
                self.assertRaisesRegex(ValueError, other, decode, request, Response(200, b"{}"))
            self.assertRaises(ValueError, context.decode, context.build(), Response(99))
        self.assertRaises(ValueError, Context(personal_key=KEY).decode, context_request(), Response(1000, b""))


def page(ids, name="earlier"):
    """Returns a page of the directory. Locks are locked if it is an earlier one."""
    state = State.LOCKED if name == "earlier" else State.UNLOCKED
    locks = [{"id": lock_id, "name": name, "serialNumber": str(lock_id), "isConnected": True,
              "deviceState": {"state": state}} for lock_id in ids]
    return Response(200, json.dumps({"result": locks, "success": True}).encode())


def context_request():
    with Context(personal_key=KEY) as context:
        return context.build_one(5)


if __name__ == "__main__":
    unittest.main()
