-- Compares what the binding returned with what a case of bindings/conformance expects.
local locksync = require "locksync"
local support = require "support"

local same = support.same
local compare = {}

-- The binding's value for each member of a record, by the case's name.
local RECORD = {
  id = "id", revision = "revision", is_connected = "is_connected", state = "state", door_state = "door_state",
  is_charging = "is_charging", battery_level = "battery_level", state_change_result = "state_change_result",
  is_locked = "is_locked", is_jammed = "is_jammed", state_text = "state_name", door_text = "door_state_name",
  last_state_changed_ms = function(lock)
    return lock.last_state_changed and math.floor(lock.last_state_changed * 1000 + 0.5)
  end,
}
local INFO = {id = "id", name = "name", serial_number = "serial_number", time_zone = "time_zone", bridge_id = "bridge_id",
              organization_id = "organization_id", type = "type", access_level = "access_level"}

-- Compares all members: one that is absent in the case is unknown.
local function same_members(members, actual, expected, where)
  for name in pairs(expected) do assert(members[name], "unknown member " .. name) end
  for name, ours in pairs(members) do
    local value
    if type(ours) == "function" then value = ours(actual) else value = actual[ours] end
    if value ~= expected[name] then
      error(("%s.%s is %s, not %s"):format(where, name, tostring(value), tostring(expected[name])), 0)
    end
  end
end

local function same_list(actual, expected, where, one)
  same(#actual, #expected)
  for i, value in ipairs(expected) do one(actual[i], value, where .. " " .. i) end
end

local function same_value(actual, expected, where)
  if actual ~= expected then error(("%s is %s, not %s"):format(where, tostring(actual), tostring(expected)), 0) end
end

local function same_record(actual, expected, where) same_members(RECORD, actual, expected, where) end

local function same_change(actual, expected, where)
  local lock = actual.after or actual.before
  local known = {id = true, kinds = true, before = true, after = true, name = true, serial_number = true, old_id = true}
  for name in pairs(expected) do assert(known[name], "unknown member " .. name) end
  same_value(lock.id, expected.id, where .. ".id")
  table.sort(expected.kinds, function(a, b) return locksync.change[a] < locksync.change[b] end)
  same_value(table.concat(locksync.kind_names(actual.kinds), " "), table.concat(expected.kinds, " "), where .. ".kinds")
  for _, side in ipairs {"before", "after"} do
    if expected[side] then same_record(actual[side], expected[side], where .. "." .. side) end
  end
  for _, name in ipairs {"name", "serial_number"} do
    if expected[name] then same_value(actual.info[name], expected[name], where .. "." .. name) end
  end
  if expected.old_id then same_value(actual.before.id, expected.old_id, where .. ".old_id") end
end

local function milliseconds(seconds)
  return seconds and math.floor(seconds * 1000 + 0.5)
end

-- For each member of `expected`: how it is compared with the result, the error, and the watch of the step.
local CHECKS = {
  status = function(expected, _, err)
    local actual = err and err.name:gsub("^LOCK_SYNC_", "") or "OK"
    if actual ~= expected then error(("%s, not %s: %s"):format(actual, expected, tostring(err)), 0) end
  end,
  http_status = function(expected, _, err) same_value(err.http_status or 0, expected, "http_status") end,
  retry_after_ms = function(expected, _, err)
    same_value(milliseconds(err.retry_after) or -1, expected, "retry_after_ms")
  end,
  retry_after_max_ms = function(expected, _, err)
    local wait = milliseconds(err.retry_after)
    assert(wait > 0 and wait <= expected, "a wait of " .. wait .. " ms")
  end,
  byte_offset = function(expected, _, err) same_value(err.byte_offset or -1, expected, "byte_offset") end,
  correlation_id = function(expected, _, err) same_value(err.correlation_id or "", expected, "correlation_id") end,
  is_retryable = function(expected, _, err) same_value(err.is_retryable, expected, "is_retryable") end,
  api_messages = function(expected, _, err) same_list(err.api_messages, expected, "api_messages", same_value) end,
  message_contains = function(expected, _, err)
    for _, text in ipairs(type(expected) == "table" and expected or {expected}) do
      assert(err.message:find(text, 1, true), err.message .. " does not contain " .. text)
    end
  end,
  records = function(expected, result, _, watch)
    same_list(watch and watch:results() or result.results or result, expected, "record", same_record)
  end,
  ids = function(expected, result, _, watch)
    same_list(watch and watch:results() or result, expected, "id", function(lock, id, where)
      same_value(lock.id, id, where)
    end)
  end,
  missing = function(expected, result) same_list(result.missing, expected, "missing", same_value) end,
  is_cached = function(expected, result) same_value(result.is_cached, expected, "is_cached") end,
  directory = function(expected, result)
    same_list(result, expected, "directory", function(info, one, where) same_members(INFO, info, one, where) end)
  end,
  changes = function(expected, result) same_list(result, expected, "change", same_change) end,
  last_status = function(expected, _, _, watch)
    local status = expected == "OK" and 0 or locksync.status[expected:gsub("^E_", "")]
    same_value(watch:last_status(), status, "last_status")
  end,
}

-- Compares everything that is expected. The status comes first, because the others depend on it.
function compare.expected(expected, result, err, watch)
  CHECKS.status(expected.status or "OK", result, err)
  for name, value in pairs(expected) do
    assert(CHECKS[name], "unknown member of expected: " .. name)(value, result, err, watch)
  end
end

return compare
