-- liblocksync for LuaJIT and OpenResty: the state of a user's smart locks.
--
--     local locksync = require "locksync"
--     local context = locksync.context {personal_key = key}
--     for _, lock in ipairs(assert(context:fetch())) do print(lock.id, lock.is_locked) end
--
-- Times are seconds since 1970, durations are seconds. An unknown value is nil, so `is_locked` is true, false or nil.
-- A number without a name in this version is kept. A function that fails returns nil and an error: a table with status,
-- message and more. tostring() of the error is the message.
local Context = require "locksync.context"
local Guard = require "locksync.guard"
local Pool = require "locksync.pool"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local records = require "locksync.records"
local values = require "locksync.values"
require "locksync.through" -- adds methods to the context, as the next
require "locksync.watch"

return {
  context = Context.new,
  guard = Guard.new,
  pool = Pool.new,
  diff = records.diff,
  kind_names = records.kind_names,
  prepare_redis = Guard.prepare_redis,
  version = function() return values.string(capi.lib.lock_sync_version()) end,

  -- numbers by name
  status = errors.status,
  state = records.state,
  door = records.door,
  device = records.device,
  access = records.access,
  change = records.change,
  guard_mode = capi.enumeration "GUARD_",
  log_level = capi.enumeration "LOG_",
  request_kind = Guard.kind,
  outcome = Guard.outcome,
}
