"""Tables, targets, JSON and a plot from the results of the benchmark programs; tests/bench/run calls it."""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
from statistics import median

LIBRARY = "liblocksync"
SIZES = [1, 10, 100, 1000, 10000, 100000]
MEMORY_PER_LOCK = 64
MEMORY_FIXED = 256 * 1024
LIBRARIES = ["libcurl", "jansson", "libcjson", "libmicrohttpd"]
FAST = {"yyjson": "libyyjson-dev", "simdjson": "libsimdjson-dev"}  # included if their packages are installed
BARE = "libcurl, handle reused, not decoded"
DIFF_MS_MAX = 10
DIRECTORY_MAX = 1.3
PLAIN_MULTI = "libcurl, curl_multi_perform"
EVENT_LOOP = "libcurl, socket_action, same options"
CONNECTION_EACH = "libcurl, a connection each"
POOL_TARGETS = [  # scene, contestant, least multiple of its rate
    ("HTTP/1.1, 64 at once", PLAIN_MULTI, 0.75),
    ("HTTP/1.1, 64 at once", EVENT_LOOP, 0.90),
    ("HTTP/1.1, 1,000 submitted", PLAIN_MULTI, 1.5),
    ("HTTP/2, 64 at once", PLAIN_MULTI, 0.85),
    ("HTTP/2, 64 at once", CONNECTION_EACH, 25),
    ("HTTP/2, 512 at once", PLAIN_MULTI, 0.85),
    ("HTTP/2, 512 at once", CONNECTION_EACH, 25),
]
CONNECTIONS_MAX = 8


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine(fast):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        cpu = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.M)
    return {
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": re.match(r"[0-9.]*[0-9]", platform.release()).group(0),
        "libc": " ".join(platform.libc_ver()),
        "gcc": output_of("gcc", "-dumpfullversion"),
        **{name: output_of("pkg-config", "--modversion", name) for name in LIBRARIES + fast},
    }


def merge(lines, part, *keys):
    """Returns one row per key: the median over the runs of each number. Each also keeps its runs, in order."""
    rows = {}
    for line in lines:
        if line["part"] == part:
            rows.setdefault(tuple(line[k] for k in keys), []).append(line)
    merged = {}
    for key, runs in rows.items():
        numbers = [k for k in runs[0] if k.endswith("_ns")]
        merged[key] = {**runs[0], **{k: median(run[k] for run in runs) for k in numbers}, "runs": runs}
    return merged


def ratio(row, base):
    """Returns the row's time as a multiple of the base's: the median over the runs of each run's ratio."""
    return median(a["median_ns"] / b["median_ns"] for a, b in zip(row["runs"], base["runs"]))


def table(title, head, rows):
    lines = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    print(f"\n{title}\n")
    for n, line in enumerate(lines):
        cells = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))]
        print("| " + " | ".join(cells) + " |")
        if n == 0:
            print("|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")


def times(value):
    return f"{value:.{2 if value < 2 else 1 if value < 100 else 0}f}"


# --- tables ---


def contestants_of(decoding):
    return list(dict.fromkeys(who for _, _, who in decoding))


def table_of_decoding(decoding, order, sizes, title):
    rows = []
    for n in sizes:
        library = decoding[order, n, LIBRARY]
        for who in contestants_of(decoding):
            r = decoding[order, n, who]
            rows.append([f"{n:,} {'lock' if n == 1 else 'locks'}, {who}", f"{r['median_ns'] / n:,.0f}",
                         f"{r['p99_ns'] / n:,.0f}", f"{r['bytes'] / r['median_ns'] * 1e3:,.0f}",
                         "" if who == LIBRARY else times(ratio(r, library))])
    table(title, ["contestant", "ns per lock", "p99", "MB/s", "times liblocksync"], rows)


def table_of_fetch(fetch, places):
    base = fetch[places, BARE]
    rows = [[who, f"{r['median_ns'] / 1e3:.1f}", f"{r['p99_ns'] / 1e3:.1f}", f"{ratio(r, base):.3f}"]
            for (at, who), r in fetch.items() if at == places]
    what = "Client and server on a core each" if places == "a core each" else "Client and server share one core"
    table(f"Fetch of {base['locks']} locks ({base['bytes']:,} bytes). {what}",
          ["contestant", "median us", "p99 us", "times bare libcurl"], rows)


