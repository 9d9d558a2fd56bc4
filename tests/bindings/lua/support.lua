-- For the tests of bindings/lua: simulators, checks, and the run of a table of tests.
local locksync = require "locksync"

local support = {KEY = "demo-key"}
local simulators = {}

-- Starts a simulator and returns its URL and process id.
function support.start(arguments)
  local pipe = io.popen("echo $$; exec " .. os.getenv "LOCKSYNC_SIM" .. " " .. (arguments or ""))
  local pid, url = pipe:read "*l", pipe:read "*l"
  table.insert(simulators, {pipe = pipe, pid = pid})
  return url, pid
end

local function stop_all()
  for _, simulator in ipairs(simulators) do
    os.execute("kill " .. simulator.pid .. " 2>/dev/null")
    simulator.pipe:close()
  end
end

-- Returns a function that makes contexts of a simulator, which may fetch as often as they like.
function support.contexts(url)
  return function(settings)
    local all = {base_url = url, personal_key = support.KEY, guard_mode = locksync.guard_mode.OFF}
    for name, value in pairs(settings or {}) do all[name] = value end
    return assert(locksync.context(all))
  end
end

function support.same(actual, expected)
  if actual ~= expected then error(("%s instead of %s"):format(tostring(actual), tostring(expected)), 2) end
end

function support.fails(expected, result, err)
  support.same(result, nil)
  support.same(err.name, "LOCK_SYNC_E_" .. expected)
  support.same(err.status, locksync.status[expected])
  return err
end

function support.raises(action, ...)
  local ran, raised = pcall(action, ...)
  support.same(ran, false)
  return raised
end

-- Returns the memory of this process in bytes.
function support.resident()
  collectgarbage()
  collectgarbage() -- what the finalizers of the first have freed
  local statm = io.open "/proc/self/statm"
  local pages = statm:read("*a"):match "%d+ (%d+)"
  statm:close()
  return pages * 4096
end

-- Runs all tests, or those whose name is in the program's arguments, and ends the process.
function support.run(tests)
  local failed = 0
  for name, test in pairs(tests) do
    if not arg[1] or name:find(arg[1]) then
      local passed, why = xpcall(test, debug.traceback)
      print((passed and "ok " or "not ok ") .. name:gsub("_", " "))
      if not passed then
        print(why)
        failed = failed + 1
      end
    end
  end
  stop_all()
  os.exit(failed == 0 and 0 or 1)
end

return support
