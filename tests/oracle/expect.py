"""The expected results of a response, and of two, written from the public headers and docs/ alone.

Nothing here was taken from the library's sources. An expectation is the line that the program of library.c writes. `+`
in place of a byte offset allows any within the body, because the headers do not define it.
"""
import re

import strict_json
from strict_json import Number

INT32, INT64 = 2 ** 31, 2 ** 63
MAX_DEPTH = 2048
MAX_MESSAGES = 16
FETCHED_AT_MS = 5000

CONNECTED, REVISION, DEVICE_STATE, STATE, DOOR, CHARGING, BATTERY, RESULT, CHANGED = (1 << i for i in range(9))
OF_CONNECTED_ONLY = STATE | DOOR | CHARGING | BATTERY | RESULT

ADDED, REMOVED, IS_CONNECTED, IS_DISCONNECTED = 1, 2, 4, 8
# The bit of a change, the bit of a record, and the member.
COMPARED = ((16, STATE, 'state'), (32, DOOR, 'door'), (64, BATTERY, 'battery'), (128, CHARGING, 'charging'),
            (256, RESULT, 'result'), (512, REVISION, 'revision'))

STATES = {0: 'uncalibrated', 1: 'calibrating', 2: 'unlocked', 3: 'semi-locked', 4: 'unlocking', 5: 'locking',
          6: 'locked', 7: 'pulled', 8: 'pulling', 9: 'unknown', 18: 'updating', 255: 'unpulling'}
DOORS = {0: 'not paired', 1: 'disconnected', 2: 'opened', 3: 'closed', 4: 'uncalibrated'}
NO, YES, UNKNOWN = range(3)

WHOLE = re.compile(rb'-?[0-9]+|(?:-?[0-9]{1,18})(?:\.0+)')
TIME = re.compile(r'(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d)(?::(\d\d))?)?',
                  re.ASCII)


class Fault(Exception):
    """A status other than OK: its name, and the expected detail of the error."""

    def __init__(self, name, at=-1, record=0, messages=()):
        super().__init__(name)
        self.name, self.at, self.record, self.messages = name, at, record, messages


class Lock:
    """One record, with the members of lock_sync_lock; an unknown one is 0."""

    def __init__(self, lock_id):
        self.id = lock_id
        self.fields = self.connected = self.revision = self.changed = 0
        self.state = self.door = self.battery = self.charging = self.result = 0

    def set(self, bit, name, value):
        """Sets a known member; None: it is unknown."""
        if value is not None:
            self.fields |= bit
            setattr(self, name, int(value))

    def text(self):
        """The record as library.c writes it."""
        f = self.fields
        locked = jammed = UNKNOWN
        if f & STATE and 2 <= self.state <= 8:
            locked = YES if self.state == 6 else NO
        if f & RESULT:
            jammed = YES if self.result == 1 else NO
        state = STATES.get(self.state, 'unknown') if f & STATE else 'unknown'
        door = DOORS.get(self.door, 'unknown') if f & DOOR else 'unknown'
        return (f'{self.id} fields={f} connected={self.connected} revision={self.revision} changed={self.changed} '
                f'state={self.state} door={self.door} battery={self.battery} charging={self.charging} '
                f"result={self.result} locked={locked} jammed={jammed} '{state}' '{door}'")


def whole(value, low, high):
    """An integer from low to high, also written as 54.0; otherwise None."""
    found = WHOLE.fullmatch(value) if type(value) is Number else None
    if found is None or len(value) > 20 and b'.' not in value:
        return None
    number = int(value.partition(b'.')[0])
    return number if low <= number <= high else None


