-- bindings/lua against the simulator: settings, fetches, callbacks and guards.
local locksync = require "locksync"
local support = require "support"

local start, same, fails, raises = support.start, support.same, support.fails, support.raises
local status, mode = locksync.status, locksync.guard_mode
local KEY = support.KEY
local BODY = '{"result":[{"id":5,"isConnected":true,"deviceState":{"state":17,"doorState":2}}],"success":true}'

local simulator = start("--static --locks 3 --personal-key " .. KEY .. " --access-token fresh-token")
local context = support.contexts(simulator)

local tests = {}

function tests.all_settings_are_accepted()
  context {api_version = "v37", connect_timeout = 1.5, timeout = 30, max_response_bytes = 65536, allow_http = false,
           ca_file = "/nowhere", proxy = "http://127.0.0.1:1", user_agent = "acme-hub/2.1", guard = locksync.guard(),
           access_token = {token = "fresh-token", expires_at = os.time() + 60}, logger = print,
           token_provider = function() return "fresh-token" end, transport = function() end}:close()
end

function tests.a_rejected_setting_says_why_and_keeps_the_old_value()
  local it = context()
  local err = fails("INVALID_ARGUMENT", it:set("base_url", "ftp://127.0.0.1"))
  assert(tostring(err):find "http")
  same(#it:fetch(), 3)
  fails("INVALID_ARGUMENT", locksync.context {base_url = "ftp://127.0.0.1"})
end

function tests.values_that_c_would_truncate_are_rejected()
  local it = context()
  raises(it.set, it, "personal_key", "demo-key\0more")
  raises(it.set, it, "base_url", 5)
  raises(it.set, it, "timeout", 2^64)
  raises(it.set, it, "guard_mode", 2^32 + 1)
  raises(it.set, it, "colour", "red")
  raises(it.fetch, it, {1001.5})
  raises(it.fetch, it, {2^64 + 1002})
  raises(locksync.guard, {budget = 2^32 + 700})
end

function tests.an_empty_list_is_rejected()
  local it, pool = context(), assert(locksync.pool())
  for _, call in ipairs {function() it:fetch {} end, function() it:watch {} end,
                         function() pool:fetch(it, {}, error) end} do
    local ran, why = pcall(call)
    same(ran, false)
    assert(why:find "pass nil for all")
  end
  same(#it:fetch(nil), 3)
  pool:close()
end

function tests.nil_restores_the_default()
  local it = context {transport = function() return {status = 503} end}
  it:set("transport", nil)
  same(#it:fetch(), 3)
  it:set("personal_key", nil)
  fails("NO_CREDENTIAL", it:fetch())
  it:close()
  fails("INVALID_ARGUMENT", it:fetch())
  it:close()
end

function tests.all_locks()
  local locks = context():fetch()
  same(#locks, 3)
  same(locks.is_cached, false)
  assert(math.abs(os.time() - locks.fetched_at) < 60)
  local first, out_of_reach = locks[1], locks[2]
  same(first.id, 1001)
  same(first.is_connected, true)
  same(first.is_locked, first.state == locksync.state.LOCKED)
  same(first.is_jammed, false)
  same(locksync.state[first.state_name:upper()], first.state)
  assert(first.battery_level >= 0 and first.battery_level <= 100 and first.revision > 0 and first.door_state)
  same(os.date("!%Y", first.last_state_changed), "2024")
  same(out_of_reach.is_connected, false)
  for _, name in ipairs {"state", "battery_level", "is_locked", "is_jammed", "last_state_changed"} do
    same(out_of_reach[name], nil)
  end
  same(out_of_reach.state_name, "unknown")
  same(out_of_reach.door_state_name, "unknown")
  same(locksync.door[first.door_state_name:upper():gsub(" ", "_")], first.door_state)
end

function tests.some_locks_and_missing_ones()
  local locks = context():fetch {1003, 77, 1001LL, 78}
  same(#locks, 2)
  same(table.concat(locks.missing, " "), "77 78")
  same(context():fetch_one(1003).id, 1003)
end

function tests.names_and_serial_numbers()
  local directory = assert(context():fetch_directory())
  same(#directory, 3)
  same(directory[3].name, "Haust\195\188r M\195\188ller, \195\150lm\195\188hle")
  assert(directory[1].serial_number ~= directory[2].serial_number)
  assert(directory[1].type == locksync.device.LOCK_PRO or directory[1].type == locksync.device.LOCK_GO)
  same(directory[1].access_level, locksync.access.OWNER)
  assert(directory[1].bridge_id > 0)
  same(directory.results[2].is_connected, false)
  local unknown = context {transport = function()
    return {status = 200, body = '{"result":[{"id":5}],"success":true}'}
  end}:fetch_directory()[1]
  same(unknown.id, 5)
  for _, member in ipairs {"name", "serial_number", "time_zone", "bridge_id", "type", "access_level"} do
    same(unknown[member], nil)
  end
  fails("FORBIDDEN", context {base_url = start "--fault 403"}:fetch_directory())
end

function tests.errors_have_the_messages_of_the_service()
  local refused = fails("FORBIDDEN", context {base_url = start "--fault 403"}:fetch())
  same(refused.http_status, 403)
  same(#refused.api_messages, 1)
  assert(refused.message:find(refused.api_messages[1], 1, true))
  assert(refused.correlation_id:match "^[0-9a-f-]+$")
  same(refused.retry_after, nil)
  same(refused.byte_offset, nil)
  same(refused.is_retryable, false)
  local later = fails("SERVER", context {base_url = start "--fault 503"}:fetch())
  same(later.retry_after, 7)
  same(later.is_retryable, true)
  assert(fails("MALFORMED", context {base_url = start "--fault bad-json"}:fetch()).byte_offset > 0)
  fails("NOT_FOUND", context():fetch_one(77))
end

function tests.the_logger_gets_lines_without_the_credential()
  local lines, levels = {}, {}
  local it = context {logger = function(level, line)
    levels[level] = true
    table.insert(lines, line)
  end}
  it:fetch()
  fails("NOT_FOUND", it:fetch_one(77))
  assert(levels[locksync.log_level.INFO] and levels[locksync.log_level.WARNING])
  local all = table.concat(lines, "\n")
  assert(all:find "/my/lock/sync")
  same(all:find(KEY, 1, true), nil)
end

function tests.a_transport_of_the_application()
  local requests = {}
  local it = context {base_url = "https://locks.example", timeout = 9, transport = function(request)
    table.insert(requests, request)
    return {status = 200, headers = {["X-Correlation-ID"] = "abc"}, body = BODY}
  end}
  local locks = it:fetch {5, 6}
  same(locks[1].id, 5)
  same(locks[1].state, 17)
  same(locks.missing[1], 6)
  same(requests[1].url, "https://locks.example/api/v37/my/lock/sync?id=5&id=6")
  same(requests[1].method, "GET")
  same(requests[1].headers.Authorization, "PersonalKey " .. KEY)
  assert(requests[1].timeout > 0 and requests[1].timeout <= 9)
  it:set("transport", function() return nil, status.CONNECT end)
  fails("CONNECT", it:fetch())
  it:set("transport", function() error("mine", 0) end)
  same(fails("NETWORK", it:fetch()).cause, "mine")
end

function tests.the_provider_is_called_again_after_a_401()
  local asked = {}
  local it = assert(locksync.context {base_url = simulator, guard_mode = mode.OFF, token_provider = function(rejected)
    table.insert(asked, tostring(rejected))
    return rejected and "fresh-token" or "stale-token"
  end})
  same(#it:fetch(), 3)
  same(table.concat(asked, " "), "false true")
  it:set("access_token", nil)
  it:set("token_provider", function() error("no token", 0) end)
  same(fails("NO_CREDENTIAL", it:fetch()).cause, "no token")
end

function tests.guards_space_fetches_and_are_shared()
  local path = os.tmpname()
  os.remove(path)
  local one, other = assert(locksync.guard {path = path}), assert(locksync.guard {path = path})
  local first, second = context {guard = one}, context {guard = other}
  first:set("guard_mode", mode.FAIL)
  second:set("guard_mode", mode.FAIL)
  one:close()
  other:close()
  assert(first:fetch())
  local err = fails("TOO_SOON", second:fetch())
  assert(err.retry_after > 0 and err.retry_after <= 20)
  os.remove(path)
end

function tests.what_callbacks_raise_or_yield_does_not_pass_through_c()
  local raising = context {transport = function() error {mine = true} end}
  same(fails("NETWORK", raising:fetch()).cause.mine, true)
  for _, received in ipairs {5, {status = "x"}, {status = 2^40}, {status = 200, body = {}},
                             {status = 200, headers = {["a\0b"] = "c"}}} do
    raising:set("transport", function() return received end)
    assert(fails("NETWORK", raising:fetch()).cause)
  end
  raising:set("transport", function() coroutine.yield() end)
  coroutine.wrap(function()
    assert(tostring(fails("NETWORK", raising:fetch()).cause):find "yield")
  end)()
  local provided = assert(locksync.context {base_url = simulator, token_provider = function() return 5 end})
  assert(fails("NO_CREDENTIAL", provided:fetch()).cause)
  local logged = context {logger = function() error "not seen" end}
  local stderr = io.stderr
  io.stderr = {write = function() end}
  same(#logged:fetch(), 3)
  fails("NOT_FOUND", logged:fetch_one(77))
  io.stderr = stderr
end

-- Checks that a close in a callback raises BUSY.
local function is_busy(it)
  local raised = raises(it.close, it)
  same(raised.status, status.BUSY)
  assert(tostring(raised):find "closed inside")
end

function tests.nothing_can_be_closed_inside_a_logger_a_token_provider_or_a_transport()
  local idle, pool, it, watch, calls = context(), assert(locksync.pool()), nil, nil, 0
  local function close()
    calls = calls + 1
    for _, each in ipairs {it, watch, idle, pool} do is_busy(each) end
    fails("INVALID_ARGUMENT", locksync.context {base_url = "ftp://127.0.0.1"}) -- frees what it has made
    fails("INVALID_ARGUMENT", locksync.pool {max_active = 0})
    fails("INVALID_ARGUMENT", idle:watch(nil, -1))
    error("kept", 0) -- the count of callbacks is right after an error too
  end
  local settings = {logger = close, token_provider = close, transport = close}
  local stderr = io.stderr
  io.stderr = {write = function() end}
  for name, callback in pairs(settings) do
    for _, fetch in ipairs {"fetch", "fetch_directory", "fetch_one"} do
      calls = 0
      it = context()
      watch = assert(it:watch())
      it:set(name, callback)
      if name == "token_provider" then it:set("personal_key", nil) end
      local results, err = it[fetch](it, fetch == "fetch_one" and 1001 or nil)
      same(results and "kept" or err.cause, "kept")
      assert(calls > 0)
      it:set("logger", nil)
      watch:close()
      it:close() -- now it can
    end
  end
  io.stderr = stderr
  idle:close()
  pool:close()
end

function tests.what_a_provider_raises_because_it_closes_is_the_cause()
  local it
  it = assert(locksync.context {base_url = simulator, guard_mode = mode.OFF, token_provider = function()
    it:close()
    return "fresh-token"
  end})
  same(fails("NO_CREDENTIAL", it:fetch()).cause.status, status.BUSY)
  it:close()
end

function tests.a_callback_may_fetch_with_another_context()
  local inner, seen = context(), 0
  local outer = context {logger = function()
    if seen == 0 then seen = #assert(inner:fetch()) end
  end}
  same(#outer:fetch(), 3)
  same(seen, 3)
end

function tests.a_fetch_can_be_cancelled_in_its_callback()
  local it
  it = context {transport = function()
    it:cancel()
    return nil, status.CANCELLED
  end}
  fails("CANCELLED", it:fetch())
end

function tests.a_stopped_context_fetches_nothing()
  local it = context()
  assert(it:set_stopped(true))
  fails("CANCELLED", it:fetch())
  fails("CANCELLED", it:fetch_one(1001))
  fails("CANCELLED", it:watch():next(60))
  assert(it:set_stopped(false))
  same(#it:fetch(), 3)
  raises(it.set_stopped, it, 1)
  it:close()
  fails("INVALID_ARGUMENT", it:set_stopped(true))
end

function tests.a_guard_denies_and_counts()
  local guard = assert(locksync.guard {min_interval = 20, budget = 3, unused = 0})
  local slot = assert(guard:reserve(5))
  local denied = fails("TOO_SOON", guard:reserve(5))
  assert(denied.retry_after > 0 and denied.retry_after <= 25 and tostring(denied):find "rate limit")
  assert(guard:settle(slot, locksync.outcome.NOT_SENT)) -- a refund
  slot = assert(guard:reserve(5))
  assert(guard:settle(slot, locksync.outcome.LIMITED, 90))
  denied = fails("TOO_SOON", guard:reserve(5, locksync.request_kind.OTHER))
  assert(denied.retry_after > 80 and denied.retry_after <= 90)
  same(guard:warning(), nil)
  same(guard:error_message(), nil)
  raises(guard.settle, guard, "slot", 0)
  raises(guard.reserve, guard, 2^60)
  fails("INVALID_ARGUMENT", guard:reserve(-1))
end

function tests.a_guard_whose_file_is_damaged_says_why()
  fails("GUARD", locksync.guard {path = "/nowhere/guard"})
  local path = os.tmpname()
  os.remove(path)
  local guard = assert(locksync.guard {path = path})
  local file = io.open(path, "w")
  file:write(("damaged"):rep(100))
  file:close()
  local message = fails("GUARD", guard:reserve(5)).message
  same(message, guard:error_message())
  fails("GUARD", context {guard = guard, guard_mode = mode.FAIL}:fetch())
  os.remove(path)
end

function tests.the_module_can_be_loaded_again()
  local kept, lines = context {logger = function() error("the old one", 0) end}, 0
  kept:set("logger", function() lines = lines + 1 end)
  for _ = 1, 1200 do -- LuaJIT has fewer callbacks
    for name in pairs(package.loaded) do
      if name:find "^locksync" then package.loaded[name] = nil end
    end
    local again = require "locksync"
    assert(again ~= locksync)
    local it = assert(again.context {personal_key = KEY, base_url = simulator, guard_mode = mode.OFF,
                                     logger = function() lines = lines + 1 end,
                                     transport = function() return {status = 200, body = BODY} end})
    same(it:fetch()[1].id, 5)
    it:close()
  end
  assert(lines >= 1200)
  lines = 0
  same(#kept:fetch(), 3)
  assert(lines > 0)
end

function tests.the_version_is_the_library_s()
  assert(locksync.version():match "^%d+%.%d+%.%d+$")
end

support.run(tests)
