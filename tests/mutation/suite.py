"""The copy of the tree, its builds, and its tests: which lines each test runs, and how long it takes."""
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import time

WORK = os.path.abspath("build/mutation")
TREE = f"{WORK}/tree"
PLAIN = f"{TREE}/build/plain"  # the mutants are built here
COVERAGE = f"{TREE}/build/coverage"
KNOWN = f"{WORK}/tests.json"
SCRATCH = f"{WORK}/scratch"  # files of the running tests
OPTIONS = ["-Dtests=enabled", "-Dexamples=enabled", "-Dbindings=disabled", "-Db_ndebug=false", "-Ddebug=false"]
AT_ONCE = 2
# Seconds that a test may take; slower tests are not used.
LONGEST = float(os.environ.get("MUTATION_LONGEST", "15"))
# These test other things than src/, or take long by design.
OTHER_SUITES = {"abi", "cli", "bindings", "headers", "layers", "model", "soak"}
# Limits for a mutant: bytes of addresses, and bytes in a file.
ADDRESSES = 4 << 30
FILE_SIZE = 256 << 20


def ninja(folder, *targets):
    """Builds; returns None, or the compiler's output if that fails."""
    done = subprocess.run(["ninja", "-C", folder, f"-j{AT_ONCE}", "--quiet", *targets], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout if done.returncode else None


def setup(folder, *options):
    if not os.path.exists(f"{folder}/build.ninja"):
        command = ["meson", "setup", folder, *OPTIONS, *options]
        subprocess.run(command, cwd=TREE, env={**os.environ, "CC": "gcc"}, stdout=subprocess.DEVNULL, check=True)
    said = ninja(folder)
    if said:
        raise SystemExit(said)


def copy_tree():
    """Updates the copy. An unchanged file keeps its time, so that ninja does not build it again."""
    names = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], text=True)
    names = {name for name in names.split("\0") if os.path.isfile(name)}
    for name in names:
        copy = f"{TREE}/{name}"
        if not os.path.exists(copy) or content(name) != content(copy):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(name, copy)
    for folder, _, files in os.walk(TREE):
        for copy in (f"{folder}/{name}" for name in files):
            name = os.path.relpath(copy, TREE)
            if name not in names and not name.startswith("build/"):
                os.unlink(copy)


def content(path):
    with open(path, "rb") as file:
        return file.read()


class Test:
    """A test of a build folder, as meson describes it."""

    def __init__(self, folder, entry, targets):
        self.name = entry["name"]
        self.command = entry["cmd"]
        self.environment = entry["env"]
        self.workdir = entry["workdir"] or folder  # like meson
        self.suites = {suite.split(":")[-1] for suite in entry["suite"]}
        self.alone = not entry["is_parallel"]
        needs = [file for need in entry["depends"] for file in targets.get(need, [])]
        self.targets = [os.path.relpath(file, folder) for file in needs]
        self.programs = needs + [f"{folder}/src/liblocksync.so", f"{folder}/src/liblocksync-redis.so"]
        self.seconds = 0.0  # time without a mutant

    def state(self):
        """Returns a hash that changes with the test or the library."""
        state = hashlib.sha256(repr((self.command, LONGEST)).encode())
        for path in filter(os.path.exists, self.programs):
            state.update(content(path))
        return state.hexdigest()[:16]

    def start(self, limit, environment):
        limits = [f"--as={ADDRESSES}", f"--fsize={FILE_SIZE}", "--core=0", f"--cpu={int(limit * AT_ONCE) + 1}"]
        command = ["setpriv", "--pdeathsig", "KILL", "prlimit", *limits, *self.command]
        return subprocess.Popen(
            command, cwd=self.workdir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "MALLOC_PERTURB_": "85", "TMPDIR": SCRATCH, **self.environment, **environment},
            start_new_session=True)


def tests_of(folder):
    """Returns all tests of a build folder, by name."""
    def asked(what):
        return json.loads(subprocess.check_output(["meson", "introspect", what, folder]))

    targets = {target["id"]: target["filename"] for target in asked("--targets")}
    return {entry["name"]: Test(folder, entry, targets) for entry in asked("--tests")}


class Run:
    """A running test, in a separate process group."""

    def __init__(self, test, limit, environment):
        self.test = test
        self.process = test.start(limit, environment)
        self.handle = os.pidfd_open(self.process.pid)
        self.began = time.monotonic()
        self.deadline = self.began + limit

    def end(self):
        """Kills the rest of it; returns "passed", "failed" or "timeout", and the seconds that it took."""
        ended = bool(select.select([self.handle], [], [], 0)[0])
        os.killpg(self.process.pid, signal.SIGKILL)  # not waited for yet, so the group is still this test's
        code = self.process.wait()
        os.close(self.handle)
        outcome = "timeout" if not ended else "passed" if code in (0, 77) else "failed"
        return outcome, round(time.monotonic() - self.began, 2)


