"""Draws bodies from a seed: all forms that the service sends, and values that it should not send.

A value is bytes (a JSON text), or a list of (key, value) for an object, or a tuple of values for an array. The blanks
between its tokens are drawn separately.
"""
STATE_KEYS = (b'"state"', b'"doorState"', b'"isCharging"', b'"batteryLevel"', b'"stateChangeResult"',
              b'"lastStateChangedDate"')
KNOWN_KEYS = STATE_KEYS + (b'"id"', b'"isConnected"', b'"revision"', b'"deviceState"', b'"lockProperties"', b'"result"',
                           b'"success"', b'"errorMessages"', b'"statusCode"')
# Keys that are nearly known, or known in another case.
OTHER_KEYS = (b'"deviceSettings"', b'"name"', b'""', b'"Id"', b'"ids"', b'"i"', b'"statE"', b'"isconnected"',
              b'"device"', b'"deviceStates"', b'"result "', b'"x\\u0000y"', b'"\\u00e9"', b'"\xc3\xa9"',
              b'"\\ud83d\\ude00"', b'"\\ud83d"', b'"' + b'k' * 70 + b'"', b'"' + b'k' * 300 + b'"', b'"a\\nb"',
              b'"autoPullSpringEnabled"', b'"lastStateChanged"', b'"serialNumber"', b'"success"', b'"id"',
              b'"revision"', b'"state"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xf0\x9f\x98\x80"',
              b'"\xf4\x90\x80\x80"', b'"\x7f"')
WHOLES = (b'0', b'1', b'2', b'3', b'6', b'9', b'17', b'18', b'54', b'100', b'101', b'255', b'-1', b'-0', b'65535')
ODD_NUMBERS = (b'0', b'-0', b'-1', b'1.0', b'54.0', b'54.000', b'-0.0', b'-0.000', b'6.00000000000000000000000', b'6.5',
               b'0.5', b'6.00000000000000000000001', b'5.999999999999999999999999', b'6e0', b'6E0', b'6.0e0', b'60e-1',
               b'0.6e1', b'0e0', b'-0e0', b'1e3', b'1e400', b'-1e400', b'1E+2', b'1e-400', b'2147483647', b'2147483648',
               b'2147483647.0', b'2147483648.0', b'-2147483648', b'-2147483649', b'4294967302', b'4294967296',
               b'9007199254740993', b'9007199254740993.0', b'9223372036854775807', b'9223372036854775808',
               b'9223372036854775807.0', b'9223372036854775808.0', b'-9223372036854775808', b'-9223372036854775809',
               b'-9223372036854775808.0', b'18446744073709551616', b'18446744073709551622', b'99999999999999999999999',
               b'123456789012345678.0', b'999999999999999999.0', b'-999999999999999999.00', b'1000000000000000000.0',
               b'-1000000000000000000.0', b'100.0', b'100.00000000000000001', b'101.0', b'127', b'128', b'256', b'262',
               b'65542',
               b'1' + b'0' * 400, b'0.' + b'0' * 400, b'6.' + b'0' * 400, b'0.' + b'3' * 40)
STATES = (b'2', b'3', b'6', b'6', b'2', b'4', b'5', b'7', b'8', b'9', b'0', b'1', b'18', b'255')
NO_NUMBERS = (b'01', b'-', b'+1', b'.5', b'1.', b'1e', b'1e+', b'0x10', b'NaN', b'Infinity', b'-Infinity', b'00',
              b'-01', b'1_000', b'--1', b'1.0.0', b'1,5', b'2.e3', b'\xd9\xa1')
STRINGS = (b'""', b'"6"', b'"true"', b'"a"', b'"locked"', b'"\\u0041"', b'"\\/"', b'"\\"\\\\"', b'"\\b\\f\\n\\r\\t"',
           b'"\\ud83d\\ude00"', b'"\\uD83D\\uDE00 x"', b'"\xf0\x9f\x98\x80"', b'"\xc3\xa9\xe2\x82\xac"', b'"[{:,}]"',
           b'"\x7f"', b'"\xef\xbf\xbf"', b'"\xf4\x8f\xbf\xbf"')
