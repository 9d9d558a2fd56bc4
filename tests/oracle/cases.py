"""Draws cases from a seed: responses with their requests, mutated responses, and pairs of responses for the diff."""
import random
import re

import bodies
import expect
from bodies import Bodies

STATUSES = (100, 201, 204, 206, 299, 300, 302, 304, 400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 599, 600, 999,
            199)
NO_BODIES = (b'', b' ', b'\r\n', b'<html><body>Bad gateway</body></html>', b'null', b'[]', b'{}', b'0', b'"text"', b'-',
             b'{', b'[', b'"', b'\x00', b'\xef\xbb\xbf{"result":[]}', b'{"result":[]}\x00', b'\x00{"result":[]}',
             b'{"result":[]}{}', b'{"result":[]} ,', b'\xff\xfe{\x00}\x00', b'{"result":{}}', b'{"result":""}',
             b'{"result":[]', b'{"something": "else"}', b'tru', b'1.', b'[1,2', b'true')
TOKENS = (b'{', b'}', b'[', b']', b',', b':', b'"', b'\\', b'null', b'true', b'0', b'-', b'1e5', b'.0', b'\x00',
          b'\xff', b'\xef\xbb\xbf', b'\n', b'/', b'\\u0000', b'\\ud800', b'"id":1,', b'"a":0,', b'"result":[],',
          b'"success":false,', b'"statusCode":404,', b'{"id":1},', b'"state":6,')
KEY = re.compile(rb'("(?:[^"\\]|\\.)*")[ \t\r\n]*:', re.DOTALL)
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+.0-9A-Za-z]+|[^ \t\r\n]', re.DOTALL)


class Case:
    """One or two responses, with their requests."""

    def __init__(self, statuses, scopes, texts):
        self.statuses, self.scopes, self.texts = statuses, scopes, texts

    def with_texts(self, texts):
        return Case(self.statuses, self.scopes, texts)

    def input(self):
        """The case as library.c reads it."""
        parts = [f'{scope_text(scope)} {len(text)}' for scope, text in zip(self.scopes, self.texts)]
        head = ['diff'] if len(parts) == 2 else ['decode', str(self.statuses[0])]
        return ' '.join(head + parts).encode() + b'\n' + b''.join(self.texts)

    def expected(self):
        if len(self.texts) == 2:
            return expect.diff_line(self.scopes, self.texts)
        return expect.decode_line(self.statuses[0], self.scopes[0], self.texts[0])

    def agrees(self, line):
        return expect.agree(self.expected(), line, max(map(len, self.texts)))


def scope_text(scope):
    if scope is None:
        return 'all'
    if type(scope) is int:
        return f'one:{scope}'
    return 'ids:' + ','.join(map(str, scope))


def draw(seed, number):
    """Draws case `number` of a seed."""
    rng = random.Random((seed << 40) + number)
    kind = rng.random()
    if kind < 0.2:
        return draw_pair(rng)
    if kind < 0.203:
        return draw_deep(rng)
    if kind < 0.5:
        return draw_with_one_thing(rng)
    case = draw_response(rng)
    if rng.random() < 0.35:
        case = case.with_texts((mutate(rng, case.texts[0]),))
    return case


def draw_scope(rng):
    """Draws a scope: None (all), one id, or some."""
    kind = rng.random()
    if kind < 0.55:
        return None
    if kind < 0.65:
        return rng.randrange(1, 10)
    n = rng.randrange(1, 7) if rng.random() < 0.97 else rng.randrange(7, 400)
    return tuple(rng.randrange(1, 12 + n) if rng.random() < 0.97 else rng.choice(bodies.BIG_IDS) for _ in range(n))


def draw_response(rng):
    made = Bodies(rng)
    made.draw_chances()
    scope = draw_scope(rng)
    status = 200 if rng.random() < 0.92 else rng.choice(STATUSES)
    if rng.random() < 0.03:
        return Case((status,), (scope,), (rng.choice(NO_BODIES),))
    if type(scope) is int and rng.random() < 0.93:
        result = made.record(scope if rng.random() < 0.9 else scope + 1)
    else:
        result = tuple(made.records())
    return Case((status,), (scope,), (made.text(made.envelope(result)),))


