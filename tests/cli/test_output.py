"""The table, JSON, colours, and output that cannot be written."""
import datetime
import json
import os
import signal
import subprocess
import time

from support import LOCKSYNC, PATIENCE, PROMPTLY, Test, lock, main, wait_until


class Table(Test):
    def test_all_locks_in_the_order_of_the_service(self):
        self.start_service(lock(1003), lock(1001, state=2, doorState=2, batteryLevel=7, isCharging=True))
        self.assertEqual(self.table(), [
            ["ID", "STATE", "DOOR", "BATTERY", "CHARGING", "CONNECTED", "CHANGED"],
            ["1003", "locked", "closed", "80 %", "no", "yes", "2026-01-02 03:04:05"],
            ["1001", "unlocked", "opened", "7 % low", "yes", "yes", "2026-01-02 03:04:05"],
        ])

    def test_ids_select(self):
        service = self.start_service(lock(1001), lock(1002), lock(1003))
        self.assertEqual([row[0] for row in self.table("1003", "1001")], ["ID", "1001", "1003"])
        self.assertEqual(service.requests, ["/api/v37/my/lock/sync?id=1003&id=1001"])

    def test_values_and_their_words(self):
        unknown, rest = ["unknown"] * 4, ["80 %", "no", "yes", "2026-01-02 03:04:05"]
        cases = (
            (lock(1, state=None, connected=False), [*unknown, "no", "unknown"]),
            ({"id": 2}, [*unknown, "unknown", "unknown"]),
            (lock(3, state=42, doorState=9), ["unknown (42)", "unknown (9)", *rest]),
            (lock(4, state=9, doorState=-1), ["unknown", "unknown (-1)", *rest]),
            (lock(5, batteryLevel=255, lastStateChangedDate=None),
             ["locked", "closed", "unknown", "no", "yes", "unknown"]),
            (lock(6, state=6, connected=False), [*unknown, "no", rest[-1]]),  # out of reach: not locked
            (lock(7, state=3, stateChangeResult=1), ["semi-locked, jammed", "closed", *rest]),
        )
        self.start_service(*(sent for sent, _ in cases))
        self.assertEqual([row[1:] for row in self.table()[1:]], [row for _, row in cases])

    def test_the_default_date_of_the_service_is_unknown(self):
        self.start_service(*(lock(1 + i, lastStateChangedDate=at) for i, at in enumerate(
            ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"])))
        for arguments in (), ("--age",):
            self.assertEqual([row[-1] for row in self.table(*arguments)[1:]], ["unknown"] * 3)
        for one in json.loads(self.expect(0, "--json", "--age"))["locks"]:
            self.assertEqual([one["last_state_changed"], one["last_state_changed_ms"], one["age_ms"]], [None] * 3)

    def test_times_of_any_century_are_complete(self):
        times = {
            "1969-12-31T23:59:59.5Z": ("1969-12-31T23:59:59.500Z", -500),
            "1969-12-31T23:59:59.999Z": ("1969-12-31T23:59:59.999Z", -1),
            "1969-12-31T23:59:59Z": ("1969-12-31T23:59:59.000Z", -1000),
            "0999-02-03T04:05:06Z": ("0999-02-03T04:05:06.000Z", -30638894094000),
            "9999-12-31T23:59:59.999Z": ("9999-12-31T23:59:59.999Z", 253402300799999),
            "9999-12-31T23:59:59-01:00": (None, 253402304399000),  # of the year 10000
        }
        self.start_service(*(lock(1 + i, lastStateChangedDate=at) for i, at in enumerate(times)))
        locks = json.loads(self.expect(0, "--json"))["locks"]
        self.assertEqual([(one["last_state_changed"], one["last_state_changed_ms"]) for one in locks],
                         list(times.values()))
        self.assertEqual([row[-1] for row in self.table()[1:]],
                         [(text or "unknown").split(".")[0].replace("T", " ") for text, _ in times.values()])

    def test_only_locked_is_called_locked(self):
        states = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 18, 255]
        self.start_service(*(lock(1000 + state, state=state) for state in states))
        self.assertEqual([row[1] for row in self.table()[1:]],
                         ["uncalibrated", "calibrating", "unlocked", "semi-locked", "unlocking", "locking", "locked",
                          "pulled", "pulling", "unknown", "unknown (17)", "updating", "unpulling"])

    def test_no_locks(self):
        self.start_service()
        self.assertEqual(self.table()[1:], [["no locks"]])

    def test_ids_that_are_missing(self):
        self.start_service(lock(1001))
        self.assertEqual(self.table("77", "1001", exit_status=3)[1:],
                         [["1001", "locked", "closed", "80 %", "no", "yes", "2026-01-02 03:04:05"],
                          ["77", "not found"]])
        self.assertIn("lock 77 was not found", self.complaint)

    def test_age(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        ages = {10: r"1\d s ago", 90: r"9\d s ago", 150: "2 min ago", 6990: "116 min ago", 9000: "2 h ago",
                216000: "2 d ago", -60: "0 s ago"}
        changes = [(now - datetime.timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%f") for age in ages]
        self.start_service(*(lock(1 + i, lastStateChangedDate=at) for i, at in enumerate([*changes, None])))
        for row, age in zip(self.table("--age")[1:], [*ages.values(), "unknown"]):
            self.assertRegex(row[-1], f"^{age}$")

    def test_times_are_local(self):
        self.start_service(lock(1001))
        self.set(TZ="XYZ-2")
        self.assertEqual(self.table()[1][-1], "2026-01-02 05:04:05")


class Color(Test):
    def setUp(self):
        super().setUp()
        self.start_service(lock(1001), lock(1002, state=2), lock(1003, state=None, connected=False))

    def test_never_in_a_pipe(self):
        self.assertNotIn("\033", self.expect(0))
        self.assertNotIn("\033", self.expect(0, "--color=never"))

    def test_always_even_with_no_color(self):
        self.set(NO_COLOR="1")
        out = self.expect(0, "--color=always")
        for text in "\033[32mlocked\033[0m", "\033[33munlocked\033[0m", "\033[35munknown\033[0m", "\033[31mno\033[0m":
            self.assertIn(text, out)


class Json(Test):
    def test_a_document(self):
        self.start_service(lock(1001, state=3, stateChangeResult=1), lock(1002, state=None, connected=False),
                           lock(1003, state=42, connected=False))
        document = json.loads(self.expect(3, "--json", "1001", "1002", "1003", "77"))
        fetched = datetime.datetime.fromisoformat(document["fetched_at"].replace("Z", "+00:00"))
        self.assertEqual(round(fetched.timestamp() * 1000), document["fetched_at_ms"])
        self.assertEqual(document["missing"], [77])
        names = ("id", "name", "serial_number", "locked", "jammed", "connected", "state", "state_name", "door_state", "door_state_name",
                 "battery_level", "charging", "state_change_result", "revision", "last_state_changed",
                 "last_state_changed_ms")
        at = ("2026-01-02T03:04:05.678Z", 1767323045678)
        self.assertEqual(document["locks"], [dict(zip(names, values)) for values in (
            (1001, None, None, False, True, True, 3, "semi-locked", 3, "closed", 80, False, 1, 7, *at),
            (1002, *[None] * 4, False, *[None] * 7, 7, None, None),
            (1003, *[None] * 4, False, *[None] * 7, 7, *at),
        )])

    def test_lines(self):
        self.start_service(lock(1001), lock(1002, state=2))
        lines = [json.loads(line) for line in self.expect(3, "--json-lines", "1001", "1002", "77").splitlines()]
        self.assertEqual([(line["id"], line.get("locked"), line.get("missing")) for line in lines],
                         [(1001, True, None), (1002, False, None), (77, None, True)])
        for line in lines:
            self.assertRegex(line["fetched_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_age(self):
        self.start_service(lock(1001), lock(1002, state=None))
        document = json.loads(self.expect(0, "--json", "--age"))
        first, second = document["locks"]
        self.assertLess(abs(document["fetched_at_ms"] - first["last_state_changed_ms"] - first["age_ms"]), 60000)
        self.assertIsNone(second["age_ms"])


class Writing(Test):
    def setUp(self):
        super().setUp()
        self.start_service(lock(1001))

    def test_a_full_disk_is_noticed(self):
        for arguments in (), ("--json",), ("--json-lines",), ("--watch",), ("--help",), ("--version",):
            with open("/dev/full", "w", encoding="utf-8") as full, self.subTest(arguments):
                self.expect(12, *arguments, stdout=full)
                self.assertIn("No space left", self.complaint)

    def test_a_closed_output_is_noticed_and_not_replaced_by_a_socket(self):
        for option in "--json", "--watch":
            process = subprocess.run(["sh", "-c", 'exec "$0" "$1" >&-', LOCKSYNC, option], env=self.environment,
                                     stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE)
            self.assertEqual(process.returncode, 12)
            self.assertIn("could not be written (Bad file descriptor)", process.stderr)

    def test_a_signal_ends_it_though_the_pipe_is_full(self):
        service = self.start_service(*(lock(1 + i) for i in range(3000)))
        run = self.start()
        wait_until(lambda: service.requests, "the request")
        time.sleep(0.5)  # long enough to fill the pipe; if it is not, the test passes more easily
        begun = time.monotonic()
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(timeout=PATIENCE), -signal.SIGINT)
        self.assertLess(time.monotonic() - begun, PROMPTLY)

    def pipe_without_reader(self):
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        return writing

    def test_a_pipe_without_reader_ends_it_by_sigpipe(self):
        self.assertEqual(self.run_command(stdout=self.pipe_without_reader())[::2], (-signal.SIGPIPE, ""))

    def test_a_pipe_without_reader_is_an_error_if_sigpipe_is_ignored(self):
        ignore = lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.expect(12, stdout=self.pipe_without_reader(), restore_signals=False, preexec_fn=ignore)
        self.assertIn("Broken pipe", self.complaint)


if __name__ == "__main__":
    main()
