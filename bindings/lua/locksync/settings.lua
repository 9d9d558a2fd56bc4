-- The settings of a context, and its callbacks. An error in a callback must not pass through C: it becomes the cause of
-- the error that the fetch returns.
local ffi = require "ffi"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local Guard = require "locksync.guard"
local owners = require "locksync.owners"
local requests = require "locksync.requests"
local values = require "locksync.values"

jit.off(true, true)

local lib, status = capi.lib, errors.status
local settings = {}

-- --- callbacks with a status ---

-- Runs an action, which returns true, or nil and a status.
local function guarded(user, failure, action, ...)
  local context = owners.of(user)
  if not context then return failure end
  local ran, done, why = owners.in_callback(action, context, ...)
  if not ran then context:keep_raised(done) end
  if ran and done then return status.OK end
  return ran and tonumber(why) or failure
end

local function provide(context, is_rejected)
  local code = settings.set.access_token(context, context.token_provider(is_rejected))
  return code == status.OK, code
end

local function perform(context, request, response)
  local received, why = context.transport(requests.read(request))
  if not received then return nil, why end
  local code = requests.fill(response, received)
  return code == status.OK, code
end

local function on_token()
  return owners.callback("on_token", function()
    return ffi.cast("lock_sync_token_fn", function(user, _, is_rejected)
      return guarded(user, status.NO_CREDENTIAL, provide, is_rejected)
    end)
  end)
end

local function transport_of(context)
  local transport = owners.callback("transport", function()
    local it = ffi.new("lock_sync_transport", {struct_size = ffi.sizeof "lock_sync_transport"})
    it.perform = function(user, request, response)
      return guarded(user, status.NETWORK, perform, request, response)
    end
    return it
  end)
  transport.user = context.user
  return transport
end

-- The logger's callback.
function settings.log(context, level, line)
  local ran, raised = owners.in_callback(context.logger, level, values.string(line))
  if ran then return end
  if owners.is_interrupt(raised) then
    context:keep_raised(raised)
  else
    io.stderr:write("the logger raised: ", tostring(raised), "\n")
  end
end

-- --- each setting with its setter ---

local function plain(set, convert)
  return function(context, value) return set(context.handle, convert(value)) end
end

settings.set = {
  personal_key = plain(lib.lock_sync_set_personal_key, values.text),
  base_url = plain(lib.lock_sync_set_base_url, values.text),
  api_version = plain(lib.lock_sync_set_api_version, values.text),
  connect_timeout = plain(lib.lock_sync_set_connect_timeout_ms, values.ms),
  timeout = plain(lib.lock_sync_set_timeout_ms, values.ms),
  max_idle = plain(lib.lock_sync_set_max_idle_ms, values.ms),
  max_response_bytes = plain(lib.lock_sync_set_max_response_bytes, values.integer),
  allow_http = plain(lib.lock_sync_set_allow_http, values.boolean),
  ca_file = plain(lib.lock_sync_set_ca_file, values.text),
  proxy = plain(lib.lock_sync_set_proxy, values.text),
  user_agent = plain(lib.lock_sync_set_user_agent, values.text),
}

-- The token, or {token = ..., expires_at = ...}.
function settings.set.access_token(context, token)
  if type(token) ~= "table" then return lib.lock_sync_set_access_token(context.handle, values.text(token)) end
  return lib.lock_sync_set_access_token_until(context.handle, values.text(token.token), values.ms(token.expires_at))
end

-- Without a guard it makes one, because fetch_through() must use the same as C.
function settings.set.guard(context, guard)
  assert(guard == nil or guard.handle, "the guard is closed")
  local kept = guard and Guard.another(guard) or assert(Guard.new())
  local code = lib.lock_sync_set_guard(context.handle, kept.handle)
  if code == status.OK then context.guard = kept end
  return code
end

function settings.set.guard_mode(context, mode)
  local code = lib.lock_sync_set_guard_mode(context.handle, values.small(mode))
  if code == status.OK then context.guard_mode = mode end
  return code
end

-- Called with whether the service rejected the current credential; returns a value for access_token.
function settings.set.token_provider(context, provider)
  local code = lib.lock_sync_set_token_provider(context.handle, provider and on_token(), context.user)
  if code == status.OK then context.token_provider = provider end
  return code
end

-- Called with a level and a line.
function settings.set.logger(context, logger)
  local code = lib.lock_sync_set_logger(context.handle, logger and owners.event "lock_sync_log_fn", context.user)
  if code == status.OK then context.logger = logger end
  return code
end

-- Called with {method, url, headers, timeout, connect_timeout}; returns {status, headers, body}, or nil and a network
-- status. For a client that yields, such as cosockets, use Context:fetch_through().
function settings.set.transport(context, transport)
  local code = lib.lock_sync_set_transport(context.handle, transport and transport_of(context))
  if code == status.OK then context.transport = transport end
  return code
end

return settings
