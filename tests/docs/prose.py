#!/usr/bin/env python3
"""Checks the English of pages, comments and messages for patterns that must not come back (see CONTRIBUTING.md).

prose.py FILE...: prints FILE:LINE: the rule: the text. The last line is "N passed, N failed", counted by file.

Checks Markdown and mdoc without their code, and the descriptions of debian/control and meson_options.txt. Checks the
comments of C, JavaScript, TypeScript, Lua, Python, shell, Meson and all files with shell's comments, and Python's
docstrings. Checks messages: in C, all strings of the library and the examples; in Python, arguments of print(),
sys.exit() and argparse; in shell, arguments of echo and printf. Checks that the comment before a function of C does not
begin with a word that is no verb. Does not check here-documents, messages in variables, messages of JavaScript and Lua,
nor whether a heading has a subject.
"""
import ast
import re
import sys
import tokenize

WORDS_MAX = 25

# Each rule and its pattern. Patterns with capitals match only the beginning of a sentence.
PATTERNS = [
    ('a sentence without a subject', r'(?:^|(?<=[.:;!?] ))(?:Who|Whoever|Whom|Whose|What) (?![^.;:]*\?)'),
    ('a riddle for a noun', r'\b[Ww]hoever\b|\b(?:for|to|of|by|from|with|as|than) who\b'),
    ('say: report, return, show, know, distinguish', r'\b[Tt](?:ell|ells|old|elling)\b'),
    ('say: is, are, stays, applies', r'\b[Ss](?:tand|tands|tood|tanding)\b(?!-)(?! alone)'),
    ('say: response (HTTP), results, reply, decision', r'\b[Aa]nswer(?:s|ed|ing)?\b'),
    ('say: machine, application, origin, host name',
     r'\b[Hh]osts?\b(?! name| header|:port|\[:port|: \d)(?<!loopback host)'),
    ('say: request, or request and response', r'\b[Ee]xchange[ds]?\b'),
    ('a private word', r'\b(?:pioneers?|errands?|spares|nudge[ds]?|bur(?:y|ies|ied)|seats?|keepers?|admissions?|nobody\'s|'
                       r'house|whither|hither)\b'),
    ('say: redact', r'\b(?:strikes?|struck|striking) (?:\w+ )?out\b'),
    ('say: must, can, may', r'\b[Ss]hall\b|\b(?:is|are|was|were) (?:not )?to be\b|\bto be had\b|\b(?:is|are|was) had\b'),
    ('say: no ..., only', r'\b[Nn]one is\b|\b(?:is|are|was|has|have) none\b|\b[Tt]here (?:is|are|was|were) but\b'),
    ('name the noun', r'\bof (?:ours|theirs|yours|hers)\b|\b(?:such a|so) one\b|\bThat of (?:the|a|its)\b'),
    ('say: continue, again, retry', r'\b[Gg]o(?:es)? on\b|\banew\b|\bonce more\b'),
    ('say it plainly', r'\bof late\b|\ball the same\b|\bin (?:its|their) turn\b|\bnot at all\b|\bhad better\b|\bodd\b|'
                       r'\b(?:there|where|here)(?:of|in|upon|by|to|from|with)\b(?! *[-=(])|\bas good as\b|\bfor good\b'),
    ('a time for people in seconds or minutes', r'\b\d{5,} ?ms\b'),
]
MESSAGES = re.compile(r'(?:^|/)(?:src|include|examples)/')
C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|(?:"(?:\\.|[^"\\\n])*"\s*(?:PRI\w+\s*(?="))?)+|\'(?:\\.|[^\'\\\n])\'', re.S)

# The comment above a function, and the function. Its first words may name the file, a state or an option: "CHECK: ...".
FUNCTION = re.compile(r'^[ \t]*/\*(?P<comment>(?:(?!\*/).)*)\*/ *\n(?:LOCK_SYNC_\w+(?:\([^)\n]*\))?\s)?'
                      r'(?!typedef|enum\b|struct \w+ \{|union|else|return)[A-Za-z_][\w \t*&:<>,]*[ *&](?P<name>\w+)'
                      r'\([^;{}]*[;{)]', re.S | re.M)
