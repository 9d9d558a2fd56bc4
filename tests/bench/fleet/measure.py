"""Runs bench-guards with guards in memory, in files and in Redis at several distances; fleet/run calls it."""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "fleet")]
from simulator import Simulator  # noqa: E402
from support import Redis  # noqa: E402

CONTEXTS, AT_ONCE = 500, 200
DISTANCES_MS = [0, 0.25, 0.5, 1, 5]
USERS = [1, 10, 50, 500]
GOAL = 0.4
TRIPS_MAX = 1.05
ON_DISK = ["--appendonly", "yes", "--appendfsync", "always"]  # what docs/rate-limits.md requires
PINGS = 300


class Delay:
    """The proxy in front of a port of loopback; `round_trip_ms` None: no proxy."""

    def __init__(self, folder, port, round_trip_ms):
        self.port, self.process = port, None
        if round_trip_ms is not None:
            self.process = subprocess.Popen([f"{folder}/bench-delay", str(port), str(round_trip_ms * 1000)],
                                            stdout=subprocess.PIPE, text=True)
            self.port = int(self.process.stdout.readline())

    def turns(self):
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGUSR1)
        return int(self.process.stdout.readline())

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


def ping_ms(redis, delay):
    """The median of the round trips that a client has, which is longer than what the proxy adds."""
    direct, redis.file = redis.file, redis.connect(delay.port)
    times = []
    for _ in range(PINGS):
        begin = time.monotonic()
        redis.ask("PING")
        times.append((time.monotonic() - begin) * 1000)
    redis.file.close()
    redis.file = direct
    return statistics.median(times)


def redis_counts(redis, delay):
    """Processor time in us, how often each command was called, the turns of the proxy, and the connections."""
    info = dict(line.split(":", 1) for line in redis.ask("INFO", "all").split("\r\n") if ":" in line)
    calls = {name[8:]: int(value.split(",")[0].split("=")[1]) for name, value in info.items()
             if name.startswith("cmdstat_")}
    cpu_us = (float(info["used_cpu_user"]) + float(info["used_cpu_sys"])) * 1e6
    return cpu_us, calls, delay.turns(), int(info["total_connections_received"])


def run_guards(args, url, where, users, sample=lambda: None):
    """Returns the program's line of JSON, and samples before and after what it measures."""
    command = [f"{args.programs}/bench-guards", url, where, str(CONTEXTS), str(AT_ONCE), str(users), str(args.seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        program.stdout.readline()
        before = sample()
        line = program.stdout.readline()
        after = sample()
    if program.returncode != 0:
        raise SystemExit("bench-guards failed")
    return json.loads(line), before, after


def run_redis(args, url, round_trip_ms, users):
    redis = Redis(*(ON_DISK if args.append_only else []))
    redis.settle_in()
    delay = Delay(args.programs, redis.port, round_trip_ms)
    try:
        measured_ms = ping_ms(redis, delay)
        others = redis_counts(redis, delay)[3]
        result, before, after = run_guards(args, url, f"redis://127.0.0.1:{delay.port}", users,
                                           lambda: redis_counts(redis, delay))
    finally:
        delay.stop()
        redis.file.close()
        redis.stop()
    decisions = 2 * result["fetches"] + result["denied"]  # a fetch reserves and settles
    calls = {name: (count - before[1].get(name, 0)) / decisions for name, count in after[1].items()
             if count - before[1].get(name, 0) > decisions / 100}
    scripts = calls.get("evalsha", 0) + calls.get("eval", 0)
    turns = (after[2] - before[2]) / decisions if round_trip_ms is not None else None
    return {**result, "redis_us": (after[0] - before[0]) / result["fetches"], "calls": calls, "trips": scripts or turns,
            "ping_ms": measured_ms, "connections": after[3] - others, "loads": after[1].get("script|load", 0)}


def run_files(args, url, users):
    with tempfile.TemporaryDirectory() as folder:
        return run_guards(args, url, folder, users)[0]


def number(value, digits=2):
    return "" if value is None else f"{value:,.{digits}f}"


def table(headings, rows):
    print("| " + " | ".join(headings) + " |")
    print("|---|" + "---:|" * (len(headings) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def distances(args, url):
    cases = [("memory", lambda: run_guards(args, url, "memory", 1)[0]), ("files", lambda: run_files(args, url, 1)),
             ("Redis, no proxy", lambda: run_redis(args, url, None, 1))]
    cases += [(f"Redis, {ms:g} ms", lambda ms=ms: run_redis(args, url, ms, 1)) for ms in DISTANCES_MS]
    if args.append_only:
        cases = [case for case in cases if case[0] in ("memory", "Redis, 0.5 ms")]
    rows, memory, results = [], None, {}
    for name, run in cases:
        r = results[name] = run()
        memory = memory or r["per_second"]
        calls = ", ".join(f"{command} {count:.2f}" for command, count in sorted(r.get("calls", {}).items()))
        rows.append([name, number(r.get("ping_ms")), number(r["per_second"], 0),
                     number(r["per_second"] / memory, 3), number(r["cpu_us"], 1), number(r.get("redis_us"), 1),
                     number(r.get("trips")), number(r["median_ms"]), str(r["failed"]), calls,
                     f"{r['connections']}, {r['loads']}" if "loads" in r else ""])
    table(["guards", "a PING, ms", "fetches a second", "times memory", "CPU of the client, us a fetch",
           "CPU of Redis, us a fetch", "round trips a decision", "median of a fetch, ms", "failed",
           "commands a decision", "connections, scripts loaded in all"], rows)
    for name in ("Redis, no proxy", "Redis, 0.5 ms"):
        if name not in results:
            continue
        ratio, trips = results[name]["per_second"] / memory, results[name]["trips"]
        print(f"{'met' if trips <= TRIPS_MAX else 'MISSED'}: {name}: at most {TRIPS_MAX} round trips a decision: "
              f"{trips:.3f}")
        print(f"{'met' if ratio >= GOAL else 'MISSED'}: {name}: at least {GOAL} of the rate in memory: {ratio:.3f}")


def users(args, url):
    rows = []
    for count in USERS:
        results = [run_guards(args, url, "memory", count)[0], run_files(args, url, count),
                   run_redis(args, url, 0, count), run_redis(args, url, 0.5, count)]
        rows.append([str(count)] + [f"{r['per_second']:,.0f}" + (f" ({r['failed']} failed)" if r["failed"] else "")
                                    for r in results])
    table(["users for each guard", "memory", "files", "Redis, 0 ms", "Redis, 0.5 ms"], rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--append-only", action="store_true")
    args = parser.parse_args()
    args.programs = os.path.join(args.build, "tests", "bench")
    simulator = Simulator(os.path.join(args.build, "examples", "simulator", "locksync-sim"), "--any-key", "--static",
                          "--threads", "1")
    try:
        print(f"One pool, {CONTEXTS} contexts, {AT_ONCE} fetches at once, four locks; one user for each guard.\n")
        distances(args, simulator.url)
        if args.append_only:
            return
        print(f"\nFetches a second, if several contexts share a guard, whose interval is 1 ms; {AT_ONCE} at once.\n")
        users(args, simulator.url)
    finally:
        simulator.stop()


main()
