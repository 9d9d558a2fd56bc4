-- The C library, declared by the flat header, and its numbers by name.
local ffi = require "ffi"

jit.off(true, true) -- compiled code must not call C functions that call back

-- The text of a flat header: the one in the folder of the variable's file, or installed beside this file, or for C.
local function read_header(name)
  local places = {}
  local function add(place)
    if place then places[#places + 1] = place end
  end
  local function add_beside(file)
    add(file and file:gsub("[^/]*$", "") .. name)
  end
  add_beside(os.getenv "LOCKSYNC_FFI_HEADER")
  add_beside(debug.getinfo(1, "S").source:match "^@(.*)")
  add("/usr/local/include/locksync/" .. name)
  add("/usr/include/locksync/" .. name)
  for _, place in ipairs(places) do
    local file = io.open(place)
    if file then
      local text = file:read "*a"
      file:close()
      return text
    end
  end
  error(("locksync: %s was not found; it was looked for in %s"):format(name, table.concat(places, ", ")), 0)
end

-- Declares what a header contains, unless an earlier load of this module did: LuaJIT cannot forget a declaration.
local function declare(header, a_type)
  if not pcall(ffi.typeof, a_type) then ffi.cdef(header) end
end

local header = read_header "locksync-ffi.h"
declare(header, "lock_sync_ctx")

local capi = {lib = ffi.load(os.getenv "LOCKSYNC_LIBRARY" or "liblocksync.so.0")}

-- Returns the library of the guard in Redis. It is loaded when it is first needed, because it may not be installed.
function capi.redis()
  if not capi.loaded_redis then
    declare(read_header "locksync-redis-ffi.h", "lock_sync_redis")
    local ran, loaded = pcall(ffi.load, os.getenv "LOCKSYNC_REDIS_LIBRARY" or "liblocksync-redis.so.0")
    if not ran then error("a guard in Redis needs the library liblocksync-redis: " .. loaded, 0) end
    capi.loaded_redis = loaded
  end
  return capi.loaded_redis
end

-- Returns the enumerators with a prefix, by the rest of their names.
function capi.enumeration(prefix)
  local values = {}
  for name, value in header:gmatch("%f[%w_]LOCK_SYNC_" .. prefix .. "([%w_]+) = (%d+)") do
    values[name] = tonumber(value)
  end
  return values
end

-- Makes an object of the library: its pointer, or nil and a status.
function capi.make(kind, create, ...)
  local out = ffi.new(kind .. " *[1]")
  local arguments, count = {...}, select("#", ...)
  arguments[count + 1] = out
  local code = create(unpack(arguments, 1, count + 1))
  if code == capi.lib.LOCK_SYNC_OK then return out[0] end
  return nil, code
end

return capi
