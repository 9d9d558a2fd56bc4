"""Names and serial numbers as arguments and in the output, and when the service is asked for them."""
import json
import os
import re
import shutil
import stat
import time

from support import KEY, Test, lock, main, named, state_of, wait_until

NAMES = "/api/v37/my/lock?ItemsPerPage=100&Page=1"
STATES = "/api/v37/my/lock/sync"



class Arguments(Test):
    keeps_names = False

    def setUp(self):
        super().setUp()
        self.service = self.start_service(
            named(1001, "Front door", "111111-00001"), named(1002, "Garage", "111111-00002"),
            named(1003, "Front door", "111111-00003"), named(1004, "GARAGE", "2002"), named(2002, "1002", "111111-00005"),
            named(1005, "Haustür", None), named(1006, None, "111111-00006"), named(1007, "Cellar", "Haustür"))

    def ids(self, *arguments):
        return [one["id"] for one in json.loads(self.expect(0, "--json", "--", *arguments))["locks"]]

    def test_what_an_argument_fits(self):
        for argument, expected in (("1001", 1001), ("111111-00003", 1003), ("Garage", 1002), ("GARAGE", 1004),
                                   ("2002", 2002),  # an id before a serial number
                                   ("1002", 1002),  # an id before a name
                                   ("Haustür", 1007),  # a serial number before a name
                                   ("HAUSTür", 1005), ("cellar", 1007), ("111111-00006", 1006)):
            with self.subTest(argument):
                self.assertEqual(self.ids(argument), [expected])
        self.assertEqual(self.ids("Cellar", "111111-00001"), [1001, 1007])

    def test_a_number_that_is_no_id(self):
        self.service.locks = [named(1001, "12", "34"), named(1002, "34", "-")]
        for argument, expected in ("12", 1001), ("34", 1001), ("-", 1002):
            self.assertEqual(self.ids(argument), [expected])

    def test_a_name_of_several_locks_is_an_error(self):
        for argument, serials in (("Front door", r"111111-00001 \(id 1001\), 111111-00003 \(id 1003\)"),
                                  ("garage", r"111111-00002 \(id 1002\), 2002 \(id 1004\)")):
            self.assertEqual(self.expect(2, "1001", argument), "")
            self.assertRegex(self.complaint, f"argument 2 is the name of several locks: .* serial numbers {serials}$")

    def test_a_list_of_many_locks_ends_at_a_whole_one(self):
        self.start_service(*(named(1000 + i, "Door", f"111111-{i:05}") for i in range(99)))
        self.expect(2, "Door")
        listed, more = re.search(r"serial numbers (111111-00000 .*\(id \d+\)) and (\d+) more\n", self.complaint).groups()
        self.assertEqual(listed.count(", ") + 1 + int(more), 99)

    def test_a_name_that_no_lock_has(self):
        for argument in "Front", "Haust\u00dcr", "111111-", " Garage":
            self.assertEqual(self.expect(3, argument), "")
            self.assertRegex(self.complaint, "argument 1 is no name, .*: run locksync without arguments to list")

    def test_an_id_that_no_lock_has(self):
        self.assertEqual(json.loads(self.expect(3, "--json", "77"))["missing"], [77])
        self.assertIn("lock 77 was not found", self.complaint)


