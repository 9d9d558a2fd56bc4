-- 10,000 rounds with callbacks, a pool and a watch, and 2,000 failures of each kind: the memory must stay as it is.
local locksync = require "locksync"
local support = require "support"

local same, fails, start = support.same, support.fails, support.start
local context = support.contexts(start "--static --locks 3")
local tests = {}
local NOISE = 1000000 -- how much the allocator's and the collector's free memory varies

-- Runs rounds and reports how much memory each took, after some that fill what is kept for reuse.
local function flat(what, rounds, warm, most, round)
  local before
  for number = 1, rounds + warm do
    round(number)
    if number == warm then before = support.resident() end
  end
  local grown = support.resident() - before
  print(("%s: %d rounds, %d bytes"):format(what, rounds, grown))
  assert(grown < math.max(most * rounds, NOISE))
end

function tests.memory_does_not_grow_with_rounds()
  local kept, pool, directory = context(), assert(locksync.pool()), nil
  flat("rounds", 10000, 2000, 50, function(number)
    local lines, changed = 0, nil
    local guard = assert(locksync.guard {min_interval = 0.001})
    local it = context {guard = guard, logger = function() lines = lines + 1 end, token_provider = function() end}
    guard:close()
    local results = it:fetch {1001, 77}
    same(#results, 1)
    same(#locksync.diff(results, it:fetch {1001, 77}), 0)
    same(#it:watch({1001}):next(60), 1)
    local watch = assert(it:watch({1001}, 0.001))
    assert(pool:watch(watch, function(changes) changed = changes end))
    assert(pool:fetch(kept, nil, function(fetched) same(#fetched, 3) end))
    while pool:pending() > 1 or not changed do pool:wait(60) end
    if number % 3 == 0 then watch:close() end -- the others are closed or collected with their context
    assert(pool:fetch_directory(kept, function(fetched) directory = fetched end))
    while not directory do pool:wait(60) end
    same(#directory, 3)
    directory = nil
    same(#kept:fetch_directory(), 3)
    local request = assert(kept:request {1001})
    same(#kept:decode(request, {status = 200, body = '{"result":[{"id":1001}],"success":true}'}), 1)
    assert(lines > 0)
    if number % 3 ~= 0 then it:close() end
  end)
end

local FAILURES = {
  transport = function(number)
    local it = context {transport = function()
      if number % 2 == 0 then error "mine" end
      return {status = 503, headers = {["Retry-After"] = "7"}, body = "{}"}
    end, logger = function() end}
    assert(it:fetch() == nil)
  end,
  provider = function()
    local it = assert(locksync.context {base_url = "http://127.0.0.1:1", token_provider = function() error "mine" end})
    fails("NO_CREDENTIAL", it:fetch())
  end,
  decode = function()
    local it = context()
    fails("MALFORMED", it:decode(it:request(), {status = 200, body = "{"}))
    fails("RATE_LIMITED", it:decode(it:request(), {status = 429}))
  end,
  client = function()
    assert(not pcall(context().fetch_through, context(), function() error "mine" end))
  end,
}

for _, fault in ipairs {"429", "401", "503", "reset", "bad-json", "huge"} do
  local faulty, pool
  FAILURES["fault_" .. fault:gsub("-", "_")] = function()
    faulty = faulty or context {base_url = start("--static --fault " .. fault)}
    pool = pool or assert(locksync.pool())
    local ended
    assert(faulty:fetch() == nil)
    assert(pool:fetch(faulty, nil, function(_, err) ended = err end))
    while not ended do pool:wait(60) end
    pcall(pool.fetch, pool, faulty, nil, error)
    while pool:pending() > 0 do pcall(pool.wait, pool, 60) end
  end
end

for name, round in pairs(FAILURES) do
  tests["memory_does_not_grow_with_failures_of_" .. name] = function() flat(name, 2000, 600, 100, round) end
end

support.run(tests)
