-- Tasks: the cell's code and each connection's handler, each a coroutine that Python resumes.
--
-- Python sees numbers, strings and booleans only, and calls the functions given at the end.

local budget, sandbox, http, show = ...

local native_resume, status = coroutine.resume, coroutine.status
local load, type, tostring = load, type, tostring
local traceback, gmatch, match, concat = debug.traceback, string.gmatch, string.match, table.concat
local REQUEST, environment = sandbox.REQUEST, sandbox.environment

local FOR_AN_ERROR <const> = 1000000 -- instructions to show an error object

local threads, allowances, subjects, last = {}, {}, {}, 0

local function begin(body, subject)
  last = last + 1
  threads[last] = budget.create(body)
  subjects[last] = subject -- what the body is called with
  sandbox.tasks[threads[last]] = true
  allowances[last] = 0
  return last
end

local function words(object)
  if type(object) == "string" then return object end
  if type(object) ~= "table" then return tostring(object) end
  budget.begin_turn(FOR_AN_ERROR, FOR_AN_ERROR, 1)
  local ok, text = native_resume(budget.create(show), object)
  return "error object " .. (ok and text or "is a table")
end

local OURS <const> = { ["\t[C]: in upvalue 'error'"] = true, ["\t(...tail calls...)"] = true }

-- Lua's own traceback without the lines that are ours.
local function trace(thread)
  local lines, theirs = {}, false
  for line in gmatch(traceback(thread), "[^\n]+") do
    if not match(line, "^\tastra_nb/") and (theirs or not OURS[line]) then
      theirs = #lines > 0 -- the first line is the heading
      lines[#lines + 1] = line
    end
  end
  return concat(lines, "\n")
end

local function outcome(number, thread, ok, first, ...)
  local left, interrupted = budget.end_turn()
  allowances[number] = left
  if interrupted then
    return "interrupted"
  elseif not ok then
    local message = words(first)
    return "error", message, trace(thread)
  elseif status(thread) == "dead" then
    return "done"
  elseif first == REQUEST then
    return "request", ...
  end
  return "error", "coroutine.yield() outside of a coroutine: nothing would resume it", ""
end

return {
  start_cell = function(source, name)
    local message = sandbox.too_long("a cell", #source)
    if message then return nil, message end
    local body
    body, message = load(source, name, "t", environment)
    if not body then return nil, message end
    return begin(body)
  end,

  start_handler = function(handler, socket)
    return begin(http.handler(handler), http.socket(socket))
  end,

  -- Runs a task up to its next request; with `refill` its budget is new.
  step = function(number, refill, instructions, seconds, ...)
    local thread = threads[number]
    if refill then allowances[number] = instructions end
    budget.begin_turn(allowances[number], instructions, seconds)
    budget.catch_up(thread)
    local subject = subjects[number]
    if subject then
      subjects[number] = nil
      return outcome(number, thread, native_resume(thread, subject))
    end
    return outcome(number, thread, native_resume(thread, ...))
  end,

  forget = function(number)
    threads[number], allowances[number], subjects[number] = nil, nil, nil
  end,
}
