-- libgetlock-sync for LuaJIT: the state of a user's smart locks.
--
--     local locksync = require "locksync"
--     local context = locksync.context {personal_key = key}
--     for _, lock in ipairs(assert(context:fetch())) do print(lock.id, lock.is_locked) end
--
-- Times are seconds since 1970, durations are seconds. An unknown value is nil, so `is_locked` is true, false or nil.
-- A number without a name in this version is kept. A function that fails returns nil and an error: a table with status,
-- message and more. tostring() of the error is the message.
local ffi = require "ffi"

jit.off(true, true) -- compiled code must not call C functions that call back

local function read_header()
  local places = {"/usr/include/locksync/locksync-ffi.h", "/usr/local/include/locksync/locksync-ffi.h"}
  table.insert(places, 1, os.getenv "LOCKSYNC_FFI_HEADER")
  for _, place in ipairs(places) do
    local file = io.open(place)
    if file then
      local text = file:read "*a"
      file:close()
      return text
    end
  end
  error "locksync-ffi.h was not found; set LOCKSYNC_FFI_HEADER to its path"
end

local header = read_header()
ffi.cdef(header)
local lib = ffi.load(os.getenv "LOCKSYNC_LIBRARY" or "liblocksync.so.0")

-- Returns the enumerators with a prefix, by the rest of their names.
local function enumeration(prefix)
  local values = {}
  for name, value in header:gmatch("%f[%w_]LOCK_SYNC_" .. prefix .. "([%w_]+) = (%d+)") do
    values[name] = tonumber(value)
  end
  return values
end

local locksync = {status = enumeration "E_", state = enumeration "STATE_", door = enumeration "DOOR_",
                  device = enumeration "DEVICE_", access = enumeration "ACCESS_", guard_mode = enumeration "GUARD_",
                  log_level = enumeration "LOG_", change = enumeration "CHANGE_"}
local status, field = locksync.status, enumeration "FIELD_"
status.OK = lib.LOCK_SYNC_OK

-- --- values to C and from C; checked, because C would truncate them ---

local function text(value)
  assert(value == nil or type(value) == "string" and not value:find("\0", 1, true), "not a string, or it contains NUL")
  return value
end

local function integer(value)
  assert(ffi.istype("int64_t", value) or type(value) == "number" and value % 1 == 0 and math.abs(value) <= 2^53,
         "not an integer")
  return value
end

local function small(value)
  assert(integer(value) >= 0 and value < 2^31, "out of range")
  return value
end

local function ms(seconds)
  return integer(math.floor(seconds * 1000 + 0.5))
end

