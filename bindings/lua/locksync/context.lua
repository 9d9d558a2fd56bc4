-- A context: one user's settings, credential and connection.
local ffi = require "ffi"
local capi = require "locksync.capi"
local driver = require "locksync.driver"
local errors = require "locksync.errors"
local owners = require "locksync.owners"
local records = require "locksync.records"
local requests = require "locksync.requests"
local settings = require "locksync.settings"
local values = require "locksync.values"

jit.off(true, true)

local lib, status = capi.lib, errors.status
local Context = {}
Context.__index = Context

-- The logger's callback calls this.
Context.on_event = settings.log

-- Makes a context. `initial` has settings as for Context:set().
function Context.new(initial)
  local handle, code = capi.make("lock_sync_ctx", lib.lock_sync_ctx_new)
  if not handle then return nil, errors.new(code) end
  local watches = {} -- watches must not outlive the context
  local context = setmetatable({watches = watches, jobs = {}, guard_mode = lib.LOCK_SYNC_GUARD_FAIL}, Context)
  context.user = owners.add(context)
  context.handle = ffi.gc(handle, function(collected)
    for watch in pairs(watches) do lib.lock_sync_watch_free(watches[watch]) end
    lib.lock_sync_ctx_free(collected)
  end)
  local done, err = context:set("guard", initial and initial.guard)
  for name, value in pairs(initial or {}) do
    if done and name ~= "guard" then done, err = context:set(name, value) end
  end
  if done then return context end
  context:free()
  return nil, err
end

-- Changes one setting; nil for a text, a function or the guard restores the default.
function Context:set(name, value)
  local code = assert(settings.set[name], "no such setting")(self, value)
  if code == status.OK then return true end
  return nil, errors.of(self, code)
end

-- Keeps what a callback raised until C has returned: the cause of a failure, or Ctrl-C.
function Context:keep_raised(raised)
  if owners.is_interrupt(raised) then self.interrupt = raised end
  self.raised = raised
end

-- Returns what a function of C has made, converted, or nil and an error.
function Context:outcome(convert, made, code)
  local result, err
  if made then result = convert(made) else err = errors.of(self, code) end
  local interrupt = self.interrupt
  self.interrupt = nil
  if interrupt then error(interrupt, 0) end
  return result, err
end

-- A job, which C calls back when a fetch in the driver's pool has ended.
local Job = {}
Job.__index = Job

function Job:on_event(_, code, made)
  self.is_done, self.code = true, code
  if code == status.OK then self.made = ffi.cast(self.kind, made) end
end

-- Runs a fetch, in the driver's pool if possible. Returns what it made, or nil and a status.
function Context:run(what, ...)
  local pool = driver.pool_for(self)
  if not pool then return capi.make(what.kind, what.wait, self.handle, ...) end
  local job = setmetatable({kind = what.kind .. " *"}, Job)
  local arguments, count = {...}, select("#", ...)
  arguments[count + 1], arguments[count + 2] = owners.event(what.callback), owners.add(job)
  local code = what.submit(pool, self.handle, unpack(arguments, 1, count + 2))
  if code ~= status.OK then return nil, code end
  driver.run(self, job)
  return job.made, job.code
end

local FETCH = {kind = "lock_sync_results", callback = "lock_sync_done_fn", wait = lib.lock_sync_fetch,
               submit = lib.lock_sync_pool_submit}
local DIRECTORY = {kind = "lock_sync_directory", callback = "lock_sync_directory_fn",
                   wait = lib.lock_sync_fetch_directory, submit = lib.lock_sync_pool_submit_directory}

-- Returns the state of these locks, or without ids of all the account's locks.
function Context:fetch(ids)
  return self:outcome(records.take_results, self:run(FETCH, values.id_list(ids)))
end

-- Returns the state of one lock, from the service's endpoint for one. Ctrl-C waits for its end.
function Context:fetch_one(id)
  local results, err = self:outcome(records.take_results, capi.make("lock_sync_results", lib.lock_sync_fetch_one,
                                                                    self.handle, values.integer(id)))
  if results then return results[1] end
  return nil, err
end

-- Returns the names and serial numbers of all the account's locks, with their states.
function Context:fetch_directory()
  return self:outcome(records.take_directory, self:run(DIRECTORY))
end

-- Ends the fetch that runs in a pool, or the one whose callback calls this, with status CANCELLED.
function Context:cancel()
  lib.lock_sync_cancel(self.handle)
end

-- While a context is stopped, its fetches and waits end at once with status CANCELLED.
function Context:set_stopped(stopped)
  local code = lib.lock_sync_set_stopped(self.handle, values.boolean(stopped))
  if code ~= status.OK then return nil, errors.new(code) end
  self.is_stopped = stopped
  return true
end

-- --- for an application that does its own HTTP: nothing here waits or sends ---

-- Returns the request that fetch() would send, for Context:decode(). Its headers contain the credential.
function Context:request(ids)
  local list, count = values.id_list(ids)
  local request, code = capi.make("lock_sync_request", lib.lock_sync_request_build, self.handle, list, count)
  if request then return requests.own(request, false) end
  return nil, errors.of(self, code)
end

function Context:request_one(id)
  local request, code = capi.make("lock_sync_request", lib.lock_sync_request_build_one, self.handle,
                                  values.integer(id))
  if request then return requests.own(request, false) end
  return nil, errors.of(self, code)
end

-- Returns the request for a page of the directory, from 1. The has_more of what is decoded says whether
-- there may be another.
function Context:request_directory(page)
  local request, code = capi.make("lock_sync_request", lib.lock_sync_request_build_directory, self.handle,
                                  values.small(page or 1))
  if request then return requests.own(request, true) end
  return nil, errors.of(self, code)
end

-- Returns the results, or the page of a directory, that a response has. `received` has status, headers and body, and may
-- have received_at.
function Context:decode(request, received)
  local response, code = capi.make("lock_sync_response", lib.lock_sync_response_new, self.handle)
  if not response then return nil, errors.of(self, code) end
  ffi.gc(response, lib.lock_sync_response_free)
  code = requests.fill(response, received)
  local made
  if code ~= status.OK and code ~= status.TOO_LARGE then return nil, errors.new(code) end
  if request.is_directory then
    made, code = capi.make("lock_sync_directory", lib.lock_sync_response_decode_directory, self.handle,
                           request.handle, response)
  else
    made, code = capi.make("lock_sync_results", lib.lock_sync_response_decode, self.handle, request.handle, response)
  end
  lib.lock_sync_response_free(ffi.gc(response, nil))
  if made then return (request.is_directory and records.take_directory or records.take_results)(made) end
  return nil, errors.of(self, code)
end

-- Frees a watch by its key, and lets its pool forget it.
function Context:free_watch(key)
  local handle, job = self.watches[key], self.jobs[key]
  self.watches[key], self.jobs[key] = nil, nil
  if job then job:forget() end
  lib.lock_sync_watch_free(handle)
end

function Context:free()
  if self.handle == nil then return end
  for key in pairs(self.watches) do self:free_watch(key) end
  lib.lock_sync_ctx_free(ffi.gc(self.handle, nil))
  self.handle = nil
end

-- Frees the context and its watches. The garbage collector frees a context that is not closed.
function Context:close()
  owners.not_in_callback()
  self:free()
end

return Context
