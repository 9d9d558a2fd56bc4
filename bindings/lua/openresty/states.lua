-- The states of an account's locks in OpenResty, or in nginx with its Lua module. A worker never waits: requests go through
-- resty.http, and nothing else here takes time. All workers share the rate limit through the guard's file.
local http = require "resty.http"
local locksync = require "locksync"

local states = {}
local context, latest

-- Call it in init_worker_by_lua: settings of locksync.context, with a guard.
function states.start(settings)
  context = assert(locksync.context(settings))
end

-- Sends a request of the library with resty.http. Its response has what the library needs: status, headers and body.
local function send(request)
  local client = http.new()
  client:set_timeouts(request.connect_timeout * 1000, request.timeout * 1000, request.timeout * 1000)
  return client:request_uri(request.url, {method = request.method, headers = request.headers, ssl_verify = true})
end

-- Returns the states, at most as old as the rate limit demands. A denied slot is no error if this worker has states.
function states.get()
  local results, err = context:fetch_through(send)
  latest = results or latest
  if results or latest and err.status == locksync.status.TOO_SOON then return latest end
  return nil, err
end

-- Call it in content_by_lua: writes a line for each lock.
function states.respond()
  local results, err = states.get()
  if not results then
    ngx.status = err.retry_after and 503 or 502
    ngx.header["Retry-After"] = err.retry_after and math.ceil(err.retry_after)
    ngx.say(err.message)
    return
  end
  ngx.header["X-Fetched-At"] = results.fetched_at
  for _, lock in ipairs(results) do
    ngx.say(tostring(lock.id), " ", lock.state_name)
  end
end

return states