ODD_STRINGS = (b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"', b'"\\udc00"', b'"\\ude00\\ud83d"', b'"\\ud83dx"',
               b'"\\ud83d\\u0041"', b'"\\ud83d\\ud83d\\ude00"', b'"\x01"', b'"\n"', b'"\t"', b'"\\x"', b'"\\u12"',
               b'"\\u12g4"', b'"\\U0041"', b"'a'", b'"\xff"', b'"\xc3"', b'"\xc3x"', b'"\xc0\x80"', b'"\xc1\xbf"',
               b'"\xe0\x80\x80"', b'"\xe0\x9f\xbf"', b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xf0\x80\x80\x80"',
               b'"\xf0\x8f\xbf\xbf"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\x80"', b'"\xe2\x82"',
               b'"\xf0\x9f\x98"', b'"\\', b'"', b'"\\"')
WORDS = (b'null', b'true', b'false', b'[]', b'{}', b'[null]', b'{"a":1}', b'[[]]', b'[0,1]')
NO_WORDS = (b'nul', b'True', b'NULL', b'tru', b'truee', b'undefined', b'', b',', b'}', b']', b'/**/1', b'#',
            b'\xef\xbb\xbf1', b'\x00', b'[1,]', b'{"a":1,}', b'{a:1}', b'{"a"}', b'{"a":}', b'[,1]', b'{1:2}', b'[1 2]',
            b'{"a":1 "b":2}', b'{"a" 1}', b'\x0b1', b'\xa0 1', b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}',
            b'[{"b":[{"c":1,"c":1}]}]', b'{"":1,"":2}')
DATES = (b'2021-04-26T06:02:04.197Z', b'2022-06-23T15:56:31.44', b'2025-09-30T23:59:59.9999999Z',
         b'2024-02-29T12:00:00+00:00', b'0001-01-01T00:00:00', b'1970-01-01T00:00:00Z', b'2026-11-30T03:00:00.5+01:00')
ODD_DATES = (b'', b'2021', b'2021-04-26', b'2021-04-26T06:02', b'2021-04-26T06:02Z', b'2021-04-26 06:02:04Z',
             b'2021-04-26T06:02:04z', b'2021-04-26t06:02:04Z', b'2021-04-26T06:02:04.Z', b'2021-04-26T06:02:04.',
             b'2021-04-26T06:02:04,5Z', b'2021-02-29T00:00:00Z', b'1900-02-29T00:00:00Z', b'2000-02-29T00:00:00Z',
             b'2021-00-10T00:00:00Z', b'2021-13-10T00:00:00Z', b'2021-04-31T00:00:00Z', b'2021-04-00T00:00:00Z',
             b'2021-04-26T24:00:00Z', b'2021-04-26T23:60:00Z', b'2021-04-26T23:59:60Z', b'2016-12-31T23:59:60Z',
             b'2021-04-26T23:59:61Z', b'0000-01-01T00:00:00Z', b'9999-12-31T23:59:59.999999999Z',
             b'10000-01-01T00:00:00Z', b'-2021-04-26T06:02:04Z', b'+2021-04-26T06:02:04Z', b'2021-04-26T06:02:04+0100',
             b'2021-04-26T06:02:04+01', b'2021-04-26T06:02:04+1:00', b'2021-04-26T06:02:04-00:00',
             b'2021-04-26T06:02:04+23:59', b'2021-04-26T06:02:04-23:59', b'2021-04-26T06:02:04+24:00',
             b'2021-04-26T06:02:04+14:60', b'2021-04-26T06:02:04ZZ', b'2021-04-26T06:02:04 Z', b' 2021-04-26T06:02:04Z',
             b'2021-04-26T06:02:04Z ', b'2021-4-26T06:02:04Z', b'21-04-26T06:02:04Z', b'2021-04-26T6:02:04Z',
             b'2021/04/26T06:02:04Z', b'20210426T060204Z', b'now', b'1619416924197', b'1969-12-31T23:59:59.999Z',
             b'1969-12-31T23:59:59.9999Z', b'1969-12-31T23:59:59.0001Z', b'2021-04-26T06:02:04.0000000000000000001Z',
             b'2021-04-26T06:02:04.' + b'9' * 60 + b'Z', b'2021-04-26T06:02:04.123456789',
             b'2021-04-26T06:02:04.1234567891', b'2021-04-26T06:02:04.1-01:30', b'2021-04-26T06:02:04.12+00:01',
             b'0001-01-01T00:00:00+23:59', b'9999-12-31T23:59:59-23:59', b'2021-04-26T06:02:04.19\\u0037Z',
             b'2021\\u002d04-26T06:02:04Z', b'2021-04-26T06:02:04\\u0000Z', b'2021-04-26T06:02:04.197Z\\u0000',
             b'2021-04-26T06:02:0\xc3\xa9Z', b'\xd9\xa2021-04-26T06:02:04Z', b'2021-04-26T06:02:04.1\xd9\xa1Z',
             b'2021-04-26T06:02:04.a', b'2021-04-26T06:02:04.197+01:00Z', b'2100-02-29T00:00:00Z',
             b'2100-03-01T00:00:00Z')
