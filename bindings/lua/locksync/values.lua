-- Values for C, checked because C would truncate them, and values from C.
local ffi = require "ffi"

local values = {}

function values.text(value)
  assert(value == nil or type(value) == "string" and not value:find("\0", 1, true), "not a string, or it contains NUL")
  return value
end

function values.integer(value)
  assert(ffi.istype("int64_t", value) or type(value) == "number" and value % 1 == 0 and math.abs(value) < 2^53,
         "not an integer, or too large for a Lua number")
  return value
end

function values.small(value)
  assert(values.integer(value) >= 0 and value < 2^31, "out of range")
  return value
end

function values.boolean(value)
  assert(type(value) == "boolean", "not true or false")
  return value
end

-- Seconds as milliseconds.
function values.ms(seconds)
  assert(type(seconds) == "number", "not a number of seconds")
  return values.integer(math.floor(seconds * 1000 + 0.5))
end

-- The list and count for C; nil for all locks.
function values.id_list(ids)
  if ids == nil then return nil, 0 end
  assert(type(ids) == "table" and #ids > 0, "the list of ids is empty; pass nil for all locks")
  local list = ffi.new("int64_t[?]", #ids)
  for i, id in ipairs(ids) do list[i - 1] = values.integer(id) end
  return list, #ids
end

-- A list of strings for C, which must not be used longer than `texts` lives.
function values.text_list(texts)
  assert(type(texts) == "table" and #texts > 0, "the list of serial numbers is empty")
  local list = ffi.new("const char *[?]", #texts)
  for i, text in ipairs(texts) do list[i - 1] = assert(values.text(text)) end
  return list, #texts
end

function values.number(value) -- an int64_t stays one if a Lua number would not be exact
  return math.abs(tonumber(value)) < 2^53 and tonumber(value) or value
end

function values.string(value)
  return value ~= nil and ffi.string(value) or nil
end

-- Milliseconds as seconds; nil for a negative number, which means unknown.
function values.seconds(value)
  value = tonumber(value)
  return value >= 0 and value / 1000 or nil
end

-- Returns the list of what C counts and returns by index.
function values.each(at, handle, count, convert)
  local list = {}
  for i = 1, tonumber(count(handle)) do list[i] = convert(at(handle, i - 1)) end
  return list
end

return values
