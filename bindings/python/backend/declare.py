"""Writes the declarations of the C library for ctypes, as the module locksync._capi, from its public headers.

    declare.py INCLUDE_FOLDER >_capi.py
"""
import pathlib
import re
import runpy
import sys

# The prefix of enumerators, the base and the name of the class, and enumerators of the prefix that are not members.
ENUMERATIONS = (
    ("E_", "IntEnum", "Status", "How a call ended.", ()),
    ("STATE_", "IntEnum", "State", "The state of a lock.", ()),
    ("DOOR_", "IntEnum", "Door", "The state of a door.", ()),
    ("DEVICE_", "IntEnum", "Device", "The type of a device.", ()),
    ("ACCESS_", "IntEnum", "Access", "The access of the user to a lock.", ()),
    ("GUARD_", "IntEnum", "GuardMode", "How a context reacts when its guard denies a slot.",
     ("RECORD_MAX", "SOURCE_SIZE")),
    ("REQUEST_", "IntEnum", "RequestKind", "The kind of a request; each has its own interval.", ()),
    ("SLOT_", "IntEnum", "SlotOutcome", "How the request of a slot ended.", ()),
    ("LOG_", "IntEnum", "LogLevel", "The level of a log message.", ()),
    ("CHANGE_", "IntFlag", "ChangeKind", "What has changed.", ()),
    ("FIELD_", "IntFlag", "Field", "Which values of a record are known.", ()),
)
STRUCTS = ("lock", "lock_info", "change", "transport")
# C's type in the flat header, its ctypes type, and what Python passes or gets.
SCALARS = {"void": ("None", "None"), "_Bool": ("c_bool", "bool"), "int": ("c_int32", "int"),
           "long long": ("c_int64", "int"), "unsigned int": ("c_uint32", "int"),
           "unsigned long long": ("c_uint64", "int"), "unsigned long": ("c_size_t", "int"),
           "const char *": ("c_char_p", "bytes | None")}
HEAD = '''"""The declarations of the C library, made from its headers by declare.py. Do not edit."""
# ruff: noqa
import ctypes
import enum
from collections.abc import Callable
from ctypes import (CFUNCTYPE, c_bool, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p)
from typing import Any
'''
LIBRARY = '''
class {name}:
    """{doc}"""

    def __init__(self, library: ctypes.CDLL) -> None:
        def function(name: str, result: Any, *arguments: Any) -> Any:
            found = getattr(library, "lock_sync_" + name)
            found.restype, found.argtypes = result, arguments
            return found

'''


def camel(name):
    return "".join(word.capitalize() for word in name.split("_"))


def split(declared):
    """Returns type and name of a parameter or member."""
    kind, name = re.fullmatch(r"(.*?[ *])(\w+)", declared).groups()
    return kind.strip(), name


class Header:
    """The flat text of the headers, and what is declared in it."""

    def __init__(self, text):
        self.text = text
        self.scalars = dict(SCALARS) | dict.fromkeys(re.findall(r"typedef int (lock_sync_\w+);", text),
                                                     SCALARS["int"])

    def types(self, declared):
        """Returns the ctypes type and the annotation for a C type."""
        if declared in self.scalars:
            return self.scalars[declared]
        if declared.endswith("_fn"):
            return camel(declared.removeprefix("lock_sync_").removesuffix("_fn")) + "Fn", "Any"
        if declared.endswith("*"):
            return "c_void_p", "Any"  # a struct's address is read with from_address(), faster than by POINTER
        raise SystemExit(f"declare.py does not know the type {declared!r}")

    def signature(self, result, parameters):
        """Returns the ctypes types and the annotations, the result first."""
        parameters = [] if parameters in ("", "void") else [split(each)[0] for each in parameters.split(", ")]
        return tuple(zip(*map(self.types, [result.strip(), *parameters])))

    def enumerations(self):
        values = re.findall(r"\bLOCK_SYNC_(\w+) = (\d+)", self.text)
        for prefix, base, name, doc, excluded in ENUMERATIONS:
            yield f'\n\nclass {name}(enum.{base}):\n    """{doc}"""\n'
            if prefix == "E_":
                yield "    OK = 0\n"
            for enumerator, value in values:
                member = enumerator.removeprefix(prefix)
                if enumerator.startswith(prefix) and member not in excluded:
                    yield f"    {member} = {value}\n"

    def callbacks(self):
        for result, name, parameters in re.findall(r"typedef (\w+) \(\*lock_sync_(\w+)_fn\)\((.*)\);", self.text):
            yield f"{camel(name)}Fn: Any = CFUNCTYPE({', '.join(self.signature(result, parameters)[0])})\n"

    def structs(self):
        for name in STRUCTS:
            body = re.search(rf"struct lock_sync_{name} {{(.*?)}}", self.text, re.DOTALL)[1]
            fields, annotations = [], []
            for member in re.findall(r"[^\s;][^;]*", body):
                function = re.fullmatch(r"(\w+) \(\*(\w+)\)\((.*)\)", member)
                if function:
                    result, field, parameters = function.groups()
                    kind, annotation = f"{camel(name)}{camel(field)}Fn", "Any"
                    yield f"{kind}: Any = CFUNCTYPE({', '.join(self.signature(result, parameters)[0])})\n"
                else:
                    declared, field = split(member)
                    kind, annotation = self.types(declared)
                fields.append(f'        ("{field}", {kind}),\n')
                annotations.append(f"    {field}: {annotation}\n")
            yield f'\n\nclass {camel(name)}Struct(ctypes.Structure):\n{"".join(annotations)}\n    _fields_ = [\n'
            yield "".join(fields) + "    ]\n"

    def functions(self, is_wanted):
        for result, name, parameters in re.findall(r"^(?!typedef)(\w[\w ]*[ *])lock_sync_(\w+)\((.*)\);", self.text,
                                                   re.MULTILINE):
            if is_wanted(name):
                kinds, annotations = self.signature(result, parameters)
                yield (f"        self.{name}: Callable[[{', '.join(annotations[1:])}], {annotations[0]}] = \\\n"
                       f'            function("{name}", {", ".join(kinds)})\n')


def is_redis(name):
    return name.startswith("redis_") or name == "guard_open_redis"


def declarations(include):
    """Returns the text of the module. `include` is the folder with flatten.py and locksync/."""
    include = pathlib.Path(include)
    flatten = runpy.run_path(str(include / "flatten.py"))
    text, seen = "", set()
    for name in ("locksync.h", "redis.h"):
        header = (include / "locksync" / name).resolve()
        text += "\n".join(flatten["declarations"](flatten["text_of"](header, seen))) + "\n"
    header = Header(text)
    parts = [HEAD, *header.enumerations(), "\n\n", *header.callbacks(), *header.structs()]
    for name, doc, is_wanted in (("Library", "The functions of liblocksync.", lambda name: not is_redis(name)),
                                 ("RedisLibrary", "The functions of liblocksync-redis.", is_redis)):
        parts += ["\n", LIBRARY.format(name=name, doc=doc), *header.functions(is_wanted)]
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(declarations(sys.argv[1]))
