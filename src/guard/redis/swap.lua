local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local found = redis.call('GET', KEYS[1])
if ARGV[2] ~= '' and (found or '') == ARGV[1] and now >= tonumber(ARGV[3]) and now <= tonumber(ARGV[4]) then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[5])
  return {1, time[1], time[2]}
end
local since = string.format('%.0f', now)
if ARGV[6] ~= '' then
  local marker = redis.call('GET', KEYS[2])
  if marker and string.match(marker, '^' .. ARGV[6] .. ' %d+$') then
    since = string.sub(marker, #ARGV[6] + 2)
  else
    redis.call('SET', KEYS[2], ARGV[6] .. ' ' .. since)
  end
end
return {0, time[1], time[2], found, since}
