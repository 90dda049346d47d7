-- The budget: stops Lua code that does not end.
--
-- Every coroutine that runs foreign code has a count hook. Once the budget is used up, each
-- further instruction raises, so that pcall can catch the error but cannot go on after it.

local poll, write = ...

local create, native_sethook, getinfo = coroutine.create, debug.sethook, debug.getinfo
local clock, error, pcall, type = os.clock, error, pcall, type
local sub, format = string.sub, string.format

local TICK <const> = 1000 -- instructions between two looks at the budget
local SECONDS_BETWEEN_POLLS <const> = 0.1 -- of computing; an instruction on a long string takes long
local COST_OF_PRINT <const> = 2000 -- instructions; the cell's output must not grow without end
local OURS <const> = "astra_nb/"

local left, deadline, limit, seconds = 0, 0, 0, 0
local next_poll = 0
local ended -- why the budget is used up, or nil
local interrupted = false

-- "cell 3:5: " for the innermost line of foreign code.
local function where()
  for level = 2, 60 do
    local info = getinfo(level, "Sl")
    if not info then break end
    if info.currentline > 0 and sub(info.short_src, 1, #OURS) ~= OURS then
      return format("%s:%d: ", info.short_src, info.currentline)
    end
  end
  return ""
end

local function fail(message)
  error(where() .. message, 0)
end

local look

local function raise_at_each_instruction()
  if ended then fail(ended) end
  native_sethook(look, "", TICK) -- left over from an earlier turn
end

local function finish(why)
  ended = why
  native_sethook(raise_at_each_instruction, "", 1)
  fail(why)
end

-- Calls a Python function. It raises keyboard interrupts only, and Lua never holds one.
local function call_python(target, ...)
  local ok, result = pcall(target, ...)
  if ok then return result end
  if type(result) ~= "userdata" then error(result, 0) end
  interrupted = true
  finish("interrupted")
end

local function spend(amount)
  left = left - amount
  if left <= 0 then
    finish(format("stopped after %d million instructions: other code has to wait meanwhile; "
      .. "a loop that goes on for ever needs a socket:recv() in it", limit // 1000000))
  elseif clock() > deadline then
    finish(format("stopped after %d seconds of computing: other code has to wait meanwhile", seconds))
  end
end

function look()
  if ended then finish(ended) end
  local now = clock()
  if now > next_poll then
    next_poll = now + SECONDS_BETWEEN_POLLS
    call_python(poll)
  end
  spend(TICK)
end

return {
  fail = fail,

  print_line = function(text)
    local line = text .. "\n"
    spend(COST_OF_PRINT + #line)
    call_python(write, line)
  end,

  -- Charges work in C or in Python, which no hook counts.
  spend = spend,

  -- Raises where a hook would have raised by now.
  check = function()
    if ended then finish(ended) end
  end,

  create = function(body)
    local thread = create(body)
    native_sethook(thread, look, "", TICK)
    return thread
  end,

  -- A turn is the run from one request to the next; `allowance` is what is left for it.
  begin_turn = function(allowance, instructions, computing_seconds)
    ended, left, interrupted = nil, allowance, false
    limit, seconds = instructions, computing_seconds
    deadline = clock() + computing_seconds
  end,

  -- Returns what is left after a turn, and whether the user interrupted it.
  end_turn = function()
    return left, interrupted
  end,
}