def connections(row):
    return max(run["connections"] for run in row["runs"])


def table_of_pool(pool, scene):
    library = pool[scene, LIBRARY]
    counted = "connections" in library
    rows = [[who, f"{1e9 / r['median_ns']:,.0f}", f"{r['cpu_ns'] / 1e3:.1f}", f"{ratio(r, library):.2f}"]
            + ([f"{connections(r):,}"] if counted else []) for (at, who), r in pool.items() if at == scene]
    accounts = f"{library['accounts']:,} accounts, " if library["accounts"] != library["at_once"] else ""
    table(f"Many accounts, {accounts}{scene}: {library['locks']} locks ({library['bytes']:,} bytes)",
          ["contestant", "requests a second", "CPU us", "liblocksync, times its rate",
           *(["connections"] if counted else [])], rows)


# --- targets ---


def targets_of(decoding, diff, directory, fetch, pool, memory, allocations):
    def target(what, bound, measured, met, unit=""):
        found.append({"what": what, "target": bound, "measured": measured, "met": met, "unit": unit})

    found = []
    for n in (10, 100, 1000, 10000):
        for who, least in (("jansson", 15 if n == 10 else 20), ("cJSON", 4 if n == 10 else 5)):
            times_faster = ratio(decoding["ascending", n, who], decoding["ascending", n, LIBRARY])
            target(f"decoding {n:,} locks, times faster than {who} and extracting", f"at least {least}",
                   f"{times_faster:.1f}", times_faster >= least)
    costs = [decoding["ascending", n, LIBRARY]["median_ns"] / n for n in SIZES[1:]]
    spread = max(costs) / min(costs) - 1
    target("cost per lock flat from 10 to 100,000 locks", "within 15 %", f"{spread:.1%}", spread <= 0.15)
    for order, r in diff.items():
        target(f"comparing results of {r['locks']:,} locks, 1 % changed, ids {order}, ms", f"under {DIFF_MS_MAX}",
               f"{r['median_ns'] / 1e6:.2f}", r["median_ns"] < DIFF_MS_MAX * 1e6)
    relation = ratio(directory[LIBRARY], directory["jansson"])
    target("decoding a directory, times jansson's reading alone", f"at most {DIRECTORY_MAX}", f"{relation:.2f}",
           relation <= DIRECTORY_MAX)
    for places in sorted({at for at, _ in fetch}):
        relation = ratio(fetch[places, LIBRARY], fetch[places, BARE])
        target(f"fetch, times bare libcurl, client and server on {places}", "at most 1.05", f"{relation:.3f}",
               relation <= 1.05)
    for scene, who, least in POOL_TARGETS:
        relation = ratio(pool[scene, who], pool[scene, LIBRARY])
        target(f"pool, {scene}, times the rate of {who}", f"at least {least}", f"{relation:.2f}", relation >= least)
    most = max(connections(r) for (_, who), r in pool.items() if who == LIBRARY and "connections" in r)
    target("pool, HTTP/2, connections", f"at most {CONNECTIONS_MAX}", f"{most}", most <= CONNECTIONS_MAX)
    library = memory[LIBRARY]
    bound = library["bytes"] + MEMORY_PER_LOCK * library["locks"] + MEMORY_FIXED
    target(f"peak memory growth, {library['locks']:,} locks, KiB", f"at most {bound // 1024:,}",
           f"{library['growth_kib']:,}", library["growth_kib"] * 1024 <= bound)
    own = allocations[LIBRARY]["own"]
    target("allocations of the library per fetch", "at most 4", f"{own:.2f}", own <= 4)
    return found


# --- the plot ---

