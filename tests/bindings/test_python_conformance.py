#!/usr/bin/env python3
"""bindings/python runs the cases of bindings/conformance, the calls both blocking and in a pool."""
import asyncio
import json
import os
import pathlib
import unittest
from datetime import datetime, timedelta, timezone

from locksync import Context, Guard, GuardMode, LockSyncError, Pool, RequestKind, Response, Status
from simulator import Simulator

CASES = pathlib.Path(__file__).resolve().parents[2] / "bindings" / "conformance"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)
# The settings that have another name or unit in Python.
SECONDS = {"connect_timeout_ms": "connect_timeout", "timeout_ms": "timeout", "max_idle_ms": "max_idle"}


def cases_of(name):
    cases = json.loads((CASES / name).read_text(encoding="utf-8"))
    assert len({case["name"] for case in cases}) == len(cases), "two cases have the same name"
    return cases


def known(members):
    """Returns the members that are not None; an unknown value is absent."""
    return {name: value for name, value in members.items() if value is not None}


def record(lock):
    changed = lock.last_state_changed
    return known({"id": lock.id, "is_connected": lock.is_connected, "revision": lock.revision, "state": lock.state,
                  "door_state": lock.door_state, "is_charging": lock.is_charging, "battery_level": lock.battery_level,
                  "state_change_result": lock.state_change_result, "is_locked": lock.is_locked,
                  "last_state_changed_ms": None if changed is None else (changed - EPOCH) // MS,
                  "is_jammed": lock.is_jammed, "state_text": lock.state_name, "door_text": lock.door_state_name})


def info(entry):
    return known(vars(entry))


def kinds(change):
    return [kind.name for kind in type(change.kinds) if kind in change.kinds]


def settings_of(settings):
    """Returns the arguments of Context for the settings of a case."""
    found = {}
    for name, value in settings.items():
        if name in SECONDS:
            found[SECONDS[name]] = value / 1000
        elif name == "access_token_until":
            found["access_token"] = value[0], EPOCH + value[1] * MS
        else:
            found[name] = value
    return found


def guard_of(settings):
    found = {}
    for name, value in settings.items():
        if name == "min_interval_ms":
            found["min_interval"] = value / 1000
        elif name == "kind_interval_ms":
            found["intervals"] = {RequestKind[kind]: ms / 1000 for kind, ms in value.items()}
        elif name == "hourly_budget":
            found["budget"], found["unused"] = value
        else:
            raise AssertionError(f"the setting {name} is not known")
    return Guard(**found)


class Conformance(unittest.TestCase):
    def check(self, expected, outcome):
        """Compares what is expected with results, a directory, changes or an error."""
        for name, value in expected.items():
            self.assertEqual(value, self.actual(name, value, outcome), name)

    def actual(self, name, value, outcome):
        is_error = isinstance(outcome, LockSyncError)
        if name == "status":
            return "OK" if not is_error else "E_" + outcome.status.name
        if name == "retry_after_max_ms":
            self.assertTrue(0 < outcome.retry_after * 1000 <= value, outcome.retry_after)
            return value
        if name == "message_contains":
            return [text for text in value if text in str(outcome)]
        read = {"http_status": lambda: outcome.http_status, "byte_offset": lambda: outcome.byte_offset,
                "retry_after_ms": lambda: round(outcome.retry_after * 1000),
                "correlation_id": lambda: outcome.correlation_id, "api_messages": lambda: list(outcome.api_messages),
                "is_retryable": lambda: outcome.is_retryable, "missing": lambda: list(outcome.missing),
                "is_cached": lambda: outcome.is_cached, "ids": lambda: [lock.id for lock in self.locks(outcome)],
                "records": lambda: list(map(record, self.locks(outcome))),
                "directory": lambda: list(map(info, outcome))}
        self.assertIn(name, read)
        return read[name]()

    @staticmethod
    def locks(outcome):
        return getattr(outcome, "results", outcome)

    @staticmethod
    def tried(call, *arguments, **settings):
        try:
            return call(*arguments, **settings)
        except LockSyncError as error:
            return error


class Bodies(Conformance):
    def decode(self, case, body):
        with Context(personal_key="demo-key") as context:
            what, ids = case["what"], case.get("ids")
            request = (context.build_directory(case["page"]) if what == "directory" else
                       context.build_one(*ids) if what == "one" else context.build(ids))
            response = Response(case.get("status", 200), body.encode(), case.get("headers", {}))
            return self.tried(context.decode_directory if what == "directory" else context.decode, request, response)

    def test_each_case(self):
        for case in cases_of("bodies.json"):
            with self.subTest(case["name"]):
                self.assertIn(case["what"], ("results", "one", "directory", "changes"))
                if case["what"] == "changes":
                    before, after = (self.decode(case, case[name]) for name in ("before", "after"))
                    changes = [known({"id": change.lock.id, "kinds": kinds(change),
                                      "before": change.before and record(change.before),
                                      "after": change.after and record(change.after)}) for change in before.diff(after)]
                    self.assertEqual({"status": "OK", "changes": changes}, case["expected"])
                else:
                    self.check(case["expected"], self.decode(case, case["body"]))


