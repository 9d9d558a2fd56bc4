-- Errors: tables with status, name, message and more. tostring() of an error is the message.
local ffi = require "ffi"
local capi = require "locksync.capi"
local values = require "locksync.values"

jit.off(true, true)

local lib, string = capi.lib, values.string
local Error = {__tostring = function(e) return e.message end}
local errors = {status = capi.enumeration "E_"}
errors.status.OK = lib.LOCK_SYNC_OK

-- Returns the error of a status alone.
function errors.new(code)
  return setmetatable({status = code, name = string(lib.lock_sync_status_name(code)),
                       message = string(lib.lock_sync_status_message(code)),
                       is_retryable = lib.lock_sync_status_is_retryable(code), api_messages = {}}, Error)
end

-- Returns the error of a context's last call, with the detail.
function errors.of(context, code)
  local e, detail = errors.new(code), lib.lock_sync_last_error(context.handle)
  if lib.lock_sync_error_status(detail) == code then -- a call that failed with BUSY leaves no detail
    local http_status = lib.lock_sync_error_http_status(detail)
    local byte_offset = tonumber(lib.lock_sync_error_byte_offset(detail))
    e.message = string(lib.lock_sync_error_message(detail))
    e.http_status = http_status ~= 0 and http_status or nil
    e.retry_after = values.seconds(lib.lock_sync_error_retry_after_ms(detail))
    e.correlation_id = string(lib.lock_sync_error_correlation_id(detail))
    e.api_messages = values.each(lib.lock_sync_error_api_message_at, detail, lib.lock_sync_error_api_message_count,
                                 string)
    e.byte_offset = byte_offset >= 0 and byte_offset or nil
  end
  e.cause, context.raised = context.raised, nil
  return e
end

-- Returns a text that C writes into a buffer, or nil if it is empty.
function errors.written(write, handle)
  local size = 512
  local buffer = ffi.new("char[?]", size)
  write(handle, buffer, size)
  local text = ffi.string(buffer)
  return text ~= "" and text or nil
end

return errors