def draw_with_one_thing(rng):
    """Draws a documented body, and changes one thing in it."""
    made = Bodies(rng)
    made.is_plain = True
    if rng.random() < 0.9:
        scope, result = None, tuple(made.records())
    else:
        scope, result = 7, made.record(7)
    text = made.text(made.envelope(result))
    return Case((200,), (scope,), (rng.choice(ONE_THING)(rng, text),))


def draw_deep(rng):
    """Draws a body with an unknown value that is nested about as deep as is allowed, or much deeper."""
    levels = rng.randrange(2038, 2054) if rng.random() < 0.8 else rng.randrange(4000, 40000)
    if rng.random() < 0.5:
        value = b'[' * levels + b']' * levels
    else:
        value = b'{"a":' * levels + b'0' + b'}' * levels
    place = rng.choice((b'%b', b'{"x":%b,"result":[]}', b'{"result":[],"x":[%b]}', b'{"result":[{"id":1,"x":%b}]}',
                        b'{"result":[{"id":1,"deviceState":{"x":%b}}]}', b'{"result":%b}'))
    return Case((200,), (None,), (place % value,))


def mutate(rng, text):
    """Changes one to three things in the text."""
    for _ in range(1 + int(rng.random() * 3) if rng.random() < 0.4 else 1):
        text = rng.choice(MUTATIONS)(rng, text)
    return text


def flip_a_bit(rng, text):
    if not text:
        return text
    at = rng.randrange(len(text))
    return text[:at] + bytes((text[at] ^ 1 << rng.randrange(8),)) + text[at + 1:]


def change_a_byte(rng, text):
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(TOKENS)[:1] + text[at + 1:]


def cut_the_end(rng, text):
    return text[:rng.randrange(len(text) + 1)]


def cut_a_span(rng, text):
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.randrange(1, 12):]


def repeat_a_span(rng, text):
    at = rng.randrange(len(text) + 1)
    end = at + rng.randrange(1, 40)
    return text[:end] + text[at:]


def insert_a_token(rng, text):
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(TOKENS) + text[at:]


def insert_between_tokens(rng, text):
    ends = [found.start() for found in TOKEN.finditer(text)] or [0]
    at = rng.choice(ends)
    return text[:at] + rng.choice(TOKENS) + text[at:]


def swap_two_tokens(rng, text):
    spans = [found.span() for found in TOKEN.finditer(text)]
    if len(spans) < 2:
        return text
    (a, b), (c, d) = sorted(rng.sample(spans, 2))
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def change_a_value(rng, text):
    """Replaces a number, string or word by another."""
    spans = [found.span() for found in TOKEN.finditer(text) if found[0][:1] not in b'{}[],:']
    if not spans:
        return text
    a, b = rng.choice(spans)
    return text[:a] + rng.choice(rng.choice(VALUES)) + text[b:]


def insert_a_sign(rng, text):
    """Inserts a comma, bracket, digit or quote before a token, often before the end of an object or array."""
    tokens = list(TOKEN.finditer(text))
    ends = [found for found in tokens if found[0] in (b'}', b']')]
    at = rng.choice([found.start() for found in (ends if rng.random() < 0.5 else tokens)] or [0])
    return text[:at] + rng.choice((b',', b',', b':', b'{', b'}', b'[', b']', b'"', b'0', b'-', b'\\', b' ')) + text[at:]


def cut_a_token(rng, text):
    a, b = rng.choice([found.span() for found in TOKEN.finditer(text)] or [(0, 0)])
    return text[:a] + text[b:]


def repeat_a_key(rng, text):
    """Repeats a key near its place, with another value."""
    keys = list(KEY.finditer(text))
    if not keys:
        return text
    i = rng.randrange(len(keys))
    at = keys[min(max(i + rng.randrange(-3, 4), 0), len(keys) - 1)].start()
    key = keys[i][0] if rng.random() < 0.8 else bodies.escape_key(rng, keys[i][1]) + b':'
    return text[:at] + key + rng.choice(bodies.WHOLES + bodies.WORDS) + b',' + text[at:]