CODES = (b'401', b'403', b'404', b'429', b'500', b'503', b'599', b'600', b'304', b'200', b'204', b'299', b'300', b'400',
         b'0', b'199', b'404.0', b'-404', b'"404"', b'null', b'4.04e2', b'1e2', b'true', b'99999999999', b'302',
         b'false')
OTHER_CASE = ((b'"SUCCESS"', b'false'), (b'"Success"', b'true'), (b'"statuscode"', b'404'),
              (b'"STATUSCODE"', b'429'), (b'"errormessages"', b'["other"]'), (b'"RESULT"', b'[]'))
BIG_IDS = (9223372036854775807, 9223372036854775806, 4294967297, 2147483648, 9007199254740993)


def write(value, glue):
    """The text of a value; `glue()` returns the blanks between two tokens."""
    if type(value) is bytes:
        return value
    if type(value) is list:
        inside = [glue() + key + glue() + b':' + glue() + write(part, glue) for key, part in value]
        return b'{' + (glue() + b',').join(inside) + glue() + b'}'
    inside = [glue() + write(part, glue) for part in value]
    return b'[' + (glue() + b',').join(inside) + glue() + b']'


def escape_key(rng, key):
    """A key with one letter written as an escape."""
    if len(key) < 3:
        return key
    at = rng.randrange(1, len(key) - 1)
    if not 0x20 < key[at] < 0x7f or b'\\' in key:
        return key
    form = '\\u%04x' if rng.random() < 0.5 else '\\u%04X'
    return key[:at] + (form % key[at]).encode() + key[at + 1:]


