"""All runs for one account together keep its rate limit."""
import hmac
import os
import shutil
import signal
import stat
import time

from support import KEY, PROMPTLY, Test, lock, main, wait_until

GUARD = hmac.new(b"locksync guard", KEY.encode(), "sha256").hexdigest()[:32] + ".guard"


class Sharing(Test):
    def setUp(self):
        super().setUp()
        self.start_service(lock(1001))
        self.set(LOCKSYNC_INTERVAL_MS=None)

    def test_a_second_run_is_too_soon(self):
        self.expect(0)
        self.assertEqual(self.expect(6), "")
        self.assertRegex(self.complaint, r"is too recent\. The next request is allowed in (1\d|20) s\. "
                                         r"Try again then, or use --wait")

    def test_accounts_do_not_wait_for_each_other(self):
        self.expect(0)
        self.set(LOCKSYNC_PERSONAL_KEY="another-key")
        self.keep_names("another-key")
        self.expect(0)

    def test_a_named_guard_file_is_shared_by_all_keys(self):
        self.keep_names(os.path.realpath(self.path("shared")))
        self.expect(0, "--guard-file", self.path("shared"))
        self.set(LOCKSYNC_PERSONAL_KEY="another-key")
        self.expect(6, "--guard-file", self.path("shared"))
        self.assertFalse(os.path.exists(self.path("state")))

    def test_a_429_delays_all_runs(self):
        service = self.start_service()
        service.reply = (429, {"Retry-After": "100"}, "")
        self.expect(6)
        self.assertIn("The service asks to wait 1 min 40 s.", self.complaint)
        service.reply = None
        self.expect(6)
        self.assertRegex(self.complaint, r"returned 429 .*\. The next request is allowed in 1 min (3\d|40) s")
        self.assertEqual(len(service.requests), 1)

    def test_the_shorter_interval_applies_only_to_this_machine(self):
        self.set(LOCKSYNC_INTERVAL_MS="1")
        self.use(f"https://127.0.0.1:{self.start_service().port}")
        for exit_status in 8, 8, 8, 8, 6:  # each fourth request that could not be sent keeps its slot
            self.expect(exit_status)

    def test_a_shorter_interval_that_is_no_number(self):
        self.set(LOCKSYNC_INTERVAL_MS="soon")
        self.expect(2)
        self.assertIn("LOCKSYNC_INTERVAL_MS is not a number from 1 to 3600000", self.complaint)


class Waiting(Test):
    def test_runs_that_wait_keep_the_interval(self):
        sim = self.start_sim("--min-interval-ms", "300")
        self.set(LOCKSYNC_INTERVAL_MS="300")
        for run in [self.start("--wait") for _ in range(4)]:
            self.assertEqual(self.end(run)[0], 0)
        stats = sim.ask("stats")
        self.assertEqual((stats["syncs"], stats["interval_violations"]), (4, 0))

    def test_waiting_is_not_part_of_the_timeout(self):
        self.start_service(lock(1001))
        self.set(LOCKSYNC_INTERVAL_MS="3000")
        self.expect(0)
        self.expect(0, "--wait", "--timeout", "2.5")

    def test_ctrl_c_ends_the_waiting(self):
        self.start_service(lock(1001))
        self.set(LOCKSYNC_INTERVAL_MS=None)
        self.expect(0)
        run = self.start("--wait")
        time.sleep(0.3)  # the longer the pause, the more likely the run waits; it must end this way in either case
        begun = time.monotonic()
        run.send_signal(signal.SIGINT)
        self.assertEqual(self.end(run), (-signal.SIGINT, "", ""))
        self.assertLess(time.monotonic() - begun, PROMPTLY)

    def test_an_interrupted_fetch_settles_its_slot(self):
        service = self.start_service(lock(1001))
        sim = self.start_sim("--delay-ms", "20000")
        self.set(LOCKSYNC_INTERVAL_MS="100")
        run = self.start("--timeout", "1000")
        wait_until(lambda: sim.ask("stats")["syncs"], "the request")
        self.expect(6)
        self.assertIn("is on its way", self.complaint)
        begun = time.monotonic()
        run.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(run), (-signal.SIGTERM, "", ""))
        self.assertLess(time.monotonic() - begun, PROMPTLY)
        self.expect(0, "--wait", "--base-url", service.url)
        self.assertLess(time.monotonic() - begun, 10)


class Files(Test):
    def setUp(self):
        super().setUp()
        self.start_service(lock(1001))

    def mode(self, *names):
        return stat.S_IMODE(os.stat(self.path(*names)).st_mode)

    def test_the_state_folder_is_private(self):
        os.umask(os.umask(0))  # the folder's mode must not depend on the umask
        self.expect(0)
        self.assertEqual(os.listdir(self.path("state", "locksync")), [GUARD])
        self.assertEqual((self.mode("state"), self.mode("state", "locksync"), self.mode("state", "locksync", GUARD)),
                         (0o700, 0o700, 0o600))

    def test_the_home_folder_is_used_without_a_state_folder(self):
        for value in None, "", "not/absolute":
            self.set(XDG_STATE_HOME=value)
            self.expect(0, cwd=self.folder)
            self.assertEqual(sorted(os.listdir(self.folder)), [".local", "cache"])
            self.assertTrue(os.path.exists(self.path(".local", "state", "locksync", GUARD)))
            shutil.rmtree(self.path(".local"))

    def test_an_impossible_state_folder(self):
        for variables, expected in (({"XDG_STATE_HOME": None, "HOME": None}, "neither"),
                                    ({"XDG_STATE_HOME": self.write("file", "")}, "could not be made"),
                                    ({"XDG_STATE_HOME": self.path("x" * 5000)}, "too long")):
            with self.subTest(variables):
                self.set(**variables)
                self.expect(11)
                self.assertRegex(self.complaint, f"{expected}.*--guard-file")

    def test_errors_have_the_cause_and_what_to_do(self):
        os.symlink(self.write("record", ""), self.path("link"))
        for path, expected in ((self.write("empty", ""), "it is empty. Delete it"),
                               (self.write("damaged", "this is no record"), "damaged.*delete it"),
                               (self.path("link"), "symbolic link. Delete it"), (self.folder, "a folder. Add the name"),
                               (self.path("no", "file"), "No such file.*folder")):
            with self.subTest(path):
                self.expect(11, "--guard-file", path)
                self.assertIn(path, self.complaint)
                self.assertRegex(self.complaint, f"{expected}.*--guard-file")
        self.expect(2, "--guard-file", "")
        self.expect(2, "--guard-file", "x" * 5000)


if __name__ == "__main__":
    main()
