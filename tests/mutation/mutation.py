"""Draws mutants, judges them and writes the report; see run."""
import collections
import hashlib
import json
import os
import re
import shlex
import signal
import sys

import places
import suite

REPORT = f"{suite.WORK}/report"
VERDICTS = f"{suite.WORK}/verdicts.json"
EQUALS = "tests/mutation/equals"
WANTED = 92  # percent killed


def mutants_of_tree(only):
    """Returns all mutants of the files in src/ that the build compiles, and the objects of each file."""
    with open(f"{suite.PLAIN}/compile_commands.json", encoding="utf-8") as file:
        commands = json.load(file)
    mutants, objects = [], {}
    for command in commands:
        path = os.path.normpath(os.path.join(command["directory"], command["file"]))
        name = os.path.relpath(path, suite.TREE)
        if not command["output"].startswith("src/") or (only and name not in only):
            continue
        objects.setdefault(name, []).append(command["output"])
        if len(objects[name]) == 1:
            arguments = [re.sub("^-I(?!/)", f"-I{command['directory']}/", word) for word in
                         shlex.split(command["command"])[1:] if re.match("-[IDf]|-std|-pthread", word)]
            mutants += places.mutants_of(name, path, ["-w", *arguments])
    return mutants, objects


def drawn(mutants, seed):
    """Returns (key, mutant) in the order of a draw. A mutant keeps its place in it when code elsewhere changes."""
    times = collections.Counter()
    keyed = []
    for mutant in mutants:
        times[mutant.place] += 1  # the same change of the same text
        key = repr((seed, mutant.place, times[mutant.place]))
        keyed.append((hashlib.sha256(key.encode()).hexdigest(), mutant))
    return sorted(keyed, key=lambda pair: pair[0])


def read_equals():
    """Returns the mutants in the list of equals."""
    with open(EQUALS, encoding="utf-8") as file:
        text = file.read()
    return {match.groups() for match in re.finditer(r"^(src/\S+) (\w+): .*\n- (.*)\n\+ (.*)$", text, re.M)}


class Judge:
    """Judges mutants one by one, and remembers the verdicts."""

    def __init__(self, tests, objects):
        self.tests = tests
        self.objects = objects
        self.originals = {}
        self.verdicts = json.loads(suite.content(VERDICTS)) if os.path.exists(VERDICTS) else {}

    def state(self, verdict):
        """Returns the state on which a verdict depends: of the test that found the mutant, or of all tests."""
        name = verdict.removeprefix("killed by ")
        return self.tests.known[name]["state"] if name in self.tests.tests else self.tests.state

    def code(self, mutant):
        return [suite.content(f"{suite.PLAIN}/{name}") for name in self.objects[mutant.file]]

    def verdict(self, key, mutant):
        old = self.verdicts.get(key)
        if old and old[1] == self.state(old[0]):
            return old[0]
        path = f"{suite.TREE}/{mutant.file}"
        source = suite.content(path)
        self.originals.setdefault(mutant.file, self.code(mutant))  # the first time, the file is unchanged
        try:
            with open(path, "wb") as file:
                file.write(source[:mutant.start] + mutant.after.encode() + source[mutant.end:])
            verdict = self.tried(mutant)
        finally:
            with open(path, "wb") as file:
                file.write(source)
        self.verdicts[key] = verdict, self.state(verdict)
        with open(VERDICTS, "w", encoding="utf-8") as file:
            json.dump(self.verdicts, file)
        return verdict

    def tried(self, mutant):
        """Builds only what the next tests need, because the first tests find most mutants."""
        if suite.ninja(suite.PLAIN, *self.objects[mutant.file]):
            return "does not compile"
        if self.code(mutant) == self.originals[mutant.file]:
            return "same code"
        needed, some = self.tests.needed(mutant), suite.AT_ONCE
        while needed:
            now, needed = needed[:some], needed[some:]
            some *= 2
            if suite.ninja(suite.PLAIN, *{target for test in now for target in test.targets}):
                return "does not compile"
            found = self.tests.find_fault(now)
            if found:
                return f"killed by {found}"
        return "survived"


def write_report(judged, not_run):
    """Writes the report and returns its last line."""
    def ones(verdict):
        return [mutant for mutant, what in judged if what.startswith(verdict)]

    killed, survived, same = len(ones("killed")), ones("survived"), len(ones("same code"))
    total = killed + len(survived)
    last = (f"{total} mutants: {killed} killed ({100 * killed / max(total, 1):.1f} %), {len(survived)} survived, "
            f"{same} with the same code")
    with open(REPORT, "w", encoding="utf-8") as file:
        for mutant, verdict in sorted(judged, key=lambda pair: (pair[0].file, pair[0].start, pair[0].after)):
            print(f"{mutant}: {verdict}", file=file)
        print("\nSurvivors:", file=file)
        for mutant in sorted(survived, key=lambda mutant: (mutant.file, mutant.start)):
            print(f"{mutant.file} {mutant.function}: line {mutant.line}\n- {mutant.old}\n+ {mutant.new}", file=file)
        print("\nTests that were not run:", file=file)
        for name, why in sorted(not_run.items()):
            print(f"{name}: {why}", file=file)
        print(f"\n{last}", file=file)
    return last, 100 * killed >= WANTED * max(total, 1)


def main():
    if len(sys.argv) < 2 or not sys.argv[1].isdigit():
        raise SystemExit("tests/mutation/run N [SEED [FILE...]]")
    wanted, seed = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "1"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tests = suite.Suite()
    mutants, objects = mutants_of_tree(sys.argv[3:])
    judge, equals, judged, counted = Judge(tests, objects), read_equals(), [], 0
    print(f"{len(mutants)} mutants, {len(tests.tests)} tests", flush=True)
    for key, mutant in drawn(mutants, seed):
        if counted == wanted:
            break
        if mutant.place in equals:
            continue
        verdict = judge.verdict(key, mutant)
        judged.append((mutant, verdict))
        counted += verdict.startswith(("killed", "survived"))
        print(f"{counted} {mutant}: {verdict}", flush=True)
        write_report(judged, tests.not_run)
    last, enough = write_report(judged, tests.not_run)
    print(last)
    sys.exit(not enough)


if __name__ == "__main__":
    main()
