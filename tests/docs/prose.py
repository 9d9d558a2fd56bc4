#!/usr/bin/env python3
"""Checks the English of pages, comments and messages for patterns that must not come back (see CONTRIBUTING.md).

prose.py FILE...: prints FILE:LINE: the rule: the text. The last line is "N passed, N failed", counted by file.

Checks all of Markdown except for code, and the comments of C with the messages of the library and the example
programs. Of Python, shell and Meson it checks comments and docstrings. It ignores lines with `prose: quoted`.
"""
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
     r'\b[Hh]osts?\b(?! name| header|:port)(?<!per host)(?<!loopback host)'),
    ('say: request, or request and response', r'\b[Ee]xchange[ds]?\b'),
    ('a private word', r'\b(?:pioneers?|errands?|spares|nudge[ds]?|bur(?:y|ies|ied)|seats?|keepers?|admissions?|nobody\'s|'
                       r'house|whither|hither)\b'),
    ('say: redact', r'\b(?:strikes?|struck|striking) (?:\w+ )?out\b'),
    ('say: must, can, may', r'\b[Ss]hall\b|\b(?:is|are|was|were) (?:not )?to be\b|\bto be had\b|\b(?:is|are|was) had\b'),
    ('say: no ..., only', r'\b[Nn]one is\b|\b(?:is|are|was|has|have) none\b|\b[Tt]here (?:is|are|was|were) but\b'),
    ('name the noun', r'\bof (?:ours|theirs|yours|hers)\b|\b(?:such a|so) one\b|\bThat of (?:the|a|its)\b'),
    ('say it plainly', r'\bof late\b|\ball the same\b|\bin (?:its|their) turn\b|\bnot at all\b|\bhad better\b|\bodd\b|'
                       r'\b(?:there|where|here)(?:of|in|upon|by|to|from|with)\b(?! *[-=(])|\bas good as\b|\bfor good\b'),
    ('a time for people in seconds or minutes', r'\b\d{5,} ?ms\b'),
]
MESSAGES = re.compile(r'(?:^|/)(?:src|include|examples/cli|examples/simulator)/')
C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|(?:"(?:\\.|[^"\\\n])*"\s*)+|\'(?:\\.|[^\'\\\n])\'', re.S)


def blank(text):
    """Returns the same number of lines without text."""
    return re.sub(r'[^\n]', ' ', text)


def prose_of_c(text, messages):
    at = 0
    for token in C_TOKEN.finditer(text):
        body, line = token[0], text.count('\n', 0, token.start()) + 1
        if body[0] == '"':
            said = ''.join(re.findall(r'"((?:\\.|[^"\\\n])*)"', body)).replace('\\"', '"')
            said = re.sub(r'\\n(?=\\n| {1,4}\S)', '. ', said).replace('\\n', ' ')  # entries of a help text
            if messages and said.count(' ') >= 3:
                yield line, said
        elif body[0] == '/':
            body = re.sub(r'^/\*+<?|\*/$|^//+<?', '   ', body)
            body = re.sub(r'^(\s*)\* ?', r'\1', body, flags=re.M)
            body = re.sub(r'@param(?:\[\w+\])? \w+|@(?:return|file|since|par \w+|see|note)', '. ', body)
            yield line, body
        at = token.end()


def prose_of_markdown(text):
    text = re.sub(r'^( *)```.*?^ *```$|<!--.*?-->', lambda m: blank(m[0]), text, flags=re.M | re.S)
    text = re.sub(r'^#+ .*$|^\[.*\]\(.*\) ·.*$', lambda m: blank(m[0]), text, flags=re.M)
    text = re.sub(r'\]\([^)]*\)', ']', text)
    text = re.sub(r'^\|[-| :]+\|$', '', text, flags=re.M)
    line = 1
    for block in re.split(r'(\n *\n|\n(?= *(?:[-*|]|\d+\.) ?))', text):
        for cell in block.split('|') if block.startswith('|') else [block]:
            yield line, cell
        line += block.count('\n')


def prose_of_script(path, text):
    if path.endswith('.py') or text.startswith('#!/usr/bin/env python3'):
        with open(path, 'rb') as file:
            for token in tokenize.tokenize(file.readline):
                if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
                    yield token.start[0], token.string.strip('#"')
        return
    for block in re.finditer(r'(?:^[ \t]*#(?!!)[^\n]*\n)+|(?<= )# [^\n]*\n', text, re.M):
        yield text.count('\n', 0, block.start()) + 1, re.sub(r'^\s*#+', '', block[0], flags=re.M)


def prose_of(path, text):
    if path.endswith('.md'):
        return prose_of_markdown(text)
    if re.search(r'\.(?:c|h|cpp|hpp)$', path):
        return prose_of_c(text, MESSAGES.search(path) is not None)
    return prose_of_script(path, text)


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
    lines = text.split('\n')
    found = []
    for line, prose in prose_of(path, text):
        for after, sentence in sentences(prose):
            said = ' '.join(sentence.split())
            where = line + after
            if where <= len(lines) and 'prose: quoted' in lines[where - 1]:
                continue
            for name, pattern in PATTERNS:
                match = re.search(pattern, said)
                if match:
                    found.append((where, name, said[max(0, match.start() - 40):match.end() + 40]))
            words = len(re.findall(r"[A-Za-z0-9_'./%-]*[A-Za-z0-9][A-Za-z0-9_'./%-]*", said))
            if words > WORDS_MAX:
                found.append((where, f'a sentence of {words} words', said[:80]))
    for where, name, said in found:
        print(f'{path}:{where}: {name}: {said}')
    return not found


def main():
    results = [check(path) for path in sys.argv[1:]]
    print(f'{sum(results)} passed, {len(results) - sum(results)} failed')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
