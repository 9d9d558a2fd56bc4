#!/usr/bin/env python3
"""Compares the declarations of bindings/python/_capi.py with the flat header."""
import os
import re
import unittest
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

import _capi

with open(os.environ["LOCKSYNC_FFI_HEADER"], encoding="utf-8") as _file:
    HEADER = _file.read()

ENUMS = {"": _capi.Status, "STATE": _capi.State, "DOOR": _capi.Door, "GUARD": _capi.GuardMode, "LOG": _capi.LogLevel,
         "CHANGE": _capi.ChangeKind, "FIELD": _capi.Field, "DEVICE": _capi.Device, "ACCESS": _capi.Access}
STRUCTS = {"lock_sync_lock": _capi.LockStruct, "lock_sync_lock_info": _capi.LockInfoStruct,
           "lock_sync_change": _capi.ChangeStruct, "lock_sync_transport": _capi.TransportStruct}
TYPES = {"void": None, "_Bool": c_bool, "int": c_int, "long long": c_int64, "unsigned long": c_size_t,
         "unsigned int": c_uint32, "unsigned long long": c_uint64, "const char *": c_char_p,
         "const long long *": POINTER(c_int64),
         "lock_sync_log_fn": _capi.LogFn, "lock_sync_token_fn": _capi.TokenFn, "lock_sync_done_fn": _capi.DoneFn,
         "lock_sync_watch_fn": _capi.WatchFn, "lock_sync_directory_fn": _capi.DirectoryFn,
         **dict.fromkeys(re.findall(r"typedef int (\w+);", HEADER), c_int32)}


def ctype(declared):
    """The ctypes type for a C type: structs with readable members as they are, other objects as bare pointers."""
    if declared.endswith("**"):
        return POINTER(c_void_p)
    struct = STRUCTS.get(re.sub(r"^const | \*$", "", declared))
    if struct and declared.startswith("const"):
        return POINTER(struct)
    return TYPES[declared] if declared in TYPES or not declared.endswith("*") else c_void_p


def ctypes_of(parameters):
    each = [re.sub(r"\w+$", "", parameter).strip() for parameter in parameters.split(", ")]
    return [] if each == [""] else [ctype(declared) for declared in each]


class Declarations(unittest.TestCase):
    def test_enumerators(self):
        for prefix, kind in ENUMS.items():
            pattern = rf"\bLOCK_SYNC_{prefix}_(\w+) = (\d+)" if prefix else r"\bLOCK_SYNC_(OK|E_\w+) = (\d+)"
            real = {re.sub("^E_", "", name): int(number) for name, number in re.findall(pattern, HEADER)}
            for name in ("RECORD_MAX", "SOURCE_SIZE"):  # these are not modes of a guard
                real.pop(name, None)
            self.assertEqual({name: int(value) for name, value in kind.__members__.items()}, real)

    def test_structs(self):
        for name, struct in STRUCTS.items():
            body = re.search(rf"struct {name} {{(.*?)}}", HEADER, re.DOTALL)[1]
            members = re.findall(r"(\w[^;]*?[ *])(?:\(\*(\w+)\)\((.*)\)|(\w+));", body)
            self.assertEqual([member for member, _ in struct._fields_],
                             [function or plain for _, function, _, plain in members])
            for (_, kind), (declared, function, parameters, _) in zip(struct._fields_, members):
                real = ctype(declared.strip())
                self.assertEqual([kind._restype_, *kind._argtypes_] if function else kind,
                                 [real, *ctypes_of(parameters)] if function else real)

    def test_callbacks(self):
        for result, name, parameters in re.findall(r"typedef (\w+) \(\*(\w+)\)\((.*)\);", HEADER):
            kind = TYPES[name]
            self.assertEqual([kind._restype_, *kind._argtypes_], [ctype(result), *ctypes_of(parameters)], name)

    def test_functions(self):
        real = {name: [ctype(result.strip()), *ctypes_of(parameters)] for result, name, parameters in
                re.findall(r"^(?!typedef)(\w[\w ]*[ *])lock_sync_(\w+)\((?:void|(.*))\);", HEADER, re.MULTILINE)}
        self.assertGreater(len(real), 100)
        for name, declared in _capi.PROTOTYPES.items():
            self.assertEqual(list(declared), real[name], name)
            function = getattr(_capi.lib, "lock_sync_" + name)
            self.assertEqual([function.restype, *function.argtypes], real[name])


if __name__ == "__main__":
    unittest.main()
