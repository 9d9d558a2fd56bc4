"""The consumer: which entries of the stream it prints, and what its user is allowed."""
import json
import os
import re
import subprocess
import unittest

from support import Redis, read_page, script, wait_until

CONSUMER = os.environ["LOCKSYNC_FLEET_CONSUMER"]
PUBLISH = script("publish")
ACCOUNT, CHANGES = "fleet:account:17", "fleet:changes"
SIX, TWO, THREE = '{"state":6}', '{"state":2}', '{"state":3}'
LONG_AGO_MS = 100000  # longer than an entry is another consumer's


class Consumer(unittest.TestCase):
    def setUp(self):
        self.redis = Redis()
        self.addCleanup(self.redis.stop)
        self.addCleanup(self.redis.file.close)
        self.at = int(self.redis.ask("TIME")[0]) * 1000
        commands = re.search(r"A consumer needs `([^`]+)` on `fleet:changes`", read_page("fleet.md"))[1].split()
        self.redis.ask("ACL", "SETUSER", "reader", "on", ">pass", "~fleet:changes", *commands)
        url = self.redis.url.replace("//", "//reader:pass@")
        output = os.path.join(self.redis.folder, "output")
        with open(output, "w", encoding="utf-8") as file:
            consumer = subprocess.Popen([CONSUMER, "group", "one"], env={**os.environ, "LOCKSYNC_REDIS_URL": url},
                                        stdout=file)
        self.lines = open(output, encoding="utf-8")
        for clean_up in (self.lines.close, consumer.wait, consumer.kill):  # the last one first
            self.addCleanup(clean_up)

    def publish(self, record):
        """Publishes a response with one lock."""
        self.at += 1
        words = ["17", self.at, 1000, 500, 1001, record, ""]
        self.assertEqual(self.redis.ask("EVAL", PUBLISH, 2, ACCOUNT, CHANGES, *words), 1)

    def read(self):
        """Returns the next line that the consumer prints."""
        return json.loads(wait_until(self.lines.readline, "a change"))

    def expect(self, record):
        self.publish(record)
        line = self.read()
        self.assertEqual(line["after"], json.loads(record))
        return line

    def test_a_server_that_is_back_empty_has_new_changes(self):
        self.expect(SIX)
        self.expect(TWO)
        self.redis.ask("FLUSHALL")
        self.assertEqual(self.expect(SIX)["number"], 1)

    def test_a_promotion_that_loses_two_changes(self):
        self.expect(SIX)
        saved = self.redis.ask("HGETALL", ACCOUNT)
        self.expect(TWO)
        self.expect(THREE)
        self.redis.ask("HSET", ACCOUNT, *saved)  # as a replica that did not get the changes
        self.redis.ask("REPLICAOF", "127.0.0.1", "1")
        self.redis.ask("REPLICAOF", "NO", "ONE")
        self.assertEqual(self.expect(TWO)["number"], 2)

    def test_a_change_with_a_known_id_is_printed_once(self):
        self.expect(SIX)
        (entry, fields), = self.redis.ask("XRANGE", CHANGES, "-", "+")
        self.redis.ask("XADD", CHANGES, "*", *fields)
        self.redis.ask("XCLAIM", CHANGES, "group", "dead", 0, entry, "IDLE", LONG_AGO_MS, "FORCE")
        wait_until(lambda: self.redis.ask("XPENDING", CHANGES, "group")[0] == 0, "the entry is acknowledged again")
        self.expect(TWO)


if __name__ == "__main__":
    unittest.main()
