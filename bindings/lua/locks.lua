local locksync = require "locksync"

local context = assert(locksync.context {
  personal_key = os.getenv "LOCKSYNC_PERSONAL_KEY",
  base_url = os.getenv "LOCKSYNC_BASE_URL", -- nil: the service
})
local locks, err = context:fetch()
for _, lock in ipairs(locks or {}) do
  print(lock.id, lock.state_name, lock.is_connected and "" or "out of reach")
end
context:close()
if err then
  io.stderr:write(("%s (%s, retry after %s s)\n"):format(err.message, err.name, tostring(err.retry_after)))
  os.exit(1)
end
