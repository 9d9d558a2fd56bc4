"""The mutants of a C file: small changes in the bodies of its functions, at places of libclang's syntax tree."""
import bisect
import dataclasses
import re

from clang.cindex import CursorKind, Diagnostic, Index, TranslationUnit, TypeKind

COMPARISONS = {"<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="]}
OPERATORS = {
    **{op: ("comparison", after) for op, after in COMPARISONS.items()},
    "&&": ("logic", ["||"]), "||": ("logic", ["&&"]), "&": ("logic", ["|"]), "|": ("logic", ["&"]),
    "+": ("arithmetic", ["-"]), "-": ("arithmetic", ["+"]), "*": ("arithmetic", ["/"]), "/": ("arithmetic", ["*"]),
    "%": ("arithmetic", ["/"]), "+=": ("arithmetic", ["-="]), "-=": ("arithmetic", ["+="]),
    "|=": ("logic", ["&="]), "&=": ("logic", ["|="]),
}
BINARY = (CursorKind.BINARY_OPERATOR, CursorKind.COMPOUND_ASSIGNMENT_OPERATOR)
WRAPPERS = (CursorKind.UNEXPOSED_EXPR, CursorKind.PAREN_EXPR)
# The children of a statement that are statements.
STATEMENTS = {
    CursorKind.COMPOUND_STMT: slice(None), CursorKind.IF_STMT: slice(1, None), CursorKind.WHILE_STMT: slice(1, None),
    CursorKind.DO_STMT: slice(0, 1), CursorKind.FOR_STMT: slice(-1, None), CursorKind.CASE_STMT: slice(-1, None),
    CursorKind.DEFAULT_STMT: slice(-1, None), CursorKind.LABEL_STMT: slice(-1, None),
}
JUMPS = (CursorKind.BREAK_STMT, CursorKind.CONTINUE_STMT)
# The place of the condition among the children; for `for` it is found by the semicolons.
CONDITIONS = {CursorKind.IF_STMT: 0, CursorKind.WHILE_STMT: 0, CursorKind.DO_STMT: -1,
              CursorKind.CONDITIONAL_OPERATOR: 0}