STYLE = """
    .page { fill: #f7f8fa; stroke: #c4cbd4; }
    .grid { stroke: #d5dae1; }
    text { fill: #1c232b; font-size: 13px; }
    .head { font-size: 16px; font-weight: bold; }
    .small { font-size: 12px; fill: #46505c; }
    .name { stroke: #f7f8fa; stroke-width: 5px; paint-order: stroke; }
    .middle { text-anchor: middle; } .end { text-anchor: end; }
    .line { fill: none; stroke-width: 2.5; }
    .library { stroke: #1d4ed8; } .jansson { stroke: #b45309; } .cjson { stroke: #0f766e; }
    .dot { stroke-width: 2; fill: #f7f8fa; }
    .bar { fill: #98a3b1; } .bar.marked { fill: #1d4ed8; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #1b2027; stroke: #3a434e; }
      .grid { stroke: #343d48; }
      text { fill: #eef2f6; }
      .small { fill: #b6c0cb; }
      .library { stroke: #7fb0ff; } .jansson { stroke: #fbbf6b; } .cjson { stroke: #5eead4; }
      .dot { fill: #1b2027; }
      .name { stroke: #1b2027; }
      .bar { fill: #6c7785; } .bar.marked { fill: #7fb0ff; }
    }"""


def short(n):
    return f"{n // 1000:,} k" if n >= 1000 else f"{n}"


def plot_decoding(decoding, out):
    """Both axes logarithmic; 1 to 100,000 locks, 100 ns to 10 us a lock."""
    from math import log10
    left, right, top, bottom = 78, 440, 70, 392

    def x(n):
        return left + (right - left) * log10(n) / 5

    def y(ns):
        return bottom - (bottom - top) * (log10(ns) - 2) / 2

    out.append('<text class="head" x="24" y="36">Decoding: ns per lock</text>')
    for ns in (100, 200, 500, 1000, 2000, 5000, 10000):
        out.append(f'<line class="grid" x1="{left}" y1="{y(ns):.1f}" x2="{right}" y2="{y(ns):.1f}"/>')
        out.append(f'<text class="small end" x="{left - 8}" y="{y(ns) + 4:.1f}">{ns:,}</text>')
    for n in SIZES:
        out.append(f'<text class="small middle" x="{x(n):.1f}" y="{bottom + 20}">{short(n)}</text>')
    out.append(f'<text class="small middle" x="{(left + right) / 2}" y="{bottom + 42}">locks in the body</text>')
    for who, style, label in ((LIBRARY, "library", "liblocksync"), ("jansson", "jansson", "jansson + extract"),
                              ("cJSON", "cjson", "cJSON + extract")):
        costs = [decoding["ascending", n, who]["median_ns"] / n for n in SIZES]
        points = [(x(n), y(min(max(ns, 100), 10000))) for n, ns in zip(SIZES, costs)]
        way = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        out.append(f'<polyline class="line {style}" points="{way}"/>')
        out += [f'<circle class="dot {style}" cx="{px:.1f}" cy="{py:.1f}" r="4"/>' for px, py in points]
        above = min(py for _, py in points[:3]) - 12
        out.append(f'<text class="name" x="{left + 14}" y="{above:.1f}">{label}</text>')


def plot_fetch(fetch, out):
    left, right, at = 500, 930, 70
    longest = max(r["median_ns"] for r in fetch.values())
    out.append(f'<text class="head" x="{left}" y="36">Fetch of 10 locks over loopback: us, median</text>')
    for places in ("a core each", "one core"):
        rows = [(who, r) for (there, who), r in fetch.items() if there == places]
        if not rows:
            continue
        out.append(f'<text x="{left}" y="{at}">client and server on {places}</text>')
        at += 10
        for who, r in rows:
            width = (right - left - 52) * r["median_ns"] / longest
            style = " marked" if who.startswith(LIBRARY) else ""
            out.append(f'<text class="small" x="{left}" y="{at + 11}">{who}</text>')
            end, us = left + width + 6, r["median_ns"] / 1e3
            out.append(f'<rect class="bar{style}" x="{left}" y="{at + 15}" width="{width:.1f}" height="9" rx="2"/>')
            out.append(f'<text class="small" x="{end:.1f}" y="{at + 24}">{us:.1f}</text>')
            at += 32
        at += 24


