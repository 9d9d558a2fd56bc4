-- A program that waits, for test_lua_process.py to interrupt or to take the server from: interrupted.lua HOW
local locksync = require "locksync"

local context = assert(locksync.context {
  base_url = os.getenv "LOCKSYNC_BASE_URL", personal_key = "demo-key", guard_mode = locksync.guard_mode.OFF,
  logger = function() end,
})
local ways = {}

function ways.fetch() return context:fetch() end
function ways.directory() return context:fetch_directory() end
function ways.one() return context:fetch_one(1001) end
function ways.each()
  for _ in assert(context:watch(nil, 3600)):each() do end
end
function ways.next()
  local watch = assert(context:watch(nil, 3600))
  assert(watch:next(5))
  return watch:next(15)
end
function ways.pool()
  local pool, watch = assert(locksync.pool()), assert(context:watch(nil, 3600))
  assert(pool:watch(watch, function() end))
  while true do pool:wait(60) end
end
function ways.guard()
  local guard = assert(locksync.guard())
  assert(guard:settle(guard:reserve(1), locksync.outcome.SENT))
  context:set("guard", guard)
  context:set("guard_mode", locksync.guard_mode.WAIT)
  return context:fetch()
end

print "begun"
io.stdout:flush()
local ran, result, err = pcall(ways[arg[1]])
if not ran then
  print("raised " .. tostring(result):gsub("^.*: ", ""))
  context:set("base_url", "http://127.0.0.1:1")
  context:set("guard_mode", locksync.guard_mode.OFF)
  print(select(2, context:fetch()).name) -- the context still works
  context:close()
else
  print(result and "results" or err.name)
end
