-- The cases of bindings/conformance for bindings/lua.
local locksync = require "locksync"
local compare = require "compare"
local json = require "json"
local support = require "support"

local FOLDER = os.getenv "LOCKSYNC_CONFORMANCE"
local ASK = debug.getinfo(1, "S").source:match "^@(.*)test_lua_conformance" .. "lua/ask.py"
local SECONDS = {connect_timeout_ms = "connect_timeout", timeout_ms = "timeout", max_idle_ms = "max_idle"}
local tests = {}

local function given(value)
  if value ~= json.null then return value end
end

-- Calls an action that may raise an error for a bad argument. Returns its results, or nil and an error of that status.
local function checked(action, ...)
  local ran, result, err = pcall(action, ...)
  if ran then return result, err end
  assert(type(result) == "string", result)
  return nil, {name = "LOCK_SYNC_E_INVALID_ARGUMENT", status = locksync.status.INVALID_ARGUMENT, message = result,
               api_messages = {}, is_retryable = false, is_raised = true}
end

local function only_members(what, members)
  for name in pairs(what) do assert(members[name], "unknown member " .. name) end
end

-- --- bodies.json ---

local BODY = {name = true, what = true, ids = true, page = true, status = true, headers = true, body = true, before = true,
              after = true, expected = true}

local function decode(context, request, case, body)
  return context:decode(request, {status = case.status or 200, headers = case.headers, body = body})
end

local BODIES = {
  results = function(context, case) return decode(context, assert(context:request(case.ids)), case, case.body) end,
  one = function(context, case) return decode(context, assert(context:request_one(case.ids[1])), case, case.body) end,
  directory = function(context, case)
    return decode(context, assert(context:request_directory(case.page)), case, case.body)
  end,
  changes = function(context, case)
    local before = assert(decode(context, assert(context:request(case.ids)), case, case.before))
    return locksync.diff(before, assert(decode(context, assert(context:request(case.ids)), case, case.after)))
  end,
}

for _, case in ipairs(json.read(FOLDER .. "/bodies.json")) do
  tests["body: " .. case.name] = function()
    only_members(case, BODY)
    local context = assert(locksync.context {personal_key = "demo-key"})
    compare.expected(case.expected, BODIES[case.what](context, case))
  end
end

-- --- settings.json ---

local function set(context, name, value)
  if name == "access_token_until" then
    return context:set("access_token", {token = value[1], expires_at = tonumber(value[2]) / 1000})
  end
  if SECONDS[name] then
    name, value = SECONDS[name], type(value) == "cdata" and tonumber(value) / 1000 or value / 1000
  end
  return context:set(name, given(value))
end

local function guard_of(settings)
  only_members(settings, {min_interval_ms = true, kind_interval_ms = true, hourly_budget = true})
  local intervals, budget = settings.kind_interval_ms or {}, settings.hourly_budget or {}
  local function seconds(value) return value and tonumber(value) / 1000 end
  only_members(intervals, {SYNC = true, DIRECTORY = true, OTHER = true})
  return locksync.guard {min_interval = seconds(settings.min_interval_ms or intervals.SYNC),
                         directory_interval = seconds(intervals.DIRECTORY), other_interval = seconds(intervals.OTHER),
                         budget = budget[1], unused = budget[2]}
end

local SETTINGS = {
  settings = function(context, values)
    for _, is_null in ipairs {true, false} do -- a null key would remove a token that is set before it
      for name, value in pairs(values) do
        local done, err = true, nil
        if (value == json.null) == is_null then done, err = set(context, name, value) end
        if not done then return nil, err end
      end
    end
    return true
  end,
  guard = function(_, values) return guard_of(values) end,
  watch = function(context, values)
    only_members(values, {interval_ms = true})
    return context:watch(nil, {interval = tonumber(values.interval_ms) / 1000})
  end,
  ids = function(context, values) return context:request(given(values.ids)) end,
  page = function(context, values) return context:request_directory(values.page) end,
  serials = function(context, values) return context:watch_serials(values.serials) end,
}

for _, case in ipairs(json.read(FOLDER .. "/settings.json")) do
  tests["settings: " .. case.name] = function()
    only_members(case, {name = true, what = true, set = true, expected = true})
    local context = assert(locksync.context {personal_key = "demo-key"})
    local result, err = checked(SETTINGS[case.what], context, case.set)
    if err and err.is_raised then case.expected.message_contains = nil end
    compare.expected(case.expected, result, err)
    assert(not (err and err.message:find("HIDE", 1, true)), "a secret in a message")
  end
