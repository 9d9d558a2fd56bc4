-- Requests and responses as tables, for an application with its own HTTP.
local ffi = require "ffi"
local capi = require "locksync.capi"
local errors = require "locksync.errors"
local values = require "locksync.values"

jit.off(true, true)

local lib, status, string = capi.lib, errors.status, values.string
local requests = {}

-- Returns {method, url, headers, timeout, connect_timeout} of a request in C.
function requests.read(request)
  local headers = {}
  for i = 0, tonumber(lib.lock_sync_request_header_count(request)) - 1 do
    headers[string(lib.lock_sync_request_header_name(request, i))] =
      string(lib.lock_sync_request_header_value(request, i))
  end
  return {method = string(lib.lock_sync_request_method(request)), url = string(lib.lock_sync_request_url(request)),
          headers = headers, timeout = tonumber(lib.lock_sync_request_timeout_ms(request)) / 1000,
          connect_timeout = tonumber(lib.lock_sync_request_connect_timeout_ms(request)) / 1000}
end

-- Fills a response in C with {status, headers, body}. A header's value may be a list, as resty.http returns it.
function requests.fill(response, received)
  assert(type(received) == "table", "a response is a table with status, headers and body")
  local body = received.body or ""
  assert(type(body) == "string", "the body is not a string")
  local code = lib.lock_sync_response_set_status(response, values.small(received.status))
  local function add(name, value)
    if code ~= status.OK then return end
    code = lib.lock_sync_response_add_header(response, values.text(tostring(name)), values.text(tostring(value)))
  end
  for name, value in pairs(received.headers or {}) do
    for _, one in ipairs(type(value) == "table" and value or {value}) do add(name, one) end
  end
  if code == status.OK then code = lib.lock_sync_response_append_body(response, body, #body) end
  if code == status.OK and received.received_at then
    code = lib.lock_sync_response_set_received_at_ms(response, values.ms(received.received_at))
  end
  return code
end

-- Returns a request that was built, with what decodes its response; freed when collected.
function requests.own(handle, is_directory)
  local request = requests.read(handle)
  request.handle, request.is_directory = ffi.gc(handle, lib.lock_sync_request_free), is_directory
  return request
end

return requests
