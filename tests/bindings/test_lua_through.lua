-- bindings/lua without I/O: build, send through a client that yields, decode. The client of these tests is a coroutine's
-- caller; test_lua_nginx.py does the same in nginx.
local locksync = require "locksync"
local support = require "support"

local same, fails, raises = support.same, support.fails, support.raises
local status, mode = locksync.status, locksync.guard_mode
local BODY = '{"result":[{"id":5,"isConnected":true,"deviceState":{"state":6,"doorState":2}}],"success":true}'
local UNAUTHORIZED, OK = {status = 401}, {status = 200, headers = {Date = {"x"}, ["X-Correlation-ID"] = "abc"}, body = BODY}

local function context(settings)
  local all = {base_url = "https://locks.example", personal_key = support.KEY}
  for name, value in pairs(settings or {}) do all[name] = value end
  return assert(locksync.context(all))
end

-- Runs an action whose client yields each request, and is resumed with the next of these responses. Returns the requests,
-- the times to sleep, and what the action returned.
local function run(responses, action)
  local requests, sleeps, thread = {}, {}, coroutine.create(action)
  local function send(request) return coroutine.yield("send", request) end
  local function sleep(seconds) coroutine.yield("sleep", seconds) end
  local ran, what, value = coroutine.resume(thread, send, sleep)
  while true do
    assert(ran, what)
    if coroutine.status(thread) == "dead" then return requests, sleeps, what, value end
    table.insert(what == "send" and requests or sleeps, value)
    ran, what, value = coroutine.resume(thread, what == "send" and table.remove(responses, 1) or nil)
  end
end

local tests = {}

function tests.a_request_is_built_and_its_response_decoded()
  local it = context {timeout = 9, connect_timeout = 3, user_agent = "acme/1"}
  local request = assert(it:request {5, 6})
  same(request.method, "GET")
  same(request.url, "https://locks.example/api/v37/my/lock/sync?id=5&id=6")
  same(request.headers.Authorization, "PersonalKey " .. support.KEY)
  assert(request.headers["User-Agent"]:find "^acme/1")
  same(request.timeout, 9)
  same(request.connect_timeout, 3)
  local results = assert(it:decode(request, {status = 200, body = BODY, received_at = 1700000000}))
  same(results[1].id, 5)
  same(results[1].is_locked, true)
  same(results.missing[1], 6)
  same(results.fetched_at, 1700000000)
  same(it:request_one(7).url, "https://locks.example/api/v37/my/lock/7/sync")
  same(it:request().url, "https://locks.example/api/v37/my/lock/sync")
  it:close()
  collectgarbage()
  same(request.method, "GET")
end

function tests.a_response_that_is_an_error_is_decoded_too()
  local it = context {max_response_bytes = 1024}
  local request = assert(it:request())
  local limited = fails("RATE_LIMITED", it:decode(request, {status = 429, headers = {["retry-after"] = "17"}}))
  same(limited.retry_after, 17)
  same(limited.http_status, 429)
  same(fails("SERVER", it:decode(request, {status = 503, headers = {["X-Correlation-ID"] = "abc"}})).correlation_id,
       "abc")
  assert(fails("MALFORMED", it:decode(request, {status = 200, body = "{"})).byte_offset >= 0)
  fails("TOO_LARGE", it:decode(request, {status = 200, body = (" "):rep(2000) .. BODY}))
  fails("INVALID_ARGUMENT", it:decode(request, {status = 0}))
  fails("INVALID_ARGUMENT", it:decode(request, {status = 200, headers = {["a\nb"] = "c"}}))
  for _, received in ipairs {{status = "200"}, {status = 200.5}, {status = 200, body = 5}} do
    raises(it.decode, it, request, received)
  end
  raises(it.request, it, {})
  fails("INVALID_ARGUMENT", it:request {-1})
  it:set("personal_key", nil)
  fails("NO_CREDENTIAL", it:request())
end

