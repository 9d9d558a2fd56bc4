-- Runs the fetches of a program that waits for each. They run in a pool of this module, so the program waits in poll().
-- Ctrl-C ends a fetch at once, and its error does not pass through C.
local ffi = require "ffi"
local capi = require "locksync.capi"

jit.off(true, true)

ffi.cdef [[
  int locksync_lua_poll(void *descriptors, unsigned long count, int timeout_ms) __asm__("poll");
  int locksync_lua_getpid(void) __asm__("getpid");
]]

local lib, C = capi.lib, ffi.C
local POLLIN, SLICE_MS = 1, 1000
local descriptor = ffi.new "struct {int fd; short events; short revents;}[1]"
local driver = {}
local handle, process, is_running

-- Returns the pool; nil: the library has no pool. A forked process must not use its parent's, nor free it.
local function pool()
  local pid = C.locksync_lua_getpid()
  if handle ~= nil and process == pid then return handle end
  if handle ~= nil then ffi.gc(handle, nil) end
  handle, process = capi.make("lock_sync_pool", lib.lock_sync_pool_new), pid
  if handle ~= nil then ffi.gc(handle, lib.lock_sync_pool_free) end
  return handle
end

local function proceed(this)
  descriptor[0].fd, descriptor[0].events = lib.lock_sync_pool_fd(this), POLLIN
  C.locksync_lua_poll(descriptor, 1, SLICE_MS)
  lib.lock_sync_pool_dispatch(this)
end

local function wait_for(this, job)
  lib.lock_sync_pool_dispatch(this)
  while not job.is_done do proceed(this) end
end

-- Returns the pool for a fetch of this context; nil if the context must wait in C: it has its own transport, or a
-- callback of another fetch runs.
function driver.pool_for(context)
  if is_running or context.transport then return nil end
  local this = pool()
  return this ~= nil and lib.lock_sync_pool_fd(this) >= 0 and this or nil
end

-- Runs a job that was submitted to the pool. The error of Ctrl-C is raised after the fetch was cancelled.
function driver.run(context, job)
  is_running = true
  local ran, raised = pcall(wait_for, handle, job)
  if not ran then
    lib.lock_sync_cancel(context.handle)
    pcall(wait_for, handle, job)
  end
  is_running = false
  if not ran then error(raised, 0) end
end

return driver