PLACE = re.compile(r'(?:[A-Z]{4,}\b[^.:]*|--\w+|\w+\.c)(?:: |$)')
NO_VERB = re.compile(r'(?:A|After|All|An|Another|As|At|Because|Before|Between|Both|Each|Every|False|For|From|How|If|In|It|'
                     r'Its|Like|More|NULL|Neither|No|None|Normally|Nothing|On|One|Only|Other|Otherwise|Some|That|The|'
                     r'Then|There|These|They|This|Those|To|True|Two|Until|What|When|Where|Whether|Which|While|Who|Why|'
                     r'With|Without)\b|(?![A-Z])')


def blank(text):
    """Returns the same number of lines without text."""
    return re.sub(r'[^\n]', ' ', text)


def prose_of_c(text, messages):
    for token in C_TOKEN.finditer(text):
        body, line = token[0], text.count('\n', 0, token.start()) + 1
        if body[0] == '"':
            said = ''.join(re.findall(r'"((?:\\.|[^"\\\n])*)"', body)).replace('\\"', '"')
            said = re.sub(r'\\n(?=\\n| {1,4}\S)', '. ', said).replace('\\n', ' ')  # entries of a help text
            if messages and re.search('[A-Za-z]{3}', said):  # not a mere format
                yield line, said
        elif body[0] == '/':
            body = re.sub(r'^/\*+<?|\*/$|^//+<?', '   ', body)
            body = re.sub(r'^(\s*)\* ?', r'\1', body, flags=re.M)
            body = re.sub(r'@param(?:\[\w+\])? \w+|@(?:return|file|since|par \w+|see|note)', '. ', body)
            yield line, body


def functions_without_verb(text):
    """Returns the comments of functions that begin with another word than a verb, each with its line."""
    for found in FUNCTION.finditer(text):
        comment = ' '.join(re.sub(r'\n\s*\*? ?', ' ', found['comment']).strip('*< \n').split())
        place = PLACE.match(comment)
        if not comment.startswith('@file') and not place and NO_VERB.match(comment):
            yield text.count('\n', 0, found.start()) + 1, f'{found["name"]}: {comment[:80]}'


def prose_of_markdown(text):
    text = re.sub(r'^( *)```.*?^ *```$|<!--.*?-->', lambda m: blank(m[0]), text, flags=re.M | re.S)
    text = re.sub(r'^\[.*\]\(.*\) ·.*$', lambda m: blank(m[0]), text, flags=re.M)
    text = re.sub(r'^#+ +(.*)$', r'Heading \1.', text, flags=re.M)  # a heading needs no subject
    text = re.sub(r'\]\([^)]*\)', ']', text)
    text = re.sub(r'^\|[-| :]+\|$', '', text, flags=re.M)
    line = 1
    for block in re.split(r'(\n *\n|\n(?= *(?:[-*|]|\d+\.) ?))', text):
        for cell in block.split('|') if block.startswith('|') else [block]:
            yield line, cell
        line += block.count('\n')


def prose_of_mdoc(text):
    """Arguments of a macro in a sentence are text. Other macros end a paragraph."""
    text = re.sub(r'^\.Bd -literal.*?^\.Ed$', lambda m: blank(m[0]), text, flags=re.M | re.S)
    text = re.sub(r'^\.(?:Sh|Ss|It|Bl|El|Pp|Dd|Dt|Os|Op|Nd|\\").*$', '', text, flags=re.M)
    text = re.sub(r'^\.\w\w\b *|(?<= )(?:Fl|Ar|Pa|Ev|Dq|Nm|Sq|Ns) ', '', text, flags=re.M)
    yield 1, re.sub(r' +([.,;:)])', r'\1', text)


