-- The states of an account's locks in OpenResty, or in nginx with its Lua module. A worker never waits: requests go through
-- resty.http, and nothing else here takes time. All workers share the rate limit through the guard's file, and the states
-- through the dictionary "locks".
local http = require "resty.http"
local locksync = require "locksync"

local MOST_AGE = 60 -- seconds; older states are not shown
local states = {}
local context

-- Call it in init_worker_by_lua: settings of locksync.context, with a guard.
function states.start(settings)
  context = assert(locksync.context(settings))
end

-- Each step may take a part of the time: the name, the connection and TLS together, the request, and each read.
local function exchange(request)
  local client, part = http.new(), request.timeout * 1000 / 3
  client:set_timeouts(math.min(request.connect_timeout * 1000, part), part, part)
  return client:request_uri(request.url, {method = request.method, headers = request.headers, ssl_verify = true})
end

-- Sends a request of the library with resty.http. Its response has what the library needs: status, headers and body. All
-- reads together may take longer than the guard's lease, so a second thread ends the first in time.
local function send(request)
  local exchanging = ngx.thread.spawn(exchange, request)
  local waiting = ngx.thread.spawn(function()
    ngx.sleep(request.timeout)
    return nil, locksync.status.TIMEOUT
  end)
  local ran, response, why = ngx.thread.wait(exchanging, waiting)
  ngx.thread.kill(exchanging)
  ngx.thread.kill(waiting)
  if not ran then return nil, response end
  return response, why
end

local function lines_of(results)
  local lines = {}
  for i, lock in ipairs(results) do lines[i] = tostring(lock.id) .. " " .. lock.state_name .. "\n" end
  return table.concat(lines)
end

-- Returns {fetched_at, lines}, as old as the rate limit demands, but at most MOST_AGE. A denied slot is no error if a
-- worker has fetched states in that time.
function states.get()
  local results, err = context:fetch_through(send)
  if results then
    local lines = lines_of(results)
    ngx.shared.locks:set("states", results.fetched_at .. "\n" .. lines, MOST_AGE)
    return {fetched_at = results.fetched_at, lines = lines}
  end
  local known = err.status == locksync.status.TOO_SOON and ngx.shared.locks:get "states"
  if not known then return nil, err end
  local fetched_at, lines = known:match "^([^\n]*)\n(.*)$"
  return {fetched_at = fetched_at, lines = lines}
end

-- Call it in content_by_lua: writes a line for each lock.
function states.respond()
  local known, err = states.get()
  if not known then
    ngx.status = err.retry_after and 503 or 502
    ngx.header["Retry-After"] = err.retry_after and math.ceil(err.retry_after)
    ngx.say(err.message)
    return
  end
  ngx.header["X-Fetched-At"] = known.fetched_at
  ngx.print(known.lines)
end

return states
