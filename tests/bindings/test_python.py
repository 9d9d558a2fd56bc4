#!/usr/bin/env python3
"""bindings/python against the simulator: settings, blocking fetches, guards and watches."""
import copy
import pickle
import tempfile
import threading
import unittest
from datetime import datetime, timedelta, timezone

from locksync import (Access, ChangeKind, Context, Device, Door, Guard, GuardMode, InvalidArgumentError,
                      LockSyncError, RequestKind, Response, SlotOutcome, State, Status, door_name, state_name,
                      version)
from python_support import BODY, KEY, Case


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
        self.assertIsInstance(error, InvalidArgumentError)
        self.assertRaises(ValueError, context.set, timeout=0)
        self.assertEqual(len(context.fetch()), 3)

    def test_truncated_values_and_unknown_settings_are_rejected(self):
        context = self.context()
        self.assertRaises(ValueError, context.set, personal_key="demo-key\0more")
        self.assertRaises(OverflowError, context.set, timeout=2**64)
        self.assertRaises(OverflowError, context.fetch, [1001, 2**64 + 1002])
        self.assertRaises(OverflowError, Guard, budget=2**32 + 700)
        self.assertRaises(TypeError, Context, colour="red")
        self.assertRaises(TypeError, context.set, personal_kye=KEY)
        self.assertRaises(ValueError, context.set, access_token=("token", datetime(2030, 1, 1)))  # in which time zone?

    def test_an_empty_list_is_rejected(self):
        context = self.context()
        self.assertRaisesRegex(ValueError, "pass None for all", context.fetch, [])
        self.assertRaisesRegex(ValueError, "pass None for all", context.fetch, ())
        self.assertRaisesRegex(ValueError, "pass None for all", context.watch, [])
        self.assertEqual(len(context.fetch(None)), 3)

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
        self.assertIn("closed", str(self.fails(Status.INVALID_ARGUMENT, context.fetch)))
        self.fails(Status.INVALID_ARGUMENT, context.set, timeout=1)
        self.fails(Status.INVALID_ARGUMENT, context.watch)
        context.cancel()

    def test_a_message_is_in_the_words_of_python(self):
        context = self.context()
        for call in (lambda: context.fetch([]), lambda: context.fetch([0]), lambda: context.fetch_one(-1),
                     lambda: context.watch(serial_numbers=[]), lambda: context.watch(serial_numbers=[""]),
                     lambda: context.watch([1], serial_numbers=["1"]), lambda: context.watch(interval=0),
                     lambda: context.build_directory(0), lambda: Guard(min_interval=0), lambda: Guard(budget=0),
                     lambda: Guard().reserve(lease=-1), lambda: Guard("")):
            with self.assertRaises(ValueError) as raised:
                call()
            self.assertNotRegex(str(raised.exception), r"lock_sync_|LOCK_SYNC|NULL|\bms\b")
        self.assertRaises(TypeError, context.watch, serial_numbers="0815")


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

    def test_a_lock_is_found_by_its_id(self):
        results = self.context().fetch()
        self.assertIs(results[1003], results.locks[2])
        self.assertIs(results.find(1001), results.locks[0])
        self.assertIsNone(results.find(77))
        self.assertRaises(KeyError, lambda: results[77])
        self.assertEqual((1002 in results, 77 in results, results.locks[1] in results), (True, False, True))

    def test_two_results_are_compared(self):
        bodies = iter((BODY, BODY.replace(b"17", b"6"), BODY))
        context = self.context(transport=lambda request: Response(200, next(bodies)))
        before, after, last = context.fetch(), context.fetch(), context.fetch()
        context.close()
        change, = before.diff(after)
        self.assertEqual((change.kinds, change.before, change.after), (ChangeKind.STATE, before[5], after[5]))
        self.assertIs(change.lock, change.after)
        self.assertEqual(before.diff(last), [])
        self.assertRaisesRegex(ValueError, "cannot be compared", before.diff, pickle.loads(pickle.dumps(after)))

    def test_records_can_be_pickled_and_copied(self):
        directory = self.context().fetch_directory()
        for value in (directory, directory.results, directory.results.locks[0], directory.locks[0]):
            self.assertEqual(pickle.loads(pickle.dumps(value)), value)
            self.assertEqual(copy.deepcopy(value), value)

    def test_names_of_numbers(self):
        self.assertEqual((state_name(State.SEMI_LOCKED), door_name(Door.NOT_PAIRED)), ("semi-locked", "not paired"))
        self.assertEqual((state_name(77), door_name(77)), ("unknown", "unknown"))

    def test_closing_ends_the_fetch_of_another_thread(self):
        context = self.slow_context()
        errors = []

        def fetch():
            errors.append(self.fails(Status.CANCELLED, context.fetch))

        waiting = threading.Thread(target=fetch)
        waiting.start()
        while not context._in_use.locked():
            pass
        self.fails(Status.BUSY, context.fetch)
        context.close()
        waiting.join()
        self.assertEqual(len(errors), 1)

    def test_a_stop_lasts_until_it_is_cleared(self):
        context = self.slow_context()
        timer = threading.Timer(0.1, context.set_stopped, [True])
        timer.start()
        self.fails(Status.CANCELLED, context.fetch)
        context.set(base_url=self.simulator.url)
        for call in (context.fetch, context.fetch_directory, context.watch().wait):
            self.fails(Status.CANCELLED, call)
        context.set_stopped(False)
        self.assertEqual(len(context.fetch()), 3)
        context.close()
        self.assertRaises(ValueError, context.set_stopped, True)

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

    def test_a_lock_is_found(self):
        directory = self.context().fetch_directory()
        first = directory.locks[0]
        self.assertIs(directory.find(1001), first)
        self.assertIs(directory[1001], first)
        self.assertIs(directory.find_serial(first.serial_number), first)
        self.assertEqual(directory.find_name("Front door"), (first,))
        self.assertEqual((directory.find(77), directory.find_serial("77"), directory.find_name("77")), (None, None, ()))
        self.assertRaises(KeyError, lambda: directory[77])

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


    def test_they_can_be_pickled_and_copied(self):
        with self.fault("503"):
            error = self.fails(Status.SERVER, self.context().fetch)
        rejected = self.fails(Status.INVALID_ARGUMENT, Guard, "/no/../\u00fc" * 2000)
        for original in (error, rejected, LockSyncError(Status.CONNECT), LockSyncError(77, "later")):
            for other in (pickle.loads(pickle.dumps(original)), copy.copy(original), copy.deepcopy(original)):
                self.assertEqual((type(other), str(other)), (type(original), str(original)))
                self.assertEqual(vars(other), vars(original))


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


    def test_a_program_reserves_slots_itself(self):
        guard = Guard()
        with guard.reserve() as slot:
            self.assertFalse(slot.is_settled)
        error = self.fails(Status.TOO_SOON, guard.reserve)
        self.assertTrue(19 < error.retry_after <= 20)
        guard.reserve(RequestKind.OTHER, lease=0).settle(SlotOutcome.LIMITED, retry_after=40)
        self.assertTrue(39 < self.fails(Status.TOO_SOON, guard.reserve, RequestKind.OTHER).retry_after <= 40)
        self.assertEqual((guard.error_message, guard.warning), ("", ""))
        guard.close()
        self.assertIn("closed", str(self.fails(Status.INVALID_ARGUMENT, guard.reserve)))
        self.assertRaisesRegex(ValueError, "closed", self.context, guard=guard)

    def test_a_refunded_slot_is_free_at_once(self):
        guard = Guard()
        guard.reserve().settle(SlotOutcome.NOT_SENT)
        guard.reserve()

    def test_a_damaged_file_says_so(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"no record of a guard")
            file.flush()
            self.fails(Status.GUARD, Guard.open_file, file.name)

    def test_a_context_knows_its_guard(self):
        guard = Guard()
        context = self.context(guard=guard, guard_mode=GuardMode.FAIL)
        self.assertIs(context.guard, guard)
        guard.reserve()
        self.fails(Status.TOO_SOON, context.fetch)
        context.set(guard=None)
        self.assertIsNot(context.guard, guard)
        self.assertEqual(len(context.fetch()), 3)


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

    def test_a_watch_with_names(self):
        guard = Guard(min_interval=0.001, intervals={RequestKind.DIRECTORY: 0.001})
        context = self.context(guard=guard)
        directory = context.fetch_directory()
        with context.watch(directory=directory, interval=0.01) as watch:
            first = next(watch)
            self.assertEqual({change.info.id: change.info.name for change in first},
                             {info.id: info.name for info in directory})
            self.assertEqual(watch.directory.locks, directory.locks)
            self.assertGreaterEqual(watch.due_in, 0)
        self.assertRaisesRegex(ValueError, "used before", context.watch, directory=directory)
        with self.context().watch(serial_numbers=[directory[1003].serial_number], interval=0.01) as watch:
            self.assertEqual([change.lock.id for change in next(watch)], [1003])

    def test_a_wait_is_cancelled(self):
        context = self.context()
        watch = context.watch(interval=3600)
        next(watch)
        timer = threading.Timer(0.1, context.cancel)
        timer.start()
        self.fails(Status.CANCELLED, watch.wait)
        timer.join()

    def test_closing_ends_the_wait_of_another_thread(self):
        context = self.context()
        watch = context.watch(interval=3600)
        next(watch)
        errors = []
        waiting = threading.Thread(target=lambda: errors.append(self.fails(Status.CANCELLED, watch.wait)))
        waiting.start()
        while not context._in_use.locked():
            pass
        watch.close()
        waiting.join()
        self.assertEqual(len(errors), 1)
        self.fails(Status.INVALID_ARGUMENT, watch.wait)
        self.assertEqual((watch.results, watch.age), (None, None))

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


class Version(unittest.TestCase):
    def test_it_is_the_library_s(self):
        self.assertRegex(version(), r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