class Output(Test):
    keeps_names = False

    def setUp(self):
        super().setUp()
        self.service = self.start_service(named(1001, "Front \x1b[31mdoor\u202e\n", "111111-00001"), lock(1002))

    def test_json(self):
        for _ in range(2):  # from the service, and from the file
            locks = json.loads(self.expect(0, "--json"))["locks"]
            lines = [json.loads(line) for line in self.expect(3, "--json-lines", "1001", "1002", "77").splitlines()]
            for found in locks, lines[:2]:
                self.assertEqual([(one["name"], one["serial_number"]) for one in found],
                                 [("Front \x1b[31mdoor\u202e\n", "111111-00001"), (None, None)])
            self.assertEqual((lines[2]["name"], lines[2]["serial_number"]), (None, None))

    def test_the_name_of_a_lock_that_is_not_found(self):
        self.expect(0)
        self.service.locks = [lock(1002)]
        status, out, err = self.run_command("--json-lines", "1001")
        line = json.loads(out)
        self.assertEqual(status, 3)
        self.assertIn("lock Front  [31mdoor   (id 1001) was not found", err)
        self.assertEqual((line["id"], line["missing"], line["serial_number"]), (1001, True, "111111-00001"))

    def test_a_watch_reports_the_name_of_an_id_that_is_not_found(self):
        self.service.locks = [named(1003, "Cellar")]
        self.expect(0)
        self.service.locks = []
        self.assertIn("lock Cellar (id 1003) was not found", self.start("--watch", "1003").stderr.readline())

    def test_lines_of_changes(self):
        watch = self.start("--watch")
        self.assertRegex(watch.stdout.readline(), r" 1001  Front  \[31mdoor    added: state locked;")
        self.assertRegex(watch.stdout.readline(), r" 1002  added: state locked;")
        watch = self.start("--watch", "--json-lines", "1001")
        line = json.loads(watch.stdout.readline())
        self.assertEqual((line["name"], line["serial_number"], line["after"]["serial_number"]),
                         ("Front \x1b[31mdoor\u202e\n", "111111-00001", "111111-00001"))