PLAIN_VALUES = re.compile(r"(0|1|true|false|NULL)$")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A change: the bytes from `start` to `end` of `file` become `after`."""
    file: str
    function: str
    line: int
    column: int
    kind: str
    start: int
    end: int
    before: str
    after: str
    old: str  # the changed lines, joined
    new: str

    @property
    def place(self):
        """Returns the parts that stay the same when code elsewhere changes."""
        return self.file, self.function, self.old, self.new

    def __str__(self):
        return f'{self.file}:{self.line}:{self.column} {self.kind} "{self.before}" -> "{self.after.strip()}"'


def squeezed(text):
    return " ".join(text.split())


def bare(node):
    """Returns the expression without parentheses and implicit conversions."""
    while node.kind in WRAPPERS and len(children := list(node.get_children())) == 1:
        node = children[0]
    return node


class Places:
    """Collects the mutants of one file."""

    def __init__(self, name, path, arguments):
        self.name = name
        with open(path, "rb") as file:
            self.source = file.read()
        self.lines = [0] + [match.end() for match in re.finditer(b"\n", self.source)] + [len(self.source)]
        self.found = {}
        self.function = None
        unit = Index.create().parse(path, args=arguments,
                                    options=TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
        errors = [str(said) for said in unit.diagnostics if said.severity >= Diagnostic.Error]
        if errors:
            raise SystemExit("\n".join(errors))
        own = [node for node in unit.cursor.get_children() if node.location.file and node.location.file.name == path]
        self.macros = sorted((*self.span(node), node.spelling) for node in own
                             if node.kind == CursorKind.MACRO_INSTANTIATION)
        for node in own:
            if node.kind == CursorKind.FUNCTION_DECL and node.is_definition():
                self.function = node
                self.walk(node)
                self.booleans(*self.span(node))

    @staticmethod
    def span(node):
        return node.extent.start.offset, node.extent.end.offset

    def text(self, start, end):
        return self.source[start:end].decode()

    def in_macro(self, start, end):
        """Returns whether a macro produces it or a part of it. Whole macros inside of it do not matter."""
        return any(first < end and start < last and (first, last) != (max(first, start), min(last, end))
                   or (first, last) == (start, end) for first, last, _ in self.macros)

    def add(self, kind, start, end, after):
        """Adds the change of these bytes."""
        if (start, end, after) in self.found:
            return
        first = bisect.bisect_right(self.lines, start) - 1
        last = bisect.bisect_right(self.lines, max(end - 1, start)) - 1
        begin, stop = self.lines[first], self.lines[last + 1]
        self.found[start, end, after] = Mutant(
            self.name, self.function.spelling, first + 1, start - begin + 1, kind, start, end,
            squeezed(self.text(start, end)), after, squeezed(self.text(begin, stop)),
            squeezed(self.text(begin, start) + after + self.text(end, stop)))

    def change(self, kind, start, end, after):
        """Adds the change, unless it is in a macro."""
        if not self.in_macro(start, end):
            self.add(kind, start, end, after)

    def walk(self, node):
        children = list(node.get_children())
        if node.kind in STATEMENTS:
            for child in children[STATEMENTS[node.kind]]:
                self.statement(child)
        if node.kind in BINARY and len(children) == 2:
            self.binary(*children)
        elif node.kind == CursorKind.UNARY_OPERATOR:
            self.unary(node)
        elif node.kind == CursorKind.INTEGER_LITERAL:
            self.constant(node)
        elif node.kind == CursorKind.RETURN_STMT and children:
            self.returned(children[0])
        elif node.kind == CursorKind.FOR_STMT:
            self.loop(node, children)
        elif node.kind in CONDITIONS:
            self.condition(children[CONDITIONS[node.kind]])
        for child in children:
            if node.kind != CursorKind.VAR_DECL or not self.is_size(child):
                self.walk(child)

    def is_size(self, node):
        """Returns whether it is the size in a declaration of an array."""
        return self.source[self.span(node)[1]:].lstrip()[:1] == b"]"

    def binary(self, left, right):
        start, end = self.span(left)[1], self.span(right)[0]
        between = self.text(start, end)
        operator = between.strip()
        kind, changes = OPERATORS.get(operator, (None, []))
        start += len(between) - len(between.lstrip())
        for after in changes:
            self.change(kind, start, start + len(operator), after)

    def unary(self, node):
        start, end = self.span(node)
        for operator, after in (("++", "--"), ("--", "++")):
            for at in (start, end - 2):
                if self.text(at, at + 2) == operator:
                    self.change("arithmetic", at, at + 2, after)
        first, second = self.text(start, start + 1), self.text(start + 1, start + 2)
        if first == "!" or (first == "-" and second != "-"):
            self.change("logic" if first == "!" else "arithmetic", start, start + 1, "")

    def constant(self, node):
        start, end = self.span(node)
        match = re.fullmatch(r"(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)", self.text(start, end))
        if match and not (match[1].startswith("0") and match[1].isdigit() and len(match[1]) > 1): # no octal numbers
            value = int(match[1], 0)
            after = {0: 1, 1: 0}.get(value, value + 1)
            self.change("constant", start, end, (hex(after) if "x" in match[1] else str(after)) + match[2])

    def booleans(self, start, end):
        """true and false, which are macros in C11"""
        for at, to, name in self.macros:
            inside = any(first <= at and to <= last and (first, last) != (at, to) for first, last, _ in self.macros)
            if start < at < end and name in ("true", "false") and not inside:
                self.add("constant", at, to, "false" if name == "true" else "true")

    def returned(self, value):
        start, end = self.span(value)
        result = self.function.result_type.get_canonical()
        if not PLAIN_VALUES.match(self.text(start, end)):
            record = result.kind == TypeKind.RECORD
            self.change("return", start, end, f"({self.function.result_type.spelling}){{0}}" if record else "0")

    def loop(self, node, children):
        depth, ends = 0, []
        for token in node.get_tokens():
            depth += {"(": 1, ")": -1}.get(token.spelling, 0)
            if token.spelling == ";" and depth == 1:
                ends.append(token.extent.start.offset)
        for child in children:
            if len(ends) >= 2 and ends[0] < self.span(child)[0] < ends[1]:
                self.condition(child)

    def condition(self, node):
        """Negates it, unless a change of its operator does the same."""
        start, end = self.span(node)
        inner = bare(node)
        parts = list(inner.get_children())
        if inner.kind == CursorKind.BINARY_OPERATOR and self.text(
                self.span(parts[0])[1], self.span(parts[1])[0]).strip() in COMPARISONS:
            return
        if self.source[self.span(inner)[0]:][:1] != b"!" or inner.kind != CursorKind.UNARY_OPERATOR:
            self.change("condition", start, end, f"!({self.text(start, end)})")

    def statement(self, node):
        """Deletes it and keeps its lines."""
        start, end = self.span(node)
        if node.kind in JUMPS:
            self.change("jump", start, end, "")
        elif node.kind.is_expression():
            self.change("statement", start, end, "\n" * self.text(start, end).count("\n"))


def mutants_of(name, path, arguments):
    return list(Places(name, path, arguments).found.values())