end

-- --- fetches.json ---

local function encode(text)
  return (tostring(text):gsub("[^%w]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

local function ask(url, path, query)
  local parts = {}
  for name, value in pairs(query) do parts[#parts + 1] = name .. "=" .. encode(value) end
  assert(os.execute(("python3 '%s' '%s/_sim/%s?%s'"):format(ASK, url, path, table.concat(parts, "&"))) == 0)
end

-- Runs a call in a pool until it ends, and returns what it called back with.
local function in_pool(run, begin)
  local result, err, ended
  local begun, why = begin(function(...) result, err, ended = (...), select(2, ...), true end)
  if not begun then return nil, why end
  while not ended do run.pool:wait(60) end
  return result, err
end

local function next_in_pool(run, timeout)
  local deadline = os.time() + math.max(2, math.ceil(timeout))
  while not run.reports[1] and os.time() < deadline do run.pool:wait(0.1) end
  local report = table.remove(run.reports, 1)
  if report then return report[1], report[2] end
  return nil, {name = "LOCK_SYNC_E_TIMEOUT", message = "no change", api_messages = {}, is_retryable = true}
end

local STEPS = {
  fetch = function(run, step)
    if not run.pool then return run.context:fetch(step.ids) end
    return in_pool(run, function(done) return run.pool:fetch(run.context, step.ids, done) end)
  end,
  fetch_one = function(run, step)
    local lock, err = run.context:fetch_one(step.id)
    if not lock then return nil, err end
    return {lock, missing = {}, is_cached = false}
  end,
  fetch_directory = function(run)
    if not run.pool then return run.context:fetch_directory() end
    return in_pool(run, function(done) return run.pool:fetch_directory(run.context, done) end)
  end,
  watch = function(run, step)
    local options = {interval = step.interval_ms and step.interval_ms / 1000, directory = step.directory}
    run.watch = assert(step.serials and run.context:watch_serials(step.serials, options) or
                       run.context:watch(step.ids, options))
    run.reports = {}
    if run.pool then
      assert(run.pool:watch(run.watch, function(changes, err) table.insert(run.reports, {changes, err}) end))
    end
    return true
  end,
  next = function(run, step)
    if run.pool then return next_in_pool(run, step.timeout_ms / 1000) end
    return run.watch:next(step.timeout_ms / 1000)
  end,
  set = function(run, step) return SETTINGS.settings(run.context, step.settings) end,
  fault = function(run, step)
    ask(run.url, "fault", {name = step.name, every = step.every or 1})
    return true
  end,
  account = function(run, step)
    ask(run.url, "lock", {change = step.change, id = step.id or 0, name = step.name})
    return true
  end,
}
local STEP = {["do"] = true, ids = true, id = true, serials = true, directory = true, interval_ms = true,
              timeout_ms = true, settings = true, name = true, every = true, change = true, expected = true}

local function run_case(case, pool)
  only_members(case, {name = true, simulator = true, settings = true, guard = true, steps = true})
  local url, pid = support.start("--static --locks 3 " .. table.concat(case.simulator or {}, " "))
  local run = {url = url, pool = pool, context = assert(locksync.context {base_url = url})}
  assert(SETTINGS.settings(run.context, case.settings))
  if case.guard then assert(run.context:set("guard", assert(guard_of(case.guard)))) end
  for number, step in ipairs(case.steps) do
    only_members(step, STEP)
    local result, err = assert(STEPS[step["do"]], "unknown step")(run, step)
    local passed, why = pcall(compare.expected, step.expected or {}, result, err,
                              step["do"] == "next" and run.watch or nil)
    if not passed then error(("step %d, %s: %s"):format(number, step["do"], tostring(why)), 0) end
  end
  run.context:close()
  os.execute("kill " .. pid)
end

-- A context is busy while its watch is in a pool.
local function is_for_a_pool(case)
  local has_watch
  for _, step in ipairs(case.steps) do
    if step["do"] == "set" and has_watch then return false end
    has_watch = has_watch or step["do"] == "watch"
  end
  return true
end

for _, case in ipairs(json.read(FOLDER .. "/fetches.json")) do
  tests["fetch: " .. case.name] = function() run_case(case) end
  if is_for_a_pool(case) then
    tests["pool: " .. case.name] = function()
      local pool = assert(locksync.pool())
      run_case(case, pool)
      pool:close()
    end
  end
end

support.run(tests)
