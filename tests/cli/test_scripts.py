"""For scripts: --check, --until, --exec, the key's places, --quiet, and options that do not go together."""
import os
import re
import signal
import subprocess
import time

from support import KEY, PROMPTLY, Test, lock, main, named, wait_until


class Check(Test):
    def check(self, exit_status, state, *locks, **how):
        self.assertEqual(self.expect(exit_status, "--check", state, *locks, **how), "")

    def expect(self, exit_status, *arguments, **how):
        """13 and 14 are results, without a message."""
        status, out, err = self.run_command(*arguments, **how)
        self.assertEqual((status, err == ""), (exit_status, exit_status in (0, 13, 14)), err)
        return out

    def test_each_state(self):
        service = self.start_service()
        for sent, yes, no in (
                (lock(1001, state=6, doorState=3), ("locked", "closed", "connected"), ("unlocked", "open", "disconnected")),
                (lock(1001, state=2, doorState=2), ("unlocked", "open", "connected"), ("locked", "closed", "disconnected")),
                (lock(1001, state=5, doorState=0), ("unlocked", "connected"), ("locked", "disconnected")),
                (lock(1001, state=9, doorState=1), ("connected",), ("disconnected",)),
                (lock(1001, state=6, connected=False), ("disconnected",), ("connected",)),
                (lock(1001, state=None, connected=None), (), ())):
            service.locks = [sent]
            for state in "locked", "unlocked", "open", "closed", "connected", "disconnected":
                with self.subTest(sent=sent, state=state):
                    self.check(0 if state in yes else 13 if state in no else 14, state, "1001")

    def test_of_several_locks(self):
        self.start_service(lock(1001), lock(1002), lock(1003, state=2), lock(1004, state=None))
        for exit_status, *locks in ((0, "1001", "1002"), (13, "1001", "1003"), (14, "1001", "1004"),
                                    (13, "1001", "1004", "1003"), (3, "1001", "77"), (3, "1003", "77", "1004")):
            with self.subTest(locks):
                self.check(exit_status, "locked", *locks)

    def test_by_name_with_one_request(self):
        service = self.start_service(named(1001, "Front door"), named(1002, "Garage", state=2))
        os.unlink(self.names_file())
        self.check(0, "locked", "front door")
        self.check(13, "locked", "Garage")
        self.check(3, "locked", "Attic")
        self.assertEqual(len(service.requests), 2)

    def test_failures_have_their_own_status(self):
        service = self.start_service()
        for exit_status, reply in (5, (401, {}, "")), (9, (500, {}, "")), (10, (200, {}, "")):
            service.reply = reply
            self.check(exit_status, "locked", "1001")
        self.check(2, "locked")
        self.check(2, "jammed", "1001")
        self.set(LOCKSYNC_INTERVAL_MS=None)
        self.check(6, "locked", "1001")


class Until(Test):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(lock(1001, state=2), lock(1002))
        self.set(LOCKSYNC_INTERVAL_MS="50")

    def test_it_ends_when_all_locks_are_in_the_state(self):
        for arguments in ("1001",), ():
            self.service.locks = [lock(1001, state=2), lock(1002, state=None)]
            run = self.start("--until", "locked", *arguments)
            self.service.wait_for_requests(3)
            self.assertIsNone(run.poll())
            self.service.locks = [lock(1001), lock(1002)]
            self.assertEqual(self.end(run), (0, "", ""))

    def test_it_ends_at_once_if_they_are(self):
        self.assertEqual(self.expect(0, "--until", "unlocked", "1001"), "")

    def test_an_account_without_locks_is_never_locked(self):
        self.service.locks = []
        run = self.start("--until", "locked")
        self.service.wait_for_requests(3)
        run.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(run), (-signal.SIGTERM, "", ""))

    def test_a_lock_that_is_missing_or_removed_ends_it(self):
        self.assertEqual(self.expect(3, "--until", "locked", "77"), "")
        run = self.start("--until", "locked", "1001")
        self.service.wait_for_requests(2)
        self.service.locks = []
        status, out, err = self.end(run)
        self.assertEqual((status, out), (3, ""))
        self.assertIn("lock 1001 was not found", err)

    def test_an_outage_is_reported(self):
        self.service.reply = (503, {}, "")
        run = self.start("--until", "unlocked", "1001")
        self.assertIn("The service failed", run.stderr.readline())
        self.service.reply = None
        self.assertEqual(self.end(run)[:2], (0, ""))


