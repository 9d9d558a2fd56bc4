-- bindings/lua against the simulator.
local locksync = require "locksync"
local status, mode = locksync.status, locksync.guard_mode

local KEY = "demo-key"
local BODY = '{"result":[{"id":5,"isConnected":true,"deviceState":{"state":17,"doorState":2}}],"success":true}'
local simulators = {}

local function start(arguments)
  local pipe = io.popen("echo $$; exec " .. os.getenv "LOCKSYNC_SIM" .. " " .. arguments)
  local pid, url = pipe:read "*l", pipe:read "*l"
  table.insert(simulators, {pipe = pipe, pid = pid})
  return url
end

local function stop_all()
  for _, simulator in ipairs(simulators) do
    os.execute("kill " .. simulator.pid)
    simulator.pipe:close()
  end
end

local simulator = start("--static --locks 3 --personal-key " .. KEY .. " --access-token fresh-token")

-- A context that may fetch as often as it likes.
local function context(settings)
  local all = {base_url = simulator, personal_key = KEY, guard_mode = mode.OFF}
  for name, value in pairs(settings or {}) do all[name] = value end
  return assert(locksync.context(all))
end

local function same(actual, expected)
  if actual ~= expected then error(("%s instead of %s"):format(tostring(actual), tostring(expected)), 2) end
end

local function fails(expected, result, err)
  same(result, nil)
  same(err.name, "LOCK_SYNC_E_" .. expected)
  same(err.status, status[expected])
  return err
end

local function raises(action, ...)
  same(pcall(action, ...), false)
end

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

function tests.a_pool_fetches_for_many_contexts_at_once()
  local pool, fetched, failed = assert(locksync.pool()), 0, nil
  local contexts = {}
  for i = 1, 50 do
    contexts[i] = context()
    assert(pool:fetch(contexts[i], {1001, 77}, function(results)
      same(results.missing[1], 77)
      fetched = fetched + #results
    end))
  end
  fails("BUSY", contexts[1]:set("timeout", 1))
  collectgarbage() -- this must collect nothing that the pool needs
  while pool:pending() > 0 do pool:wait(60) end
  same(fetched, 50)
  fails("INVALID_ARGUMENT", pool:fetch(contexts[1], {-1}, error))
  assert(pool:fd() >= 0)
  assert(pool:fetch(contexts[1], nil, function(_, err) failed = err end))
  pool:close()
  fails("CANCELLED", nil, failed)
end

function tests.a_watch_reports_the_locks_then_their_changes()
  local it = context {base_url = start "--time-scale 3600"} -- an hour of the locks passes in a second
  local reported = {}
  for changes in assert(it:watch(nil, 0.01)):each() do
    table.insert(reported, changes)
    if #reported == 2 then break end
  end
  same(#reported[1], 4)
  for i, change in ipairs(reported[1]) do
    same(bit.band(change.kinds, locksync.change.ADDED), locksync.change.ADDED)
    same(change.before, nil)
    same(change.after.id, 1000 + i)
  end
  for _, change in ipairs(reported[2]) do
    same(change.before.id, change.after.id)
    same(bit.band(change.kinds, locksync.change.ADDED + locksync.change.REMOVED), 0)
  end
  local watch = assert(it:watch({1001}, 3600))
  same(watch:results(), nil)
  local changes = assert(watch:next(60))
  same(#changes, 1)
  same(#watch:results(), 1)
  same(watch:results()[1].id, 1001)
  same(watch:results()[1].state, changes[1].after.state)
  fails("TIMEOUT", watch:next(0))
  it:close()
  fails("INVALID_ARGUMENT", watch:next(0))
  same(watch:results(), nil)
  fails("UNAUTHORIZED", context {personal_key = "wrong"}:watch():next(60))
end

function tests.memory_does_not_grow()
  local ROUNDS, WARM = 10000, 1000
  local function resident() -- in bytes
    collectgarbage()
    local statm = io.open "/proc/self/statm"
    local pages = statm:read("*a"):match "%d+ (%d+)"
    statm:close()
    return pages * 4096
  end
  local kept, pool, before = context(), assert(locksync.pool()), nil
  for round = 1, ROUNDS + WARM do
    local lines = 0
    local guard = assert(locksync.guard {min_interval = 0.001})
    local it = context {guard = guard, logger = function() lines = lines + 1 end, token_provider = function() end}
    guard:close()
    same(#it:fetch {1001, 77}, 1)
    same(#it:watch({1001}):next(60), 1)
    assert(pool:fetch(kept, nil, function(results) same(#results, 3) end))
    while pool:pending() > 0 do pool:wait(60) end
    same(#kept:fetch_directory(), 3)
    fails("NOT_FOUND", kept:fetch_one(77))
    it:set("transport", function() return {status = 503, headers = {["Retry-After"] = "7"}, body = "{}"} end)
    fails("SERVER", it:fetch())
    assert(lines > 0)
    if round % 2 == 0 then it:close() end -- the others are collected as garbage
    if round == WARM then before = resident() end
  end
  local grown = resident() - before
  print(("%d rounds: %d bytes"):format(ROUNDS, grown))
  assert(grown < 50 * ROUNDS)
end

function tests.the_version_is_the_library_s()
  assert(locksync.version():match "^%d+%.%d+%.%d+$")
end

local failed = 0
for name, test in pairs(tests) do
  local passed, why = xpcall(test, debug.traceback)
  print((passed and "ok " or "not ok ") .. name:gsub("_", " "))
  if not passed then
    print(why)
    failed = failed + 1
  end
end
stop_all()
os.exit(failed == 0 and 0 or 1)