class Settings(Conformance):
    def apply(self, what, values):
        with Context(personal_key="demo-key") as context:
            if what == "settings":
                context.set(**settings_of(values))
            elif what == "guard":
                guard_of(values).close()
            elif what == "watch":
                context.watch(interval=values["interval_ms"] / 1000)
            elif what == "ids":
                context.build(values["ids"])
            elif what == "page":
                context.build_directory(values["page"])
            else:
                self.assertEqual(what, "serials")
                context.watch(serial_numbers=values["serials"])

    def test_each_case(self):
        for case in cases_of("settings.json"):
            with self.subTest(case["name"]):
                expected = dict(case["expected"])
                try:
                    self.apply(case["what"], case["set"])
                    self.assertEqual(expected, {"status": "OK"})
                except (ValueError, OverflowError) as error:  # LockSyncError is a ValueError here
                    self.assertEqual(expected.pop("status"), "E_INVALID_ARGUMENT")
                    self.assertNotIn("HIDE", str(error))
                    if isinstance(error, LockSyncError):
                        self.check(expected, error)


class Blocking:
    """Makes the calls of a case with a context alone."""

    def __init__(self, context):
        self.context = context
        self.fetch, self.fetch_directory = context.fetch, context.fetch_directory

    def watch(self, **how):
        watch = self.context.watch(**how)
        return watch, watch.wait

    def close(self):
        pass


class Pooled:
    """Makes the calls of a case in a pool."""

    def __init__(self, context):
        self.context = context
        self.runner = asyncio.Runner()
        self.pool = self.runner.run(self.new())

    @staticmethod
    async def new():
        return Pool()

    def fetch(self, ids):
        return self.runner.run(self.pool.fetch(self.context, ids))

    def fetch_directory(self):
        return self.runner.run(self.pool.fetch_directory(self.context))

    def watch(self, **how):
        async def start():
            return self.pool.watch(self.context, **how)

        watch = self.runner.run(start())
        return watch, lambda timeout: self.runner.run(watch.wait(max(timeout, 1)))

    def close(self):
        self.pool.close()
        self.runner.close()


class Fetches(Conformance):
    def run_case(self, case, way):
        simulator = Simulator(os.environ["LOCKSYNC_SIM"], "--static", "--locks", "3", *case.get("simulator", []))
        self.addCleanup(simulator.stop)
        with Context(base_url=simulator.url, guard=guard_of(case.get("guard", {})),
                     **settings_of(case["settings"])) as context:
            calls = way(context)
            watch = None
            try:
                for step in case["steps"]:
                    watch = self.do(step, simulator, context, calls, watch)
            finally:
                calls.close()

    def do(self, step, simulator, context, calls, watch):
        what, expected = step["do"], step.get("expected")
        if what == "fault":
            simulator.fault(step["name"], step.get("every", 1))
        elif what == "account":
            simulator.change(step["change"], step.get("id", 0), step.get("name"))
        elif what == "set":
            context.set(**settings_of(step["settings"]))
        elif what == "fetch":
            self.check(expected, self.tried(calls.fetch, step.get("ids")))
        elif what == "fetch_one":
            outcome = self.tried(context.fetch_one, step["id"])
            if not isinstance(outcome, LockSyncError):
                self.assertEqual(record(outcome), expected["records"][0])
                outcome, expected = None, {"status": "OK"}
            self.check(expected, outcome)
        elif what == "fetch_directory":
            self.check(expected, self.tried(calls.fetch_directory))
        elif what == "watch":
            return calls.watch(ids=step.get("ids"), serial_numbers=step.get("serials"),
                               directory=step.get("directory", False), interval=step["interval_ms"] / 1000)
        else:
            self.assertEqual(what, "next")
            self.check_next(dict(expected), watch[0], self.tried(watch[1], step["timeout_ms"] / 1000))
        return watch

    def check_next(self, expected, watch, outcome):
        status = watch.last_status
        self.assertEqual(expected.pop("last_status"), "OK" if status == Status.OK else "E_" + status.name)
        if outcome is None:
            self.assertEqual(expected, {"status": "E_TIMEOUT"})
            return
        if "changes" in expected:
            changes = []
            for change in outcome:
                entry = {"id": change.lock.id, "kinds": kinds(change)}
                if change.before and change.after and change.before.id != change.after.id:
                    entry["old_id"] = change.before.id
                if change.info:
                    entry |= {"name": change.info.name, "serial_number": change.info.serial_number}
                changes.append(entry)
            self.assertEqual(changes, expected.pop("changes"))
        self.check(expected, outcome)

    def test_each_case_with_blocking_calls(self):
        for case in cases_of("fetches.json"):
            with self.subTest(case["name"]):
                self.run_case(case, Blocking)

    def test_each_case_in_a_pool(self):
        for case in cases_of("fetches.json"):
            steps = [step["do"] for step in case["steps"]]
            if "watch" in steps and "set" in steps[steps.index("watch"):]:
                continue  # the context of a watch in a pool is busy
            with self.subTest(case["name"]):
                self.run_case(case, Pooled)


if __name__ == "__main__":
    unittest.main()
