"""Runs cases with the library, by the program of library.c, and finds those that differ from what is expected."""
import subprocess

import cases


def run(program, inputs):
    """Returns the library's lines for some cases, fewer if the program ended before the last, and how it ended."""
    done = subprocess.run([program], input=b''.join(inputs), capture_output=True)
    lines = done.stdout.decode('ascii').split('\n')
    return lines[:-1], done.returncode, done.stderr.decode('utf-8', 'replace')[-4000:]


class Library:
    """Runs the library's program, one case at a time."""

    def __init__(self, program):
        self.program = program
        self.process = None

    def run(self, case):
        """Returns the line for a case, or how the program ended."""
        if self.process is None:
            self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL)
        try:
            self.process.stdin.write(case.input())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline().decode('ascii')
        if line.endswith('\n'):
            return line[:-1]
        return f'ENDED with {self.close()}'

    def close(self):
        """Ends the program, and returns its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.stdout.close()
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        return process.wait()


def compare(job):
    """Compares one batch. Returns its size, the numbers of the cases that differ, and the output of crashes."""
    program, seed, first, n = job
    drawn = [cases.draw(seed, number) for number in range(first, first + n)]
    differing, broken, at = [], [], 0
    while at < n:
        lines, ended, said = run(program, [case.input() for case in drawn[at:]])
        differing += [first + at + i for i, line in enumerate(lines) if not drawn[at + i].agrees(line)]
        at += len(lines)
        if at < n:  # it ended within this case
            differing.append(first + at)
            at += 1
        if ended != 0:
            broken.append(f'{program} ended with {ended}, at case {first + at - 1} of seed {seed} or before: {said}')
    return n, differing, broken