function tests.a_fetch_through_a_client_that_yields()
  local it = context()
  local requests, _, results = run({OK}, function(send) return it:fetch_through(send, {5, 6}) end)
  same(#requests, 1)
  same(results[1].state, locksync.state.LOCKED)
  same(results.missing[1], 6)
  local _, _, _, denied = run({}, function(send) return it:fetch_through(send) end)
  fails("TOO_SOON", nil, denied)
  fails("TOO_SOON", it:fetch()) -- the same guard
end

function tests.the_guard_is_told_how_the_request_ended()
  local cases = {
    -- what the client returns, the error, and the least and greatest wait for the next slot
    {{nil, status.CONNECT}, "CONNECT", 0, 0},
    {{nil, status.TIMEOUT}, "TIMEOUT", 15, 20},
    {{nil, "closed"}, "NETWORK", 15, 20},
    {{status = 500}, "SERVER", 15, 20},
    {{status = 429, headers = {["Retry-After"] = "50"}}, "RATE_LIMITED", 45, 50},
    {{status = 429}, "RATE_LIMITED", 35, 40},
  }
  for _, case in ipairs(cases) do
    local guard = assert(locksync.guard())
    fails(case[2], context {guard = guard}:fetch_through(function()
      if case[1].status then return case[1] end
      return nil, case[1][2]
    end))
    local slot, denied = guard:reserve(1)
    local wait = slot and 0 or denied.retry_after
    assert(wait >= case[3] and wait <= case[4], case[2] .. ": " .. wait)
  end
end

function tests.what_the_client_raises_is_raised_and_the_slot_settled()
  local guard = assert(locksync.guard {min_interval = 10})
  local it = context {guard = guard}
  same(raises(it.fetch_through, it, function() error("mine", 0) end), "mine")
  assert(fails("TOO_SOON", guard:reserve(1)).retry_after <= 10) -- an interval, no longer the lease of 30 s
end

function tests.what_is_not_a_response_raises_and_the_slot_is_settled()
  local cases = {5, {status = "200"}, {status = 2^40}, {status = 200, body = 5}, {status = 200, headers = {a = "b\0c"}}}
  for i, received in ipairs(cases) do
    local guard = assert(locksync.guard {min_interval = 10})
    local it = context {guard = guard}
    raises(it.fetch_through, it, function() return received end)
    local wait = fails("TOO_SOON", guard:reserve(1)).retry_after
    assert(wait <= 10, i .. ": " .. wait) -- an interval, no longer the lease of 30 s
  end
end

function tests.a_context_may_be_closed_while_its_request_is_on_its_way()
  local guard = assert(locksync.guard {min_interval = 10})
  local it = context {guard = guard}
  fails("INVALID_ARGUMENT", it:fetch_through(function()
    it:close()
    return OK
  end))
  assert(fails("TOO_SOON", guard:reserve(1)).retry_after <= 10)
  local provided
  provided = context {token_provider = function()
    provided:close()
    return "token"
  end}
  provided:set("personal_key", nil)
  fails("INVALID_ARGUMENT", provided:fetch_through(error))
end

function tests.the_mode_wait_sleeps_within_the_timeout()
  local it = context {guard = assert(locksync.guard {min_interval = 1}), guard_mode = mode.WAIT, timeout = 5}
  local function twice(send, sleep)
    assert(it:fetch_through(send))
    return it:fetch_through(send, nil, {sleep = function(seconds)
      sleep(seconds)
      os.execute "sleep 1.05"
    end})
  end
  local requests, sleeps, results = run({OK, OK}, twice)
  same(#requests, 2)
  assert(#sleeps >= 1 and sleeps[1] <= 1)
  same(#results, 1)
  it:set("guard", assert(locksync.guard()))
  local _, none, _, denied = run({OK}, twice)
  fails("TOO_SOON", nil, denied) -- the wait of 20 s exceeds the timeout
  same(#none, 0)
end

function tests.a_context_has_one_guard_for_all_its_fetches()
  local function answer() return {status = 200, body = BODY} end
  for _, how in ipairs {"created", "reset"} do
    local it = context {transport = answer}
    if how == "reset" then it:set("guard", nil) end
    assert(it:fetch())
    fails("TOO_SOON", it:fetch_through(error))
  end
end

function tests.a_context_keeps_a_guard_that_is_closed_later()
  local guard = assert(locksync.guard())
  local first, second = context {guard = guard}, context {guard = guard}
  guard:close()
  collectgarbage()
  assert(first:fetch_through(function() return OK end))
  fails("TOO_SOON", first:fetch())
  fails("TOO_SOON", second:fetch_through(error))
  assert(raises(first.set, first, "guard", guard):find "the guard is closed")
  raises(context, {guard = guard})
  fails("TOO_SOON", first:fetch_through(error)) -- still the guard of before
end

function tests.a_stopped_context_sends_nothing()
  local it = context()
  assert(it:set_stopped(true))
  fails("CANCELLED", it:fetch_through(error))
  fails("CANCELLED", it:fetch_directory_through(error))
  assert(it:set_stopped(false))
  it:set("personal_key", nil)
  it:set("token_provider", function() return it:set_stopped(true) and "token" end)
  fails("CANCELLED", it:fetch_through(error)) -- stopped while it waits for its token
  assert(it:set_stopped(false))
  assert(it:fetch_through(function() return OK end)) -- that slot was refunded
end

function tests.the_mode_off_asks_no_guard()
  local it = context {guard_mode = mode.OFF}
  for _ = 1, 3 do assert(it:fetch_through(function() return OK end)) end
end

function tests.the_token_provider_may_yield_and_is_called_again_after_a_401()
  local it, asked = nil, {}
  it = context {token_provider = function(is_rejected)
    table.insert(asked, tostring(is_rejected))
    coroutine.yield("sleep", 0)
    return is_rejected and "fresh" or "stale"
  end}
  it:set("personal_key", nil)
  local requests, _, results = run({UNAUTHORIZED, OK}, function(send) return it:fetch_through(send) end)
  same(table.concat(asked, " "), "false true")
  same(requests[1].headers.Authorization, "Bearer stale")
  same(requests[2].headers.Authorization, "Bearer fresh")
  same(#results, 1)
  it:set("guard", nil)
  local _, _, _, err = run({UNAUTHORIZED, UNAUTHORIZED}, function(send) return it:fetch_through(send) end)
  fails("UNAUTHORIZED", nil, err)
end

-- A page of the directory with `count` locks after `first`, and one more.
local function page(first, count, one_more)
  local locks = {}
  for i = 1, count do
    local id = ("%.0f"):format(first + i)
    locks[i] = ('{"id":%s,"name":"Lock %s","serialNumber":"S%s","deviceState":{}}'):format(id, id, id)
  end
  table.insert(locks, one_more)
  return {status = 200, body = '{"result":[' .. table.concat(locks, ",") .. '],"success":true}'}
end

function tests.a_directory_of_several_pages()
  local it = context()
  local requests, _, directory = run({page(0, 100), page(100, 100), page(199, 3)}, function(send)
    return it:fetch_directory_through(send)
  end)
  same(#requests, 3)
  assert(requests[3].url:find "Page=3")
  same(#directory, 202) -- lock 200 is on two pages
  same(#directory.results, 202)
  same(directory:find_serial("S202").id, 202)
  same(directory.results:find(202).id, 202)
  fails("TOO_SOON", it:fetch_directory_through(error))
  local full = {}
  for number = 1, 10 do full[number] = page(number * 100, 100) end
  it:set("guard", nil)
  local _, _, _, err = run(full, function(send) return it:fetch_directory_through(send) end)
  fails("TOO_LARGE", nil, err)
  fails("INVALID_ARGUMENT", it:request_directory(11))
end

local function fetch_pages(...)
  local pages = {...}
  local count = #pages
  local requests, _, directory, err = run(pages, function(send) return context():fetch_directory_through(send) end)
  same(#requests, count)
  return assert(directory, err)
end

function tests.of_a_lock_on_two_pages_the_later_record_holds()
  local renamed = '{"id":100,"name":"new","serialNumber":"S100","isConnected":true,"deviceState":{"state":2}}'
  local directory = fetch_pages(page(0, 100), page(100, 3, renamed))
  same(#directory, 103)
  same(#directory.results, 103)
  same(directory:find(100).name, "new")
  same(directory.results:find(100).state, 2)
  same(directory[1].id, 1)
  same(directory[103].id, 100) -- in the later place, as in C
  same(directory.results[103].id, 100)
  same(#directory:find_name "Lock 100", 0)
  same(#directory.results.missing, 0)
  same(directory.results.is_cached, false)
  same(directory.has_more, false)
  assert(raises(context().watch, context(), nil, {directory = directory}):find "several pages")
end

function tests.ids_that_tostring_would_round_are_different_locks()
  local directory = fetch_pages(page(123456789012000, 100), page(123456789012100, 20))
  same(#directory, 120)
  same(#directory.results, 120)
  local large = '{"id":900719925474099%d,"deviceState":{}}' -- beyond 2^53
  same(#fetch_pages(page(0, 99, large:format(3)), page(99, 1, large:format(4))), 102)
end

function tests.a_full_page_with_a_lock_twice_has_a_page_after_it()
  local again = '{"id":99,"name":"Lock 99","serialNumber":"S99","deviceState":{}}'
  same(#fetch_pages(page(0, 99, again), page(99, 3)), 102)
  local it = context()
  local first = assert(it:decode(it:request_directory(), page(0, 99, again)))
  same(#first, 99)
  same(first.has_more, true)
  same(it:decode(it:request_directory(2), page(99, 3)).has_more, false)
end

support.run(tests)
