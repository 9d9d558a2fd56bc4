"""Reads JSON exactly by RFC 8259, from bytes. Python's json module accepts more.

`read` never raises. It reports whether a text is JSON, and the properties that parsers may judge differently.
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
# An escape in a cut string that a parser may reject before it finds the cut: half a pair, or U+0000 in a key.
JUDGED_ESCAPE = re.compile(rb'\\u(?:[dD][89A-Fa-f]|0{4})')

ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(.))', re.DOTALL)
PLAIN = {'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
PAIR = re.compile('([\ud800-\udbff])([\udc00-\udfff])')
HALF = re.compile('[\ud800-\udfff]')

WORDS = {b'true': True, b'false': False, b'null': None}
# The tokens that may follow, each by its sign: 0 is a number, t is a word.
SIGNS = {2: '"', 3: '0', 4: 't'}
VALUE, FIRST_VALUE, KEY, FIRST_KEY, COLON, IN_OBJECT, IN_ARRAY, DONE = '{["0t', '{["0t]', '"', '"}', ':', ',}', ',]', ''


class Number(bytes):
    """A number as it was written."""


class Text:
    """The result of `read`."""

    def __init__(self):
        self.value = None
        self.is_json = False
        self.ends_early = False  # it is only the beginning of a JSON text
        self.has_key_twice = False
        self.has_half_pair = False  # an escaped surrogate without its other half
        self.has_nul_in_key = False  # \u0000
        self.depth = 0  # of nested values: 1 for a number, 2 for [[]] and [0]
        self.numbers = []

    def string(self, raw):
        """Returns the text of a string token; raises UnicodeDecodeError."""
        text = raw[1:-1].decode('utf-8')
        if '\\' not in text:
            return text
        text = ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else PLAIN[m[2]], text)
        text = PAIR.sub(lambda m: chr(0x10000 + ((ord(m[1]) - 0xd800) << 10) + ord(m[2]) - 0xdc00), text)
        if HALF.search(text):
            self.has_half_pair = True
        return text


def is_cut_string(text):
    """Whether the end of the text cuts a string token between two characters."""
    if not CUT_STRING.fullmatch(text) or JUDGED_ESCAPE.search(text):
        return False
    try:
        text.decode('utf-8')
    except UnicodeDecodeError:
        return False
    return True


def is_cut(body, at, number_at, state):
    """Whether the body, which has no complete token after `at`, could continue as JSON."""
    rest = body[at:].lstrip(BLANKS)
    if not rest:
        return state != DONE
    if '0' in state and CUT_WORD.fullmatch(rest) or '"' in state and is_cut_string(rest):
        return True
    return number_at is not None and CUT_NUMBER.fullmatch(body, number_at) is not None


def read(body):
    """Reads a text, and returns a Text."""
    text = Text()
    try:
        walk(text, body)
    except UnicodeDecodeError:
        pass
    return text


def walk(text, body):
    """Fills `text`; returns at the first fault, or at the end."""
    outer = []  # the containers around this one, each with the key whose value it is
    container = key = number_at = None
    state = VALUE
    at = 0
    while state != DONE:
        found = TOKEN.match(body, at)
        if found is None:
            text.ends_early = is_cut(body, at, number_at, state)
            return
        kind = found.lastindex
        token, sign = found[kind], SIGNS.get(kind) or found[kind].decode()
        at = found.end()
        number_at = found.start(kind) if sign == '0' else None
        if sign not in state:
            return
        if sign == ':':
            state = VALUE
            continue
        if sign == ',':
            state = KEY if state == IN_OBJECT else VALUE
            continue
        if state in (KEY, FIRST_KEY) and sign == '"':
            key = text.string(token)
            text.has_nul_in_key = text.has_nul_in_key or '\0' in key
            text.has_key_twice = text.has_key_twice or key in container
            state = COLON
            continue
        text.depth = max(text.depth, len(outer) + (sign not in '}]'))
        if sign in '{[':
            outer.append((container, key))
            container, state = ({}, FIRST_KEY) if sign == '{' else ([], FIRST_VALUE)
            continue
        if sign in '}]':
            value = container
            container, key = outer.pop()
        else:
            value = {'"': text.string, '0': Number, 't': WORDS.get}[sign](token)
        if sign == '0':
            text.numbers.append(value)
        if container is None:
            text.value, state = value, DONE
        elif type(container) is dict:
            container[key], state = value, IN_OBJECT
        else:
            container.append(value)
            state = IN_ARRAY
    if body[at:].strip(BLANKS):
        text.ends_early = is_cut(body, at, number_at, DONE)
    else:
        text.is_json = True