def run_tests(tests, limit, environment=lambda test: {}, until_failure=False):
    """Runs tests for at most limit(test) seconds each: returns {name: (outcome, seconds)} of those that ended."""
    outcomes, running, waiting = {}, [], list(tests)
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE and not (
                    running and (waiting[0].alone or running[0].test.alone)):
                test = waiting.pop(0)
                running.append(Run(test, limit(test), environment(test)))
            patience = min(run.deadline for run in running) - time.monotonic()
            ready = select.select([run.handle for run in running], [], [], max(patience, 0))[0]
            for run in [run for run in running if run.handle in ready or run.deadline <= time.monotonic()]:
                running.remove(run)
                outcomes[run.test.name] = run.end()
                if until_failure and outcomes[run.test.name][0] != "passed":
                    return outcomes
    finally:
        for run in running:
            run.end()
    return outcomes


def lines_of(counts):
    """Returns gcov's results for the counts in a folder: ({file: lines that were run}, {file: all its lines}), only for
    src/."""
    run, all_lines = {}, {}
    files = []
    for folder, _, names in os.walk(counts):
        for name in (name for name in names if name.endswith(".gcda")):
            notes = name.replace(".gcda", ".gcno")
            os.symlink(f"{folder[len(counts):]}/{notes}", f"{folder}/{notes}")
            files.append(f"{folder}/{name}")
    said = subprocess.run(["gcov", "--json-format", "--stdout", *files], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout if files else ""
    for record in map(json.loads, filter(None, said.splitlines())):
        for file in record["files"]:
            name = os.path.relpath(os.path.join(record["current_working_directory"], file["file"]), TREE)
            if name.startswith("src/") and name.endswith(".c"):
                all_lines.setdefault(name, set()).update(line["line_number"] for line in file["lines"])
                run.setdefault(name, set()).update(line["line_number"] for line in file["lines"] if line["count"])
    return ({name: sorted(lines) for name, lines in run.items() if lines},
            {name: sorted(lines) for name, lines in all_lines.items()})


class Suite:
    """The tests that judge mutants, and their results without a mutant."""

    def __init__(self):
        os.makedirs(TREE, exist_ok=True)
        copy_tree()
        setup(PLAIN, "-Doptimization=2", "-Dc_args=-w")
        tests = tests_of(PLAIN)
        self.tests = {name: test for name, test in tests.items() if not test.suites & OTHER_SUITES}
        self.not_run = {name: "of another suite" for name in tests if name not in self.tests}
        self.known, self.lines = {}, {}
        if os.path.exists(KNOWN):
            self.known, self.lines = json.loads(content(KNOWN))
        self.measure()

    def measure(self):
        """Runs the tests that changed since their last results."""
        states = {name: test.state() for name, test in self.tests.items()}
        changed = [test for name, test in self.tests.items() if self.known.get(name, {}).get("state") != states[name]]
        if changed:
            print(f"measuring {len(changed)} tests without a mutant", flush=True)
            outcomes = run_tests(changed, lambda test: LONGEST)
            for test in changed:
                outcome, seconds = outcomes[test.name]
                self.known[test.name] = {
                    "state": states[test.name], "outcome": outcome, "seconds": seconds, "lines": {}}
            self.measure_lines([test.name for test in changed if outcomes[test.name][0] == "passed"])
            with open(KNOWN, "w", encoding="utf-8") as file:
                json.dump((self.known, self.lines), file)
        for name, test in list(self.tests.items()):
            test.seconds = self.known[name]["seconds"]
            if self.known[name]["outcome"] != "passed":
                self.not_run[name] = self.known[name]["outcome"]
                del self.tests[name]
        self.state = hashlib.sha256(repr(sorted(states.items())).encode()).hexdigest()[:16]

    def measure_lines(self, names):
        """Finds the lines that each test runs: gcov's counts, with a separate folder for each test."""
        setup(COVERAGE, "-Db_coverage=true", "-Doptimization=0", "-Dc_args=-w -fprofile-update=atomic")
        tests = tests_of(COVERAGE)
        counts = f"{WORK}/counts"
        shutil.rmtree(counts, ignore_errors=True)
        run_tests([tests[name] for name in names], lambda test: 10 * LONGEST,
                  lambda test: {"GCOV_PREFIX": f"{counts}/{test.name}"})
        for name in names:
            self.known[name]["lines"], known = lines_of(f"{counts}/{name}")
            self.lines.update(known)
        shutil.rmtree(counts, ignore_errors=True)

    def needed(self, mutant):
        """Returns the tests that run the mutant's line, or its file if no test runs the line; the fastest first."""
        line = max((line for line in self.lines.get(mutant.file, []) if line <= mutant.line), default=0)
        files = {name: self.known[name]["lines"].get(mutant.file, []) for name in self.tests}
        needed = [name for name, lines in files.items() if line in lines] or [name for name in files if files[name]]
        return sorted((self.tests[name] for name in needed), key=lambda test: (test.seconds, test.name))

    def find_fault(self, tests):
        """Runs tests in their order until one fails; returns its name, or None. A test that depends on time must fail
        twice."""
        def limit(test):
            return 4 * test.seconds + 3

        waiting = list(tests)
        while waiting:
            outcomes = run_tests(waiting, limit, until_failure=True)
            for test in [test for test in waiting if test.name in outcomes]:
                waiting.remove(test)
                outcome = outcomes[test.name][0]
                certain = outcome == "timeout" or "unit" in test.suites
                if outcome != "passed" and (certain or run_tests([test], limit)[test.name][0] != "passed"):
                    return test.name
        return None
