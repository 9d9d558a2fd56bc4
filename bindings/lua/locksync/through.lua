-- Fetches through the application's HTTP client, which may yield: nothing here is called from C. For OpenResty.
local Context = require "locksync.context"
local Guard = require "locksync.guard"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local records = require "locksync.records"
local settings = require "locksync.settings"

local lib, status, kind, outcome = capi.lib, errors.status, Guard.kind, Guard.outcome
local NOT_SENT = {[status.RESOLVE] = true, [status.CONNECT] = true, [status.TLS] = true}
local MOST_PAGES = 10

local function guard_of(context)
  return context.guard_mode ~= lib.LOCK_SYNC_GUARD_OFF and context.guard or nil
end

-- Waits for a slot, if the context's guard mode is WAIT and there is a function to sleep; else fails at once.
local function reserve(context, guard, request, what, sleep)
  local waited = 0
  while true do
    local slot, err = guard:reserve(request.timeout, what)
    if slot then return slot end
    local may_wait = sleep and context.guard_mode == lib.LOCK_SYNC_GUARD_WAIT and err.status == status.TOO_SOON
    if not may_wait or waited + err.retry_after > request.timeout then return nil, err end
    sleep(err.retry_after)
    waited = waited + err.retry_after
  end
end

-- Sets the token that the provider returns.
local function renew(context, is_rejected)
  local code = settings.set.access_token(context, context.token_provider(is_rejected))
  if code == status.OK then return true end
  return nil, errors.of(context, code)
end

local function build(context, make)
  local request, err = make()
  if request or err.status ~= status.NO_CREDENTIAL or not context.token_provider then return request, err end
  local done
  done, err = renew(context, false)
  if not done then return nil, err end
  return make()
end

local function network_error(why)
  local err = errors.new(type(why) == "number" and why or status.NETWORK)
  if why ~= nil and type(why) ~= "number" then
    err.message, err.cause = err.message .. " " .. tostring(why), why
  end
  return err
end

-- Sends a request and decodes its response. Its slot is settled also if `send` raises an error, or returns no response.
-- If it never returns, because a worker is killed, the lease ends by itself.
local function exchange(context, guard, slot, request, send)
  local function settle(how, retry_after) -- what cannot be written now, the guard writes later
    if slot then guard:settle(slot, how, retry_after) end
  end
  if context.is_stopped then -- while this waited for a slot or a token
    settle(outcome.NOT_SENT)
    return nil, errors.new(status.CANCELLED)
  end
  local ran, received, why = pcall(send, request)
  if not ran then
    settle(outcome.SENT)
    error(received, 0)
  end
  if not received then
    local err = network_error(why)
    settle(NOT_SENT[err.status] and outcome.NOT_SENT or outcome.SENT)
    return nil, err
  end
  local result, err
  ran, result, err = pcall(context.decode, context, request, received)
  if not ran then -- what `send` returned is not a response
    settle(outcome.SENT)
    error(result, 0)
  end
  local is_limited = err and err.status == status.RATE_LIMITED
  settle(is_limited and outcome.LIMITED or outcome.SENT, is_limited and err.retry_after or nil)
  return result, err
end

-- Builds, asks the guard, sends and decodes. After a 401 the token provider may give another token, once.
local function fetch(context, make, what, send, options)
  if context.is_stopped then return nil, errors.new(status.CANCELLED) end
  local guard, slot, result = guard_of(context), nil, nil
  local request, err = build(context, make)
  if not request then return nil, err end
  if guard then
    slot, err = reserve(context, guard, request, what, options and options.sleep)
    if not slot then return nil, err end
  end
  result, err = exchange(context, guard, slot, request, send)
  if result or err.status ~= status.UNAUTHORIZED or not context.token_provider then return result, err end
  if not renew(context, true) then return nil, err end
  request = make()
  -- a retry of the same fetch: it counts in the hour, and waits for no interval
  slot = request and guard and guard:reserve(request.timeout, kind.OTHER)
  if not request or guard and not slot then return nil, err end
  return exchange(context, guard, slot, request, send)
end

-- Returns the state of these locks, or of all, as fetch() does, through `send`. This function is called with a
-- request (method, url, headers, timeout, connect_timeout). It returns a response (status, headers, body), or nil and
-- either a network status or what went wrong. It may yield. It must end within request.timeout and follow no redirects.
-- options.sleep is a function for the guard mode WAIT, such as ngx.sleep.
function Context:fetch_through(send, ids, options)
  return fetch(self, function() return self:request(ids) end, kind.SYNC, send, options)
end

-- Returns the directory, as fetch_directory() does, through `send`.
function Context:fetch_directory_through(send, options)
  local pages = {}
  repeat
    local number = #pages + 1
    local page, err = fetch(self, function() return self:request_directory(number) end,
                            number == 1 and kind.DIRECTORY or kind.OTHER, send, options)
    if not page then return nil, err end
    pages[number] = page
  until not page.has_more or number == MOST_PAGES
  if pages[#pages].has_more then return nil, errors.new(status.TOO_LARGE) end
  return records.join_pages(pages)
end

return Context