def plot(decoding, fetch, path):
    out = [f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 460" width="960" height="460" role="img"
     aria-labelledby="title description" font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif">
  <title id="title">The cost of decoding and fetching</title>
  <desc id="description">Left: nanoseconds per lock against the number of locks, for liblocksync, jansson and cJSON.
    Right: the median time of a blocking fetch of ten locks, for liblocksync and for libcurl by hand.</desc>
  <style>{STYLE}
  </style>
  <rect class="page" x="0.5" y="0.5" width="959" height="459" rx="8"/>"""]
    plot_decoding(decoding, out)
    plot_fetch(fetch, out)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n  ".join(out) + "\n</svg>\n")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("results")
    options.add_argument("--json")
    options.add_argument("--svg")
    options = options.parse_args()
    with open(options.results, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]

    decoding = merge(lines, "decoding", "order", "locks", "who")
    diff = {line["order"]: line for line in lines if line["part"] == "diff"}
    directory = {key[0]: row for key, row in merge(lines, "directory", "who").items()}
    fetch = merge(lines, "fetch", "places", "who")
    pool = merge(lines, "pool", "scene", "who")
    start = {key[0]: row for key, row in merge(lines, "start", "who").items()}
    memory = {line["who"]: line for line in lines if line["part"] == "memory"}
    allocations = {line["who"]: line for line in lines if line["part"] == "allocations"}
    weights = {line["who"]: line["bytes"] for line in lines if line["part"] == "size"}
    fast = [who for who in contestants_of(decoding) if who in FAST]
    about = machine(fast)

    print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()))
    for who in FAST:
        if who not in fast:
            print(f"Without {who}: {FAST[who]} was not there when the benchmark was built.")
    table_of_decoding(decoding, "ascending", SIZES, "Decoding")
    table_of_decoding(decoding, "shuffled", [10, 10000], "Decoding, locks not in the order of their ids")
    table("Comparing two results of 100,000 locks, 1 % changed", ["ids", "median ms", "p99 ms"],
          [[order, f"{r['median_ns'] / 1e6:.2f}", f"{r['p99_ns'] / 1e6:.2f}"] for order, r in diff.items()])
    read = directory["jansson"]
    table(f"Decoding a directory of {read['locks']:,} locks ({read['bytes']:,} bytes, ten pages)",
          ["contestant", "median ms", "p99 ms", "times jansson"],
          [[who, f"{r['median_ns'] / 1e6:.2f}", f"{r['p99_ns'] / 1e6:.2f}", f"{ratio(r, read):.2f}"]
           for who, r in directory.items()])
    for places in dict.fromkeys(at for at, _ in fetch):
        table_of_fetch(fetch, places)
    for scene in dict.fromkeys(scene for scene, _ in pool):
        table_of_pool(pool, scene)
    table("Peak of resident memory, 100,000 locks", ["contestant", "growth KiB", "times liblocksync"],
          [[who, f"{m['growth_kib']:,}", f"{m['growth_kib'] / memory[LIBRARY]['growth_kib']:.2f}"]
           for who, m in memory.items()])
    table("Allocations per fetch in steady state", ["contestant", "by the library", "in the whole process"],
          [[who, f"{a['own']:.2f}" if who.startswith(LIBRARY) else "", f"{a['process']:.2f}"]
           for who, a in allocations.items()])
    table("From the start of a process to its first response",
          ["contestant", "median ms", "p99 ms", "times liblocksync"],
          [[who, f"{r['median_ns'] / 1e6:.2f}", f"{r['p99_ns'] / 1e6:.2f}",
            f"{r['median_ns'] / start[LIBRARY]['median_ns']:.2f}"] for who, r in start.items()])
    table("Size of liblocksync.so, stripped", ["build", "bytes"], [[who, f"{n:,}"] for who, n in weights.items()])
    targets = targets_of(decoding, diff, directory, fetch, pool, memory, allocations)
    print("\nTargets\n")
    for t in targets:
        print(f"{'met   ' if t['met'] else 'missed'}  {t['what']}: {t['measured']} ({t['target']})")

    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"date": datetime.date.today().isoformat(), "machine": about, "measured": lines,
                       "targets": targets}, f, indent=1)
            f.write("\n")
    if options.svg:
        plot(decoding, fetch, options.svg)


main()
