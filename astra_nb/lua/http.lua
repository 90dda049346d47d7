-- require("http") and require("astra.http"): servers and sockets with the tutorial's API.
--
-- Each call that must wait yields a request; Python carries it out and resumes with the answer.

local budget, sandbox = ...

local fail, spend = budget.fail, budget.spend
local REQUEST = sandbox.REQUEST
local yield, isyieldable, getinfo = coroutine.yield, coroutine.isyieldable, debug.getinfo
local type, rawget, rawlen = type, rawget, rawlen
local setmetatable, next, tostring = setmetatable, next, tostring
local byte, char, format, sub = string.byte, string.char, string.format, string.sub
local concat, move = table.concat, table.move
local tointeger, mathtype = math.tointeger, math.type

-- The numbers of servers and sockets are outside of their tables, which foreign code can change.
local server_numbers = setmetatable({}, { __mode = "k" })
local socket_numbers = setmetatable({}, { __mode = "k" })
local handlers = {}

local function answer(ok, ...)
  budget.check()
  if not ok then fail((...)) end
  return ...
end

local COST_OF_ASKING <const> = 500 -- instructions
local COST_OF_A_SERVER <const> = 1000000 -- or of a route: their memory is Python's, unbounded

local function ask(name, ...)
  spend(COST_OF_ASKING)
  if not isyieldable() then
    fail("this call has to wait, and table.sort and string.gsub cannot wait for the function "
      .. "that they call; keep what they return, and make the call after them")
  end
  return answer(yield(REQUEST, name, ...))
end