local function id_list(ids) -- nil: all
  if ids == nil then return nil, 0 end
  assert(#ids > 0, "the list of ids is empty; pass nil for all locks")
  local list = ffi.new("int64_t[?]", #ids)
  for i, id in ipairs(ids) do list[i - 1] = integer(id) end
  return list, #ids
end

local function number(value) -- an int64_t stays one if a Lua number would not be exact
  return math.abs(tonumber(value)) <= 2^53 and tonumber(value) or value
end

local function string(value)
  return value ~= nil and ffi.string(value) or nil
end

local function each(at, handle, count, convert)
  local list = {}
  for i = 1, tonumber(count(handle)) do list[i] = convert(at(handle, i - 1)) end
  return list
end

-- --- errors ---

local Error = {__tostring = function(e) return e.message end}

local function new_error(code)
  return setmetatable({status = code, name = string(lib.lock_sync_status_name(code)),
                       message = string(lib.lock_sync_status_message(code)),
                       is_retryable = lib.lock_sync_status_is_retryable(code), api_messages = {}}, Error)
end

local function error_of(context, code)
  local e, detail = new_error(code), lib.lock_sync_last_error(context.handle)
  if lib.lock_sync_error_status(detail) == code then -- a call that failed with BUSY leaves no detail
    local http_status = lib.lock_sync_error_http_status(detail)
    local retry_after_ms = tonumber(lib.lock_sync_error_retry_after_ms(detail))
    local byte_offset = tonumber(lib.lock_sync_error_byte_offset(detail))
    e.message = string(lib.lock_sync_error_message(detail))
    e.http_status = http_status ~= 0 and http_status or nil
    e.retry_after = retry_after_ms >= 0 and retry_after_ms / 1000 or nil
    e.correlation_id = string(lib.lock_sync_error_correlation_id(detail))
    e.api_messages = each(lib.lock_sync_error_api_message_at, detail, lib.lock_sync_error_api_message_count, string)
    e.byte_offset = byte_offset >= 0 and byte_offset or nil
  end
  e.cause, context.raised = context.raised, nil
  return e
end

-- --- records ---

local function boolean_of(tristate)
  if tristate ~= lib.LOCK_SYNC_UNKNOWN then return tristate == lib.LOCK_SYNC_YES end
end

local function lock_of(record)
  local function sent(flag, value)
    if bit.band(record.fields, flag) ~= 0 then return value end
  end
  local state, door_state = sent(field.STATE, record.state), sent(field.DOOR_STATE, record.door_state)
  return {
    id = number(record.id),
    revision = sent(field.REVISION, number(record.revision)),
    state = state,
    state_name = string(lib.lock_sync_lock_state_text(record)),
    door_state = door_state,
    door_state_name = string(lib.lock_sync_lock_door_text(record)),
    battery_level = sent(field.BATTERY_LEVEL, record.battery_level), -- percent
    state_change_result = sent(field.STATE_CHANGE_RESULT, record.state_change_result), -- 0 success, 1 jammed
    last_state_changed = sent(field.LAST_STATE_CHANGED, tonumber(record.last_state_changed_ms) / 1000),
    is_connected = sent(field.CONNECTED, record.is_connected),
    is_charging = sent(field.CHARGING, record.is_charging),
    is_locked = boolean_of(lib.lock_sync_lock_is_locked(record)),
    is_jammed = boolean_of(lib.lock_sync_lock_is_jammed(record)),
  }
end

-- Returns the results of a fetch: a list of locks in the service's order, with missing, fetched_at and is_cached.
local function read_results(handle)
  local results = each(lib.lock_sync_results_at, handle, lib.lock_sync_results_count, lock_of)
  results.missing = each(lib.lock_sync_results_missing_at, handle, lib.lock_sync_results_missing_count, number)
  results.fetched_at = tonumber(lib.lock_sync_results_fetched_at_ms(handle)) / 1000
  results.is_cached = lib.lock_sync_results_is_cached(handle)
  return results
end

local function take_results(handle)
  local results = read_results(handle)
  lib.lock_sync_results_free(handle)
  return results
end

local function info_of(info)
  local function positive(value) return value > 0 and number(value) or nil end
  return {id = number(info.id), name = string(info.name), serial_number = string(info.serial_number),
          time_zone = string(info.time_zone), bridge_id = positive(info.bridge_id),
          organization_id = positive(info.organization_id), type = positive(info.type),
          access_level = info.access_level >= 0 and info.access_level or nil}
end

-- Returns a list with the name, serial number and more of each lock. Its `results` are their states.
local function take_directory(handle)
  local directory = each(lib.lock_sync_directory_at, handle, lib.lock_sync_directory_count, info_of)
  directory.results = read_results(lib.lock_sync_directory_results(handle))
  lib.lock_sync_directory_free(handle)
  return directory
end

-- Returns a list of changes: kinds (bits of locksync.change), the lock before (nil: added) and after (nil: removed).
local function take_changes(handle)
  local changes = each(lib.lock_sync_changes_at, handle, lib.lock_sync_changes_count, function(change)
    return {kinds = change.kinds, before = change.before ~= nil and lock_of(change.before) or nil,
            after = change.after ~= nil and lock_of(change.after) or nil}
  end)
  lib.lock_sync_changes_free(handle)
  return changes
end

-- --- callbacks: one of each kind, because LuaJIT allows only a few hundred; a number identifies the owner ---

local owners, last_key = setmetatable({}, {__mode = "v"}), 0

local function own(owner)
  last_key = last_key + 1
  owners[last_key] = owner
  return ffi.cast("void *", ffi.cast("intptr_t", last_key))
end

local function owner_of(user)
  return owners[tonumber(ffi.cast("intptr_t", user))]
end

-- Runs the action of a callback, which returns true, or nil and a status. An error must not pass through C: it becomes
-- the cause of the error that the fetch returns.
local function guarded(context, failure, action, ...)
  local ran, done, why = pcall(action, context, ...)
  if not ran then context.raised = done end
  if ran and done then return status.OK end
  return ran and why or failure
end

local function set_access_token(context, token)
  if type(token) ~= "table" then return lib.lock_sync_set_access_token(context.handle, text(token)) end
  return lib.lock_sync_set_access_token_until(context.handle, text(token.token), ms(token.expires_at))
end

local function provide(context, is_rejected)
  local result = set_access_token(context, context.token_provider(is_rejected))
  return result == status.OK, result
end

local function perform(context, request, response)
  local count = tonumber(lib.lock_sync_request_header_count(request))
  local headers = {}
  for i = 0, count - 1 do
    headers[string(lib.lock_sync_request_header_name(request, i))] =
      string(lib.lock_sync_request_header_value(request, i))
  end
  local received, why = context.transport {
    method = string(lib.lock_sync_request_method(request)), url = string(lib.lock_sync_request_url(request)),
    headers = headers, timeout = tonumber(lib.lock_sync_request_timeout_ms(request)) / 1000}
  if not received then return nil, why end
  local body = received.body or ""
  local result = lib.lock_sync_response_set_status(response, integer(received.status))
  for name, value in pairs(received.headers or {}) do
    if result == status.OK then result = lib.lock_sync_response_add_header(response, text(name), text(value)) end
  end
  if result == status.OK then result = lib.lock_sync_response_append_body(response, body, #body) end
  return result == status.OK, result
end

local on_log = ffi.cast("lock_sync_log_fn", function(user, level, line)
  local ran, raised = pcall(owner_of(user).logger, level, string(line))
  if not ran then io.stderr:write("the logger raised: ", tostring(raised), "\n") end
end)

local on_token = ffi.cast("lock_sync_token_fn", function(user, _, is_rejected)
  return guarded(owner_of(user), status.NO_CREDENTIAL, provide, is_rejected)
end)

local transport = ffi.new("lock_sync_transport", {struct_size = ffi.sizeof "lock_sync_transport"})
transport.perform = function(user, request, response)
  return guarded(owner_of(user), status.NETWORK, perform, request, response)
end

-- Stores the outcome of a fetch in a pool until C has returned, because `done` may raise errors.
local on_done = ffi.cast("lock_sync_done_fn", function(user, _, code, results)
  local job = owner_of(user)
  local outcome = {done = job.done}
  job.pool.running[job] = nil
  if code == status.OK then outcome.results = take_results(results) else outcome.err = error_of(job.context, code) end
  table.insert(job.pool.outcomes, outcome)
end)

-- --- settings, each with its setter ---

local function plain(name, convert)
  local set = lib["lock_sync_set_" .. name]
  return function(context, value) return set(context.handle, convert(value)) end
end

local settings = {
  personal_key = plain("personal_key", text),
  access_token = set_access_token, -- the token, or {token = ..., expires_at = ...}
  base_url = plain("base_url", text),
  api_version = plain("api_version", text),
  connect_timeout = plain("connect_timeout_ms", ms),
  timeout = plain("timeout_ms", ms),
  max_idle = plain("max_idle_ms", ms),
  max_response_bytes = plain("max_response_bytes", integer),
  allow_http = plain("allow_http", function(allow) return allow end),
  ca_file = plain("ca_file", text),
  proxy = plain("proxy", text),
  user_agent = plain("user_agent", text),
  guard = plain("guard", function(guard) return guard and guard.handle end),
  guard_mode = plain("guard_mode", small),
  -- Called with whether the service rejected the current credential; returns a value for access_token.
  token_provider = function(context, provider)
    context.token_provider = provider
    return lib.lock_sync_set_token_provider(context.handle, provider and on_token, context.user)
  end,
  -- Called with a level and a line.
  logger = function(context, logger)
    context.logger = logger
    return lib.lock_sync_set_logger(context.handle, logger and on_log, context.user)
  end,
  -- Called with {method, url, headers, timeout}; returns {status, headers, body}, or nil and a network status.
  transport = function(context, own_transport)
    context.transport, transport.user = own_transport, context.user
    return lib.lock_sync_set_transport(context.handle, own_transport and transport)
  end,
}

-- --- objects ---

local function class()
  local methods = {}
  methods.__index = methods
  return methods
end

local Context, Watch, Guard, Pool = class(), class(), class(), class()

-- Makes an object of the library: its pointer, or nil and a status.
local function make(kind, create, ...)
  local out = ffi.new(kind .. " *[1]")
  local arguments, count = {...}, select("#", ...)
  arguments[count + 1] = out
  local code = create(unpack(arguments, 1, count + 1))
  if code == status.OK then return out[0] end
  return nil, code
end

-- Makes a context: one user's settings, credential and connection. `initial` has settings as for Context:set().
function locksync.context(initial)
  local handle, code = make("lock_sync_ctx", lib.lock_sync_ctx_new)
  if not handle then return nil, new_error(code) end
  local watches = {} -- watches must not outlive the context
  local context = setmetatable({watches = watches}, Context)
  context.user = own(context)
  context.handle = ffi.gc(handle, function(collected)
    for watch in pairs(watches) do lib.lock_sync_watch_free(watches[watch]) end
    lib.lock_sync_ctx_free(collected)
  end)
  for name, value in pairs(initial or {}) do
    local done, err = context:set(name, value)
    if not done then
      context:close()
      return nil, err
    end
  end
  return context
end

-- Changes one setting; nil for a text, a function or the guard restores the default.
function Context:set(name, value)
  local code = assert(settings[name], "no such setting")(self, value)
  if code == status.OK then return true end
  return nil, error_of(self, code)
end

-- Returns the state of these locks, or without ids of all the account's locks.
function Context:fetch(ids)
  local results, code = make("lock_sync_results", lib.lock_sync_fetch, self.handle, id_list(ids))
  if results then return take_results(results) end
  return nil, error_of(self, code)
end

function Context:fetch_one(id)
  local results, code = make("lock_sync_results", lib.lock_sync_fetch_one, self.handle, integer(id))
  if results then return take_results(results)[1] end
  return nil, error_of(self, code)
end

-- Returns the names and serial numbers of all the account's locks, with their states.
function Context:fetch_directory()
  local directory, code = make("lock_sync_directory", lib.lock_sync_fetch_directory, self.handle)
  if directory then return take_directory(directory) end
  return nil, error_of(self, code)
end

-- Watches these locks, or all, for changes. It polls once per interval (default: 20 seconds).
function Context:watch(ids, interval)
  local handle, code = make("lock_sync_watch", lib.lock_sync_watch_new, self.handle, id_list(ids))
  if not handle then return nil, error_of(self, code) end
  local watch = setmetatable({context = self, handle = handle, key = {}}, Watch)
  self.watches[watch.key] = handle
  code = lib.lock_sync_watch_set_interval_ms(handle, ms(interval or 20))
  if code == status.OK then return watch end
  watch:close()
  return nil, new_error(code)
end

-- Frees the context and its watches. The garbage collector frees a context that is not closed.
function Context:close()
  if self.handle == nil then return end
  for key, watch in pairs(self.watches) do
    self.watches[key] = nil
    lib.lock_sync_watch_free(watch)
  end
  lib.lock_sync_ctx_free(ffi.gc(self.handle, nil))
  self.handle = nil
end

-- Returns the next changes; the first report all locks as added. Without changes in time it returns nil and an error
-- with status TIMEOUT. Temporary errors are not returned; after another error the next call continues.
function Watch:next(timeout)
  if self.context.watches[self.key] == nil then return nil, new_error(status.INVALID_ARGUMENT) end -- closed
  local changes, code = make("lock_sync_changes", lib.lock_sync_watch_next, self.handle, ms(timeout))
  if changes then return take_changes(changes) end
  return nil, error_of(self.context, code)
end

-- Returns the results of the last good response, or nil before it. Draw a display from these, never from changes alone.
function Watch:results()
  local results = lib.lock_sync_watch_results(self.context.watches[self.key])
  if results ~= nil then return read_results(results) end
end

-- For a loop: for changes in watch:each() do ... end. Permanent errors are raised.
function Watch:each()
  return function()
    while true do
      local changes, err = self:next(0.5) -- Lua handles a signal only between two calls
      if changes or err.status ~= status.TIMEOUT then return assert(changes, err) end
    end
  end
end

function Watch:close()
  local handle = self.context.watches[self.key]
  self.context.watches[self.key] = nil
  lib.lock_sync_watch_free(handle)
end

-- Makes a guard, which keeps all its contexts within the service's limits: in memory, or in a file for several
-- processes. Options: path, min_interval, budget, unused.
function locksync.guard(options)
  options = options or {}
  local handle, code
  if options.path then
    handle, code = make("lock_sync_guard", lib.lock_sync_guard_open_file, text(options.path))
  else
    handle, code = make("lock_sync_guard", lib.lock_sync_guard_new)
  end
  if not handle then return nil, new_error(code) end
  local guard = setmetatable({handle = ffi.gc(handle, lib.lock_sync_guard_unref)}, Guard)
  code = lib.lock_sync_guard_set_min_interval_ms(handle, ms(options.min_interval or 20))
  if code == status.OK then
    code = lib.lock_sync_guard_set_hourly_budget(handle, small(options.budget or 700), small(options.unused or 100))
  end
  if code == status.OK then return guard end
  return nil, new_error(code)
end

-- Contexts that use the guard keep it.
function Guard:close()
  lib.lock_sync_guard_unref(self.handle and ffi.gc(self.handle, nil))
  self.handle = nil
end

-- Makes a pool, which fetches for many contexts at once from one thread. It must be closed.
function locksync.pool()
  local handle, code = make("lock_sync_pool", lib.lock_sync_pool_new)
  if not handle then return nil, new_error(code) end
  return setmetatable({handle = handle, running = {}, outcomes = {}}, Pool)
end

-- Begins a fetch of a context without its own transport. `done` is called with what Context:fetch() would return.
function Pool:fetch(context, ids, done)
  local job = {context = context, done = done, pool = self}
  local list, count = id_list(ids)
  local code = lib.lock_sync_pool_submit(self.handle, context.handle, list, count, on_done, own(job))
  if code ~= status.OK then return nil, error_of(context, code) end
  self.running[job] = true
  return true
end

function Pool:call_done()
  while self.outcomes[1] do
    local outcome = table.remove(self.outcomes, 1)
    outcome.done(outcome.results, outcome.err)
  end
end

-- Waits for work, does it, and calls `done` of the fetches that ended.
function Pool:wait(timeout)
  lib.lock_sync_pool_wait(self.handle, ms(timeout))
  self:call_done()
end

function Pool:pending()
  return tonumber(lib.lock_sync_pool_pending(self.handle))
end

-- For an event loop: when this descriptor is readable, call wait(0).
function Pool:fd()
  return lib.lock_sync_pool_fd(self.handle)
end

-- Ends running fetches with status CANCELLED.
function Pool:close()
  lib.lock_sync_pool_free(self.handle)
  self.handle = nil
  self:call_done()
end

function locksync.version()
  return string(lib.lock_sync_version())
end

return locksync