def text_of(node):
    """The text of a string or f-string in Python; None: another expression."""
    if isinstance(node, ast.JoinedStr):
        return ''.join(part.value if isinstance(part, ast.Constant) else 'X' for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def prose_of_python(path, text):
    with open(path, 'rb') as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string.strip('#')
    for node in ast.walk(ast.parse(text)):
        said = []
        if isinstance(node, ast.Expr):  # a docstring
            said = [node.value]
        elif isinstance(node, ast.Call) and re.fullmatch(r'print|sys\.exit|SystemExit|\w+\.error', ast.unparse(node.func)):
            said = node.args
        elif isinstance(node, ast.keyword) and node.arg in ('help', 'description', 'epilog'):
            said = [node.value]
        for argument in said:
            if text_of(argument) is not None:
                yield argument.lineno, text_of(argument)


def prose_of_script(text):
    for block in re.finditer(r'(?:^[ \t]*#(?!!)[^\n]*\n)+|(?<=[ \t])# [^\n]*\n', text, re.M):
        yield text.count('\n', 0, block.start()) + 1, re.sub(r'^\s*#+', '', block[0], flags=re.M)
    quoted = r'("(?:\\.|[^"\\])*"|\'[^\']*\')'
    for message in re.finditer(r'(?:\b(?:echo|printf)(?: -\w+)?|\bdescription:) +' + quoted, text):
        yield text.count('\n', 0, message.start(1)) + 1, message[1][1:-1].replace('\\n', ' ')


def prose_of_lines(text, mark, others):
    """Comments that begin with a mark and end with their line. Those on several lines are one. `others` are tokens that
    can have the mark in them: strings, and comments as a group `block`."""
    lines = r'(?P<lines>(?:^[ \t]*%s[^\n]*(?:\n|$))+|(?<!\S)%s[^\n]*)' % (mark, mark)
    quoted = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    for token in re.finditer(f'{others}|{lines}|{quoted}', text, re.S | re.M):
        if token['lines'] or token['block']:
            body = re.sub(rf'^\s*{mark}' if token['lines'] else r'^\s*\*+', '', token['lines'] or token['block'], flags=re.M)
            yield text.count('\n', 0, token.start()) + 1, body


def prose_of_javascript(text):
    return prose_of_lines(text, '//', r'`(?:\\.|[^`\\])*`|/\*+(?P<block>.*?)\*/')


def prose_of_lua(text):
    return prose_of_lines(text, '--', r'--\[\[(?P<block>.*?)\]\]|\[\[.*?\]\]')


def prose_of_control(text):
    for description in re.finditer(r'^Description: (.*\n(?: .*\n)*)', text, re.M):
        yield text.count('\n', 0, description.start()) + 1, re.sub(r'^( \.)?$', '', description[1].replace('\n', '.\n', 1), flags=re.M)


def prose_of(path, text):
    if path.endswith('.md'):
        return prose_of_markdown(text)
    if path.endswith('.1'):
        return prose_of_mdoc(text)
    if path.endswith('/control'):
        return prose_of_control(text)
    if re.search(r'\.(?:c|h|cpp|hpp)$', path):
        return prose_of_c(text, MESSAGES.search(path) is not None)
    if re.search(r'\.[cm]?[jt]s$', path):
        return prose_of_javascript(text)
    if path.endswith('.lua'):
        return prose_of_lua(text)
    if path.endswith('.py') or text.startswith('#!/usr/bin/env python3'):
        return prose_of_python(path, text)
    return prose_of_script(text)


def sentences(text):
    """Each sentence with the number of lines before it. Code between backticks is one word."""
    text = re.sub(r'`[^`]*`', lambda m: 'X' + '\n' * m[0].count('\n'), text)
    text = re.sub(r'\n[ \t]*\n|\n(?=\s*[-*] )', lambda m: '.' + m[0], text)
    at = 0
    for end in list(re.finditer(r'[.!?;](?=[\s)"]|$)', text)) + [None]:
        stop = end.end() if end else len(text)
        yield text.count('\n', 0, at + len(text[at:stop]) - len(text[at:stop].lstrip())), text[at:stop]
        at = stop


def check(path):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    found = []
    for line, prose in prose_of(path, text):
        for after, sentence in sentences(prose):
            said = ' '.join(sentence.split())
            where = line + after
            for name, pattern in PATTERNS:
                match = re.search(pattern, said)
                if match:
                    found.append((where, name, said[max(0, match.start() - 40):match.end() + 40]))
            words = len(re.findall(r"[A-Za-z0-9_'./%-]*[A-Za-z0-9][A-Za-z0-9_'./%-]*", said))
            if words > WORDS_MAX:
                found.append((where, f'a sentence of {words} words', said[:80]))
    if re.search(r'\.(?:c|h|cpp|hpp)$', path):
        found += [(line, 'begin with a verb', said) for line, said in functions_without_verb(text)]
    for where, name, said in found:
        print(f'{path}:{where}: {name}: {said}')
    return not found


def main():
    results = [check(path) for path in sys.argv[1:]]
    print(f'{sum(results)} passed, {len(results) - sum(results)} failed')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
