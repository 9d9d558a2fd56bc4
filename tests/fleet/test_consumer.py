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
        first = self.expect(SIX)
        self.expect(TWO)
        self.redis.ask("FLUSHALL")
        again = self.expect(SIX)
        self.assertEqual(again["id"], first["id"])
        self.assertNotEqual(again["entry"], first["entry"])

    def test_a_promotion_that_loses_two_changes(self):
        self.expect(SIX)
        saved = self.redis.ask("HGETALL", ACCOUNT)
        before = self.expect(TWO)
        self.expect(THREE)
        self.redis.ask("HSET", ACCOUNT, *saved)  # as a replica that did not get the changes
        self.assertEqual(self.expect(TWO)["id"], before["id"])

    def test_an_entry_that_is_read_twice_is_printed_once(self):
        entry = self.expect(SIX)["entry"]
        self.expect(TWO)
        self.redis.ask("XCLAIM", CHANGES, "group", "dead", 0, entry, "IDLE", LONG_AGO_MS, "FORCE")
        wait_until(lambda: self.redis.ask("XPENDING", CHANGES, "group")[0] == 0, "the entry is acknowledged again")
        self.expect(THREE)


if __name__ == "__main__":
    unittest.main()
