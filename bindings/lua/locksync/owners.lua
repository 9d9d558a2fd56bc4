-- The objects that C calls back. C gets a number as its user pointer, because it must not keep a pointer to Lua's memory.
--
-- LuaJIT has only a few hundred callbacks, so there is one of each type, which finds the object by the number. They stay
-- in the registry, so that a reload of this module makes no others, and objects of before the reload still work.
local ffi = require "ffi"
local errors = require "locksync.errors"

jit.off(true, true)

local KEY = "locksync.owners"
local shared = debug.getregistry()[KEY] or {by_number = setmetatable({}, {__mode = "v"}), last = 0, callbacks = {},
                                            running = 0} -- loggers, token providers and transports that run
debug.getregistry()[KEY] = shared

local owners = {}

-- Returns the user pointer for an object. It does not keep the object.
function owners.add(owner)
  shared.last = shared.last + 1
  shared.by_number[shared.last] = owner
  return ffi.cast("void *", ffi.cast("intptr_t", shared.last))
end

function owners.of(user)
  return shared.by_number[tonumber(ffi.cast("intptr_t", user))]
end

-- Returns the callback of one type. `make` is called once in a process.
function owners.callback(name, make)
  shared.callbacks[name] = shared.callbacks[name] or make()
  return shared.callbacks[name]
end

local function call(user, ...)
  local owner = owners.of(user)
  if owner then owner:on_event(...) end
end

-- Returns the callback of a type of function without a result. It calls the owner's on_event, without the user pointer.
function owners.event(name)
  return owners.callback(name, function()
    return ffi.cast(name, function(...) pcall(call, ...) end)
  end)
end

-- Calls the program's function inside a call of C, which uses its context until the end. Returns what pcall() does.
function owners.in_callback(action, ...)
  shared.running = shared.running + 1
  local ran, first, second = pcall(action, ...)
  shared.running = shared.running - 1
  return ran, first, second
end

-- Raises an error where nothing may be closed.
function owners.not_in_callback()
  if shared.running == 0 then return end
  local err = errors.new(errors.status.BUSY)
  err.message = "Nothing can be closed inside a logger, a token provider or a transport."
  error(err, 0)
end

-- Whether an error is that of luajit's handler for Ctrl-C. It must reach the program.
function owners.is_interrupt(raised)
  return type(raised) == "string" and raised:find "interrupted!$" ~= nil
end

return owners
