#!/usr/bin/env python3
"""bindings/lua with its guard in a Redis server of this test."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from sockets import accepts

PROGRAM = """
local locksync = require "locksync"
local url = arg[1]
assert(locksync.prepare_redis(url, "test:account"))
local one = assert(locksync.guard {redis = url, key = "test:account"})
local other = assert(locksync.guard {redis = url, key = "test:account"})
for _, guard in ipairs {one, other} do -- a new database: no slot for a lease of 30 s and an interval
  local denied, err = guard:reserve(5)
  assert(not denied and err.status == locksync.status.TOO_SOON and err.retry_after > 40 and err.retry_after <= 50, err)
end
assert(one:settle(4711, locksync.outcome.LIMITED, 100)) -- of an unknown slot: no user gets one for that time
local denied, err = other:reserve(5)
assert(err.retry_after > 90, err)
assert(one:warning()) -- this server loses its record when it restarts
local context = assert(locksync.context {personal_key = "k", base_url = "http://127.0.0.1:1", guard = other})
denied, err = context:fetch()
assert(err.status == locksync.status.TOO_SOON, err)
local lost = assert(locksync.guard {redis = "unix:///nowhere", key = "k"})
denied, err = lost:reserve(5)
assert(err.status == locksync.status.GUARD and err.message == lost:error_message(), err)
assert(not locksync.prepare_redis("unix:///nowhere", "k"))
denied, err = locksync.guard {redis = "http://127.0.0.1", key = "k"}
assert(err.status == locksync.status.INVALID_ARGUMENT and err.message:find "redis://")
assert(not pcall(locksync.guard, {redis = url}))
print "done"
"""


@unittest.skipUnless(shutil.which("redis-server") and shutil.which("luajit"), "redis-server or luajit is not installed")
@unittest.skipUnless("LOCKSYNC_REDIS_LIBRARY" in os.environ, "this build has no guard in Redis")
class Redis(unittest.TestCase):
    def test_guards_share_the_record_of_a_server(self):
        with tempfile.TemporaryDirectory() as folder:
            socket = pathlib.Path(folder, "socket")
            server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""],
                                      stdout=subprocess.DEVNULL)
            self.addCleanup(server.wait)
            self.addCleanup(server.terminate)
            while not accepts(socket) and server.poll() is None:
                time.sleep(0.02)
            done = subprocess.run(["luajit", "-", f"unix://{socket}"], input=PROGRAM, text=True, capture_output=True,
                                  check=False)
        self.assertEqual((done.stdout, done.stderr), ("done\n", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
