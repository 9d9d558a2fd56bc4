#!/usr/bin/env python3
"""bindings/python against the simulator."""
import asyncio
import contextlib
import os
import sys
import tempfile
import threading
import unittest
from datetime import datetime, timedelta, timezone

from locksync import (Access, ChangeKind, Context, Device, Door, Guard, GuardMode, LockSyncError, LogLevel, Pool,
                      Response, State, Status, version)
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


class Settings(Case):
    def test_all_are_accepted(self):
        self.context(api_version="v37", connect_timeout=1.5, timeout=30, max_response_bytes=65536, allow_http=False,
                     ca_file="/nowhere", proxy="http://127.0.0.1:1", user_agent="acme-hub/2.1", guard=Guard(),
                     access_token=("fresh-token", datetime.now(timezone.utc) + timedelta(hours=1)), logger=print,
                     token_provider=lambda rejected: "fresh-token", transport=lambda request: Response(200))

    def test_a_rejected_one_says_why_and_keeps_the_old_value(self):
        context = self.context()
        error = self.fails(Status.INVALID_ARGUMENT, context.set, base_url="ftp://127.0.0.1")
        self.assertIn("http", str(error))
        self.assertEqual(len(context.fetch()), 3)

    def test_truncated_values_and_unknown_settings_are_rejected(self):
        context = self.context()
        self.assertRaises(ValueError, context.set, personal_key="demo-key\0more")
        self.assertRaises(OverflowError, context.set, timeout=2**64)
        self.assertRaises(OverflowError, context.fetch, [1001, 2**64 + 1002])
        self.assertRaises(OverflowError, Guard, budget=2**32 + 700)
        self.assertRaises(TypeError, Context, colour="red")

    def test_an_empty_list_is_rejected(self):
        context = self.context()
        self.assertRaisesRegex(ValueError, "pass None for all", context.fetch, [])
        self.assertRaisesRegex(ValueError, "pass None for all", context.fetch, ())
        self.assertRaisesRegex(ValueError, "pass None for all", context.watch, [])
        self.assertEqual(len(context.fetch(None)), 3)

        async def work(of):
            async with Pool() as pool:
                await of(pool)

        for refused in lambda pool: pool.fetch(context, []), lambda pool: anext(pool.watch(context, [])):
            self.assertRaisesRegex(ValueError, "pass None for all", asyncio.run, work(refused))

    def test_none_restores_the_default(self):
        context = self.context(transport=lambda request: Response(503))
        context.set(transport=None)
        self.assertEqual(len(context.fetch()), 3)
        context.set(personal_key=None)
        self.fails(Status.NO_CREDENTIAL, context.fetch)

    def test_a_closed_context_is_rejected(self):
        context = self.context()
        context.close()
        context.close()
        self.fails(Status.INVALID_ARGUMENT, context.fetch)


class Fetch(Case):
    def test_all_locks(self):
        results = self.context().fetch()
        self.assertEqual([lock.id for lock in results], [1001, 1002, 1003])
        self.assertFalse(results.is_cached)
        self.assertLess(abs(datetime.now(timezone.utc) - results.fetched_at), timedelta(minutes=1))
        first = results.locks[0]
        self.assertIsInstance(first.state, State)
        self.assertIsInstance(first.door_state, Door)
        self.assertIs(first.is_connected, True)
        self.assertIs(first.is_locked, first.state == State.LOCKED)
        self.assertIs(first.is_jammed, False)
        self.assertIn(first.battery_level, range(101))
        self.assertEqual(first.last_state_changed.year, 2024)
        self.assertGreater(first.revision, 0)
        self.assertEqual(first.state_name, first.state.name.lower().replace("_", "-"))
        self.assertEqual(first.door_state_name, first.door_state.name.lower().replace("_", " "))

    def test_a_lock_out_of_reach_has_no_state(self):
        lock = self.context().fetch_one(1002)
        self.assertIs(lock.is_connected, False)
        self.assertEqual((lock.state, lock.battery_level, lock.last_state_changed), (None, None, None))
        self.assertEqual((lock.is_locked, lock.is_jammed), (None, None))
        self.assertEqual((lock.state_name, lock.door_state_name), ("unknown", "unknown"))

    def test_some_locks_and_missing_ones(self):
        results = self.context().fetch([1003, 77, 1001, 78])
        self.assertEqual({lock.id for lock in results}, {1001, 1003})
        self.assertEqual(results.missing, (77, 78))

    def test_another_thread_runs_while_one_waits(self):
        context = self.slow_context()
        errors = []

        def fetch():
            errors.append(self.fails(Status.CANCELLED, context.fetch))

        waiting = threading.Thread(target=fetch)
        waiting.start()
        while waiting.is_alive():  # if the fetch held the GIL, nobody could cancel it, and it would end by its timeout
            context.cancel()
            waiting.join(0.01)
        self.assertEqual(len(errors), 1)


