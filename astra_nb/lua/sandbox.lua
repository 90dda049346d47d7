-- What foreign Lua code may use: the language, and no way to files, processes or Python.
--
-- Library functions in C run no count hook. Those that can take long are rewritten in Lua here,
-- get a bound, or are left out; patterns.lua adds the functions that take patterns.

local budget = ...

local fail, spend = budget.fail, budget.spend
local native = {
  close = coroutine.close, concat = table.concat, getmetatable = debug.getmetatable, load = load,
  pcall = pcall, rep = string.rep, resume = coroutine.resume, select = select,
  setmetatable = setmetatable, sort = table.sort, status = coroutine.status,
  tonumber = tonumber, tostring = tostring, type = type, yield = coroutine.yield,
  collectgarbage = collectgarbage, date = os.date,
}
local pack, unpack, rawget, tointeger = table.pack, table.unpack, rawget, math.tointeger
local error, find, format, gmatch, gsub = error, string.find, string.format, string.gmatch,
  string.gsub

local BYTES_FOR_AN_INSTRUCTION <const> = 64
local LONG <const> = 4096 -- bytes; shorter work is free
local FEW <const> = 100 -- items; the same
local MAX_DATE <const> = 10000 -- bytes of a format
local MAX_JOINED <const> = 10000000 -- items that table.concat may walk in one call
local MAX_UNPACKED <const> = 500000 -- items; the stack has room for twice as many
-- Bytes: the compiler takes the square of the number of labels, branches of an "if", or "and"s.
local MAX_SOURCE <const> = 200000
local COST_OF_COLLECTING <const> = 1000000
local COST_OF_A_COROUTINE <const> = 1000 -- it may end before its hook ever looks

-- Marks a yield to tasks.lua as a request; foreign code never holds it.
local REQUEST = {}
local tasks = native.setmetatable({}, { __mode = "k" }) -- threads that the server resumes
local waiting = native.setmetatable({}, { __mode = "k" }) -- those that asked it for something

local function copy(library, names)
  local result = {}
  for name in gmatch(names, "%S+") do
    result[name] = library[name]
  end
  return result
end

-- Calls C for foreign code. A C function that is called from here would name our line, not theirs.
local function given(name, ok, ...)
  if ok then return ... end
  local message = ...
  if native.type(message) ~= "string" then error(message, 0) end
  message = gsub(message, "^astra_nb/%l+%.lua:%d+: ", "")
  if find(message, "^[^\n]-:%d+: ") then error(message, 0) end
  fail((gsub(message, "^(bad argument #%d+ to )'%?'", "%1'" .. name .. "'")))
end

