-- A watch: repeated fetches, and the changes between their results.
local ffi = require "ffi"
local Context = require "locksync.context"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local owners = require "locksync.owners"
local records = require "locksync.records"
local values = require "locksync.values"

jit.off(true, true)

ffi.cdef [[int locksync_lua_clock(int clock, long *seconds_and_ns) __asm__("clock_gettime");]]

local lib, status = capi.lib, errors.status
local BOOT_CLOCK = 7 -- that of the library's deadlines
local SLICE_MS = 500 -- Lua handles a signal only between two calls
local Watch = {}
Watch.__index = Watch

local function configure(handle, options)
  local code = lib.lock_sync_watch_set_interval_ms(handle, values.ms(options.interval or 20))
  if code ~= status.OK or not options.directory then return code end
  if options.directory == true then return lib.lock_sync_watch_set_directory(handle, true) end
  return records.give_directory(options.directory, function(directory)
    return lib.lock_sync_watch_use_directory(handle, directory)
  end)
end

local function new(context, options, create, list, count)
  if type(options) == "number" then options = {interval = options} end
  local handle, code = capi.make("lock_sync_watch", create, context.handle, list, count)
  if not handle then return nil, errors.of(context, code) end
  local watch = setmetatable({context = context, key = {}}, Watch)
  context.watches[watch.key] = handle
  local ran
  ran, code = pcall(configure, handle, options or {})
  if ran and code == status.OK then return watch end
  context:free_watch(watch.key)
  if not ran then error(code, 0) end
  return nil, errors.new(code)
end

-- Watches these locks, or all, for changes. Options: interval (seconds; default 20); directory: true, or a directory to
-- begin with, so that each change has an info, and renamed locks and locks with another id are reported. A number is the
-- interval.
function Context:watch(ids, options)
  return new(self, options, lib.lock_sync_watch_new, values.id_list(ids))
end

-- Watches locks by their serial numbers, which do not change as ids do.
function Context:watch_serials(serial_numbers, options)
  return new(self, options, lib.lock_sync_watch_new_by_serial, values.text_list(serial_numbers))
end

-- The watch in C; nil if it or its context is closed.
function Watch:handle()
  return self.context.watches[self.key]
end

local function clock_ms()
  local now = ffi.new "long[2]"
  ffi.C.locksync_lua_clock(BOOT_CLOCK, now)
  return tonumber(now[0]) * 1000 + math.floor(tonumber(now[1]) / 1e6)
end

-- Returns the next changes; the first report all locks as added. Without changes in time it returns nil and an error
-- with status TIMEOUT. A negative timeout is no limit. Temporary errors are not returned; after another error the next
-- call continues.
function Watch:next(timeout)
  local handle = self:handle()
  if handle == nil then return nil, errors.new(status.INVALID_ARGUMENT) end
  local timeout_ms, begun, cause = values.ms(timeout), clock_ms(), nil
  while true do
    local left = timeout_ms < 0 and math.huge or math.max(0, timeout_ms - (clock_ms() - begun))
    local changes, err = self.context:outcome(records.take_changes,
                                              capi.make("lock_sync_changes", lib.lock_sync_watch_next, handle,
                                                        math.min(left, SLICE_MS)))
    if changes or err.status ~= status.TIMEOUT then return changes, err end
    cause = err.cause or cause
    err.cause = cause
    if left <= SLICE_MS then return nil, err end
  end
end

-- For a loop: for changes in watch:each() do ... end. Permanent errors are raised.
function Watch:each()
  return function() return assert(self:next(-1)) end
end

-- Returns the results of the last good response, or nil before it. Draw a display from these, never from changes alone.
function Watch:results()
  local results = lib.lock_sync_watch_results(self:handle())
  if results ~= nil then return records.read_results(results) end
end

-- Returns the last directory that the watch fetched or was given, or nil.
function Watch:directory()
  local directory = lib.lock_sync_watch_directory(self:handle())
  if directory ~= nil then return records.read_directory(directory) end
end

-- Returns the age of the results in seconds, or nil before the first. Check it before you act on a state.
function Watch:age()
  return values.seconds(lib.lock_sync_watch_age_ms(self:handle()))
end

-- Returns the seconds until the next poll.
function Watch:due_in()
  return values.seconds(lib.lock_sync_watch_due_in_ms(self:handle()))
end

-- Returns the status of the last poll.
function Watch:last_status()
  return lib.lock_sync_watch_last_status(self:handle())
end

-- Frees the watch, and removes it from its pool.
function Watch:close()
  owners.not_in_callback()
  self.context:free_watch(self.key)
end

return Watch
