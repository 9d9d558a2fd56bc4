"""Names that are known to be old: an argument may mean another lock now."""
import json
import os
import shutil
import time

from support import Test, main, named, state_of, wait_until

NAMES = "/api/v37/my/lock"
STATES = "/api/v37/my/lock/sync"


class OldNames(Test):
    """The front door and the garage have changed their names, which only a revision in the responses shows."""

    keeps_names = False
    WHY = "the names of the locks are old, so an argument may mean another lock now"

    def setUp(self):
        super().setUp()
        self.service = self.start_service(named(1001, "Front door", "111111-00001"),
                                          named(1002, "Garage", "111111-00002", state=2))
        self.expect(0)
        self.locks_before = self.service.locks
        self.swap("Garage", "Front door")
        self.service.requests = []

    def swap(self, first, second):
        self.service.locks = [{**one, "name": name, "revision": 8}
                              for one, name in zip(self.locks_before, (first, second))]

    def allow_names(self):
        """Forgets when the service was last asked."""
        shutil.rmtree(self.path("state"))

    def until(self, state, argument):
        self.set(LOCKSYNC_INTERVAL_MS="50")
        return self.start("--until", state, argument)

    def watch(self, *arguments):
        self.set(LOCKSYNC_INTERVAL_MS="50")
        return self.start("--watch", *arguments)

    def requests(self):
        return [path.partition("?")[0] for path in self.service.requests]

    def test_a_check_has_no_result_for_old_names(self):
        for argument, age in ("Front door", 0), ("111111-00001", 0), ("Front door", -3600):
            os.utime(self.names_file(), (time.time() - age,) * 2)  # the clock may have been wrong
            for task in ("--check", "locked"), ("--json-lines",):
                self.assertEqual(self.expect(6, *task, argument), "")
                self.assertRegex(self.complaint, self.WHY + r" \(use --wait or ids\): .* is allowed in (\d+ s|1 min 0 s)$")
        status, out, err = self.run_command("--check", "locked", "1001")
        self.assertEqual((status, out), (0, ""))
        self.assertRegex(err, r"\Alocksync: the names of the locks may be old: .* is allowed in [^\n]*\n\Z")
        self.assertEqual(set(self.requests()), {STATES})

    def test_a_check_asks_for_the_names(self):
        self.allow_names()
        self.service.requests = []
        self.assertEqual(self.run_command("--check", "locked", "Front door"), (13, "", ""))
        self.assertEqual(self.requests(), [STATES, NAMES])
        self.assertEqual(self.run_command("--check", "locked", "Garage"), (0, "", ""))

    def test_a_failure_of_the_names_is_no_result(self):
        self.service.names_reply = (503, {}, "")
        self.allow_names()
        self.assertEqual(self.expect(9, "--check", "locked", "Front door"), "")
        self.assertIn(self.WHY, self.complaint)
        self.allow_names()
        self.assertEqual(self.run_command("--check", "locked", "1001")[0], 0)

    def test_a_lock_that_was_added_again(self):
        self.service.locks = [self.locks_before[0], {**self.locks_before[1], "id": 1009}]
        self.expect(6, "Garage")
        self.assertIn(self.WHY, self.complaint)
        self.allow_names()
        self.assertEqual(json.loads(self.expect(0, "--json-lines", "Garage"))["id"], 1009)

    def test_a_run_that_waits_uses_names_that_another_run_keeps(self):
        run = self.start("--wait", "--json-lines", "Front door")
        self.service.wait_for_requests(1)
        path = self.write("newer", json.dumps({"result": [
            {"id": one["id"], "name": one["name"], "serialNumber": one["serialNumber"], "revision": 8}
            for one in self.service.locks]}))
        wait_until(lambda: state_of(run) in "SD", "the wait")
        os.rename(path, self.names_file())
        status, out, err = self.end(run)
        self.assertEqual((status, json.loads(out)["id"], err), (0, 1002, ""))

    def test_until_waits_for_names(self):
        run = self.until("locked", "Front door")
        self.assertIn(self.WHY, run.stderr.readline())
        self.service.wait_for_requests(3)
        self.assertIsNone(run.poll())
        self.assertEqual(set(self.requests()), {STATES})
        self.assertEqual(self.run_command("--until", "locked", "1001"), (0, "", ""))

    def test_until_follows_a_name_to_another_lock(self):
        self.allow_names()
        run = self.until("locked", "Front door")
        wait_until(lambda: "?id=1002" in "".join(self.service.requests), "the states of the other lock")
        self.service.wait_for_requests(2)
        self.assertIsNone(run.poll())
        self.locks_before[1] = named(1002, "", "111111-00002")
        self.swap("Garage", "Front door")
        self.assertEqual(self.end(run), (0, "", ""))

    def test_until_follows_a_lock_that_was_added_again(self):
        for serial in "111111-00002", None:
            self.allow_names()
            self.service.locks = [named(1001, "Cellar", "111111-00001"), named(1002, "Garage", serial, state=2)]
            self.expect(0, "--refresh")
            self.allow_names()
            run = self.until("locked", "Garage")
            self.service.wait_for_requests(2)
            self.service.locks = [self.service.locks[0], named(1009, "Garage", serial)]
            self.assertEqual(self.end(run), (0, "", ""))

    def test_until_ends_if_a_name_means_several_locks_or_none(self):
        for names, expected, why in (("Garage", "Garage"), 2, "is the name of several locks"), (
                ("Attic", "Cellar"), 3, "argument 1 is no name"):
            self.service.locks = self.locks_before
            self.allow_names()
            self.expect(0, "--refresh")
            self.allow_names()
            run = self.until("locked", "Garage")
            self.service.wait_for_requests(2)
            self.swap(*names)
            status, out, err = self.end(run)
            self.assertEqual((status, out), (expected, ""))
            self.assertRegex(err, rf"\Alocksync: [^\n]*{why}[^\n]*\n\Z")

    def test_a_watch_reports_nothing_for_old_names(self):
        watch = self.watch("Front door")
        self.assertIn(self.WHY, watch.stderr.readline())
        self.service.wait_for_requests(3)
        self.service.locks = self.locks_before
        self.assertIn("  1001  Front door  added: state locked;", watch.stdout.readline())

    def test_a_watch_of_ids_does_not_wait_for_names(self):
        self.assertIn("  1001  Front door  added: state locked;", self.watch("1001").stdout.readline())

    def test_a_watch_begins_with_the_lock_that_has_the_name_now(self):
        self.allow_names()
        self.assertIn("  1002  Front door  added: state unlocked;", self.watch("Front door").stdout.readline())

    def keep_names_before(self):
        self.service.locks = self.locks_before
        self.allow_names()
        self.expect(0, "--refresh")
        self.allow_names()

    def test_a_watch_keeps_to_the_lock_that_it_has_begun_with(self):
        self.keep_names_before()
        watch = self.watch("Front door")
        self.assertIn("  1001  Front door  added: state locked;", watch.stdout.readline())
        self.swap("Garage", "Front door")
        self.assertIn("  1001  Garage  config: 7 -> 8; renamed", watch.stdout.readline())
        self.service.wait_for_requests(2)
        self.service.locks = []
        self.assertIn("  1001  Garage  removed", watch.stdout.readline())

    def test_a_watch_ends_if_a_name_means_several_locks_or_none(self):
        for names, expected, why in (("Front door", "Front door"), 2, "is the name of several locks"), (
                ("Attic", "Cellar"), 3, "argument 1 is no name"):
            self.keep_names_before()
            self.swap(*names)
            status, _, err = self.end(self.watch("Front door", "--changes-only"))
            self.assertEqual(status, expected)
            self.assertRegex(err, rf"locksync: [^\n]*{why}[^\n]*\n\Z")


if __name__ == "__main__":
    main()
