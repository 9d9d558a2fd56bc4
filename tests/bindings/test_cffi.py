#!/usr/bin/env python3
"""cffi reads the flat header unchanged and calls the library through it, with a callback and a struct."""
import os
import unittest

import cffi


class Cffi(unittest.TestCase):
    def test_the_header_is_all_it_needs(self):
        ffi = cffi.FFI()
        with open(os.environ["LOCKSYNC_FFI_HEADER"], encoding="utf-8") as header:
            ffi.cdef(header.read())
        lib = ffi.dlopen(os.environ["LOCKSYNC_LIBRARY"])
        body = b'{"result":[{"id":5,"name":"Shed","isConnected":true,"deviceState":{"state":6}}],"success":true}'

        @ffi.callback("lock_sync_status(void *, const lock_sync_request *, lock_sync_response *)")
        def perform(_user, _request, response):
            lib.lock_sync_response_set_status(response, 200)
            return lib.lock_sync_response_append_body(response, body, len(body))

        context, results = ffi.new("lock_sync_ctx **"), ffi.new("lock_sync_results **")
        transport = ffi.new("lock_sync_transport *", {"struct_size": ffi.sizeof("lock_sync_transport"),
                                                      "perform": perform})
        self.assertEqual(lib.lock_sync_ctx_new(context), lib.LOCK_SYNC_OK)
        self.assertEqual(lib.lock_sync_set_personal_key(context[0], b"key"), lib.LOCK_SYNC_OK)
        self.assertEqual(lib.lock_sync_set_transport(context[0], transport), lib.LOCK_SYNC_OK)
        self.assertEqual(lib.lock_sync_fetch(context[0], [5, 6], 2, results), lib.LOCK_SYNC_OK)
        lock = lib.lock_sync_results_at(results[0], 0)
        self.assertEqual((lock.id, lock.state, lock.is_connected), (5, lib.LOCK_SYNC_STATE_LOCKED, True))
        self.assertEqual(lib.lock_sync_results_missing_at(results[0], 0), 6)
        lib.lock_sync_results_free(results[0])
        directory = ffi.new("lock_sync_directory **")
        self.assertEqual(lib.lock_sync_fetch_directory(context[0], directory), lib.LOCK_SYNC_OK)
        self.assertEqual(ffi.string(lib.lock_sync_directory_at(directory[0], 0).name), b"Shed")
        lib.lock_sync_directory_free(directory[0])
        lib.lock_sync_ctx_free(context[0])


if __name__ == "__main__":
    unittest.main()