class Exec(Test):
    """Commands append lines to a file, which the tests wait for."""

    keeps_names = False

    def setUp(self):
        super().setUp()
        self.service = self.start_service(named(1001, "Front door", "111111\n00001"), lock(1002))
        self.set(LOCKSYNC_INTERVAL_MS="50")
        self.log = self.write("log", "")

    def watch(self, command, *arguments, **how):
        run = self.start("--watch", "--exec", command, *arguments, **how)
        self.service.wait_for_requests(3)  # the names, and two polls
        return run

    def lines(self, count):
        def read():
            with open(self.log, encoding="utf-8") as file:
                lines = file.read().splitlines()
            return lines if len(lines) >= count else None

        return wait_until(read, f"{count} lines")

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        status, out, err = self.end(process)
        self.assertEqual(status, -signal.SIGTERM)
        return out, err

    def test_its_environment(self):
        names = ("NAME", "ID", "SERIAL_NUMBER", "KINDS", "STATE", "STATE_BEFORE", "LOCKED", "JAMMED", "DOOR", "DOOR_BEFORE",
                 "BATTERY", "CHARGING", "CONNECTED")
        shown = "|".join(f"$LOCKSYNC_{name}" for name in names)
        self.set(LOCKSYNC_ACCESS_TOKEN="secret-token", LOCKSYNC_STATE="of the parent")
        run = self.watch(f'echo "{shown}|$LOCKSYNC_PERSONAL_KEY$LOCKSYNC_ACCESS_TOKEN|$HOME|$(cat)" >>{self.log}')
        for locks, *expected in (
                ([named(1001, "Front door", state=2, doorState=2, batteryLevel=79, isCharging=True), lock(1002, state=3)],
                 "Front door|1001|111111 00001|state door battery charging|unlocked|locked|no|no|opened|closed|79|yes|yes",
                 "1002|1002|unknown|state|semi-locked|locked|no|no|closed|closed|80|no|yes"),
                ([lock(1001, state=None, connected=False)],
                 "Front door|1001|111111 00001|disconnected state door battery charging result|unknown|unlocked|unknown|"
                 "unknown|unknown|opened|unknown|unknown|no",
                 "1002|1002|unknown|removed disconnected state door battery charging result config|unknown|semi-locked|"
                 "unknown|unknown|unknown|closed|unknown|unknown|unknown")):
            self.service.locks = locks
            found = self.lines(2)
            self.assertEqual(found, [f"{line}||{self.folder}|" for line in expected])
            self.write("log", "")
        self.stop(run)

    def test_the_first_response_runs_nothing_and_is_not_printed(self):
        run = self.watch(f"echo ran >>{self.log}")
        self.service.locks = [lock(1001, state=2), lock(1002)]
        self.lines(1)
        out, err = self.stop(run)
        self.assertRegex(out, r"\A\S+ \S+  1001  Front door  state: locked -> unlocked\n\Z")
        self.assertEqual(err, "")

    def test_one_at_a_time(self):
        run = self.watch(f"echo begin >>{self.log}; sleep 0.1; echo end >>{self.log}")
        self.service.locks = [lock(1001, state=2), lock(1002, state=2)]
        self.assertEqual(self.lines(4), ["begin", "end"] * 2)
        self.stop(run)

    def test_its_failures_are_reported_and_polling_continues(self):
        run = self.watch('case $LOCKSYNC_STATE in unlocked) exit 3;; pulled) kill -9 $$;; esac; missing-command-7')
        for state, expected in (2, "for lock 1001 failed with status 3"), (7, "was ended by signal 9 (Killed)"), (
                5, "missing-command-7"):
            self.service.locks = [lock(1001, state=state), lock(1002)]
            self.assertIn(expected, run.stderr.readline())
        self.assertIn("failed with status 127", run.stderr.readline())
        self.stop(run)

    def test_its_failure_is_reported_although_sigchld_was_ignored_from_the_start(self):
        run = self.watch("exit 3", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.service.locks = [lock(1001, state=2), lock(1002)]
        run.stdout.readline()
        self.service.wait_for_requests(2)
        self.assertIn("for lock 1001 failed with status 3", self.stop(run)[1])

    def test_a_signal_ends_the_command_too(self):
        run = self.watch(f"echo $$ >>{self.log}; sleep 1000; echo more >>{self.log}")
        self.service.locks = [lock(1001, state=2), lock(1002)]
        child = int(self.lines(1)[0])
        self.stop(run)
        self.assertRaises(ProcessLookupError, os.kill, child, 0)
        self.assertEqual(len(self.lines(1)), 1)

    def test_a_stopped_command_is_reported_once_and_ended_by_a_signal(self):
        run = self.watch(f"echo $$ >>{self.log}; kill -STOP $$; kill -STOP $$; echo more >>{self.log}")
        self.service.locks = [lock(1001, state=2), lock(1002)]
        child = int(self.lines(1)[0])
        self.assertIn("for lock 1001 is stopped", run.stderr.readline())
        os.kill(child, signal.SIGCONT)
        wait_until(lambda: self.is_stopped(child), "the second stop")
        begun = time.monotonic()
        self.assertEqual(self.stop(run)[1], "")
        self.assertLess(time.monotonic() - begun, PROMPTLY)
        self.assertEqual(len(self.lines(1)), 1)

    def test_a_command_that_stops_again_after_a_signal_is_continued(self):
        run = self.watch(f"trap '' INT TERM; echo $$ >>{self.log}; kill -STOP $$; kill -STOP $$; echo more >>{self.log}")
        self.service.locks = [lock(1001, state=2), lock(1002)]
        child = int(self.lines(1)[0])
        wait_until(lambda: self.is_stopped(child), "the stop")
        self.stop(run)
        self.assertEqual(self.lines(2)[1], "more")

    @staticmethod
    def is_stopped(process):
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"


class ChangesOnly(Test):
    def test_the_first_response_is_not_printed(self):
        service = self.start_service(lock(1001))
        self.set(LOCKSYNC_INTERVAL_MS="50")
        for option, expected in ("--changes-only", "  1001  state: locked -> unlocked$"), (
                "--json-lines", r'"changes":\["state"\]'):
            service.locks = [lock(1001)]
            watch = self.start("--watch", "--changes-only", option, "1001", "77")
            self.assertIn("lock 77 was not found", watch.stderr.readline())
            service.locks = [lock(1001, state=2)]
            self.assertRegex(watch.stdout.readline(), expected)


class Keys(Test):
    def setUp(self):
        super().setUp()
        self.start_sim()
        self.set(LOCKSYNC_PERSONAL_KEY=None, XDG_CONFIG_HOME=self.path("config"))
        os.makedirs(self.path("config", "locksync"))

    def test_from_standard_input(self):
        run = self.start("--key-file", "-", stdin=subprocess.PIPE)
        run.stdin.write(KEY + "\n")
        self.assertEqual(self.end(run)[0], 0)
        self.expect(4, "-k-")
        self.assertIn("locksync: standard input has no key", self.complaint)
        with open(self.write("key", KEY, 0o644), encoding="utf-8") as readable:
            self.expect(4, "--key-file=-", stdin=readable)
        self.assertIn("chmod 600", self.complaint)

    def test_from_the_default_file(self):
        self.expect(4)
        self.assertIn(f"write it to {self.path('config', 'locksync', 'key')}", self.complaint)
        path = self.write(os.path.join("config", "locksync", "key"), KEY)
        self.expect(0)
        os.chmod(path, 0o604)
        self.expect(4)
        self.assertIn("chmod 600", self.complaint)
        self.set(LOCKSYNC_PERSONAL_KEY=KEY)
        self.expect(0)
        self.set(LOCKSYNC_PERSONAL_KEY=None, XDG_CONFIG_HOME=None)
        self.expect(4)
        os.rename(self.path("config"), self.path(".config"))
        os.chmod(self.path(".config", "locksync", "key"), 0o600)
        self.expect(0)

    def test_without_a_home_folder(self):
        self.set(HOME=None, XDG_CONFIG_HOME=None)
        self.expect(4)
        self.assertIn("write it to $XDG_CONFIG_HOME/locksync/key", self.complaint)

    def test_an_empty_path(self):
        self.expect(4, "-k", "")
        self.assertIn("--key-file: expected the path of a file", self.complaint)


class Options(Test):
    def test_letters(self):
        self.start_service(lock(1001))
        self.set(LOCKSYNC_PERSONAL_KEY=None)
        key_file = self.write("key", KEY)
        self.assertIn('"age_ms"', self.expect(0, f"-lat5", f"-k{key_file}", "1001"))
        self.assertIn('"missing"', self.expect(0, "-qrjk", key_file, "-t", "5"))
        self.assertEqual(self.expect(0, f"-clocked", f"-k{key_file}", "1001"), "")
        self.assertEqual(self.expect(0, "-i20", "-u", "locked", f"-k{key_file}"), "")
        self.assertEqual(self.expect(0, "-V"), self.expect(0, "--version"))

    def test_options_that_do_not_go_together(self):
        self.start_service(lock(1001))
        check, until, columns = "--check=locked", "--until=locked", "--columns=id"
        color = "--color=always"
        for arguments, expected in (
                (("--json", "--json-lines"), "--json does not go with --json-lines: use one of them"),
                (("-wj",), "--json-lines"), (("-w", check), "use one"), (("-w", until), "use one"), ((check, until), "use one"),
                (("-w", "--wait"), "leave out --wait"), ((until, "--wait"), "leave out --wait"),
                ((columns, "-j"), "tables only"), (("--no-headers", "-l"), "tables only"),
                ((color, "-j"), "tables only"), ((color, "-l"), "tables only"), ((columns, "-a"), "without the column changed"),
                *(((task, option), "nothing is printed")
                  for task in (check, until) for option in ("-j", "-l", "-a", columns, "--no-headers", color)),
                (("--watch", "--exec="), "--exec: expected a command"), ((check,), "--check needs"),
                (("-xtrue",), "--exec has no effect without --watch: leave it out, or add --watch\n"),
                (("-xtrue", "-j"), "--exec has no effect without --watch: leave it out\n"),
                (("--changes-only",), "--changes-only has no effect without --watch: leave it out, or add --watch\n"),
                (("-i30",), "--interval has no effect without --watch or --until: leave it out, or add --watch, or add --until\n"),
                (("-i30", columns), "--interval has no effect without --watch or --until: leave it out, or add --watch\n"),
                (("-i30", check), "--interval has no effect without --watch or --until: leave it out\n"),
                (("-w", columns, "-a"), "--columns has no effect on lines of changes: leave it out\n"),
                (("-w", "--no-headers"), "--no-headers has no effect on lines of changes: leave it out\n"),
                (("-w", color), "--color has no effect on lines of changes: leave it out\n"),
                (("-w", "-a"), "--age has no effect on lines of changes: leave it out, or use --json-lines\n"),
                (("--columns=",), "--columns: expected"), (("--columns=id,id",), "each once"),
                (("--columns=id,",), "--columns: expected"), (("-c", "shut", "1001"), "--check: expected locked"),
                (("-u",), "--until needs a value"), (("-Z",), "-Z: no such option"), (("-jZ",), "-Z: no such option"),
                (("--watch=1",), "--watch takes no value")):
            with self.subTest(arguments):
                arguments = (*arguments, *(["1001"] if check in arguments and len(arguments) > 1 else []))
                self.assertEqual(self.expect(2, *arguments), "")
                self.assertIn(expected, self.complaint)

    def test_headings_can_be_left_out(self):
        self.start_service(lock(1001))
        self.assertTrue(re.match("1001  locked", self.expect(0, "--no-headers")))


if __name__ == "__main__":
    main()
