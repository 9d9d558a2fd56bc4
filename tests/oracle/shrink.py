"""Makes a body that shows a difference shorter, for as long as it shows the same difference."""
import re
import time

from cases import TOKEN

NUMBER = re.compile(r'-?\d+')


def spans(text):
    """What may be cut out, the longest first: elements and members with a comma, tokens, and runs of them."""
    tokens = [found.span() for found in TOKEN.finditer(text)]
    found = set()
    open_at = []
    starts = [[0]]  # for each open container, the tokens at which its parts begin
    for i, (a, b) in enumerate(tokens):
        token = text[a:b]
        if token in (b'{', b'['):
            open_at.append(i)
            starts.append([i + 1])
        elif token == b',':
            add_part(found, tokens, starts[-1][-1], i + 1)
            if len(starts[-1]) > 1:
                add_part(found, tokens, starts[-1][-1] - 1, i)
            starts[-1].append(i + 1)
        elif token in (b'}', b']') and open_at:
            begin = starts.pop()[-1]
            add_part(found, tokens, begin, i)
            add_part(found, tokens, begin - 1, i)
            add_part(found, tokens, open_at.pop() + 1, i)
    n = len(tokens)
    width = n // 2
    while width >= 1:
        for i in range(0, n, width):
            add_part(found, tokens, i, min(i + width, n))
        width //= 2
    return sorted(found, key=lambda span: span[0] - span[1])


def add_part(found, tokens, first, end):
    """Adds the span of some tokens."""
    if 0 <= first < end <= len(tokens):
        found.add((tokens[first][0], tokens[end - 1][1]))


def smaller(text):
    """The text, each time with something less."""
    yield b''.join(TOKEN.findall(text))
    for a, b in spans(text):
        yield text[:a] + text[b:]
    for i in range(len(text) if len(text) < 400 else 0):
        yield text[:i] + text[i + 1:]


def shrink(case, is_same, seconds=10):
    """The smallest case that `is_same` accepts and that was found in time."""
    until = time.monotonic() + seconds
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for i in range(len(case.texts)):
            for text in smaller(case.texts[i]):
                if len(text) >= len(case.texts[i]):
                    continue
                if time.monotonic() > until:
                    return case
                less = case.with_texts(case.texts[:i] + (text,) + case.texts[i + 1:])
                if is_same(less):
                    is_smaller = True
                    case = less
                    break
            if is_smaller:
                break
    return case


def kind_of(expected, line):
    """What a difference is about: both statuses or, where they are alike, the words that differ."""
    one, other = expected.split(), line.split()
    if one[:1] != other[:1]:
        return (one[:1], other[:1])
    return {word.split('=')[0] for word in set(one) ^ set(other) if not NUMBER.fullmatch(word)}
