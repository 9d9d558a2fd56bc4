-- Decodes JSON for the tests. null is json.null; an integer that a Lua number would not hold exactly is an int64_t.
local json = {null = setmetatable({}, {__tostring = function() return "null" end})}
local ESCAPES = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}
local decode

local function utf8(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  if code < 0x10000 then
    return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  end
  return string.char(0xF0 + math.floor(code / 262144), 0x80 + math.floor(code / 4096) % 64,
                     0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local function decode_string(text, at)
  local parts = {}
  while true do
    local plain, stop = text:match('^([^"\\]*)()', at)
    parts[#parts + 1] = plain
    if text:sub(stop, stop) == '"' then return table.concat(parts), stop + 1 end
    local escape = text:sub(stop + 1, stop + 1)
    at = stop + 2
    if escape == "u" then
      local code = tonumber(text:sub(at, at + 3), 16)
      at = at + 4
      if code >= 0xD800 and code < 0xDC00 then
        code = 0x10000 + (code - 0xD800) * 1024 + tonumber(text:sub(at + 2, at + 5), 16) - 0xDC00
        at = at + 6
      end
      parts[#parts + 1] = utf8(code)
    else
      parts[#parts + 1] = ESCAPES[escape] or escape
    end
  end
end

local function skip(text, at)
  return text:match("^%s*()", at)
end

-- Decodes the members of an object or array up to its end.
local function decode_members(text, at, last, one)
  at = skip(text, at)
  if text:sub(at, at) == last then return at + 1 end
  repeat
    at = skip(text, one(skip(text, at)))
    local separator = text:sub(at, at)
    at = at + 1
  until separator == last
  return at
end

function decode(text, at)
  local first = text:sub(at, at)
  if first == '"' then return decode_string(text, at + 1) end
  if first == "{" then
    local object = {}
    return object, decode_members(text, at + 1, "}", function(place)
      local name
      name, place = decode_string(text, place + 1)
      object[name], place = decode(text, skip(text, skip(text, place) + 1))
      return place
    end)
  end
  if first == "[" then
    local array = {}
    return array, decode_members(text, at + 1, "]", function(place)
      array[#array + 1], place = decode(text, place)
      return place
    end)
  end
  local word, stop = text:match("^([%w+.-]+)()", at)
  if word == "true" then return true, stop end
  if word == "false" then return false, stop end
  if word == "null" then return json.null, stop end
  if word:find "^-?%d+$" and #word > 15 then return assert(loadstring("return " .. word .. "LL"))(), stop end
  return assert(tonumber(word), word), stop
end

function json.decode(text)
  return (decode(text, skip(text, 1)))
end

function json.read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return json.decode(text)
end

return json