-- A C function whose work grows with its first argument.
local function charged(name, work)
  return function(text, ...)
    if native.type(text) == "string" and #text > LONG then
      spend(#text // BYTES_FOR_AN_INSTRUCTION)
    end
    return given(name, native.pcall(work, text, ...))
  end
end

-- The same for all of its arguments, and the string that it returns.
local function all_charged(name, work)
  return function(...)
    local arguments, length = pack(...), 0
    for index = 1, arguments.n do
      local text = arguments[index]
      if native.type(text) == "string" then length = length + #text end
    end
    if length > LONG then spend(length // BYTES_FOR_AN_INSTRUCTION) end
    local result = given(name, native.pcall(work, ...))
    if #result > LONG then spend(#result // BYTES_FOR_AN_INSTRUCTION) end
    return result
  end
end

-- Base functions

local environment = copy(_G, [[_VERSION assert error getmetatable ipairs next pairs pcall
    rawequal rawget rawlen rawset select tostring type]])
environment.tonumber = charged("tonumber", native.tonumber)
environment._G = environment

function environment.setmetatable(subject, metatable)
  if native.type(metatable) == "table" and rawget(metatable, "__gc") ~= nil then
    -- Finalizers run without hooks: nothing could stop one.
    fail("this Lua has no __gc: a finalizer that does not end could not be stopped")
  elseif native.type(metatable) == "table"
    and native.type(rawget(metatable, "__call")) == "table" then
    -- C takes the square of the length of a chain of them, and one table can be all of it.
    fail("__call must be a function here, not a table: calls of calls could not be stopped; write "
      .. "__call = function(self, ...) return other(...) end")
  end
  return given("setmetatable", native.pcall(native.setmetatable, subject, metatable))
end

-- A native message handler runs inside the hook that raised, where hooks are off.
local function handled(handler, ok, ...)
  if ok then return ok, ... end
  return false, handler(...)
end

function environment.xpcall(body, handler, ...)
  return handled(handler, native.pcall(body, ...))
end

-- Returns why a text is too long for the compiler, or nil.
local function too_long(what, size)
  if size <= MAX_SOURCE then return nil end
  return format("%s takes %d bytes of Lua at most, not %d: nothing could stop the compiler; split "
    .. "the code", what, MAX_SOURCE, size)
end

function environment.load(chunk, name, mode, given_environment, ...)
  if native.type(chunk) == "function" then
    local pieces, size, read = {}, 0, chunk
    for piece in read do
      if native.type(piece) ~= "string" then return nil, "reader function must return a string" end
      if piece == "" then break end
      size = size + #piece
      if too_long("load", size) then fail(too_long("load", size)) end
      pieces[#pieces + 1] = piece
    end
    chunk = native.concat(pieces)
  end
  if native.type(chunk) == "string" then
    if too_long("load", #chunk) then fail(too_long("load", #chunk)) end
    spend(#chunk)
  end
  if given_environment == nil then given_environment = environment end
  return native.load(chunk, name or chunk, "t", given_environment)
end

function environment.collectgarbage(what)
  if what == nil or what == "collect" then
    spend(COST_OF_COLLECTING)
    return native.collectgarbage("collect")
  elseif what == "count" then
    return native.collectgarbage("count")
  end
  fail('collectgarbage takes "collect" and "count" here')
end

function environment.print(...)
  local texts = pack(...)
  for index = 1, texts.n do
    texts[index] = native.tostring(texts[index])
  end
  budget.print_line(native.concat(texts, "\t", 1, texts.n))
end

-- Coroutines: each has a hook of its own, and socket calls reach the server through all of them.

local function checked(...)
  budget.check()
  return ...
end

local function resume(thread, ...)
  if tasks[thread] then return false, "cannot resume what the server resumes" end
  -- Another's values would be taken for the server's answer.
  if waiting[thread] then return false, "cannot resume what waits for the server" end
  budget.catch_up(thread)
  local result = pack(native.resume(thread, ...))
  while result[1] and result[2] == REQUEST do
    waiting[thread] = true
    local answer = pack(native.yield(unpack(result, 2, result.n)))
    waiting[thread] = nil
    budget.catch_up(thread)
    result = pack(native.resume(thread, unpack(answer, 1, answer.n)))
  end
  return checked(unpack(result, 1, result.n))
end

local function raise_or_give(ok, ...)
  if ok then return ... end
  error((...), 0)
end

environment.coroutine = copy(coroutine, "isyieldable running status yield")
environment.coroutine.resume = resume

function environment.coroutine.create(body)
  if native.type(body) ~= "function" then fail("coroutine.create takes a function") end
  spend(COST_OF_A_COROUTINE)
  return budget.create(body)
end

function environment.coroutine.wrap(body)
  local thread = environment.coroutine.create(body)
  return function(...)
    return raise_or_give(resume(thread, ...))
  end
end

function environment.coroutine.close(thread)
  -- A thread that died in a hook would run its __close handlers without hooks.
  if tasks[thread] then fail("cannot close what the server resumes") end
  if native.status(thread) == "dead" then return true end
  budget.catch_up(thread)
  return checked(native.close(thread))
end

-- Libraries

environment.math = copy(math, [[abs acos asin atan ceil cos deg exp floor fmod huge log max
    maxinteger min mininteger modf pi rad random randomseed sin sqrt tan tointeger type ult]])
environment.utf8 = copy(utf8, "char charpattern codes")
for _, name in ipairs({ "codepoint", "len", "offset" }) do
  environment.utf8[name] = charged(name, utf8[name])
end
environment.os = copy(os, "clock difftime time")
environment.string = copy(string, "byte char len")
for _, name in ipairs({ "lower", "packsize", "reverse", "sub", "unpack", "upper" }) do
  environment.string[name] = charged(name, string[name])
end
for _, name in ipairs({ "format", "pack" }) do
  environment.string[name] = all_charged(name, string[name])
end

function environment.os.date(form, ...)
  if native.type(form) == "string" then
    -- Each two bytes may be a conversion, which takes long.
    if #form > MAX_DATE then fail("os.date takes a format of ten thousand bytes at most") end
    spend(10 * #form)
  end
  return given("date", native.pcall(native.date, form, ...))
end

function environment.string.rep(text, count, separator)
  if native.type(text) == "string" and tointeger(count) and count > 0 then
    -- In C, a billion times nothing takes as long as a billion times something.
    if #text == 0 and (separator == nil or separator == "") then return "" end
    local between = native.type(separator) == "string" and #separator or 0
    spend((#text + between) * 1.0 * count // BYTES_FOR_AN_INSTRUCTION)
  end
  return given("rep", native.pcall(native.rep, text, count, separator))
end

environment.table = copy(table, "pack")

-- Charges C for the items of a list that it walks. A list with a metatable is copied first: each
-- item may be at the end of a chain of 2,000 tables, and here the hook sees them.
local function walked(name, most, list, first, last)
  local metatable = native.getmetatable(list) -- that of strings, too
  if native.type(list) ~= "table" and not metatable then return list, first, last end
  local from, to = tointeger(first or 1), tointeger(last or #list)
  if not from or not to then return list, first, last end -- C raises
  local items = to * 1.0 - from + 1
  if items > most then
    fail(format("table.%s takes %d items at most, not %.0f; take parts of the list", name, most,
      items))
  end
  if items > FEW then spend(items // 1) end
  if not metatable then return list, from, to end
  local plain = {}
  for index = from, to do plain[index] = list[index] end
  return plain, from, to
end

function environment.table.concat(list, separator, first, last)
  list, first, last = walked("concat", MAX_JOINED, list, first, last)
  local joined = given("concat", native.pcall(native.concat, list, separator, first, last))
  spend(#joined // BYTES_FOR_AN_INSTRUCTION)
  return joined
end

function environment.table.unpack(list, first, last)
  return unpack(walked("unpack", MAX_UNPACKED, list, first, last))
end

function environment.table.insert(list, ...)
  local count, size = native.select("#", ...), #list
  if count == 1 then
    list[size + 1] = (...)
  elseif count == 2 then
    local position, value = ...
    position = tointeger(position)
    if not position or position < 1 or position > size + 1 then
      fail("bad argument #2 to 'insert' (position out of bounds)")
    end
    for index = size, position, -1 do
      list[index + 1] = list[index]
    end
    list[position] = value
  else
    fail("wrong number of arguments to 'insert'")
  end
end

function environment.table.remove(list, position)
  local size = #list
  if position == nil then position = size end
  position = tointeger(position)
  if not position
    or size + 1 ~= position and (position < 1 or position > size + 1) and size + position ~= 0 then
    fail("bad argument #2 to 'remove' (position out of bounds)")
  end
  local removed = list[position]
  for index = position, size - 1 do
    list[index] = list[index + 1]
  end
  if position <= size then list[size] = nil end
  return removed
end

function environment.table.move(source, first, last, start, target)
  target = target or source
  first, last, start = tointeger(first), tointeger(last), tointeger(start)
  if not (first and last and start) then fail("table.move takes integers as positions") end
  if start > first and start <= last and target == source then
    for index = last - first, 0, -1 do
      target[start + index] = source[first + index]
    end
  else
    for index = 0, last - first do
      target[start + index] = source[first + index]
    end
  end
  return target
end

function environment.table.sort(list, comes_before)
  -- The instructions of a comparison in Lua are counted, those of one in C are not.
  if comes_before == nil then
    comes_before = function(a, b) return a < b end
  elseif native.type(comes_before) ~= "function" then
    fail("bad argument #2 to 'sort' (function expected)")
  end
  return given("sort", native.pcall(native.sort, list,
    function(a, b) return (comes_before(a, b)) end))
end

-- The metatable of strings is shared by all code, ours too.
local of_strings = native.getmetatable("")
of_strings.__index = environment.string
of_strings.__metatable = "locked"

-- Modules

local modules = copy(environment, "coroutine math os string table utf8")

function environment.require(name)
  local module = modules[name]
  if module == nil then
    fail("module '" .. native.tostring(name) .. "' does not exist: this Lua runs inside Python and "
      .. 'reads no files; there are require("http") and require("astra.http")')
  end
  return module
end

return {
  environment = environment,
  modules = modules,
  REQUEST = REQUEST,
  too_long = too_long,
  tasks = tasks,
  given = given,
}