class Directories(Case):
    UNKNOWN = b'{"result":[{"id":5,"type":77},{"id":6,"name":"Shed","accessLevel":1}],"success":true}'

    def test_names_are_those_of_the_service(self):
        directory = self.context().fetch_directory()
        self.assertEqual({info.id: info.name for info in directory},
                         {1001: "Front door", 1002: "Garage", 1003: "Haust\u00fcr M\u00fcller, \u00d6lm\u00fchle"})
        self.assertEqual(len({info.serial_number for info in directory}), len(directory))
        first = directory.locks[0]
        self.assertIsInstance(first.type, Device)
        self.assertEqual((first.access_level, first.time_zone), (Access.OWNER, "Europe/Warsaw"))
        self.assertGreater(first.bridge_id, 0)
        self.assertIsNone(first.organization_id)
        self.assertEqual([lock.id for lock in directory.results], [1001, 1002, 1003])
        self.assertIs(directory.results.locks[1].is_connected, False)

    def test_what_was_not_sent_is_none(self):
        one, other = self.context(transport=lambda request: Response(200, self.UNKNOWN)).fetch_directory()
        self.assertEqual((one.id, one.name, one.serial_number, one.type, one.access_level), (5, None, None, 77, None))
        self.assertEqual((other.name, other.type, other.access_level), ("Shed", None, Access.ADMIN))

    def test_a_failure_is_raised(self):
        with self.fault("403"):
            self.fails(Status.FORBIDDEN, self.context().fetch_directory)


class Errors(Case):
    def test_they_have_the_messages_of_the_service(self):
        for fault, status, *expected in (("403", Status.FORBIDDEN, 403, None, False),
                                         ("503", Status.SERVER, 503, 7.0, True),
                                         ("bad-json", Status.MALFORMED, 200, None, False)):
            with self.subTest(fault), self.fault(fault):
                error = self.fails(status, self.context().fetch)
                self.assertEqual([error.http_status, error.retry_after, error.is_retryable], expected)
                self.assertEqual((error.byte_offset or 0) > 0, fault == "bad-json")
                if fault == "403":
                    self.assertEqual(len(error.api_messages), 1)
                    self.assertIn(error.api_messages[0], str(error))
                    self.assertRegex(error.correlation_id, "^[0-9a-f-]{36}$")
                    self.assertIsNone(error.byte_offset)


