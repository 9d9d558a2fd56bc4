"""Runs bench-crowd against simulators of the service, and prints a table and the targets; crowd/run calls it."""
import argparse
import datetime
import glob
import json
import os
import pathlib
import subprocess
import sys
from statistics import mean

TESTS = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "fleet")]
from simulator import Simulator  # noqa: E402
from support import Redis  # noqa: E402

MANY = {"contexts": 100000, "period_ms": 20500, "interval_ms": 20000}
FEW = {"contexts": 1000, "period_ms": 205, "interval_ms": 55}  # as many polls per second
BUDGET = 700
LATE_MS = 1000
MEMORY_MAX = 2048
CPU_RATIO_MAX = 1.25
REDIS_ROUND_TRIP_US = 500


def start_simulator(folder, core, interval_ms, budget):
    """One that enforces an interval and, if given, an hourly budget for each account. It runs on a separate core."""
    return Simulator(f"{folder}/examples/simulator/locksync-sim", "--any-key", "--locks", "10", "--static",
                     "--threads", "1", "--min-interval-ms", str(interval_ms), "--hourly-budget", str(budget),
                     before=("taskset", "-c", str(core)))


def waited_ms(simulator):
    """How long its threads were ready to run while another process had the core."""
    waited = 0
    for path in glob.glob(f"/proc/{simulator.process.pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            waited += int(f.read().split()[1])
    return waited / 1e6


def measure(folder, core, simulator, crowd, interval_ms, seconds, *redis_url):
    """Measurements of the client, and counts of the simulator."""
    simulator.ask("reset", "POST")
    waited = waited_ms(simulator)
    command = ["taskset", "-c", str(core), f"{folder}/tests/bench/bench-crowd", simulator.url, str(crowd["contexts"]),
               str(crowd["period_ms"]), str(interval_ms), str(seconds), *redis_url]
    client = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    server = simulator.ask("stats")
    unsent = client["too_soon"] + client["skipped"]
    if server["accounts"] != client["contexts"] or server["syncs"] + unsent != client["polls"]:
        raise SystemExit(f"The simulator's counts differ from the client's: {client} {server}")
    return {**crowd, **client, "server": server, "server_waited_ms": waited_ms(simulator) - waited,
            "without_response": unsent + client["failed"],
            "violations": sum(server[k] for k in server if k.endswith("_violations"))}


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for n, row in enumerate(rows):
        print("| " + " | ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))) + " |")
        if n == 0:
            print("|" + "|".join("-" * (w + 1) + ":" if i else "-" * (w + 2) for i, w in enumerate(widths)) + "|")


def show(runs):
    rows = [[""] + [name for name, _ in runs]]
    for title, value in [
        ("contexts", lambda r: f"{r['contexts']:,}"),
        ("each polled every, ms", lambda r: f"{r['period_ms']:,}"),
        ("interval of guard and simulator, ms", lambda r: f"{r['interval_ms']:,}"),
        ("polls, with those of the warm-up", lambda r: f"{r['polls']:,}"),
        ("measured", lambda r: f"{r['measured']:,}"),
        ("with a response", lambda r: f"{r['with_response']:,}"),
        ("a second", lambda r: f"{r['per_second']:,}"),
        ("processor time of the client per fetch, us", lambda r: f"{r['cpu_us']:.1f}"),
        ("from its first due time to its response, median ms", lambda r: f"{r['median_ms']:.1f}"),
        ("99 of 100 within ms", lambda r: f"{r['p99_ms']:.1f}"),
        ("slowest, ms", lambda r: f"{r['max_ms']:.1f}"),
        ("slowest of the warm-up, ms", lambda r: f"{r['warm_up_max_ms']:.1f}"),
        ("later than a second, or without a response", lambda r: f"{r['late']:,}"),
        ("denied by the guard, skipped, failed", lambda r: f"{r['too_soon']:,}, {r['skipped']:,}, {r['failed']:,}"),
        ("too soon or too often, by the simulator", lambda r: f"{r['violations']:,}"),
        ("closest two of one account, ms", lambda r: f"{r['server']['closest_us'] / 1e3:,.1f}"),
        ("connections", lambda r: f"{r['server']['connections']:,}"),
        ("a context's heap, bytes", lambda r: f"{r['heap_bytes']:,}"),
        ("growth of the process, bytes a context", lambda r: f"{r['resident_bytes']:,}"),
        ("its key in addition, bytes", lambda r: f"{r['key_bytes']:,}"),
        ("client, server waited for the core, ms", lambda r: f"{r['waited_ms']:,}, {r['server_waited_ms']:,.0f}"),
    ]:
        rows.append([title] + [value(r) for _, r in runs])
    table(rows)


def judge(goals):
    for met, what in goals:
        print(f"{'met   ' if met else 'missed'}  {what}")


def goals_of_polls(many):
    return [
        (many["late"] == 0, f"none of {many['with_response']:,} responses later than {LATE_MS:,} ms, and no context "
         f"without: {many['late']:,} were"),
        (many["without_response"] == 0, f"no poll denied, skipped or failed: {many['without_response']:,} were"),
        (many["violations"] == 0, f"none too soon or too often for the service's rules: {many['violations']:,} were"),
    ]


def goals_of_costs(many, few):
    ratio = many["cpu_us"] / mean(r["cpu_us"] for r in few)
    return [
        (many["heap_bytes"] <= MEMORY_MAX,
         f"an idle context's heap at most {MEMORY_MAX:,} bytes: {many['heap_bytes']:,}"),
        (many["resident_bytes"] <= MEMORY_MAX,
         f"growth of the process a context at most {MEMORY_MAX:,} bytes: {many['resident_bytes']:,}"),
        (ratio <= CPU_RATIO_MAX,
         f"processor time per fetch, times that of 1,000 contexts, at most {CPU_RATIO_MAX}: {ratio:.2f}"),
    ]


def run_redis(folder, core, simulator, seconds):
    """The crowd with guards in Redis, behind a proxy that delays."""
    redis = Redis()
    try:
        redis.settle_in()
        with subprocess.Popen([f"{folder}/tests/bench/bench-delay", str(redis.port), str(REDIS_ROUND_TRIP_US)],
                              stdout=subprocess.PIPE, text=True) as delay:
            try:
                url = f"redis://127.0.0.1:{int(delay.stdout.readline())}"
                return measure(folder, core, simulator, MANY, 0, seconds, url)
            finally:
                delay.kill()
    finally:
        redis.file.close()
        redis.stop()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder")
    options.add_argument("--quick", action="store_true")
    options.add_argument("--redis", action="store_true")
    options.add_argument("--contexts", type=int, default=MANY["contexts"])
    options.add_argument("--seconds", type=int)
    options = options.parse_args()
    long, short = (20, 5) if options.quick else (60, 20)
    long = options.seconds or long
    MANY["contexts"] = options.contexts
    cores = sorted(os.sched_getaffinity(0))
    simulators = []

    def run(crowd, interval_ms, seconds):
        print(f"{crowd['contexts']:,} contexts for {seconds} s ...", flush=True)
        simulator = simulators[0 if crowd is MANY else 1]
        return measure(options.folder, cores[0], simulator, crowd, interval_ms, seconds)

    try:
        simulators.append(start_simulator(options.folder, cores[-1], MANY["interval_ms"], BUDGET))
        simulators.append(start_simulator(options.folder, cores[-1], FEW["interval_ms"], 0))
        if options.redis:
            many = run_redis(options.folder, cores[0], simulators[0], long)
            runs, goals = [("guards in Redis", many)], goals_of_polls(many)
        else:
            before = run(FEW, FEW["interval_ms"], short)
            many = run(MANY, 0, long)  # each with its private guard
            after = run(FEW, FEW["interval_ms"], short)
            runs = [("before", before), ("the crowd", many), ("after", after)]
            goals = goals_of_polls(many) + goals_of_costs(many, [before, after])
    finally:
        for simulator in simulators:
            simulator.stop()
    print(f"\n{datetime.date.today().isoformat()}, {len(cores)} cores\n")
    show(runs)
    print()
    judge(goals)


main()
