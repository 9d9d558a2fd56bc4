"""Shortens a body that shows a difference, as long as it shows the same difference."""
import re
import time

from cases import TOKEN

NUMBER = re.compile(r'-?\d+')


def spans(text):
    """Spans to cut out, the longest first: containers with the tokens around them, members, and runs of tokens."""
    tokens = [found.span() for found in TOKEN.finditer(text)]
    n = len(tokens)
    runs, open_at = set(), []
    for i, (a, b) in enumerate(tokens):
        if text[a:b] in (b'{', b'['):
            open_at.append(i)
        elif text[a:b] in (b'}', b']') and open_at:
            first = open_at.pop()
            runs |= {(first + 1, i), (first, i + 1), (first, i + 2), (first - 1, i + 1), (first - 2, i + 2),
                     (first - 3, i + 1)}
    for width in (2, 4):  # an element with its comma, a member with its key
        runs |= {(i, i + width) for i in range(n)}
    for width in (n >> halved for halved in range(1, n.bit_length())):
        runs |= {(i, min(i + width, n)) for i in range(0, n, width)}
    found = [(tokens[first][0], tokens[end - 1][1]) for first, end in runs if 0 <= first < end <= n]
    return sorted(found, key=lambda span: span[0] - span[1])


def smaller(text):
    """Yields shorter forms of the text."""
    yield b''.join(TOKEN.findall(text))
    for a, b in spans(text):
        yield text[:a] + text[b:]
    for i in range(len(text) if len(text) < 400 else 0):
        yield text[:i] + text[i + 1:]


def smaller_cases(case):
    for i, text in enumerate(case.texts):
        for less in smaller(text):
            if len(less) < len(text):
                yield case.with_texts(case.texts[:i] + (less,) + case.texts[i + 1:])


def shrink(case, is_same, seconds=10):
    """Returns the smallest case that `is_same` accepts and that was found in time."""
    until = time.monotonic() + seconds
    while True:
        for less in smaller_cases(case):
            if time.monotonic() > until:
                return case
            if is_same(less):
                case = less
                break
        else:
            return case


def kind_of(expected, line):
    """The kind of a difference: both statuses or, if they are equal, the words that differ."""
    one, other = expected.split(), line.split()
    if one[:1] != other[:1]:
        return (one[:1], other[:1])
    return {word.split('=')[0] for word in set(one) ^ set(other) if not NUMBER.fullmatch(word)}
