-- The budget: stops Lua code that does not end.
--
-- Every coroutine that runs foreign code has a count hook. Once the budget is used up, each
-- further instruction raises, so that pcall can catch the error but cannot go on after it.
--
-- A hook counts instructions, and one on a long string or a large table may take half a second. No
-- string or table is longer than the memory in use, so the more of it, the sooner the next look.

local poll, write = ...

local create, running = coroutine.create, coroutine.running
local native_sethook, gethook, getinfo = debug.sethook, debug.gethook, debug.getinfo
local clock, time, error, pcall, type = os.clock, os.time, error, pcall, type
local memory, setmetatable, max, min = collectgarbage, setmetatable, math.max, math.min
local sub, format = string.sub, string.format

local MOST_TICK <const> = 1000 -- instructions between two looks at the budget
-- KiB in use, times the instructions until the next look. The slowest one known compares strings of
-- NULs, at 10 ns for a byte: that makes five seconds, measured.
local TICK_TIMES_MEMORY <const> = 1000000
local SECONDS_BETWEEN_POLLS <const> = 0.1 -- of computing; an instruction on a long string takes long
local COST_OF_PRINT <const> = 2000 -- instructions; the cell's output must not grow without end
local OURS <const> = "astra_nb/"

local left, deadline, limit, seconds = 0, 0, 0, 0
local next_poll = 0
local tick, passed, second = MOST_TICK, 0, 0
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
  native_sethook(look, "", tick) -- left over from an earlier turn
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
  passed = passed + tick
  -- Short ticks look at a cheap clock only.
  if passed < MOST_TICK and time() == second and not ended then return end
  if ended then finish(ended) end
  local now = clock()
  if now > next_poll then
    next_poll = now + SECONDS_BETWEEN_POLLS
    call_python(poll)
  end
  local amount = passed
  tick = max(min(TICK_TIMES_MEMORY // memory("count") | 0, MOST_TICK), 1)
  passed, second = 0, time()
  native_sethook(look, "", tick)
  spend(amount)
end

-- Makes a coroutine look as soon as the others do.
local function catch_up(thread)
  local _, _, count = gethook(thread)
  if count > tick then native_sethook(thread, look, "", tick) end
end

-- Memory may double within a tick. Then the collector runs, and with it this finalizer.
local watch = {}
function watch.__gc(object)
  setmetatable(object, watch) -- to be called after the next collection, too
  tick, second = 1, 0
  local thread, is_main = running()
  if not is_main and not ended then native_sethook(thread, look, "", tick) end
end
setmetatable({}, watch)

return {
  fail = fail,

  print_line = function(text)
    local line = text .. "\n"
    spend(COST_OF_PRINT + #line)
    call_python(write, line)
  end,

  -- Charges work in C or in Python, which no hook counts.
  spend = spend,

  -- Raises where a hook would have raised by now. To be called after other coroutines have run.
  check = function()
    if ended then finish(ended) end
    catch_up(running())
  end,

  create = function(body)
    local thread = create(body)
    native_sethook(thread, look, "", tick)
    return thread
  end,

  -- To be called before a coroutine runs.
  catch_up = catch_up,

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
