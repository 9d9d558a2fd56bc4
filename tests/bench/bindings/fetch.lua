-- Fetches from the simulator and prints the microseconds of one fetch, and those of CPU: fetch.lua ROUNDS
local ffi = require "ffi"
local locksync = require "locksync"

ffi.cdef [[
  struct bench_time {long seconds, nanoseconds;};
  int bench_clock(int clock, struct bench_time *time) __asm__("clock_gettime");
]]

local function now()
  local time = ffi.new "struct bench_time"
  ffi.C.bench_clock(1, time)
  return tonumber(time.seconds) * 1e6 + tonumber(time.nanoseconds) / 1e3
end

local context = assert(locksync.context {base_url = os.getenv "LOCKSYNC_BASE_URL", guard_mode = locksync.guard_mode.OFF,
                                         personal_key = os.getenv "LOCKSYNC_PERSONAL_KEY"})
local rounds, seen = tonumber(arg[1]), 0

local function fetch()
  for _, lock in ipairs(assert(context:fetch())) do
    if lock.is_connected then seen = seen + 1 end
  end
end

for _ = 1, 100 do fetch() end -- the connection and LuaJIT are warm
local begun, begun_cpu = now(), os.clock()
for _ = 1, rounds do fetch() end
print((now() - begun) / rounds, (os.clock() - begun_cpu) * 1e6 / rounds)
