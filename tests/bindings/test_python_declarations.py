#!/usr/bin/env python3
"""The declarations of bindings/python, compared with how cffi reads the flat header."""
import ctypes
import os
import unittest

import cffi
from locksync import _capi

SIGNED = {"int": True, "long long": True, "unsigned int": False, "unsigned long long": False, "unsigned long": False}


class Declarations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ffi = cffi.FFI()
        with open(os.environ["LOCKSYNC_FFI_HEADER"], encoding="utf-8") as header:
            cls.ffi.cdef(header.read())
        cls.c = cls.ffi.dlopen(os.environ["LOCKSYNC_LIBRARY"])
        cls.python = _capi.Library(ctypes.CDLL(os.environ["LOCKSYNC_LIBRARY"]))

    def numbers(self, prefix):
        return {name[len(prefix):]: getattr(self.c, name) for name in dir(self.c)
                if name.startswith(prefix) and isinstance(getattr(self.c, name), int)}

    def test_enumerators_have_the_header_s_numbers(self):
        for prefix, kind, others in (("LOCK_SYNC_E_", _capi.Status, {"OK": 0}), ("LOCK_SYNC_STATE_", _capi.State, {}),
                                     ("LOCK_SYNC_DOOR_", _capi.Door, {}), ("LOCK_SYNC_DEVICE_", _capi.Device, {}),
                                     ("LOCK_SYNC_ACCESS_", _capi.Access, {}), ("LOCK_SYNC_LOG_", _capi.LogLevel, {}),
                                     ("LOCK_SYNC_CHANGE_", _capi.ChangeKind, {}), ("LOCK_SYNC_FIELD_", _capi.Field, {}),
                                     ("LOCK_SYNC_SLOT_", _capi.SlotOutcome, {}),
                                     ("LOCK_SYNC_REQUEST_", _capi.RequestKind, {}),
                                     ("LOCK_SYNC_GUARD_", _capi.GuardMode, {})):
            expected = self.numbers(prefix) | others
            for name in ("RECORD_MAX", "SOURCE_SIZE"):  # these are not modes of a guard
                expected.pop(name, None)
            self.assertEqual({name: int(value) for name, value in kind.__members__.items()}, expected)

    def test_structs_have_the_header_s_layout(self):
        for name, struct in (("lock", _capi.LockStruct), ("lock_info", _capi.LockInfoStruct),
                             ("change", _capi.ChangeStruct), ("transport", _capi.TransportStruct)):
            kind = self.ffi.typeof(f"lock_sync_{name}")
            self.assertEqual(ctypes.sizeof(struct), self.ffi.sizeof(kind))
            self.assertEqual([(field, getattr(struct, field).offset) for field, _ in struct._fields_],
                             [(field, found.offset) for field, found in kind.fields])

    def same(self, kind, found):
        """Whether ctypes and cffi pass the same: a number of this size and sign, a text, or a pointer."""
        if found.kind in ("pointer", "function", "array"):
            return kind is not None and ctypes.sizeof(kind) == self.ffi.sizeof("void *")
        if found.cname in ("void", "_Bool"):
            return kind is {"void": None, "_Bool": ctypes.c_bool}[found.cname]
        return ctypes.sizeof(kind) == self.ffi.sizeof(found) and (kind(-1).value == -1) == SIGNED[found.cname]

    def test_functions_have_the_header_s_parameters(self):
        functions = [name for name in dir(self.c) if not isinstance(getattr(self.c, name), int)]
        self.assertGreater(len(functions), 100)
        for name in functions:
            function = getattr(self.python, name.removeprefix("lock_sync_"))
            found = self.ffi.typeof(getattr(self.c, name))
            self.assertEqual(len(function.argtypes), len(found.args), name)
            for kind, expected in zip((function.restype, *function.argtypes), (found.result, *found.args)):
                self.assertTrue(self.same(kind, expected), f"{name}: {kind}, {expected}")

    def test_callbacks_have_the_header_s_parameters(self):
        for name, kind in (("log", _capi.LogFn), ("token", _capi.TokenFn), ("done", _capi.DoneFn),
                           ("watch", _capi.WatchFn), ("directory", _capi.DirectoryFn)):
            found = self.ffi.typeof(f"lock_sync_{name}_fn")
            self.assertEqual(len(kind._argtypes_), len(found.args))
            for one, expected in zip((kind._restype_, *kind._argtypes_), (found.result, *found.args)):
                self.assertTrue(self.same(one, expected), f"{name}: {one}, {expected}")


if __name__ == "__main__":
    unittest.main()