def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def time_ms(value):
    """The Unix time in ms of a date and time; None if it is not one."""
    found = TIME.fullmatch(value) if type(value) is str else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    if not (1 <= year and 1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 59):
        return None
    months = (31, 29 if is_leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not 1 <= day <= months[month - 1]:
        return None
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 + sum(months[:month - 1]) + day - 1 - 719162
    offset = 0
    if found[8]:
        hours, minutes = int(found[9]), int(found[10] or 0)
        if hours > 23 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * (1 if found[8] == '+' else -1)
    ms = int((found[7] or '0').ljust(3, '0')[:3])
    return (((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + ms


def truth(value):
    """True or false, also written as 1 and 0; otherwise None."""
    return value if type(value) is bool else {0: False, 1: True}.get(whole(value, 0, 1))


def record(node, index):
    """Returns the record of one lock; raises Fault."""
    lock_id = whole(node.get('id'), 1, INT64 - 1) if type(node) is dict else None
    if lock_id is None:
        raise Fault('LOCK_SYNC_E_MALFORMED', record=index)
    lock = Lock(lock_id)
    lock.set(CONNECTED, 'connected', truth(node.get('isConnected')))
    lock.set(REVISION, 'revision', whole(node.get('revision'), -INT64, INT64 - 1))
    state = node['deviceState'] if 'deviceState' in node else node.get('lockProperties')
    if type(state) is dict:
        lock.fields |= DEVICE_STATE
        lock.set(CHANGED, 'changed', time_ms(state.get('lastStateChangedDate')))
        if lock.connected:
            lock.set(STATE, 'state', whole(state.get('state'), -INT32, INT32 - 1))
            lock.set(DOOR, 'door', whole(state.get('doorState'), -INT32, INT32 - 1))
            lock.set(CHARGING, 'charging', truth(state.get('isCharging')))
            lock.set(BATTERY, 'battery', whole(state.get('batteryLevel'), 0, 100))
            lock.set(RESULT, 'result', whole(state.get('stateChangeResult'), -INT32, INT32 - 1))
    return lock


def by_code(code, other):
    """The status for a code of HTTP or of the body; `other` if it has no status."""
    if type(code) is int and 500 <= code <= 599:
        return 'LOCK_SYNC_E_SERVER'
    names = {401: 'LOCK_SYNC_E_UNAUTHORIZED', 403: 'LOCK_SYNC_E_FORBIDDEN', 404: 'LOCK_SYNC_E_NOT_FOUND',
             429: 'LOCK_SYNC_E_RATE_LIMITED'}
    return names.get(code, other) if type(code) is int else other


def in_any_case(envelope, name):
    """A member of the envelope: of exactly this name, otherwise the first with this name in another case."""
    if name in envelope:
        return envelope[name]
    lower = name.lower()
    return next((value for key, value in envelope.items() if key.isascii() and key.lower() == lower), None)


def messages(envelope):
    """The errorMessages of an envelope, each up to its first U+0000."""
    found = in_any_case(envelope, 'errorMessages') if type(envelope) is dict else None
    if type(found) is not list:
        return ()
    return [text.partition('\0')[0] for text in found if type(text) is str][:MAX_MESSAGES]


def fits(number):
    """Whether a number is in the range of int64_t or, with a fraction or an exponent, of a double."""
    if number.isdigit() and len(number) < 19:
        return True
    if b'.' in number or b'e' in number or b'E' in number:
        return abs(float(number)) != float('inf')
    return -INT64 <= int(number[:22]) < INT64


def is_rejected(text):
    """Whether a text is JSON that the headers reject."""
    return (text.has_key_twice or text.has_half_pair or text.has_nul_in_key or text.depth > MAX_DEPTH or
            not all(map(fits, text.numbers)))


def envelope_of(body):
    """Returns the object in the body of a 2xx response; raises Fault."""
    if b'\0' in body:
        raise Fault('LOCK_SYNC_E_MALFORMED', at=body.index(b'\0'))
    text = strict_json.read(body)
    if is_rejected(text):
        raise Fault('LOCK_SYNC_E_MALFORMED', at='+')
    if not text.is_json:
        raise Fault('LOCK_SYNC_E_MALFORMED', at=len(body) if text.ends_early else '+')
    if type(text.value) is not dict:
        raise Fault('LOCK_SYNC_E_MALFORMED')
    return text.value


def locks_of(envelope, scope):
    """Returns the requested records of an envelope in their order; raises Fault."""
    result = envelope.get('result')
    code = in_any_case(envelope, 'statusCode')
    if type(code) is Number:
        code = whole(code, -INT32, INT32 - 1)
        is_other = code != 0 and (code is None or not 200 <= code <= 299)
    else:
        is_other = code is not None
    if truth(in_any_case(envelope, 'success')) is False or is_other and (result is None or result == []):
        raise Fault(by_code(code, 'LOCK_SYNC_E_API'), messages=messages(envelope))
    if type(scope) is int:
        lock = record(result, 0)
        if lock.id != scope:
            raise Fault('LOCK_SYNC_E_MALFORMED')
        return [lock]
    if type(result) is not list:
        raise Fault('LOCK_SYNC_E_MALFORMED')
    locks = {}
    all_locks = [record(node, i + 1) for i, node in enumerate(result)]
    for i, lock in enumerate(all_locks):
        if scope is not None and lock.id not in scope:
            continue
        if vars(locks.setdefault(lock.id, lock)) != vars(lock):
            raise Fault('LOCK_SYNC_E_MALFORMED', record=i + 1)
    return list(locks.values())


def decode(status, scope, body):
    """Returns the requested records. `scope`: None (all), an int (one), or a tuple of ids. Raises Fault."""
    if not 200 <= status <= 299:
        text = strict_json.read(body)
        kept = messages(text.value) if text.is_json and b'\0' not in body and not is_rejected(text) else ()
        raise Fault(by_code(status, 'LOCK_SYNC_E_HTTP'), messages=kept)
    return locks_of(envelope_of(body), scope)


def quoted(text):
    """A text as library.c writes it."""
    out = []
    for byte in text.encode('utf-8'):
        is_escaped = not 0x20 <= byte <= 0x7e or byte in b'"\\'
        out.append(f'\\x{byte:02x}' if is_escaped else chr(byte))
    return '"' + ''.join(out) + '"'


def decode_line(status, scope, body):
    """The expected line for one response."""
    try:
        locks = decode(status, scope, body)
    except Fault as fault:
        texts = ''.join(' ' + quoted(text) for text in fault.messages)
        return (f'{fault.name} http={status} retry=-1 at={fault.at} record={fault.record} '
                f'messages={len(fault.messages)}{texts}')
    sent = {lock.id for lock in locks}
    asked = dict.fromkeys(scope) if type(scope) is tuple else ()
    missing = ','.join(str(lock_id) for lock_id in asked if lock_id not in sent)
    return ' | '.join([f'LOCK_SYNC_OK fetched={FETCHED_AT_MS} cached=0 missing={missing}'] + [x.text() for x in locks])


def kinds_of(before, after):
    """The bits of the changes of one lock; either record may be None."""
    if before is None or after is None:
        only = before or after
        kinds = ADDED if before is None else REMOVED
        if only.fields & CONNECTED:
            kinds |= IS_CONNECTED if after is not None and after.connected else IS_DISCONNECTED
        return kinds | sum(bit for bit, field, _ in COMPARED if only.fields & field)
    kinds = 0
    connections = [lock.fields & CONNECTED and 1 + lock.connected for lock in (before, after)]
    if connections[0] != connections[1]:
        kinds = IS_CONNECTED if connections[1] == 2 else IS_DISCONNECTED
    for bit, field, name in COMPARED:
        is_other = (before.fields ^ after.fields) & field or getattr(before, name) != getattr(after, name)
        kinds |= bit if is_other else 0
    return kinds


def both_asked(scopes):
    """A predicate: whether both scopes have an id."""
    sets = [{scope} if type(scope) is int else set(scope) for scope in scopes if scope is not None]
    return lambda lock_id: all(lock_id in asked for asked in sets)


def diff_line(scopes, bodies):
    """The expected line for the difference of two responses."""
    locks, names = [], []
    for scope, body in zip(scopes, bodies):
        try:
            locks.append({lock.id: lock for lock in decode(200, scope, body)})
            names.append('LOCK_SYNC_OK')
        except Fault as fault:
            names.append(fault.name)
    if len(locks) < 2:
        return ' '.join(names)
    before, after = locks
    is_asked = both_asked(scopes)
    parts = []
    for lock_id in sorted(before.keys() | after.keys()):
        one, other = before.get(lock_id), after.get(lock_id)
        kinds = kinds_of(one, other) if is_asked(lock_id) else 0
        if kinds:
            sides = [lock.text() if lock else 'none' for lock in (one, other)]
            parts.append(f'kinds={kinds} before {sides[0]} after {sides[1]}')
    return ' | '.join([f'changes={len(parts)}'] + parts)


def agree(expected, actual, size):
    """Whether a line is as expected, for a body of this size."""
    if expected == actual:
        return True
    begin, plus, end = expected.partition(' at=+ ')
    if not plus:
        return False
    found = re.fullmatch(re.escape(begin) + r' at=(\d+) ' + re.escape(end), actual)
    return found is not None and int(found[1]) <= size
