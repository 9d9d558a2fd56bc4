#!/usr/bin/env python3
"""The callbacks of bindings/python: loggers, token providers, transports, and what they throw."""
import logging
import threading
import unittest

from locksync import LockSyncError, LogLevel, Response, Status
from python_support import BODY, KEY, Case


class Callbacks(Case):
    def test_a_logger_of_the_logging_module(self):
        with self.assertLogs("locks", logging.INFO) as logged:
            self.context(logger=logging.getLogger("locks")).fetch()
        self.assertEqual([record.levelno for record in logged.records], [logging.INFO])

    def test_an_exception_in_each_callback_leaves_the_context_usable(self):
        def raising(*_arguments):
            raise ZeroDivisionError

        with self.context(logger=raising) as context:
            self.assertEqual(len(context.fetch()), 3)  # a log line is not worth a fetch
        with self.context(personal_key=None, token_provider=raising) as context:
            for _ in range(3):
                error = self.fails(Status.NO_CREDENTIAL, context.fetch)
                self.assertIsInstance(error.__cause__, ZeroDivisionError)
            context.set(token_provider=None, personal_key=KEY)
            self.assertEqual(len(context.fetch()), 3)
        with self.context(transport=raising) as context:
            for _ in range(3):
                error = self.fails(Status.NETWORK, context.fetch)
                self.assertIsInstance(error.__cause__, ZeroDivisionError)
            context.set(transport=None)
            self.assertEqual(len(context.fetch()), 3)
        with self.context(transport=lambda request: "no response") as context:
            self.assertIsInstance(self.fails(Status.NETWORK, context.fetch).__cause__, AttributeError)

    def test_an_exit_in_each_callback_is_raised(self):
        def leaving(*_arguments):
            raise SystemExit(3)

        for setting in ({"logger": leaving}, {"personal_key": None, "token_provider": leaving}, {"transport": leaving}):
            with self.context(**setting) as context:
                self.assertRaises(SystemExit, context.fetch)

    def test_a_callback_cannot_use_its_busy_context(self):
        def busy(*_arguments):
            for call in (context.fetch, context.close, lambda: context.set(timeout=1)):
                self.fails(Status.BUSY, call)
            called.append(True)

        called = []
        context = self.context(logger=busy)
        context.fetch()
        self.assertTrue(called)

    def test_a_transport_is_cancelled(self):
        class Waiting:
            def __init__(self):
                self.cancelled = threading.Event()

            def __call__(self, request):
                started.set()
                self.cancelled.wait()
                noticed.append(request.is_cancelled)
                raise LockSyncError(Status.CANCELLED)

            def cancel(self):
                refused.append(outer.fails(Status.BUSY, context.close))
                self.cancelled.set()

        started, noticed, errors, refused, outer = threading.Event(), [], [], [], self
        context = self.context(transport=Waiting())
        waiting = threading.Thread(target=lambda: errors.append(self.fails(Status.CANCELLED, context.fetch)))
        waiting.start()
        started.wait()
        context.cancel()
        waiting.join()
        self.assertEqual((noticed, len(errors), len(refused)), ([True], 1, 1))

    def test_callbacks_run_in_the_thread_that_fetches(self):
        threads = []
        self.context(logger=lambda level, line: threads.append(threading.current_thread())).fetch()
        self.assertEqual(set(threads), {threading.main_thread()})

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


if __name__ == "__main__":
    unittest.main()
