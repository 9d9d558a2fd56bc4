-- The records: copies of what C returns. An unknown value is nil. Nothing here calls back, so LuaJIT may compile it.
local ffi = require "ffi"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local values = require "locksync.values"

local lib, number, string, each = capi.lib, values.number, values.string, values.each
local field = capi.enumeration "FIELD_"
local records = {state = capi.enumeration "STATE_", door = capi.enumeration "DOOR_",
                 device = capi.enumeration "DEVICE_", access = capi.enumeration "ACCESS_",
                 change = capi.enumeration "CHANGE_"}

-- The objects in C of which the tables are copies: a diff needs the results, a watch may begin with a directory. The
-- results of a directory belong to it.
local handles, belongs_to = setmetatable({}, {__mode = "k"}), setmetatable({}, {__mode = "k"})

local function boolean_of(tristate)
  if tristate ~= lib.LOCK_SYNC_UNKNOWN then return tristate == lib.LOCK_SYNC_YES end
end

-- Returns the name of a value, which C returns for the record. It is kept, because to make a string takes longest.
local function name_of(names, value, text, record)
  local key = value or "unknown"
  local name = names[key]
  if not name then
    name = string(text(record))
    names[key] = name
  end
  return name
end

local state_names, door_names = {}, {}

local function lock_of(record)
  local fields = record.fields
  local function sent(flag, value)
    if bit.band(fields, flag) ~= 0 then return value end
  end
  local state, door_state = sent(field.STATE, record.state), sent(field.DOOR_STATE, record.door_state)
  return {
    id = number(record.id),
    revision = sent(field.REVISION, number(record.revision)),
    state = state,
    state_name = name_of(state_names, state, lib.lock_sync_lock_state_text, record),
    door_state = door_state,
    door_state_name = name_of(door_names, door_state, lib.lock_sync_lock_door_text, record),
    battery_level = sent(field.BATTERY_LEVEL, record.battery_level), -- percent
    state_change_result = sent(field.STATE_CHANGE_RESULT, record.state_change_result), -- 0 success, 1 jammed
    last_state_changed = sent(field.LAST_STATE_CHANGED, tonumber(record.last_state_changed_ms) / 1000),
    is_connected = sent(field.CONNECTED, record.is_connected),
    is_charging = sent(field.CHARGING, record.is_charging),
    is_locked = boolean_of(lib.lock_sync_lock_is_locked(record)),
    is_jammed = boolean_of(lib.lock_sync_lock_is_jammed(record)),
  }
end

-- --- results: a list of locks in the service's order, with missing, fetched_at and is_cached ---

local Results = {}
Results.__index = Results

function Results:find(id)
  for _, lock in ipairs(self) do
    if lock.id == id then return lock end
  end
end

-- Copies results that C keeps.
function records.read_results(handle)
  local results = each(lib.lock_sync_results_at, handle, lib.lock_sync_results_count, lock_of)
  results.missing = each(lib.lock_sync_results_missing_at, handle, lib.lock_sync_results_missing_count, number)
  results.fetched_at = tonumber(lib.lock_sync_results_fetched_at_ms(handle)) / 1000
  results.is_cached = lib.lock_sync_results_is_cached(handle)
  return setmetatable(results, Results)
end

-- Copies results that C hands over, and keeps them for a diff.
function records.take_results(handle)
  local results = records.read_results(handle)
  handles[results] = ffi.gc(handle, lib.lock_sync_results_free)
  return results
end

-- --- the directory: a list with the name, serial number and more of each lock; `results` are their states. `has_more`:
-- it is a page that was decoded, and locks may be missing that are on the next ---

local Directory = {}
Directory.__index = Directory

function Directory:find(id)
  for _, info in ipairs(self) do
    if info.id == id then return info end
  end
end

function Directory:find_serial(serial_number)
  for _, info in ipairs(self) do
    if info.serial_number == serial_number then return info end
  end
end

