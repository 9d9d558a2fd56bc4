-- Compares and publishes a response: see scripts.h.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local at = tonumber(ARGV[2])
local last = tonumber(redis.call('HGET', KEYS[1], 'at') or 0)
if last > now then last = 0 end
if at < last - ARGV[4] then return -1 end

local stored, changes = {}, 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do stored[fields[i]] = fields[i + 1] end
local life = stored.life
stored.at, stored.life = nil, nil

-- Returns the life of this hash. A new one begins where the server may have lost changes: without the hash, and in
-- another lineage, as after a promotion.
local function current_life()
  local lineage = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x%x%x%x%x%x%x%x)') or ''
  if not life or string.sub(life, 1, #lineage + 1) ~= lineage .. '-' then
    life = string.format('%s-%x', lineage, now)
    redis.call('HSET', KEYS[1], 'life', life)
  end
  return life
end

local function compare(lock, record, moved)
  local number, before = string.match(stored[lock] or '0 ', '^(%d+) (.*)$')
  stored[lock] = nil
  if record == before then return end
  number = string.format('%d', number + 1)
  local id = table.concat({ARGV[1], current_life(), lock, number, string.sub(redis.sha1hex(record), 1, 8)}, ':')
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'id', id, 'account', ARGV[1], 'lock', lock,
             'number', number, 'at', ARGV[2], 'before', before, 'after', record, 'moved', moved)
  redis.call('HSET', KEYS[1], lock, number .. ' ' .. record)
  changes = changes + 1
end

for i = 5, #ARGV, 3 do compare(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
for lock in pairs(stored) do compare(lock, '', '') end
redis.call('HSET', KEYS[1], 'at', string.format('%d', math.max(at, last)))
return changes
