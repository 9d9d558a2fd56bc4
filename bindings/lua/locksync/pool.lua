-- A pool, which fetches and watches for many contexts at once from one thread.
local ffi = require "ffi"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local owners = require "locksync.owners"
local records = require "locksync.records"
local values = require "locksync.values"

jit.off(true, true)

local lib, status = capi.lib, errors.status
local Pool = {}
Pool.__index = Pool

-- --- jobs: what C calls back about. A job that runs is kept by its pool. ---

local Job = {}
Job.__index = Job

-- Stores the outcome until C has returned, because `done` may raise errors, and may yield.
function Job:on_event(_, code, made)
  self:forget()
  local outcome = {done = self.done}
  if code == status.OK then
    outcome.result = self.take(ffi.cast(self.kind, made))
  else
    outcome.err = errors.of(self.context, code)
  end
  table.insert(self.pool.outcomes, outcome)
end

function Job:forget()
  self.pool.running[self] = nil
end

-- Calls `changed` inside C, where it may change the settings of the context. Its error is raised after C has returned.
local WatchJob = {forget = Job.forget}
WatchJob.__index = WatchJob

function WatchJob:on_event(_, code, changes)
  local ran, raised
  self.pool.is_in_changed = true
  if code == status.OK then
    ran, raised = pcall(self.changed, records.read_changes(ffi.cast("const lock_sync_changes *", changes)), nil)
  else
    ran, raised = pcall(self.changed, nil, errors.of(self.watch.context, code))
  end
  self.pool.is_in_changed = false
  if not ran then table.insert(self.pool.raised, raised) end
end

-- --- the pool ---

-- Makes a pool. Options: max_active (transfers), max_connections (in total) and max_per_origin.
function Pool.new(options)
  options = options or {}
  local handle, code = capi.make("lock_sync_pool", lib.lock_sync_pool_new)
  if not handle then return nil, errors.new(code) end
  local pool = setmetatable({handle = ffi.gc(handle, lib.lock_sync_pool_free), running = {}, outcomes = {}, raised = {}},
                            Pool)
  if options.max_active then code = lib.lock_sync_pool_set_max_active(handle, values.small(options.max_active)) end
  if (code or status.OK) == status.OK and (options.max_connections or options.max_per_origin) then
    local total = values.small(options.max_connections or 256)
    code = lib.lock_sync_pool_set_max_connections(handle, values.small(options.max_per_origin or math.min(64, total)),
                                                  total)
  end
  if (code or status.OK) == status.OK then return pool end
  lib.lock_sync_pool_free(ffi.gc(handle, nil))
  return nil, errors.new(code)
end

local function submit(pool, job, begin)
  setmetatable(job, Job)
  job.pool = pool
  local code = begin(owners.add(job))
  if code ~= status.OK then return nil, errors.of(job.context, code) end
  pool.running[job] = true
  return true
end

-- Begins a fetch of a context without its own transport. `done` is called with what Context:fetch() would return.
function Pool:fetch(context, ids, done)
  local list, count = values.id_list(ids)
  return submit(self, {context = context, done = done, take = records.take_results, kind = "lock_sync_results *"},
                function(user)
    return lib.lock_sync_pool_submit(self.handle, context.handle, list, count,
                                     owners.event "lock_sync_done_fn", user)
  end)
end

-- Begins to fetch the directory. `done` is called with what Context:fetch_directory() would return.
function Pool:fetch_directory(context, done)
  return submit(self, {context = context, done = done, take = records.take_directory, kind = "lock_sync_directory *"},
                function(user)
    return lib.lock_sync_pool_submit_directory(self.handle, context.handle,
                                               owners.event "lock_sync_directory_fn", user)
  end)
end

-- Runs a watch until it is closed. `changed` is called with what Watch:next() would return, except TIMEOUT. It may change
-- the settings of the watch's context, which is busy at other times. It must not yield.
function Pool:watch(watch, changed)
  local job = setmetatable({watch = watch, changed = changed, pool = self}, WatchJob)
  local code = lib.lock_sync_pool_watch(self.handle, watch:handle(), owners.event "lock_sync_watch_fn",
                                        owners.add(job))
  if code ~= status.OK then return nil, errors.of(watch.context, code) end
  self.running[job], watch.context.jobs[watch.key] = true, job
  return true
end

-- Calls `done` of what has ended, and raises what a `changed` has raised.
local function deliver(pool, code)
  if pool.handle == nil then pool.running = {} end -- watches that the pool no longer runs
  if pool.raised[1] ~= nil then error(table.remove(pool.raised, 1), 0) end
  while pool.outcomes[1] do
    local outcome = table.remove(pool.outcomes, 1)
    outcome.done(outcome.result, outcome.err)
  end
  if code == status.OK then return true end
  return nil, errors.new(code)
end

-- Waits up to `timeout` seconds for work, does it, and calls back. If a callback raises an error, so does this, and the
-- next call continues with the others.
function Pool:wait(timeout)
  return deliver(self, lib.lock_sync_pool_wait(self.handle, values.ms(timeout)))
end

-- Does what can be done without waiting, and calls back.
function Pool:dispatch()
  return deliver(self, lib.lock_sync_pool_dispatch(self.handle))
end

-- Returns the number of fetches and watches that run.
function Pool:pending()
  return tonumber(lib.lock_sync_pool_pending(self.handle))
end

-- For an event loop: when this descriptor is readable, call dispatch().
function Pool:fd()
  return lib.lock_sync_pool_fd(self.handle)
end

-- Ends running fetches and watches with status CANCELLED. Inside a `changed` they end when the call around it ends.
function Pool:close()
  owners.not_in_callback()
  local handle = self.handle
  if handle == nil then return end
  self.handle = nil
  lib.lock_sync_pool_free(ffi.gc(handle, nil))
  if not self.is_in_changed then deliver(self, status.OK) end
end

return Pool