class Callbacks(Case):
    def test_the_logger_gets_lines_without_the_credential(self):
        lines = []
        context = self.context(logger=lambda level, line: lines.append((level, line)))
        context.fetch()
        with self.fault("500"):
            self.fails(Status.SERVER, context.fetch)
        self.assertEqual({level for level, _ in lines}, {LogLevel.INFO, LogLevel.WARNING})
        self.assertTrue(any("/my/lock/sync" in line for _, line in lines))
        self.assertFalse(any(KEY in line for _, line in lines))

    def test_a_transport_of_the_application(self):
        requests = []

        def transport(request):
            requests.append(request)
            return Response(200, BODY, {"X-Correlation-ID": "abc"})

        results = self.context(transport=transport, base_url="https://locks.example", timeout=9).fetch([5, 6])
        self.assertEqual((results.locks[0].id, results.locks[0].state, results.missing), (5, 17, (6,)))
        self.assertEqual(requests[0].url, "https://locks.example/api/v37/my/lock/sync?id=5&id=6")
        self.assertEqual((requests[0].method, requests[0].headers["Authorization"]), ("GET", "PersonalKey " + KEY))
        self.assertTrue(0 < requests[0].timeout <= 9)

    def test_an_exception_in_a_transport_is_the_cause(self):
        def raising(error):
            def transport(_request):
                raise error

            return self.context(transport=transport).fetch

        self.fails(Status.CONNECT, raising(LockSyncError(Status.CONNECT)))
        self.assertIsInstance(self.fails(Status.NETWORK, raising(ZeroDivisionError())).__cause__, ZeroDivisionError)
        self.assertRaises(KeyboardInterrupt, raising(KeyboardInterrupt()))

    def test_the_provider_is_called_again_after_a_401(self):
        asked = []

        def provider(rejected):
            asked.append(rejected)
            return "fresh-token" if rejected else "stale-token"

        context = self.context(personal_key=None, token_provider=provider)
        self.assertEqual(len(context.fetch()), 3)
        self.assertEqual(asked, [False, True])

    def test_a_provider_that_fails_ends_the_fetch(self):
        def provider(_refused):
            raise KeyError("no token")

        error = self.fails(Status.NO_CREDENTIAL, self.context(personal_key=None, token_provider=provider).fetch)
        self.assertIsInstance(error.__cause__, KeyError)


class Guards(Case):
    def test_a_context_alone_fetches_once_in_20_seconds(self):
        context = self.context(guard_mode=GuardMode.FAIL)
        context.fetch()
        error = self.fails(Status.TOO_SOON, context.fetch)
        self.assertTrue(0 < error.retry_after <= 20)
        context.set(guard_mode=GuardMode.CACHED)
        self.fails(Status.TOO_SOON, context.fetch)

    def test_contexts_and_files_share_a_guard(self):
        with tempfile.TemporaryDirectory() as folder:
            one, other = (Guard(folder + "/guard") for _ in range(2))
            self.context(guard=one, guard_mode=GuardMode.CACHED).fetch()
            self.fails(Status.TOO_SOON, self.context(guard=other, guard_mode=GuardMode.FAIL).fetch)

    def test_a_chosen_interval_is_waited_for(self):
        with Guard(min_interval=0.02) as guard:
            context = self.context(guard=guard, guard_mode=GuardMode.WAIT)
        for _ in range(3):
            context.fetch()


class Watches(Case):
    """Locks whose hour passes in a second."""
    OPTIONS = "--time-scale", "3600"

    def test_the_locks_are_reported_first_then_their_changes(self):
        with self.context().watch(interval=0.01) as watch:
            self.assertIsNone(watch.age)
            self.assertIsNone(watch.results)
            first, then = next(watch), next(watch)
            self.assertEqual((watch.last_status, watch.age < 60), (Status.OK, True))
            self.assertEqual(watch.results, then.results)
        self.assertEqual([(change.kinds & ChangeKind.ADDED, change.before) for change in first],
                         [(ChangeKind.ADDED, None)] * 4)
        self.assertEqual([change.after for change in first], list(first.results))
        self.assertEqual([change.after.id for change in first], [1001, 1002, 1003, 1004])
        for change in then:
            self.assertNotEqual(change.before, change.after)
            self.assertIn(change.after, then.results)
            self.assertEqual(change.before.id, change.after.id)
            self.assertFalse(change.kinds & (ChangeKind.ADDED | ChangeKind.REMOVED))

    def test_no_change_in_time_is_none(self):
        with self.context().watch([1001], interval=3600) as watch:
            self.assertEqual(len(next(watch)), 1)
            self.assertIsNone(watch.wait(0))

    def test_temporary_errors_are_not_raised(self):
        with self.context().watch(interval=0.01) as watch, self.fault("500"):
            self.assertIsNone(watch.wait(0))
            self.assertEqual(watch.last_status, Status.SERVER)
        with self.context(personal_key="wrong").watch() as watch:
            self.fails(Status.UNAUTHORIZED, next, watch)

    def test_a_context_closes_its_watches(self):
        context = self.context()
        watch = context.watch()
        next(watch)
        context.close()
        self.fails(Status.INVALID_ARGUMENT, next, watch)

    def test_a_pool_s_watch(self):
        async def work():
            async with Pool() as pool:
                watches = [pool.watch(self.context(), [1001], interval=0.01) for _ in range(3)]
                for watch in watches:
                    first, then = await anext(watch), await anext(watch)
                    self.assertEqual(([change.kinds & ChangeKind.ADDED for change in first], len(then)),
                                     ([ChangeKind.ADDED], 1))
                    self.assertEqual(then[0].after, then.results.locks[0])
                await watches[0].aclose()
                pool.close()
                with self.assertRaises(LockSyncError) as raised:
                    async for _ in watches[1]:
                        pass
                self.assertEqual(raised.exception.status, Status.CANCELLED)

        asyncio.run(work())


