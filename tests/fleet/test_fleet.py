"""Three workers: one is killed, Redis stops for a while, one joins, one leaves. Each account is polled in time and
never too early. Each change is in the stream once."""
import os
import subprocess
import time
import unittest

from support import Fleet, check_complete, check_once, longest_pauses, read_journal, wait_until

WORKER = os.environ["LOCKSYNC_FLEET_WORKER"]
CONSUMER = os.environ["LOCKSYNC_FLEET_CONSUMER"]
SIMULATOR = os.environ["LOCKSYNC_SIM"]
ACCOUNTS = 60
SLACK = int(os.environ["LOCKSYNC_SLACK"])  # sanitizers are slow
INTERVAL_MS = 3000 * SLACK
TTL_MS = 2500 * SLACK
STOP_S = 4 * SLACK  # longer than a silent member lives


class WholeFleet(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(WORKER, SIMULATOR, ACCOUNTS, INTERVAL_MS, TTL_MS, "--time-scale", "20")
        self.addCleanup(self.fleet.stop)

    def wait_for_all(self):
        """Waits until each account has a response from now on, and returns the time of the call in ms."""
        since = time.monotonic() * 1000
        wait_until(lambda: self.longest(since) < float("inf"), "a response of each account")
        return since

    def longest(self, since):
        journal = read_journal(self.fleet.journal)
        return longest_pauses(journal, [since])[0] if len(journal) == ACCOUNTS else float("inf")

    def members(self, count):
        wait_until(lambda: self.fleet.redis.ask("ZCARD", "fleet:members") == count, f"{count} members")

    def check_pause(self, since, more_ms=0):
        self.assertLessEqual(self.longest(since), 3 * INTERVAL_MS + more_ms)

    def consume(self, changes):
        """Runs a consumer until it has printed `changes` lines; returns them."""
        environment = {**os.environ, "LOCKSYNC_REDIS_URL": self.fleet.url_for("consumer")}
        with subprocess.Popen([CONSUMER, "group", "one"], env=environment, stdout=subprocess.PIPE,
                              text=True) as consumer:
            lines = [consumer.stdout.readline() for _ in range(changes)]
            consumer.terminate()
            lines += consumer.stdout.readlines()
            self.assertEqual(consumer.wait(), 0)
        return lines

    def test_members_come_and_die(self):
        fleet = self.fleet
        for _ in range(3):
            fleet.start()
        self.members(3)
        self.wait_for_all()
        fleet.kill(fleet.workers[0])
        self.check_pause(self.wait_for_all())
        self.members(2)
        fleet.stop_redis()
        stopped = fleet.stopped_ms
        time.sleep(STOP_S)
        fleet.continue_redis()
        self.wait_for_all()
        self.check_pause(stopped, STOP_S * 1000)
        self.members(2)  # the stop did not count
        fleet.start()
        self.members(3)
        self.check_pause(self.wait_for_all())
        fleet.leave(fleet.workers[0])
        self.members(2)
        self.check_pause(self.wait_for_all())
        while fleet.workers:
            fleet.leave(fleet.workers[0])
        self.check_stream()

    def test_a_key_that_something_else_uses_stops_no_other_account(self):
        self.fleet.redis.ask("SET", "fleet:account:account-7", "a text")
        self.fleet.start()
        self.wait_for_all()
        wait_until(lambda: len({change["account"] for change in self.fleet.stream()}) == ACCOUNTS - 1, "all others")
        self.members(1)  # heartbeats continue
        self.fleet.leave(self.fleet.workers[0])
        self.assertIn("fleet: account number 8 is not published: ", self.fleet.log())

    def check_stream(self):
        stats = self.fleet.simulator.ask("stats")
        self.assertEqual(stats["interval_violations"], 0, stats)
        stream = self.fleet.stream()
        self.assertEqual(check_once(stream), [])
        faults, seen, lost = check_complete(stream, read_journal(self.fleet.journal), self.fleet.losses_ms,
                                              INTERVAL_MS)
        self.assertEqual(faults, [])
        self.assertGreater(seen, 4 * ACCOUNTS)
        self.assertEqual(seen - lost.total(), len(stream))
        lines = self.consume(len(stream))
        self.assertEqual([line.split('"')[3] for line in lines], [change["id"] for change in stream])


if __name__ == "__main__":
    unittest.main()
