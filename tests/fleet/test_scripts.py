"""The scripts in Redis: who is alive, and what is published."""
import json
import unittest

from support import Redis, script

BEAT, PUBLISH = script("beat"), script("publish")
TTL = 10000
CLOSE = 500


class Script(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis()

    @classmethod
    def tearDownClass(cls):
        cls.redis.file.close()
        cls.redis.stop()

    def setUp(self):
        self.redis.ask("FLUSHALL")

    def now_ms(self):
        seconds, microseconds = self.redis.ask("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000


class Beat(Script):
    def beat(self, member, how="stay"):
        before = self.now_ms()
        now, *alive = self.redis.ask("EVAL", BEAT, 1, "fleet:members", member, TTL, how)
        self.assertTrue(before <= now <= self.now_ms())
        return sorted(alive)

    def test_members_alive(self):
        cases = [
            ("alone", {}, "stay", ["me"]),
            ("with others", {"a": 100, "b": 9000}, "stay", ["a", "b", "me"]),
            ("one is dead", {"a": 100, "b": 10500}, "stay", ["a", "me"]),
            ("I was dead", {"a": 100, "me": 10500}, "stay", ["a", "me"]),
            ("I leave", {"a": 100, "me": 200}, "leave", ["a"]),
            ("the server was away for a minute: nobody is dead", {"a": 60000, "b": 62000}, "stay", ["a", "b", "me"]),
            ("one was dead before", {"a": 60000, "b": 70500}, "stay", ["a", "me"]),
            ("the clock was set back by an hour", {"a": -3600000, "b": -3595000}, "stay", ["a", "b", "me"]),
        ]
        for name, silent_ms, how, alive in cases:
            with self.subTest(name):
                self.redis.ask("DEL", "fleet:members")
                now = self.now_ms()
                for member, silence in silent_ms.items():
                    self.redis.ask("ZADD", "fleet:members", now - silence, member)
                self.assertEqual(self.beat("me", how), alive)

    def test_a_dead_member_stays_dead_after_the_server_was_away(self):
        now = self.now_ms()
        self.redis.ask("ZADD", "fleet:members", now - 60000, "heard last", now - 68000, "8 s before")
        self.assertEqual(self.beat("me"), ["8 s before", "heard last", "me"])
        scores = dict(zip(*[iter(self.redis.ask("ZRANGE", "fleet:members", 0, -1, "WITHSCORES"))] * 2))
        self.assertAlmostEqual(int(scores["me"]) - int(scores["8 s before"]), 8000, delta=1)


class Publish(Script):
    def setUp(self):
        super().setUp()
        self.at = self.now_ms()

    def publish(self, *locks, later=0):
        words = [word for lock in locks for word in lock]
        return self.redis.ask("EVAL", PUBLISH, 2, "fleet:account:17", "fleet:changes", "17", self.at + later, 1000,
                              CLOSE, *words)

    def changes(self):
        """All changes so far: (lock, number, before, after)"""
        fields = [dict(zip(f[::2], f[1::2])) for _, f in self.redis.ask("XRANGE", "fleet:changes", "-", "+")]
        return [(f["lock"], f["number"], f["before"], f["after"]) for f in fields]

    def test_a_change_is_published_once(self):
        one, two = '{"state":6}', '{"state":2}'
        self.assertEqual(self.publish((1001, one, "123"), (1002, "{}", ""), later=-5), 2)
        self.assertEqual(self.publish((1001, one, "124"), (1002, "{}", ""), later=-4), 0)
        self.assertEqual(self.publish((1001, two, "125"), (1002, "{}", ""), later=-3), 1)
        self.assertEqual(self.publish((1001, two, "125"), (1002, "{}", ""), later=-3), 0)  # sent again
        self.assertEqual(self.changes(), [("1001", "1", "", one), ("1002", "1", "", "{}"), ("1001", "2", one, two)])
        _, fields = self.redis.ask("XREVRANGE", "fleet:changes", "+", "-", "COUNT", 1)[0]
        fields = dict(zip(fields[::2], fields[1::2]))
        self.assertRegex(fields.pop("id"), r"\A17:[0-9a-f]{8}-[0-9a-f]+:1001:2:[0-9a-f]{8}\Z")
        self.assertEqual(fields, {"account": "17", "lock": "1001", "number": "2", "at": str(self.at - 3),
                                  "before": one, "after": two, "moved": "125"})

    def test_a_lock_is_removed_and_comes_back(self):
        self.publish((1001, "{}", ""), (1002, "{}", ""), later=-5)
        self.assertEqual(self.publish((1002, "{}", ""), later=-4), 1)
        self.assertEqual(self.publish((1002, "{}", ""), later=-3), 0)
        self.assertEqual(self.publish(later=-2), 1)
        self.assertEqual(self.publish((1001, "{}", ""), later=-1), 1)
        self.assertEqual(self.changes()[2:],
                         [("1001", "2", "{}", ""), ("1002", "2", "{}", ""), ("1001", "3", "", "{}")])

    def test_a_late_response_is_not_published(self):
        self.publish((1001, '{"state":6}', ""), later=-2)
        self.assertEqual(self.publish((1001, '{"state":2}', ""), later=-1000), -1)
        self.assertEqual(len(self.changes()), 1)

    def test_a_response_without_changes_makes_earlier_ones_late(self):
        self.publish((1001, '{"state":6}', ""), later=-3000)
        self.publish((1001, '{"state":6}', ""), later=-1000)
        self.assertEqual(self.publish((1001, '{"state":2}', ""), later=-2000), -1)

    def test_a_response_is_sent_again_by_a_clock_that_differs(self):
        self.publish((1001, '{"state":6}', ""), later=-1000)
        self.assertEqual(self.publish((1001, '{"state":6}', ""), later=-1400), 0)
        self.assertEqual(self.redis.ask("HGET", "fleet:account:17", "at"), str(self.at - 1000))

    def test_a_time_in_the_future_is_from_before_a_jump(self):
        self.publish((1001, '{"state":6}', ""), later=3600000)
        self.assertEqual(self.publish((1001, '{"state":2}', "")), 1)
        self.assertEqual(self.redis.ask("HGET", "fleet:account:17", "at"), str(self.at))

    def test_the_same_change_after_a_loss_has_the_same_id(self):
        self.publish((1001, '{"state":6}', ""), later=-5)
        saved = self.redis.ask("HGETALL", "fleet:account:17")
        self.publish((1001, '{"state":2}', ""), later=-4)
        self.redis.ask("HSET", "fleet:account:17", *saved)  # as a replica that did not get the change
        self.publish((1001, '{"state":2}', ""), later=-3)
        self.redis.ask("HSET", "fleet:account:17", *saved)
        self.publish((1001, '{"state":3}', ""), later=-2)
        ids = [f[1] for _, f in self.redis.ask("XRANGE", "fleet:changes", "-", "+")]
        self.assertEqual(ids[1], ids[2])
        self.assertNotEqual(ids[2], ids[3])

    def test_a_response_with_many_locks(self):
        locks = [(1000 + i, json.dumps({"state": i}), "") for i in range(2000)]
        self.assertEqual(self.publish(*locks, later=-2), 2000)
        self.assertEqual(self.publish(*locks, later=-1), 0)


if __name__ == "__main__":
    unittest.main()