class Bodies:
    """Draws bodies. `unexpected` is the probability of a value that the service should not send, from 0 to 1."""

    def __init__(self, rng):
        self.rng = rng
        self.unexpected = 0.0
        self.broken = 0.0  # the probability that such a value is not JSON
        self.is_plain = False  # only documented members, and unknown keys with plain values

    def pick(self, values):
        return values[int(self.rng.random() * len(values))]

    def is_unexpected(self):
        return self.unexpected > 0 and self.rng.random() < self.unexpected

    def junk(self):
        """A value of any kind."""
        chance = self.rng.random
        if chance() < self.broken:
            return self.pick(self.pick((NO_NUMBERS, ODD_STRINGS, NO_WORDS)))
        kind = chance()
        if kind < 0.55:
            return self.pick(ODD_NUMBERS)
        if kind < 0.7:
            return self.pick(STRINGS)
        if kind < 0.9:
            return self.pick(WORDS)
        return self.nested(3)

    def nested(self, depth):
        """A value that contains others."""
        n = int(self.rng.random() * 4)
        if depth == 0 or n == 0:
            return self.pick(STRINGS if self.rng.random() < 0.5 else WHOLES)
        if self.rng.random() < 0.5:
            return tuple(self.nested(depth - 1) for _ in range(n))
        keys = [b'"%c%d"' % (97 + i, depth) for i in range(n)]
        if self.is_unexpected():
            keys[-1] = self.pick(keys + [b'"id"'])
        return [(key, self.nested(depth - 1)) for key in keys]

    def value(self, usual):
        return self.junk() if self.is_unexpected() else usual

    def number(self, usual):
        """One of the usual numbers, sometimes in another form."""
        if self.is_unexpected():
            return self.junk() if self.rng.random() < 0.3 else self.pick(ODD_NUMBERS)
        return self.pick(usual)

    def date(self):
        if self.is_unexpected():
            return self.junk() if self.rng.random() < 0.2 else b'"' + self.pick(ODD_DATES) + b'"'
        if self.rng.random() < 0.5:
            return b'"' + self.pick(DATES) + b'"'
        chance = self.rng.random
        digits = int(chance() * 8)
        fraction = b'.%0*d' % (digits, int(chance() * 10 ** digits)) if digits else b''
        zone = self.pick((b'Z', b'', b'+00:00', b'Z', b'+02:00', b'-05:30'))
        day = 1990 + int(chance() * 60), 1 + int(chance() * 12), 1 + int(chance() * 28)
        time = int(chance() * 24), int(chance() * 60), int(chance() * 60)
        return b'"%04d-%02d-%02dT%02d:%02d:%02d%b%b"' % (*day, *time, fraction, zone)

    def state(self):
        """A state object's members."""
        chance = self.rng.random
        members = [
            (b'"state"', self.number(STATES)),
            (b'"doorState"', self.number((b'0', b'1', b'2', b'3', b'4', b'5'))),
            (b'"isCharging"', self.value(b'false' if chance() < 0.7 else b'true')),
            (b'"batteryLevel"', self.number((b'54', b'80', b'100', b'0', b'7', b'255', b'99'))),
            (b'"stateChangeResult"', self.number((b'0', b'0', b'1', b'2', b'null', b'-5'))),
            (b'"lastStateChangedDate"', self.date())]
        return self.disturb(members)

    def disturb(self, members):
        """Changes members: another order, fewer, more, one twice, or other keys."""
        chance = self.rng.random
        if chance() < (0.8 if self.is_plain else 0.4):
            return members
        if chance() < 0.4:
            self.rng.shuffle(members)
        if chance() < 0.3 and members:
            del members[int(chance() * len(members))]
        if chance() < 0.3:
            self.add_unknown(members, 1 + int(chance() * 3))
        if self.is_unexpected():
            if chance() < 0.05:
                self.add_unknown(members, 5 + int(chance() * 60))
            if chance() < 0.3 and members:  # the same key twice, with the same value or another
                key, value = self.pick(members)
                key = key if chance() < 0.5 else escape_key(self.rng, key)
                members.insert(int(chance() * (len(members) + 1)), (key, value if chance() < 0.5 else self.junk()))
            if chance() < 0.3 and members:
                at = int(chance() * len(members))
                members[at] = (escape_key(self.rng, members[at][0]), members[at][1])
            if chance() < 0.2:
                members.insert(int(chance() * (len(members) + 1)), (self.pick(OTHER_KEYS + KNOWN_KEYS), self.junk()))
        return members

    def add_unknown(self, members, n):
        """Adds n unknown members, all different."""
        prefix = b'x' * (1 if self.rng.random() < 0.9 else 60)
        for i in range(n):
            at = int(self.rng.random() * (len(members) + 1))
            value = self.pick(WHOLES) if self.is_plain or self.rng.random() < 0.5 else self.nested(2)
            members.insert(at, (b'"%b%d"' % (prefix, i), value))

    def record(self, lock_id):
        """One lock's members."""
        chance = self.rng.random
        state = self.state() if chance() < 0.9 else b'null'
        members = [(b'"id"', b'%d' % lock_id), (b'"isConnected"', self.value(b'true' if chance() < 0.8 else b'false')),
                   (b'"deviceState"' if chance() < 0.75 else b'"lockProperties"', self.value(state)),
                   (b'"revision"', self.number((b'1', b'7', b'23', b'1000')))]
        if self.is_unexpected() and chance() < 0.3:
            members[0] = (members[0][0], self.junk())
        if self.is_unexpected() and chance() < 0.3:
            other = b'"lockProperties"' if members[2][0] == b'"deviceState"' else b'"deviceState"'
            members.append((other, self.junk() if chance() < 0.3 else b'null' if chance() < 0.3 else self.state()))
        return self.disturb(members)

    def records(self):
        """The records of one response."""
        chance = self.rng.random
        n = int(chance() * 5) if chance() < 0.9 else int(chance() * 30)
        if chance() < 0.002:
            n = 100 + int(chance() * 200)
        ids = list(range(1, 10 + 2 * n))
        if chance() < 0.6:
            self.rng.shuffle(ids)
        if chance() < 0.1:
            ids[0] = self.pick(BIG_IDS)
        records = [self.record(lock_id) for lock_id in ids[:n]]
        if records and chance() < 0.1:
            records.insert(int(chance() * (n + 1)), self.twin(self.pick(records)))
        if self.is_unexpected() and chance() < 0.5 and records:  # one lock twice: equal or not
            twin = self.pick(records)
            if chance() < 0.5:
                twin = self.record(ids[0])
            elif chance() < 0.5:
                twin = self.rng.sample(twin, len(twin))
            records.insert(int(chance() * (n + 1)), twin)
        if self.is_unexpected() and chance() < 0.2:
            records.insert(int(chance() * (n + 1)), self.junk())
        return records

    def twin(self, record):
        """A copy of the record with another value for one key."""
        record = [(key, list(value) if type(value) is list else value) for key, value in record]
        members = [value for _, value in record if type(value) is list and value] + [record]
        members = self.pick(members)
        at = int(self.rng.random() * len(members))
        key, value = members[at]
        if key != b'"id"' and self.rng.random() < 0.8:
            members[at] = (key, self.pick((b'null', b'1', b'7', b'true', b'false', value)))
        return record

    def envelope(self, result):
        """The members around a result."""
        chance = self.rng.random
        members = [(b'"result"', result), (b'"success"', b'true'), (b'"errorMessages"', b'[]'),
                   (b'"statusCode"', b'200')]
        kind = 1.0 if self.is_plain else chance()
        if kind < 0.1:  # an error
            members[0] = (b'"result"', self.pick((b'null', b'[]', b'{}', result)))
            members[1] = (b'"success"', b'false')
            members[2] = (b'"errorMessages"', self.messages())
            members[3] = (b'"statusCode"', self.code())
            if chance() < 0.5:
                del members[0]
        elif kind < 0.16:  # a code with success
            members[3] = (b'"statusCode"', self.code())
            if chance() < 0.5:
                members[0] = (b'"result"', self.pick((b'null', b'[]', b'{}', b'[ ]')))
            if chance() < 0.3:
                del members[0]
            if chance() < 0.3:
                members[-2] = (b'"errorMessages"', self.messages())
        elif kind < 0.2:
            members = members[:1]
        if self.is_unexpected() and chance() < 0.5:
            at = int(chance() * len(members))
            members[at] = (members[at][0], self.junk())
        if chance() < 0.05 and not self.is_plain:
            self.add_in_other_case(members)
        return members if self.is_plain else self.disturb(members)

    def add_in_other_case(self, members):
        """Puts names of the envelope in another case, in place of the right ones or beside them."""
        for at, (key, value) in enumerate(members):
            if self.rng.random() < 0.5:
                members[at] = (key[:1] + key[1:2].upper() + key[2:], value)
        if self.rng.random() < 0.5:
            members.insert(int(self.rng.random() * (len(members) + 1)), self.pick(OTHER_CASE))

    def code(self):
        return self.value(self.pick(CODES))

    def messages(self):
        chance = self.rng.random
        if self.is_unexpected():
            return self.junk()
        texts = [self.pick(STRINGS) for _ in range(int(chance() * 4) if chance() < 0.95 else 15 + int(chance() * 5))]
        if chance() < 0.2:
            texts.insert(int(chance() * (len(texts) + 1)), self.pick(WORDS + WHOLES))
        return tuple(texts)

    def glue(self):
        """Draws the blanks between the tokens of a body."""
        kind = self.rng.random()
        if kind < 0.5:
            return lambda: b''
        if kind < 0.7:
            return lambda: b' '
        if kind < 0.8:
            return lambda: b'\r\n    '
        return lambda: self.pick((b'', b'', b' ', b'\n', b'\t', b'\r\n', b'  '))

    def draw_chances(self):
        kind = self.rng.random()
        self.unexpected = 0.0 if kind < 0.35 else 0.03 if kind < 0.8 else 0.2
        self.broken = 0.1 if self.rng.random() < 0.3 else 0.0

    def text(self, value):
        """The text of a value with blanks."""
        glue = self.glue()
        return glue() + write(value, glue) + glue()
