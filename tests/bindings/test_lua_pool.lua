-- bindings/lua against the simulator: pools, watches, directories and diffs.
local locksync = require "locksync"
local support = require "support"

local start, same, fails, raises = support.start, support.same, support.fails, support.raises
local status, mode = locksync.status, locksync.guard_mode
local KEY = support.KEY

local context = support.contexts(start("--static --locks 3 --personal-key " .. KEY))
local tests = {}

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

function tests.a_wait_for_changes_ends_in_time_with_the_cause()
  local it, calls = context {transport = function() error("mine", 0) end}, 0
  local watch = assert(it:watch(nil, 3600))
  same(fails("TIMEOUT", watch:next(1.2)).cause, "mine")
  it:set("transport", function()
    calls = calls + 1
    os.execute "sleep 0.4"
    return {status = 503}
  end)
  watch = assert(it:watch(nil, 0.01))
  local begun = os.time()
  fails("TIMEOUT", watch:next(2))
  assert(os.time() - begun <= 4 and calls >= 1)
end

-- A guard that allows what the tests do.
local function generous_guard()
  return assert(locksync.guard {min_interval = 0.001, directory_interval = 0.001, budget = 100000, unused = 0})
end

-- A context whose directory changes each second: a lock is renamed, gets another id, is removed, or is added.
local function of_changing_directory()
  return context {base_url = start "--locks 4 --time-scale 60 --change-s 60", guard = generous_guard(),
                  guard_mode = mode.WAIT}
end

-- Calls `report` for each change until all the kinds have been seen.
local function see_kinds(wanted, next_changes)
  local seen, deadline = {}, os.time() + 30
  while next(wanted) do
    assert(os.time() < deadline, "not all kinds of changes were reported")
    for _, change in ipairs(next_changes()) do
      for _, kind in ipairs(locksync.kind_names(change.kinds)) do
        seen[kind] = seen[kind] or change
        wanted[kind] = nil
      end
    end
  end
  return seen
end

local function check_directory_changes(seen)
  assert(seen.RENAMED.info.name and seen.RENAMED.info.id == seen.RENAMED.after.id)
  assert(seen.NEW_ID.before.id ~= seen.NEW_ID.after.id)
  assert(seen.NEW_ID.info.serial_number and seen.ADDED.info.name)
end