local function describe(value)
  local kind = type(value)
  if kind == "nil" then return "nil" end
  if kind == "number" or kind == "boolean" then return kind .. " " .. tostring(value) end
  if kind == "string" then return format("string %q", #value > 40 and sub(value, 1, 40) or value) end
  return "a " .. kind
end

-- Values on their way out

-- A byte table as a string.
local function bytes_of_table(list)
  local pieces, piece = {}, {}
  for position = 1, rawlen(list) do
    local number = tointeger(rawget(list, position))
    if not number or mathtype(rawget(list, position)) == nil then
      fail(format("item %d of the byte table is %s; each item must be an integer from 0 to 255",
        position, describe(rawget(list, position))))
    elseif number < 0 or number > 255 then
      fail(format("item %d of the byte table is %d; a byte holds an integer from 0 to 255",
        position, number))
    end
    piece[#piece + 1] = char(number)
    if #piece == 4096 then
      pieces[#pieces + 1] = concat(piece)
      piece = {}
    end
  end
  for key in next, list do
    if mathtype(key) ~= "integer" or key < 1 or key > rawlen(list) then
      fail(format("a byte table has its integers at 1, 2, 3 and so on, not at %s", describe(key)))
    end
  end
  pieces[#pieces + 1] = concat(piece)
  return concat(pieces)
end

local function bytes(value)
  if type(value) == "table" then return bytes_of_table(value) end
  if type(value) == "string" then return value end
  if type(value) == "number" then return tostring(value) end
  fail("bytes are a string, or a table of integers from 0 to 255 like {0, 88, 14}, not "
    .. describe(value))
end

local function text(value)
  if type(value) == "string" then return value end
  if type(value) == "number" then return tostring(value) end -- as Lua's own libraries do
  fail("a text message takes a string, not " .. describe(value)
    .. (type(value) == "table" and "; send_bytes takes a table of bytes" or ""))
end

local function control(value)
  if value == nil then return "" end
  return bytes(value)
end

-- A close: nothing, a code, a code and a reason, or a table of both.
local function close(value, reason)
  local code = value
  if type(value) == "table" then
    for key in next, value do
      if key ~= "code" and key ~= "reason" and key ~= 1 and key ~= 2 then
        fail(format("a close has a code and a reason, not %s; write {code = 1000, reason = \"...\"}",
          describe(key)))
      end
    end
    code = rawget(value, "code")
    -- Earlier editions of the documentation put both in places 1 and 2.
    if code == nil then code = rawget(value, 1) end
    if reason == nil then reason = rawget(value, "reason") end
    if reason == nil then reason = rawget(value, 2) end
  end
  local number = mathtype(code) and tointeger(code)
  if code ~= nil and not number then
    fail("a close code is an integer such as 1000, not " .. describe(code))
  end
  if reason ~= nil and type(reason) ~= "string" then
    fail("a close reason is a string, not " .. describe(reason))
  end
  return number, reason
end

-- Values on their way in

local MOST_AT_ONCE <const> = 4096

local function table_of_bytes(payload)
  local result, size = {}, #payload
  for first = 1, size, MOST_AT_ONCE do
    local last = first + MOST_AT_ONCE - 1
    move({ byte(payload, first, last) }, 1, last > size and size - first + 1 or MOST_AT_ONCE,
      first, result)
  end
  spend(size // 16)
  return result
end

local function message(kind, payload, code, reason)
  local value
  if kind == "text" then
    value = payload
  elseif kind ~= "close" then
    value = table_of_bytes(payload)
  elseif code ~= nil then
    value = { code = code, reason = reason }
  end
  return { type = kind, value = value }
end

-- Sockets

local Socket = {}

local function number_of(numbers, kind, object, name)
  local number = numbers[object]
  if not number then
    fail(format("write %s:%s(...), with a colon: before it comes the %s", kind, name, kind))
  end
  return number
end

function Socket:recv(timeout)
  local number = number_of(socket_numbers, "socket", self, "recv")
  if timeout ~= nil and not (mathtype(timeout) and timeout > 0) then
    fail("recv waits for a positive number of seconds, not " .. describe(timeout))
  end
  return message(ask("recv", number, timeout))
end

local CONVERTERS <const> = { text = text, bytes = bytes, ping = control, pong = control,
  close = close }

for kind, convert in next, CONVERTERS do
  local name = "send_" .. kind
  Socket[name] = function(socket, value, reason)
    ask(name, number_of(socket_numbers, "socket", socket, name), convert(value, reason))
  end
end

function Socket:send(kind, value, reason)
  number_of(socket_numbers, "socket", self, "send")
  if not CONVERTERS[kind] then
    fail(describe(kind) .. ' is not a message type; the five are "text", "bytes", "ping", "pong" '
      .. 'and "close", and the type comes first: socket:send("text", "Hello")')
  end
  return Socket["send_" .. kind](self, value, reason)
end

-- Servers

local Server = {}

local function address(server)
  local hostname, port = rawget(server, "hostname"), rawget(server, "port")
  local number = mathtype(port) and tointeger(port)
  if type(hostname) ~= "string" then
    fail("server.hostname is a string such as \"127.0.0.1\", not " .. describe(hostname))
  elseif not number or number < 0 or number > 65535 then
    fail("server.port is an integer from 0 to 65535, not " .. describe(port))
  end
  return hostname, number
end

function Server:websocket(path, handler)
  local number = number_of(server_numbers, "server", self, "websocket")
  if type(path) ~= "string" then
    fail("the path comes first, then the function: server:websocket(\"/\", handle_socket); the "
      .. "path is a string, not " .. describe(path))
  elseif type(handler) ~= "function" then
    fail("a handler is a function that takes a socket, not " .. describe(handler))
  end
  local info = getinfo(handler, "S")
  spend(COST_OF_A_SERVER)
  handlers[#handlers + 1] = handler
  ask("websocket", number, path, #handlers, format("at %s:%d", info.short_src, info.linedefined))
end

function Server:run()
  local number = number_of(server_numbers, "server", self, "run")
  spend(COST_OF_A_SERVER)
  self.port = ask("run", number, address(self))
end

function Server:shutdown()
  ask("shutdown", number_of(server_numbers, "server", self, "shutdown"))
end

local function new()
  spend(COST_OF_A_SERVER)
  local server = setmetatable({ hostname = "127.0.0.1", port = 8080 },
    { __index = Server, __metatable = "locked", __name = "server" })
  server_numbers[server] = ask("new")
  return server
end

local http = { server = { new = new } }
sandbox.modules["http"] = http
sandbox.modules["astra.http"] = http
sandbox.environment.Astra = { http = http } -- as earlier editions of the documentation have it

return {
  handler = function(number)
    return handlers[number]
  end,

  socket = function(number)
    local socket = setmetatable({}, { __index = Socket, __metatable = "locked", __name = "socket" })
    socket_numbers[socket] = number
    return socket
  end,
}