class Asking(Test):
    keeps_names = False

    def setUp(self):
        super().setUp()
        self.service = self.start_service(named(1001, "Front door", "111111-00001"), named(1002, "Garage", "111111-00002"))

    def requests(self):
        """Returns the paths since the last call."""
        paths, self.service.requests = self.service.requests, []
        return paths

    def age_names(self, seconds):
        """Makes the file of the names older, and forgets when the service was last asked."""
        at = time.time() - seconds
        os.utime(self.names_file(), (at, at))
        shutil.rmtree(self.path("state"), ignore_errors=True)

    def test_states_come_with_the_names(self):
        self.assertEqual(json.loads(self.expect(0, "--json-lines", "Garage"))["locked"], True)
        self.assertEqual(self.requests(), [NAMES])
        self.expect(0, "Garage", "1001")
        self.assertEqual(self.requests(), [STATES + "?id=1002&id=1001"])

    def test_a_connection_that_the_names_come_without_is_unknown(self):
        self.service.locks = [named(1001, "Front door", state=None, connected=None)]
        self.assertIsNone(json.loads(self.expect(0, "--json-lines"))["connected"])
        for state in "connected", "disconnected":
            os.unlink(self.names_file())
            shutil.rmtree(self.path("state"))
            self.assertEqual(self.run_command("--check", state, "Front door"), (14, "", ""))

    def test_the_file(self):
        os.umask(os.umask(0))  # the modes must not depend on the umask
        self.expect(0)
        folder, path = self.path("cache", "locksync"), self.names_file()
        self.assertEqual(os.listdir(folder), [os.path.basename(path)])
        self.assertEqual([stat.S_IMODE(os.stat(place).st_mode) for place in (folder, path)], [0o700, 0o600])
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn(KEY, text)
        self.assertEqual(json.loads(text)["result"][0],
                         {"id": 1001, "name": "Front door", "serialNumber": "111111-00001", "revision": 7})

    def test_accounts_have_their_own_names(self):
        self.expect(0)
        self.set(LOCKSYNC_PERSONAL_KEY="another-key")
        self.expect(0)
        self.assertEqual(self.requests(), [NAMES, NAMES])

    def test_tokens_with_one_guard_file_have_its_names(self):
        os.symlink(self.folder, self.path("link"))
        self.set(LOCKSYNC_PERSONAL_KEY=None)
        states = STATES + "?id=1002"
        for token, guard, expected in (("a", self.path("guard"), NAMES), ("b", self.path("link", "guard"), states),
                                       ("c", "guard", states), ("c", "other", NAMES)):
            self.set(LOCKSYNC_ACCESS_TOKEN=f"token-{token}")
            self.expect(0, "--guard-file", guard, "Garage", cwd=self.folder)
            self.assertEqual(self.requests(), [expected])
        self.assertEqual(len(os.listdir(self.path("cache", "locksync"))), 2)

    def test_files_that_were_not_used_for_long_are_deleted(self):
        os.makedirs(self.path("cache", "locksync"))
        digits = "123456789abcdef" * 2
        kept = {f"0{digits}0.json": 89, f"0{digits}1.json.old": 91, f"0{digits}X.json": 91, "notes.json": 91}
        for name, days in {f"0{digits}1.json": 91, **kept}.items():
            os.utime(self.write(os.path.join("cache", "locksync", name), "{}"), (time.time() - days * 86400,) * 2)
        self.expect(0)
        self.assertEqual(set(os.listdir(self.path("cache", "locksync"))), {os.path.basename(self.names_file()), *kept})

    def test_services_have_their_own_names(self):
        self.expect(0)
        trial = self.start_service(named(1001, "Simulated", "111111-00001"))
        shutil.rmtree(self.path("state"))
        self.assertEqual(json.loads(self.expect(0, "--json-lines"))["name"], "Simulated")
        self.use(self.service.url)
        self.expect(0, "--json-lines", "Garage")
        self.assertEqual((trial.requests, self.requests()), ([NAMES], [NAMES, STATES + "?id=1002"]))

    def test_the_home_folder(self):
        self.set(XDG_CACHE_HOME=None)
        self.expect(0)
        self.assertEqual(os.listdir(self.path(".cache", "locksync")), [os.path.basename(self.names_file())])

    def test_old_names_are_asked_for_again(self):
        self.expect(0)
        for age, expected in (86000, STATES), (86500, NAMES), (-3600, NAMES):
            self.age_names(age)
            self.requests()
            self.expect(0)
            self.assertEqual(self.requests(), [expected], age)

    def test_refresh(self):
        self.expect(0)
        self.age_names(0)
        self.service.locks[0]["name"] = "Back door"
        self.assertEqual(json.loads(self.expect(0, "--refresh", "--json-lines", "1001"))["name"], "Back door")
        status, out, err = self.run_command("--refresh", "--json-lines", "1001")
        self.assertEqual((status, json.loads(out)["name"]), (0, "Back door"))
        self.assertRegex(err, r"\Alocksync: the names of the locks may be old: .* is allowed in [^\n]*\n\Z")
        self.assertEqual(self.requests(), [NAMES, NAMES, STATES + "?id=1001"])

    def test_a_lock_that_is_not_known(self):
        self.expect(0)
        self.service.locks.append(named(1003, "Cellar", "111111-00003"))
        self.requests()
        for age, expected in (0, [STATES, NAMES]), (100, [STATES]):
            self.age_names(age)
            self.expect(0)
            self.assertEqual(self.requests(), expected)
        self.age_names(0)
        self.service.locks.append(named(1004, "Attic", "111111-00004"))
        self.assertEqual(self.expect(3, "Attic"), "")  # the names are too young
        self.assertEqual(self.requests(), [])
        self.age_names(100)
        self.expect(0, "Attic")
        self.assertEqual(self.requests(), [NAMES])

    def test_a_watch_shows_new_names(self):
        self.expect(0)
        self.age_names(100)
        watch = self.start("--watch", "--changes-only")
        self.service.wait_for_requests(2)
        renamed = {**named(1001, "Back door", "111111-00001", state=2), "revision": 8}
        self.service.locks = [renamed, self.service.locks[1]]
        self.assertRegex(watch.stdout.readline(), "  1001  Back door  state: locked -> unlocked; config: 7 -> 8; renamed$")
        self.assertEqual(self.requests().count(NAMES), 2)

    def test_a_watch_follows_a_lock_that_was_added_again(self):
        self.expect(0)
        self.age_names(100)
        watch = self.start("--watch", "--changes-only", "--json-lines", "Garage")
        self.service.wait_for_requests(2)
        self.service.locks = [self.service.locks[0], named(1009, "Garage", "111111-00002", state=2)]
        line = json.loads(watch.stdout.readline())
        self.assertEqual((line["id"], line["name"], line["changes"]), (1009, "Garage", ["state", "new_id"]))
        self.assertEqual([line[which]["id"] for which in ("before", "after")], [1002, 1009])
        self.service.locks = [self.service.locks[0], named(1009, "Garage", "111111-00002")]
        self.assertEqual(json.loads(watch.stdout.readline())["changes"], ["state"])

    def test_a_watch_begins_with_the_names_and_keeps_them(self):
        watch = self.start("--watch")
        self.assertIn("  1001  Front door  added", watch.stdout.readline())
        self.assertEqual(self.requests()[0], NAMES)
        wait_until(lambda: os.path.exists(self.names_file()), "the file")

    def test_a_watch_continues_without_names(self):
        self.service.names_reply = (503, {}, "")
        watch = self.start("--watch", "1001")
        self.assertIn("  1001  added", watch.stdout.readline())
        self.assertRegex(watch.stderr.readline(), "the service did not send the names")

    def test_damaged_files_are_replaced(self):
        for text in "", "{", '{"result": 1}', '{"result": [{"id": 1}, {"id": "x"}]}':
            self.expect(0)
            with open(self.names_file(), "w", encoding="utf-8") as file:
                file.write(text)
            shutil.rmtree(self.path("state"))
            self.requests()
            self.expect(0)
            self.assertEqual(self.requests(), [NAMES])
            shutil.rmtree(self.path("state"))

    def test_files_that_cannot_be_used_are_only_a_warning(self):
        os.makedirs(self.path("cache", "locksync"))
        os.mkdir(self.names_file())
        for cache, expected in ((self.path("cache"), "(?s)cannot be read .*not a regular file.*cannot be kept"),
                                (self.write("file", ""), r"cannot be kept in .*file/locksync \(Not a directory\)"),
                                (self.path("x" * 5000), "too long")):
            self.set(XDG_CACHE_HOME=cache)
            shutil.rmtree(self.path("state"), ignore_errors=True)
            status, out, err = self.run_command("--json-lines", "Garage")
            self.assertEqual((status, json.loads(out)["id"]), (0, 1002))
            self.assertRegex(err, expected)
            shutil.rmtree(self.path("state"))
            self.expect(0, "--quiet", "Garage")

    def test_only_a_regular_file_is_read(self):
        self.expect(0)
        kept = self.names_file() + ".kept"
        os.rename(self.names_file(), kept)
        for make, why in (lambda path: os.symlink(kept, path), "it is a symbolic link"), (
                os.mkfifo, "it is not a regular file"):
            make(self.names_file())
            shutil.rmtree(self.path("state"))
            status, out, err = self.run_command("--json-lines", "Garage")
            self.assertEqual((status, json.loads(out)["id"]), (0, 1002))
            self.assertRegex(err, rf"\Alocksync: the kept names .* cannot be read from [^\n]* \({why}\)\n\Z")
            self.assertTrue(stat.S_ISREG(os.lstat(self.names_file()).st_mode))
            os.unlink(self.names_file())

    def test_states_are_shown_without_names(self):
        for reply in (403, {}, ""), (404, {}, ""), (200, {}, "<html>"):
            self.service.names_reply = reply
            shutil.rmtree(self.path("state"), ignore_errors=True)
            with self.subTest(reply):
                self.requests()
                status, out, err = self.run_command("--json-lines", "1001")
                self.assertEqual((status, json.loads(out)["name"]), (0, None))
                self.assertRegex(err, r"\Alocksync: the names of the locks are not known: [^\n]+\n\Z")
                self.assertEqual(self.requests(), [NAMES, STATES + "?id=1001"])
                shutil.rmtree(self.path("state"))
                self.expect(0, "--quiet", "1001")

    def test_a_name_cannot_be_found_without_names(self):
        for reply, exit_status in ((403, {}, ""), 5), ((503, {}, ""), 9), ((200, {}, "<html>"), 10):
            self.service.names_reply = reply
            shutil.rmtree(self.path("state"), ignore_errors=True)
            self.assertEqual(self.expect(exit_status, "1001", "Garage"), "")

    def test_an_account_with_more_locks_than_the_service_lists_has_only_ids(self):
        self.service.locks = [named(1001 + i, f"Door {i}", f"111111-{i:05}") for i in range(100)]  # each page is full
        self.assertEqual(self.expect(10, "Door 1"), "")
        self.assertRegex(self.complaint, r"the account has 1000 locks or more, .*\. Use ids of locks, or check ")
        self.assertEqual(len(self.requests()), 10)
        status, out, err = self.run_command("--json-lines", "1001")
        self.assertEqual((status, json.loads(out)["name"], self.requests()), (0, None, [STATES + "?id=1001"]))
        self.assertRegex(err, r"the names of the locks are not known: .* is allowed in (9 min \d+|10 min 0) s$")

    def test_polling_begins_without_names(self):
        self.service.names_reply = (200, {"Content-Length": 9999}, "")
        self.expect(7, "1001", "--timeout", "0.5")
        shutil.rmtree(self.path("state"))
        self.assertEqual(self.expect(0, "--until", "locked", "1001", "--timeout", "0.5"), "")

    def test_polling_waits_for_names_that_it_needs(self):
        self.expect(0)
        kept = self.names_file() + ".kept"
        os.rename(self.names_file(), kept)
        shutil.rmtree(self.path("state"))
        self.service.names_reply = (503, {}, "")
        run = self.start("--until", "locked", "Garage")
        self.assertRegex(run.stderr.readline(), "^locksync: The service failed .*The names of the locks are asked for again")
        os.rename(kept, self.names_file())
        self.assertEqual(self.end(run), (0, "", ""))

    def test_failures_that_concern_the_states_too_end_it(self):
        for reply, exit_status in ((401, {}, ""), 5), ((418, {}, ""), 10), ((429, {"Retry-After": "7"}, ""), 6), (
                (503, {}, ""), 9):
            self.service.names_reply = reply
            shutil.rmtree(self.path("state"), ignore_errors=True)
            self.requests()
            self.assertEqual(self.expect(exit_status), "")
            self.assertEqual(self.requests(), [NAMES])

    def test_the_rate_limit_denies_the_names(self):
        self.expect(0)
        os.unlink(self.names_file())
        self.requests()
        self.assertEqual(self.expect(6, "Garage"), "")
        self.assertRegex(self.complaint, r"is allowed in (\d+ s|1 min 0 s)\. Try again then, or use --wait")
        self.assertEqual(self.requests(), [])
        status, _, err = self.run_command("1001")
        self.assertEqual((status, self.requests()), (0, [STATES + "?id=1001"]))
        self.assertRegex(err, r"\Alocksync: the names of the locks are not known: the next request for them is allowed in "
                              r"(\d+ s|1 min 0 s)\n\Z")

    def test_a_run_that_waits_uses_the_names_that_another_run_keeps(self):
        self.expect(0)
        kept = self.names_file() + ".kept"
        os.rename(self.names_file(), kept)
        self.requests()
        run = self.start("--wait", "--json-lines", "Garage")
        wait_until(lambda: re.search("S|D", state_of(run)), "the wait")
        os.rename(kept, self.names_file())
        status, out, err = self.end(run)
        self.assertEqual((status, json.loads(out)["id"], err), (0, 1002, ""))
        self.assertEqual(self.requests(), [STATES + "?id=1002"])


class Cron(Test):
    keeps_names = False

    def test_a_hundred_runs_ask_once_and_break_no_limit(self):
        sim = self.start_sim("--min-interval-ms", "20", "--hourly-budget", "700", "--directory-budget", "10")
        self.set(LOCKSYNC_INTERVAL_MS="20")
        for _ in range(10):
            for run in [self.start("--wait", "--json-lines", "Garage") for _ in range(10)]:
                status, out, err = self.end(run)
                self.assertEqual((status, json.loads(out)["id"], err), (0, 1002, ""))
        stats = sim.ask("stats")
        self.assertEqual((stats["directories"], stats["syncs"]), (1, 99))
        self.assertEqual([value for name, value in stats.items() if name.endswith("violations")], [0] * 4)


if __name__ == "__main__":
    main()