class Pools(Case):
    def run_in_pool(self, work):
        async def main():
            async with Pool() as pool:
                return await work(pool)

        return asyncio.run(main())

    def test_many_contexts_at_once(self):
        contexts = [self.context() for _ in range(50)]
        fetched = self.run_in_pool(lambda pool: asyncio.gather(*(pool.fetch(each, [1001, 77]) for each in contexts)))
        self.assertEqual([(len(results), results.missing) for results in fetched], [(1, (77,))] * 50)

    def test_a_failure_is_raised_with_its_detail(self):
        async def work(pool):
            await pool.fetch(self.context())

        with self.fault("503"):
            error = self.fails(Status.SERVER, self.run_in_pool, work)
        self.assertEqual(error.retry_after, 7)
        self.fails(Status.INVALID_ARGUMENT, self.run_in_pool, lambda pool: pool.fetch(self.context(), [-1]))

    def test_a_context_that_fetches_is_busy(self):
        async def work(pool):
            context = self.context()
            fetch = asyncio.ensure_future(pool.fetch(context))
            await asyncio.sleep(0)
            self.fails(Status.BUSY, context.set, timeout=1)
            return await fetch

        self.assertEqual(len(self.run_in_pool(work)), 3)

    def test_cancelling_the_task_cancels_the_fetch(self):
        context = self.slow_context()

        async def work(pool):
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(pool.fetch(context), 0.05)
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


class Version(unittest.TestCase):
    def test_it_is_the_library_s(self):
        self.assertRegex(version(), r"^\d+\.\d+\.\d+$")


class Memory(Case):
    ROUNDS = 10000

    @staticmethod
    def resident():
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def a_round(self, kept):
        lines = []
        with Guard(min_interval=0.001) as guard, Context(
                base_url=self.simulator.url, personal_key=KEY, guard=guard, guard_mode=GuardMode.OFF,
                logger=lambda level, line: lines.append(line), token_provider=lambda rejected: None) as context:
            self.assertEqual(len(context.fetch([1001, 77])), 1)
            self.assertEqual(len(next(context.watch([1001]))), 1)
            self.assertEqual(len(kept.fetch()), 3)
            self.assertEqual(len(kept.fetch_directory()), 3)
            self.fails(Status.NOT_FOUND, kept.fetch_one, 77)
            context.set(transport=lambda request: Response(503, b"{}", {"Retry-After": "7"}))
            self.fails(Status.SERVER, context.fetch)
        self.assertTrue(lines)

    def test_it_does_not_grow(self):
        with self.context() as kept:
            for number in range(self.ROUNDS + 1000):
                if number == 1000:  # after the warm-up
                    before = self.resident()
                self.a_round(kept)
        grown = self.resident() - before
        print(f"{self.ROUNDS} rounds: {grown} bytes", file=sys.stderr)
        self.assertLess(grown, 100 * self.ROUNDS)


if __name__ == "__main__":
    unittest.main()
