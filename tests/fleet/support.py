"""A Redis server, a fleet against a simulator, and the check of its stream against the simulator's journal."""
import bisect
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from simulator import Simulator  # noqa: E402
from sockets import server_port  # noqa: E402

PATIENCE = 30  # seconds; long, because a machine may be busy
ON_ITS_WAY_MS = 1000  # longest time of a response from the simulator through a worker to Redis
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "..", "examples", "fleet")


def wait_until(condition, what, patience=PATIENCE):
    """Returns the first true value of the condition."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not in time: {what}")


def script(name):
    with open(os.path.join(SOURCES, name + ".lua"), encoding="utf-8") as file:
        return file.read()


def read_page(name):
    """Returns the text of a page in docs/."""
    with open(os.path.join(HERE, "..", "..", "docs", name), encoding="utf-8") as file:
        return file.read()


class RedisError(Exception):
    """An error that the server replied."""


class Redis:
    """A server in a folder of its own, and a connection to it."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="locksync-fleet-")
        self.port = server_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--logfile", "/dev/null", *options], stdout=subprocess.DEVNULL)
        self.file = wait_until(self.connect, "the start of redis-server")

    def connect(self, port=None):
        if self.process.poll() is not None:
            raise AssertionError(f"redis-server ended with {self.process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port or self.port), PATIENCE) as connection:
                return connection.makefile("rwb")  # which keeps it open
        except ConnectionRefusedError:
            return None

    def ask(self, *words):
        """Sends a command; returns its reply: an integer, a text, None or a list."""
        words = [str(word).encode() for word in words]
        self.file.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        self.file.flush()
        return self.read()

    def read(self):
        line = self.file.readline().decode().rstrip("\r\n")
        kind, rest = line[0], line[1:]
        if kind == "-":
            raise RedisError(rest)
        if kind == ":":
            return int(rest)
        if kind == "+":
            return rest
        if rest == "-1":
            return None
        if kind == "$":
            return self.file.read(int(rest) + 2)[:-2].decode()
        return [self.read() for _ in range(int(rest))]

    def settle_in(self):
        """Makes the guards believe that the database was in use for a day: new accounts need no wait."""
        identity = [line for line in self.ask("INFO", "replication").split("\r\n") if line.startswith("master_replid:")]
        microseconds = (int(self.ask("TIME")[0]) - 86400) * 1000000
        self.ask("SET", "locksync:account:locksync", f"{identity[0].split(':')[1]} {microseconds}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


# The permissions of docs/fleet.md: the guards', the worker's; a consumer's, which has another user
COMMANDS = ("get set time info select eval evalsha script|load "
            "zadd zrem zrange zrevrange zincrby zremrangebyscore hget hset hgetall xadd").split()
CONSUMER_COMMANDS = "xgroup xreadgroup xautoclaim xack".split()


class Fleet:
    """A simulator with a journal, a Redis server and any number of workers."""

    def __init__(self, worker, simulator, accounts, interval_ms, ttl_ms, *options):
        self.redis = Redis()
        self.redis.settle_in()
        self.redis.ask("ACL", "SETUSER", "worker", "on", ">p@ss:/%", "~locksync:*", "~fleet:*",
                       *("+" + command for command in COMMANDS))
        self.redis.ask("ACL", "SETUSER", "consumer", "on", ">p@ss:/%", "~fleet:changes",
                       *("+" + command for command in CONSUMER_COMMANDS))
        self.interval_ms = interval_ms
        self.journal = os.path.join(self.redis.folder, "journal")
        self.simulator = Simulator(simulator, "--any-key", "--min-interval-ms", str(interval_ms), "--journal",
                                   self.journal, *options)
        keys = os.path.join(self.redis.folder, "keys")
        with open(keys, "w", encoding="ascii") as file:
            file.writelines(f"account-{i} key-{i}\n" for i in range(accounts))
        self.command = [worker, "--keys", keys, "--interval-ms", str(interval_ms), "--timeout-ms",
                        str(interval_ms // 4), "--ttl-ms", str(ttl_ms)]
        self.environment = {**os.environ, "LOCKSYNC_REDIS_URL": self.url_for("worker"),
                            "LOCKSYNC_BASE_URL": self.simulator.url}
        self.workers = []
        self.deaths_ms = []
        self.losses_ms = []  # from when, until when and why a response may not have reached its worker
        self.stopped_ms = None  # when Redis was stopped

    def url_for(self, user):
        return self.redis.url.replace("//", f"//{user}:p%40ss%3A%2f%25@")

    def start(self):
        log = open(os.path.join(self.redis.folder, "log"), "ab")
        with log:
            self.workers.append(subprocess.Popen(self.command, env=self.environment, stderr=log))

    def log(self):
        """Returns the text that the workers have printed."""
        with open(os.path.join(self.redis.folder, "log"), encoding="utf-8") as file:
            return file.read()

    def kill(self, worker):
        now = time.monotonic() * 1000
        worker.kill()
        worker.wait()
        self.deaths_ms.append(now)
        self.losses_ms.append(((self.stopped_ms or now) - ON_ITS_WAY_MS, now + ON_ITS_WAY_MS, "killed"))
        self.workers.remove(worker)

    def stop_redis(self):
        self.redis.process.send_signal(signal.SIGSTOP)
        self.stopped_ms = time.monotonic() * 1000

    def continue_redis(self):
        """The first polls that get their slots then have little left of their timeouts."""
        self.redis.process.send_signal(signal.SIGCONT)
        self.losses_ms.append((self.stopped_ms, time.monotonic() * 1000 + ON_ITS_WAY_MS, "timed out"))
        self.stopped_ms = None

    def leave(self, worker):
        """Ends a worker in order. It aborts a poll that takes longer than its timeout."""
        now = time.monotonic() * 1000
        worker.terminate()
        if worker.wait(PATIENCE) != 0:
            raise AssertionError(f"a worker ended with {worker.returncode}")
        self.losses_ms.append((now, time.monotonic() * 1000, "left"))
        self.workers.remove(worker)

    def stop(self):
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.simulator.process.kill()
        self.simulator.process.wait()
        self.simulator.process.stdout.close()
        self.redis.file.close()
        self.redis.stop()

    def stream(self):
        """The changes as dicts, in their order, with the time at which they were published."""
        entries = self.redis.ask("XRANGE", "fleet:changes", "-", "+")
        return [{"published": int(entry.split("-")[0]), **dict(zip(fields[::2], fields[1::2]))}
                for entry, fields in entries]


# --- the check ---

VALUES = {"state": "state", "doorState": "door", "batteryLevel": "battery", "isCharging": "charging",
          "stateChangeResult": "result"}


def record(lock):
    """Returns what the fleet publishes of a record of the service."""
    known = {"connected": lock["isConnected"]}
    if lock["isConnected"] and lock["deviceState"]:
        known |= {VALUES[k]: v for k, v in lock["deviceState"].items() if k in VALUES}
    if "revision" in lock:
        known["revision"] = lock["revision"]
    return known


def read_journal(path):
    """The responses of each account: {account: [(time in ms, {lock: record})]}."""
    responses = {}
    memo = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            time_us, _, key, body = line.split(" ", 3)
            if body not in memo:
                memo[body] = {lock["id"]: record(lock) for lock in json.loads(body)["result"]}
            responses.setdefault(key.replace("key", "account"), []).append((int(time_us) / 1000, memo[body]))
    for list_of_account in responses.values():
        list_of_account.sort(key=lambda response: response[0])
    return responses


def check_once(stream):
    """Each change of a lock follows the one before: nothing is double, nothing in between is missing."""
    ids = [change["id"] for change in stream]
    faults = [f"{len(ids) - len(set(ids))} double ids"] if len(ids) != len(set(ids)) else []
    last = {}
    for change in stream:
        lock = change["account"], change["lock"]
        number, after = last.get(lock, (0, ""))
        if int(change["number"]) != number + 1 or change["before"] != after:
            faults.append(f"{change} does not follow number {number}, {after}")
        last[lock] = int(change["number"]), change["after"]
    return faults


def check_complete(stream, journal, losses_ms, interval_ms):
    """Compares the stream with the responses. Returns faults, the number of changes that responses showed, and the
    numbers of those whose response did not reach its worker, by the possible reasons. Such a change counts again with
    the next response. A worker may misjudge the clock of Redis by a quarter of the interval.
    """
    misjudged_ms = interval_ms / 4
    wall_ms = (time.time() - time.monotonic()) * 1000
    published = {}
    for change in stream:
        after = json.loads(change["after"]) if change["after"] else None
        published.setdefault((change["account"], int(change["lock"])), []).append((int(change["at"]) - wall_ms, after))
    faults, seen, lost = [], 0, collections.Counter()
    for account, responses in journal.items():
        for lock in {lock for _, locks in responses for lock in locks}:
            changes = published.pop((account, lock), [])
            now, next_change = None, 0
            for i, (at_ms, locks) in enumerate(responses):
                state = locks.get(lock)
                if state == now:
                    continue
                seen += 1
                until_ms = responses[i + 1][0] if i + 1 < len(responses) else float("inf")
                if next_change < len(changes) and changes[next_change][1] == state and \
                        at_ms - misjudged_ms <= changes[next_change][0] < until_ms + misjudged_ms:
                    now = state
                    next_change += 1
                    continue
                why = " or ".join(sorted({why for begin, end, why in losses_ms if begin <= at_ms <= end}))
                if why:
                    lost[why] += 1
                else:
                    faults.append(f"{account}, lock {lock}, {at_ms:.0f} ms: {state} after {now} is not in the stream")
            if next_change < len(changes):
                faults.append(f"{account}, lock {lock}: {changes[next_change:]} was in no response")
    faults += [f"{lock} was in no response" for lock in published]
    return faults, seen, lost


def longest_pauses(journal, since_ms):
    """For each time: the longest time until the next response of an account, over all accounts."""
    longest = [0.0] * len(since_ms)
    for responses in journal.values():
        times = [at_ms for at_ms, _ in responses]
        for i, since in enumerate(since_ms):
            following = bisect.bisect_right(times, since)
            longest[i] = max(longest[i], times[following] - since if following < len(times) else float("inf"))
    return longest
