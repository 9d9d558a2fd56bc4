"""JSON by RFC 8259, to the letter, from bytes: what Python's own reader lets through is not let through here.

`read` never raises. It says what the text is, and what there is in it that readers may judge in more than one way.
"""
import re

STRING = rb'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*)*"'
NUMBER = rb'-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?'
TOKEN = re.compile(rb'[ \t\n\r]*(?:([\[\]{},:])|(' + STRING + rb')|(' + NUMBER + rb')|(true|false|null))')
BLANKS = b' \t\n\r'

# Tokens that the end of the text has cut.
CUT_STRING = re.compile(STRING[:-1] + rb'(?:\\(?:u[0-9A-Fa-f]{0,3})?)?')
CUT_WORD = re.compile(rb'-|t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?')
CUT_NUMBER = re.compile(rb'-?(?:0|[1-9][0-9]*)(?:\.|(?:\.[0-9]+)?[eE][+-]?)')
# An escape in a cut string that may be refused before its end is missed: half a pair, or U+0000 in a key.
JUDGED_ESCAPE = re.compile(rb'\\u(?:[dD][89A-Fa-f]|0{4})')

ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(.))', re.DOTALL)
PLAIN = {'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
PAIR = re.compile('([\ud800-\udbff])([\udc00-\udfff])')
HALF = re.compile('[\ud800-\udfff]')

WORDS = {b'true': True, b'false': False, b'null': None}
# What may come next.
VALUE, FIRST_VALUE, KEY, FIRST_KEY, COLON, AFTER, DONE = range(7)


class Number(bytes):
    """A number as it is written."""


class Text:
    """What `read` found."""

    def __init__(self):
        self.value = None
        self.is_json = False
        self.ends_early = False  # it is the beginning of some JSON text, and no more
        self.has_key_twice = False
        self.has_half_pair = False  # an escaped surrogate without its other half
        self.has_nul_in_key = False  # \u0000
        self.depth = 0  # of values in each other: 1 for a number, 2 for [[]] and [0]
        self.numbers = []

    def string(self, raw):
        """The text of a string token; raises UnicodeDecodeError."""
        text = raw[1:-1].decode('utf-8')
        if '\\' not in text:
            return text
        text = ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else PLAIN[m[2]], text)
        text = PAIR.sub(lambda m: chr(0x10000 + ((ord(m[1]) - 0xd800) << 10) + ord(m[2]) - 0xdc00), text)
        if HALF.search(text):
            self.has_half_pair = True
        return text


def is_cut_string(text):
    """Whether a string token was cut by the end, between two characters."""
    if not CUT_STRING.fullmatch(text) or JUDGED_ESCAPE.search(text):
        return False
    try:
        text.decode('utf-8')
    except UnicodeDecodeError:
        return False
    return True


def is_cut(body, at, number_at, state):
    """Whether the body, no token of which follows `at`, could go on to be JSON."""
    rest = body[at:].lstrip(BLANKS)
    if not rest:
        return state != DONE
    if state in (VALUE, FIRST_VALUE) and (CUT_WORD.fullmatch(rest) or is_cut_string(rest)):
        return True
    if state in (KEY, FIRST_KEY) and is_cut_string(rest):
        return True
    return number_at is not None and CUT_NUMBER.fullmatch(body, number_at) is not None


def read(body):
    """Reads a text."""
    text = Text()
    try:
        walk(text, body)
    except UnicodeDecodeError:
        pass
    return text


def walk(text, body):
    """Fills `text`; returns where there is nothing more to be said."""
    match = TOKEN.match
    outer = []  # the containers around this one, each with the key that waits for its value
    container = None
    key = None
    state = VALUE
    at = 0
    number_at = None
    while state != DONE:
        found = match(body, at)
        if found is None:
            text.ends_early = is_cut(body, at, number_at, state)
            return
        kind = found.lastindex
        token = found[kind]
        at = found.end()
        number_at = found.start(kind) if kind == 3 else None
        if kind == 1:
            if token == b',':
                if state != AFTER:
                    return
                state = KEY if type(container) is dict else VALUE
                continue
            if token == b':':
                if state != COLON:
                    return
                state = VALUE
                continue
            if token in b'{[':
                if state not in (VALUE, FIRST_VALUE):
                    return
                value = {} if token == b'{' else []
                outer.append((container, key))
                text.depth = max(text.depth, len(outer))
                container = value
                state = FIRST_KEY if token == b'{' else FIRST_VALUE
                continue
            if type(container) is not (dict if token == b'}' else list) or state not in (AFTER, FIRST_VALUE, FIRST_KEY):
                return
            value = container
            container, key = outer.pop()
        elif state in (KEY, FIRST_KEY):
            if kind != 2:
                return
            key = text.string(token)
            text.has_nul_in_key = text.has_nul_in_key or '\0' in key
            text.has_key_twice = text.has_key_twice or key in container
            state = COLON
            continue
        else:
            if state not in (VALUE, FIRST_VALUE):
                return
            if len(outer) >= text.depth:
                text.depth = len(outer) + 1
            if kind == 2:
                value = text.string(token)
            elif kind == 3:
                value = Number(token)
                text.numbers.append(value)
            else:
                value = WORDS[token]
        if container is None:
            text.value = value
            state = DONE
        else:
            if type(container) is dict:
                container[key] = value
            else:
                container.append(value)
            state = AFTER
    if body[at:].strip(BLANKS):
        text.ends_early = is_cut(body, at, number_at, DONE)
    else:
        text.is_json = True
