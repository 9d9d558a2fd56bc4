-- The part of resty.http that the sample uses, which Debian does not have: one request on a cosocket, without TLS.
local http = {}
http.__index = http

function http.new()
  return setmetatable({socket = ngx.socket.tcp()}, http)
end

function http:set_timeouts(connect, send, read)
  self.socket:settimeouts(connect, send, read)
end

local function read_headers(socket)
  local headers = {}
  while true do
    local line, why = socket:receive "*l"
    if not line then return nil, why end
    if line == "" then return headers end
    local name, value = line:match "^([^:]+):%s*(.*)$"
    headers[name] = value
  end
end

function http:request_uri(uri, parameters)
  local host, port, path = uri:match "^http://([^:/]+):(%d+)(/.*)$"
  local socket = self.socket
  local done, why = socket:connect(host, tonumber(port))
  if not done then return nil, why end
  local lines = {("%s %s HTTP/1.1"):format(parameters.method, path), "Host: " .. host, "Connection: close"}
  for name, value in pairs(parameters.headers) do table.insert(lines, name .. ": " .. value) end
  done, why = socket:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
  if not done then return nil, why end
  local first
  first, why = socket:receive "*l"
  if not first then return nil, why end
  local response = {status = tonumber(first:match "^HTTP/1.1 (%d+)")}
  response.headers, why = read_headers(socket)
  if not response.headers then return nil, why end
  response.body, why = socket:receive "*a"
  if not response.body then return nil, why end
  return response
end

return http
