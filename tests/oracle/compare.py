"""Puts cases to the library's side, the program `answer`, and says which differ from what is expected."""
import subprocess

import cases


def ask(program, questions):
    """The library's lines for some cases, fewer if the program ended before the last; and how it ended."""
    done = subprocess.run([program], input=b''.join(questions), capture_output=True)
    lines = done.stdout.decode('ascii').split('\n')
    return lines[:-1], done.returncode, done.stderr.decode('utf-8', 'replace')[-4000:]


class Answerer:
    """The library's side, for one case at a time."""

    def __init__(self, program):
        self.program = program
        self.process = None

    def ask(self, case):
        """The line for a case; one that ends the program gives how it ended."""
        if self.process is None:
            self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL)
        try:
            self.process.stdin.write(case.question())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline().decode('ascii')
        if line.endswith('\n'):
            return line[:-1]
        return f'ENDED with {self.close()}'

    def close(self):
        """Ends the program; gives its exit status."""
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
    """Compares one batch: the numbers of the cases that differ, and what the library's side said when it broke down."""
    program, seed, first, n = job
    drawn = [cases.draw(seed, number) for number in range(first, first + n)]
    differing, broken, at = [], [], 0
    while at < n:
        lines, ended, said = ask(program, [case.question() for case in drawn[at:]])
        differing += [first + at + i for i, line in enumerate(lines) if not drawn[at + i].agrees(line)]
        at += len(lines)
        if at < n:  # it ended within this case
            differing.append(first + at)
            at += 1
        if ended != 0:
            broken.append(f'{program} ended with {ended}, at case {first + at - 1} of seed {seed} or before: {said}')
    return n, differing, broken