def add_at_an_end(rng, text):
    more = rng.choice(TOKENS + (b' ', b'\n\n', b'{}', b'x'))
    return text + more if rng.random() < 0.7 else more + text


VALUES = (bodies.ODD_NUMBERS, bodies.NO_NUMBERS, bodies.STRINGS, bodies.ODD_STRINGS, bodies.WORDS, bodies.NO_WORDS,
          bodies.WHOLES, bodies.KNOWN_KEYS)
MUTATIONS = (flip_a_bit, change_a_byte, cut_the_end, cut_a_span, repeat_a_span, insert_a_token, insert_between_tokens,
             swap_two_tokens, change_a_value, change_a_value, add_at_an_end)
ONE_THING = MUTATIONS + (insert_a_sign, insert_a_sign, cut_a_token, repeat_a_key, repeat_a_key, change_a_value,
                         change_a_value, lambda rng, text: text)


# ---- pairs for the diff: few ids and few values, so that much is equal

REVISIONS = (b'1', b'2', None)
CONNECTIONS = (b'true', b'true', b'true', b'false', None, b'1')
MEMBERS = ((b'"state"', (b'2', b'6', b'9', b'6.0', b'"6"', None, b'0')), (b'"doorState"', (b'2', b'3', b'0', None)),
           (b'"isCharging"', (b'true', b'false', None)), (b'"batteryLevel"', (b'54', b'0', b'255', None)),
           (b'"stateChangeResult"', (b'0', b'1', None, b'null')),
           (b'"lastStateChangedDate"', (b'"2021-04-26T06:02:04.197Z"', b'"2021-04-26T06:02:05Z"', None)))
# The numbers of values of connection, revision, state object (null, missing or present), and its members.
SIZES = [len(CONNECTIONS), len(REVISIONS), 6] + [len(values) for _, values in MEMBERS]


def draw_lock(rng):
    """Draws the values of one lock, each an index."""
    return [rng.randrange(size) for size in SIZES]


def change_lock(rng, lock):
    """Changes a few values of a lock."""
    lock = list(lock)
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(lock))
        lock[at] = rng.randrange(SIZES[at])
    return lock


def lock_members(rng, lock_id, lock):
    """The record of a lock."""
    state = [(key, values[i]) for (key, values), i in zip(MEMBERS, lock[3:]) if values[i] is not None]
    if rng.random() < 0.2:
        rng.shuffle(state)
    members = [(b'"id"', b'%d' % lock_id), (b'"isConnected"', CONNECTIONS[lock[0]]),
               (b'"revision"', REVISIONS[lock[1]]),
               (b'"deviceState"', b'null' if lock[2] == 0 else None if lock[2] == 1 else state)]
    if rng.random() < 0.2:
        rng.shuffle(members)
    return [(key, value) for key, value in members if value is not None]


def draw_pair(rng):
    ids = [rng.randrange(1, 8) for _ in range(rng.randrange(9))]
    if rng.random() < 0.03:
        ids = range(1, rng.randrange(2, 60))
    before = {lock_id: draw_lock(rng) for lock_id in ids}
    after = {lock_id: change_lock(rng, lock) for lock_id, lock in before.items() if rng.random() < 0.85}
    for _ in range(rng.randrange(3)):
        after[rng.randrange(1, 10)] = draw_lock(rng)
    scopes, texts = [], []
    for locks in (before, after):
        made = Bodies(rng)
        order = list(locks)
        scope = None if rng.random() < 0.6 else draw_scope(rng)
        rng.shuffle(order)
        if type(scope) is int:
            result = lock_members(rng, scope, locks.get(scope) or draw_lock(rng))
        else:
            result = tuple(lock_members(rng, lock_id, locks[lock_id]) for lock_id in order)
        scopes.append(scope)
        texts.append(made.text([(b'"result"', result)]))
    return Case((200, 200), tuple(scopes), tuple(texts))
