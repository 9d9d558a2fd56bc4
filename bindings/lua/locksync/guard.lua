-- A guard, which keeps all its users within the service's limits.
local ffi = require "ffi"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local values = require "locksync.values"

jit.off(true, true)

local lib, status = capi.lib, errors.status
local Guard = {kind = capi.enumeration "REQUEST_", outcome = capi.enumeration "SLOT_"}
Guard.__index = Guard

-- --- Redis ---

-- Calls a function with a handle of a server, for which C has no errors with a detail.
local function with_redis(url, action)
  local redis_lib = capi.redis()
  local problem = redis_lib.lock_sync_redis_url_problem(values.text(url))
  if problem ~= nil then
    local err = errors.new(status.INVALID_ARGUMENT)
    err.message = "redis: " .. ffi.string(problem)
    return nil, err
  end
  local redis, code = capi.make("lock_sync_redis", redis_lib.lock_sync_redis_new, url)
  if not redis then return nil, errors.new(code) end
  local done, err = action(redis_lib, redis)
  redis_lib.lock_sync_redis_free(redis)
  return done, err
end

-- Prepares a Redis database at deployment, so that the first slot of a new account needs no wait.
function Guard.prepare_redis(url, key)
  return with_redis(url, function(redis_lib, redis)
    local code = redis_lib.lock_sync_redis_prepare(redis, values.text(key))
    if code == status.OK then return true end
    local err = errors.new(code)
    err.message = errors.written(redis_lib.lock_sync_redis_error_message, redis) or err.message
    return nil, err
  end)
end

-- --- the guard ---

local function open(options)
  if options.path then return capi.make("lock_sync_guard", lib.lock_sync_guard_open_file, values.text(options.path)) end
  if not options.redis then return capi.make("lock_sync_guard", lib.lock_sync_guard_new) end
  local key = assert(values.text(options.key), "a guard in Redis needs a key, one for each account")
  return with_redis(options.redis, function(redis_lib, redis)
    return capi.make("lock_sync_guard", redis_lib.lock_sync_guard_open_redis, redis, key)
  end)
end

local function configure(handle, options)
  local code = lib.lock_sync_guard_set_min_interval_ms(handle, values.ms(options.min_interval or 20))
  if code == status.OK then
    code = lib.lock_sync_guard_set_hourly_budget(handle, values.small(options.budget or 700),
                                                 values.small(options.unused or 100))
  end
  local function set_interval(kind, interval)
    if code ~= status.OK or not interval then return end
    code = lib.lock_sync_guard_set_kind_interval_ms(handle, kind, values.ms(interval))
  end
  set_interval(Guard.kind.DIRECTORY, options.directory_interval)
  set_interval(Guard.kind.OTHER, options.other_interval)
  return code
end

-- Makes a guard: in memory; with `path` in a file, for several processes; with `redis` (a URL) and `key` in a Redis
-- server, for several machines. More options: min_interval, directory_interval and other_interval
-- (seconds) for the kinds of requests, budget, unused.
function Guard.new(options)
  options = options or {}
  local handle, code = open(options)
  if not handle then return nil, type(code) == "table" and code or errors.new(code) end
  local guard = setmetatable({handle = ffi.gc(handle, lib.lock_sync_guard_unref)}, Guard)
  code = configure(handle, options)
  if code == status.OK then return guard end
  guard:close()
  return nil, errors.new(code)
end

local function error_of(guard, code, wait)
  local err = errors.new(code)
  if code == status.GUARD then err.message = guard:error_message() or err.message end
  if code == status.TOO_SOON then
    err.retry_after = tonumber(wait) / 1000
    err.message = ("The rate limit allows the next request in %.0f s."):format(math.ceil(err.retry_after))
  end
  return err
end

-- Requests a slot: the permission to send one request within `lease` seconds. Returns the slot, or nil and an error,
-- with retry_after if it is denied. A file takes up to 250 ms, Redis up to its timeouts; neither yields.
function Guard:reserve(lease, kind)
  local wait, slot = ffi.new "int64_t[1]", ffi.new "int64_t[1]"
  local code = lib.lock_sync_guard_reserve_for(self.handle, values.small(kind or Guard.kind.SYNC), values.ms(lease),
                                               wait, slot)
  if code == status.OK then return slot[0] end
  return nil, error_of(self, code, wait[0])
end

-- Reports how the request of a slot ended: one of locksync.outcome. With LIMITED, `retry_after` is the service's.
function Guard:settle(slot, outcome, retry_after)
  local code = lib.lock_sync_guard_settle(self.handle, values.integer(slot), values.small(outcome),
                                          retry_after and values.ms(retry_after) or -1)
  if code == status.OK then return true end
  return nil, error_of(self, code)
end

-- Returns why the store failed last, or nil.
function Guard:error_message()
  return errors.written(lib.lock_sync_guard_error_message, self.handle)
end

-- Returns why the store can lose its record, or nil.
function Guard:warning()
  return errors.written(lib.lock_sync_guard_warning, self.handle)
end

-- Returns the same guard with a reference of its own, which a close of this one does not end.
function Guard:another()
  return setmetatable({handle = ffi.gc(lib.lock_sync_guard_ref(self.handle), lib.lock_sync_guard_unref)}, Guard)
end

-- Contexts that use the guard keep it.
function Guard:close()
  lib.lock_sync_guard_unref(self.handle and ffi.gc(self.handle, nil))
  self.handle = nil
end

return Guard