function tests.a_watch_that_follows_the_directory_reports_names_and_other_ids()
  local it = of_changing_directory()
  local watch = assert(it:watch(nil, {interval = 0.05, directory = true}))
  same(watch:directory(), nil)
  same(watch:age(), nil)
  local seen = see_kinds({ADDED = true, RENAMED = true, NEW_ID = true, REMOVED = true}, function()
    return assert(watch:next(20))
  end)
  check_directory_changes(seen)
  assert(#watch:directory() >= 3 and watch:directory().results[1].id)
  assert(watch:age() < 20 and watch:due_in() <= 0.06)
  same(watch:last_status(), status.OK)
end

function tests.a_pool_runs_a_watch_and_fetches_the_directory()
  local it, pool, seen, names = of_changing_directory(), assert(locksync.pool()), {}, nil
  assert(pool:fetch_directory(it, function(directory, err) names = assert(directory, err) end))
  while not names do assert(pool:wait(1)) end
  same(#names, 4)
  local watch = assert(it:watch(nil, {interval = 0.05, directory = names}))
  raises(it.watch, it, nil, {directory = names}) -- the first watch has it
  assert(pool:watch(watch, function(changes, err) seen[#seen + 1] = assert(changes, err) end))
  collectgarbage()
  check_directory_changes(see_kinds({ADDED = true, RENAMED = true, NEW_ID = true}, function()
    while not seen[1] do assert(pool:wait(1)) end
    return table.remove(seen, 1)
  end))
  same(pool:pending(), 1)
  watch:close()
  same(pool:pending(), 0)
  same(#it:fetch(), #it:fetch_directory())
  pool:close()
end

function tests.a_watch_by_serial_number_follows_the_lock_to_its_new_id()
  local it, serial_numbers = of_changing_directory(), {}
  for i, info in ipairs(assert(it:fetch_directory())) do serial_numbers[i] = info.serial_number end
  local watch = assert(it:watch_serials(serial_numbers, 0.05))
  local seen = see_kinds({NEW_ID = true}, function() return assert(watch:next(20)) end)
  same(seen.NEW_ID.info.id, seen.NEW_ID.after.id)
  raises(it.watch_serials, it, {})
  raises(it.watch_serials, it, {"with\0NUL"})
  fails("INVALID_ARGUMENT", it:watch_serials {""})
end

function tests.the_watch_s_callback_may_change_the_credential_of_its_context()
  local it, pool, reports = context {personal_key = "wrong"}, assert(locksync.pool()), {}
  local watch = assert(it:watch(nil, 0.01))
  assert(pool:watch(watch, function(changes, err)
    table.insert(reports, changes or err)
    if err then assert(it:set("personal_key", KEY)) end
  end))
  fails("BUSY", it:set("timeout", 5))
  while #reports < 2 do assert(pool:wait(60)) end
  same(reports[1].status, status.UNAUTHORIZED)
  same(#reports[2], 3)
  pool:close()
  same(reports[3].status, status.CANCELLED)
end

function tests.errors_in_a_pool_s_callbacks_are_raised_after_c_has_returned()
  local pool, first, second, ended = assert(locksync.pool()), context(), context(), 0
  assert(pool:fetch(first, nil, function() error("mine", 0) end))
  assert(pool:fetch(second, nil, function() ended = ended + 1 end))
  local watch = assert(context():watch(nil, 3600))
  assert(pool:watch(watch, function() error("the watch's", 0) end))
  local raised = {}
  while ended == 0 or not (raised.mine and raised["the watch's"]) do
    local ran, why = pcall(pool.wait, pool, 1)
    if not ran then raised[why] = true end
  end
  watch:close()
  same(pool:pending(), 0)
  assert(pool:fetch(first, nil, function(results) ended = #results end)) -- both still work
  while pool:pending() > 0 do pool:wait(1) end
  same(ended, 3)
  pool:close()
end

function tests.a_callback_of_a_fetch_may_yield()
  local pool, it, steps = assert(locksync.pool()), context(), {}
  local waiting = coroutine.wrap(function()
    while pool:pending() > 0 do pool:wait(1) end
  end)
  assert(pool:fetch(it, nil, function(results)
    table.insert(steps, #results)
    coroutine.yield()
    table.insert(steps, "resumed")
  end))
  waiting()
  waiting()
  same(table.concat(steps, " "), "3 resumed")
  pool:close()
end

function tests.a_pool_s_limits_are_checked()
  assert(locksync.pool {max_active = 2, max_connections = 4, max_per_origin = 2}):close()
  fails("INVALID_ARGUMENT", locksync.pool {max_active = 0})
  fails("INVALID_ARGUMENT", locksync.pool {max_connections = 2, max_per_origin = 3})
  raises(locksync.pool, {max_active = 2^32 + 1})
end

function tests.a_pool_that_is_dropped_or_closed_in_a_callback_ends_its_fetches()
  do
    local dropped = assert(locksync.pool())
    assert(dropped:fetch(context(), nil, error))
  end
  collectgarbage()
  collectgarbage()
  local pool, failed = assert(locksync.pool()), nil
  assert(pool:fetch(context(), nil, function() pool:close() end))
  assert(pool:fetch(context {base_url = start "--delay-ms 2000"}, nil, function(_, err) failed = err end))
  while pool.handle ~= nil do pool:wait(1) end
  fails("CANCELLED", nil, failed)
end

function tests.nothing_can_be_closed_inside_a_callback_of_a_context_in_a_pool()
  for _, setting in ipairs {"logger", "token_provider"} do
    local pool, it, watch, calls, ended = assert(locksync.pool()), context {guard_mode = mode.OFF}, nil, 0, 0
    local function close()
      calls = calls + 1
      for _, each in ipairs {it, watch or it, pool} do same(raises(each.close, each).status, status.BUSY) end
      return KEY
    end
    it:set(setting, close)
    local function done() ended = ended + 1 end
    if setting == "token_provider" then it:set("personal_key", nil) end
    assert(pool:fetch(it, nil, done))
    while ended < 1 do assert(pool:wait(60)) end
    watch = assert(it:watch(nil, 3600))
    if setting == "token_provider" then it:set("access_token", nil) end -- so that it is called again
    assert(pool:watch(watch, done))
    while ended < 2 do assert(pool:wait(60)) end
    assert(calls >= 2)
    watch:close()
    it:close()
    pool:close()
  end
end

function tests.a_pool_closed_in_a_watch_s_callback_ends_its_fetches()
  local pool, slow, failed, reports, is_inside = assert(locksync.pool()), start "--delay-ms 2000", 0, {}, false
  assert(pool:watch(assert(context():watch(nil, 3600)), function(changes, err)
    is_inside = true
    table.insert(reports, changes or err)
    pool:close()
    collectgarbage()
    collectgarbage()
    is_inside = false
  end))
  for _ = 1, 3 do
    assert(pool:fetch(context {base_url = slow}, nil, function(_, err)
      same(is_inside, false)
      fails("CANCELLED", nil, err)
      failed = failed + 1
    end))
  end
  while pool.handle ~= nil do pool:wait(1) end
  same(failed, 3)
  same(#reports, 2)
  fails("CANCELLED", nil, reports[2])
end

function tests.a_diff_is_what_a_watch_would_report()
  local it = context {base_url = start "--time-scale 3600 --change-s 86400"}
  local before, after, changes = assert(it:fetch()), nil, {}
  while #changes == 0 do
    after = assert(it:fetch())
    changes = assert(locksync.diff(before, after))
  end
  same(changes[1].before.id, changes[1].after.id)
  assert(#locksync.kind_names(changes[1].kinds) > 0)
  same(#locksync.diff(before, before), 0)
  local directory = assert(it:fetch_directory())
  assert(locksync.diff(directory.results, after))
  raises(locksync.diff, before, {})
  same(after:find(1002).id, 1002)
  same(after:find(77), nil)
  same(directory:find(1002).id, 1002)
  same(directory:find_serial(directory[2].serial_number), directory[2])
  same(directory:find_serial "none", nil)
  same(directory:find_name(directory[2].name)[1], directory[2])
  same(#directory:find_name "none", 0)
end

support.run(tests)