-- Returns the list of the locks of a name: a name need not be unique.
function Directory:find_name(name)
  local found = {}
  for _, info in ipairs(self) do
    if info.name == name then found[#found + 1] = info end
  end
  return found
end

local function info_of(info)
  local function positive(value) return value > 0 and number(value) or nil end
  return {id = number(info.id), name = string(info.name), serial_number = string(info.serial_number),
          time_zone = string(info.time_zone), bridge_id = positive(info.bridge_id),
          organization_id = positive(info.organization_id), type = positive(info.type),
          access_level = info.access_level >= 0 and info.access_level or nil}
end

-- Copies a directory that C keeps.
function records.read_directory(handle)
  local directory = each(lib.lock_sync_directory_at, handle, lib.lock_sync_directory_count, info_of)
  directory.results = records.read_results(lib.lock_sync_directory_results(handle))
  directory.fetched_at = tonumber(lib.lock_sync_directory_fetched_at_ms(handle)) / 1000
  directory.has_more = lib.lock_sync_directory_has_more(handle)
  return setmetatable(directory, Directory)
end

-- Copies a directory that C hands over, and keeps it for a watch.
function records.take_directory(handle)
  local directory = records.read_directory(handle)
  handles[directory] = ffi.gc(handle, lib.lock_sync_directory_free)
  handles[directory.results] = lib.lock_sync_directory_results(handle)
  belongs_to[directory.results] = handles[directory]
  return directory
end

local function forget_handle(directory)
  handles[directory], handles[directory.results], belongs_to[directory.results] = nil, nil, nil
end

-- Returns the records of all the lists. Of a lock that is in two of them, the later record holds.
local function latest(lists)
  local seen, backwards, kept = {}, {}, {}
  for number = #lists, 1, -1 do
    for i = #lists[number], 1, -1 do
      local record = lists[number][i]
      local key = type(record.id) == "number" and record.id or tostring(record.id)
      if not seen[key] then
        seen[key] = true
        table.insert(backwards, record)
      end
    end
  end
  for i = #backwards, 1, -1 do table.insert(kept, backwards[i]) end
  return kept
end

-- Joins the pages of a directory. C has only pages, so what is joined has no handle.
function records.join_pages(pages)
  if #pages == 1 then return pages[1] end
  local states, last = {}, pages[#pages]
  for number, page in ipairs(pages) do states[number] = page.results end
  local results, directory = latest(states), latest(pages)
  results.missing, results.fetched_at, results.is_cached = {}, last.results.fetched_at, false
  directory.results, directory.fetched_at, directory.has_more = setmetatable(results, Results), last.fetched_at, false
  return setmetatable(directory, Directory)
end

-- Calls a function that takes over the directory in C, and returns its status.
function records.give_directory(directory, give)
  local handle = assert(handles[directory], "not a directory, or a watch already has it, or it has several pages")
  local code = give(handle)
  if code == errors.status.OK then
    ffi.gc(handle, nil)
    forget_handle(directory)
  end
  return code
end

-- --- changes: kinds (bits of locksync.change), the lock before (nil: added) and after (nil: removed), and its info ---

function records.read_changes(handle)
  return each(lib.lock_sync_changes_at, handle, lib.lock_sync_changes_count, function(change)
    return {kinds = change.kinds, before = change.before ~= nil and lock_of(change.before) or nil,
            after = change.after ~= nil and lock_of(change.after) or nil,
            info = change.info ~= nil and info_of(change.info) or nil}
  end)
end

function records.take_changes(handle)
  local changes = records.read_changes(handle)
  lib.lock_sync_changes_free(handle)
  return changes
end

-- Returns the changes between two results of fetches.
function records.diff(before, after)
  local old, new = handles[before], handles[after]
  assert(old and new, "not the results of a fetch")
  local changes, code = capi.make("lock_sync_changes", lib.lock_sync_diff, old, new)
  if changes then return records.take_changes(changes) end
  return nil, errors.new(code)
end

-- Returns the names of the bits of a change's kinds, the lowest first, such as {"ADDED", "STATE"}.
function records.kind_names(kinds)
  local names = {}
  for name, flag in pairs(records.change) do
    if bit.band(kinds, flag) ~= 0 then names[#names + 1] = name end
  end
  table.sort(names, function(a, b) return records.change[a] < records.change[b] end)
  return names
end

return records
