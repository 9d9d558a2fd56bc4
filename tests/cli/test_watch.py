"""--watch without a terminal: one line per change, for people and for scripts."""
import json
import os
import re
import signal
import subprocess
import time

from support import PATIENCE, PROMPTLY, Test, lock, main, wait_until


class Watch(Test):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(lock(1001), lock(1002, state=2))
        self.set(LOCKSYNC_INTERVAL_MS="50")

    def watch(self, *arguments, **how):
        return self.start("--watch", *arguments, **how)

    def stop(self, process, number=signal.SIGINT):
        """Stops it with a signal; returns the rest of its output and of stderr."""
        begun = time.monotonic()
        process.send_signal(number)
        status, out, err = self.end(process)
        self.assertEqual(status, -number)
        self.assertLess(time.monotonic() - begun, PROMPTLY)
        return out, err

    def line(self, process):
        """Returns the next line without its time."""
        return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", process.stdout.readline()).rstrip("\n")

    def test_a_line_for_each_change_and_no_other(self):
        watch = self.watch()
        rest = "door closed; battery 80 %; charging no; connected yes"
        more = {"batteryLevel": 79, "isCharging": True}
        for locks, *lines in (
                (self.service.locks, f"1001  added: state locked; {rest}", f"1002  added: state unlocked; {rest}"),
                ([lock(1001, state=5, doorState=2), lock(1002, state=None, connected=False)],
                 "1001  state: locked -> locking; door: closed -> opened",
                 "1002  disconnected; state: unlocked -> unknown; door: closed -> unknown; battery: 80 % -> unknown; "
                 "charging: no -> unknown; result: success -> unknown"),
                ([lock(1001, state=3, stateChangeResult=1, **more)],
                 "1001  state: locking -> semi-locked, jammed; door: opened -> closed; battery: 80 % -> 79 %; "
                 "charging: no -> yes; result: success -> jammed", "1002  removed"),
                ([{**lock(1001, stateChangeResult=-5, **more), "revision": 8}],
                 "1001  state: semi-locked, jammed -> locked; result: jammed -> error -5; config: 7 -> 8"),
                ([{**lock(1001, **more), "revision": 8}], "1001  result: error -5 -> success"),
                ([{**lock(1001, state=None), "revision": 8}],  # values that are not sent any more
                 "1001  state: locked -> unknown; door: closed -> unknown; battery: 79 % -> unknown; "
                 "charging: yes -> unknown; result: success -> unknown")):
            self.service.locks = locks
            self.assertEqual([self.line(watch) for _ in lines], lines)
            self.service.wait_for_requests(2)
        self.assertEqual(self.stop(watch), ("", ""))

    def test_the_time_of_a_change(self):
        before = time.time()
        watch = self.watch("1001")
        at = watch.stdout.readline()[:19]
        self.assertTrue(int(before) <= time.mktime(time.strptime(at + " UTC", "%Y-%m-%d %H:%M:%S %Z")) - time.timezone
                        <= time.time(), at)

    def test_lines_of_json(self):
        watch = self.watch("--json-lines", "1001")
        first = json.loads(watch.stdout.readline())
        known = ["state", "door", "battery", "charging", "result", "config"]
        self.assertEqual((first["id"], first["changes"], first["before"], first["after"]["locked"]),
                         (1001, ["added", "connected", *known], None, True))
        self.service.locks = [lock(1001, state=2, doorState=2)]
        second = json.loads(watch.stdout.readline())
        self.assertEqual(sorted(second), ["after", "before", "changes", "fetched_at", "fetched_at_ms", "id",
                                          "name", "serial_number"])
        self.assertEqual((second["changes"], second["before"]), (["state", "door"], first["after"]))
        self.assertEqual((second["after"]["state_name"], second["after"]["door_state"]), ("unlocked", 2))
        self.assertLess(abs(second["fetched_at_ms"] / 1000 - time.time()), 60)
        self.service.locks = []
        third = json.loads(watch.stdout.readline())
        self.assertEqual((third["changes"], third["before"], third["after"]),
                         (["removed", "disconnected", *known], second["after"], None))
        self.assertEqual(self.stop(watch, signal.SIGTERM), ("", ""))

    def test_missing_ids_are_reported_once(self):
        watch = self.watch("77", "1001", "77")
        self.line(watch)
        self.service.wait_for_requests(2)
        self.assertRegex(self.stop(watch)[1], r"\Alocksync: lock 77 was not found[^\n]*\n\Z")

    def test_an_outage_is_reported_and_makes_no_changes(self):
        watch = self.watch("1001", stderr=subprocess.PIPE)
        self.line(watch)
        self.service.reply = (503, {}, "")
        self.assertRegex(watch.stderr.readline(), r"^locksync: The service failed \(5xx\)\. "
                                                  r"(Polling continues|The next poll is in 1 s, at \S+ UTC)\.$")
        self.service.wait_for_requests(1)
        self.service.locks = [lock(1001, state=2)]
        self.service.reply = None
        self.assertEqual(self.line(watch), "1001  state: locked -> unlocked")
        self.assertEqual(watch.stderr.readline(), "locksync: the service responds again\n")
        self.assertEqual(self.stop(watch), ("", ""))

    def test_an_unexpected_response_ends_it_only_at_the_start(self):
        replies = {
            "404": (404, {}, ""), "302": (302, {"Location": "/"}, ""), "418": (418, {}, ""),
            "html": (200, {}, "<html>"), "JSON": (200, {}, '{"result":'),
            "no": (200, {}, json.dumps({"success": False, "errorMessages": ["no"]})),
        }
        for name, reply in replies.items():
            with self.subTest(name):
                self.service.reply = reply
                self.expect(10, "--watch")
                self.service.reply = None
                watch = self.watch("1001")
                self.line(watch)
                self.service.reply = reply
                self.assertIn("Polling continues", watch.stderr.readline())
                self.service.reply = None
                self.assertIn("the service responds again", watch.stderr.readline())
                self.stop(watch)

    def test_a_429_is_reported_with_the_time_of_the_next_poll(self):
        watch = self.watch("1001")
        self.line(watch)
        self.service.reply = (429, {"Retry-After": "100"}, "")
        message = watch.stderr.readline()
        self.assertRegex(message, r"\(429\)\. The next poll is in (1 min (39|[45]\d)|2 min \d+) s, at \S+ UTC\.\n$")
        self.check_clock_time(message, 100)
        self.assertEqual(self.stop(watch), ("", ""))

    def check_clock_time(self, message, seconds):
        """Checks a message's clock time: up to a tenth (the watch's jitter) later, or a minute (a busy machine)
        earlier."""
        hours, minutes, rest = map(int, re.search(r"at (\d\d):(\d\d):(\d\d)", message).groups())
        ahead = (hours * 3600 + minutes * 60 + rest - int(time.time())) % 86400
        self.assertLessEqual(ahead, seconds * 1.1 + 1)
        self.assertGreaterEqual(ahead, seconds - 60)

    def test_a_wait_for_the_account_s_limit_is_reported_once(self):
        self.service.reply = (429, {"Retry-After": "100"}, "")
        self.expect(6)
        self.service.reply = None
        watch = self.watch("1001")
        message = watch.stderr.readline()
        self.assertRegex(message, r"^locksync: .*returned 429 .*\. The next poll is in 1 min \d+ s, at \S+ UTC\.\n$")
        self.check_clock_time(message, 100)
        time.sleep(2.5)  # longer than the command's tick: a second message would have come by now
        self.assertEqual(self.stop(watch), ("", ""))
        self.assertEqual(len(self.service.requests), 1)

    def test_a_failing_guard_file_is_reported_with_the_cause(self):
        watch = self.watch("1001", "--guard-file", self.path("guard"))
        self.line(watch)
        os.rename(self.write("other", ""), self.path("guard"))
        self.assertRegex(watch.stderr.readline(), r"^locksync: .* \(.*empty.*\)")
        os.unlink(self.path("guard"))
        self.assertIn("has lost a record", watch.stderr.readline())
        self.stop(watch)

    def test_a_rejected_key_ends_it(self):
        watch = self.watch("1001")
        self.line(watch)
        self.service.reply = (401, {}, "")
        status, out, err = self.end(watch)
        self.assertEqual((status, out), (5, ""))
        self.assertIn("make a new one", err.splitlines()[-1])

    def test_a_lock_that_comes_back_unlocked_is_reported_unlocked(self):
        """The service may send the state of a lock that is out of reach; the command must show it as unknown."""
        self.service.locks = [lock(1001, state=6)]
        watch = self.watch("1001")
        self.line(watch)
        lines = []
        for state, connected in ((6, False), (2, False), (2, True)):
            self.service.locks = [lock(1001, state=state, connected=connected)]
            self.service.wait_for_requests(2)
        while not lines or " connected" not in lines[-1]:
            lines.append(self.line(watch))
        self.assertRegex(lines[0], "^1001  disconnected; state: locked -> unknown;")
        self.assertRegex(lines[-1], "^1001  connected; state: unknown -> unlocked;")
        self.assertEqual(len(lines), 2)

    def test_a_reader_that_goes_away_is_noticed_without_changes(self):
        watch = self.watch()
        self.line(watch)
        watch.stdout.close()
        self.assertEqual(watch.wait(timeout=PATIENCE), -signal.SIGPIPE)

    def test_a_signal_ends_it_though_the_pipe_is_full(self):
        self.service.locks = [lock(1 + i) for i in range(3000)]
        watch = self.watch()
        wait_until(lambda: self.service.requests, "the first poll")
        time.sleep(0.5)  # long enough to fill the pipe; if it is not, the test passes more easily
        begun = time.monotonic()
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(timeout=PATIENCE), -signal.SIGINT)
        self.assertLess(time.monotonic() - begun, 20)

    def test_a_signal_ends_a_poll_at_once(self):
        self.start_sim("--delay-ms", "60000")
        watch = self.watch("--timeout", "100")
        time.sleep(0.3)
        self.assertEqual(self.stop(watch), ("", ""))

    def test_a_signal_that_was_ignored_from_the_start_stays_ignored(self):
        watch = self.watch("1001", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.line(watch)
        watch.send_signal(signal.SIGHUP)
        self.service.wait_for_requests(2)
        self.stop(watch)

    def test_changing_locks_are_watched_without_a_violation(self):
        self.start_sim("--time-scale", "60", "--min-interval-ms", "50")
        watch = self.watch()
        seen = [self.line(watch) for _ in range(20)]
        self.assertTrue(all(re.match(r"100[1-4]  \S", line) for line in seen), seen)
        self.assertEqual(self.stop(watch)[1], "")


if __name__ == "__main__":
    main()
