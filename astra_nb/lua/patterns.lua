-- Patterns that cannot run on for ever.
--
-- Lua's own matcher is C: no hook counts its steps, and a pattern such as "(.-)(.-)(.-)x" takes
-- the cube of the text's length. Where the worst case is too much, the matcher below does the
-- same in Lua, where the budget counts each step.

local budget, most_steps_in_c = ...

local spend, fail = budget.spend, budget.fail
local native = {
  find = string.find, match = string.match, gmatch = string.gmatch, gsub = string.gsub,
}
local byte, char, sub, format = string.byte, string.char, string.sub, string.format
local concat, unpack = table.concat, table.unpack
local type, tostring, tointeger = type, tostring, math.tointeger

local MOST_STEPS <const> = most_steps_in_c or 2e8 -- about a second
local MOST_COMPARISONS <const> = 2e9 -- of bytes, in a plain search
local STEPS_FOR_AN_INSTRUCTION <const> = 64
local MAX_CAPTURES <const> = 32

-- Reading a pattern: a list of items, each with what it must match.

local SPECIAL <const> = "[%^%$%*%+%?%.%(%[%%%-]"

-- End of the character class that begins at `position`: "a", "%a", ".", "[a-z]".
local function class_end(pattern, position)
  local first = sub(pattern, position, position)
  local after = position + 1
  if first == "%" then
    if after > #pattern then fail("malformed pattern (ends with '%')") end
    return after
  elseif first == "[" then
    if sub(pattern, after, after) == "^" then after = after + 1 end
    repeat -- a "]" in first place stands for itself
      if after > #pattern then fail("malformed pattern (missing ']')") end
      local here = sub(pattern, after, after)
      after = after + (here == "%" and 2 or 1)
    until sub(pattern, after, after) == "]"
    return after
  end
  return position
end

-- Which of the 256 bytes a class holds; C says so, one byte at a time.
local function members(class)
  local set, pattern = {}, "^" .. class
  for code = 0, 255 do
    set[code] = native.find(char(code), pattern) ~= nil
  end
  return set
end

local function read(pattern, position)
  local items, open, captures = {}, {}, 0
  while position <= #pattern do
    local here, pair = sub(pattern, position, position), sub(pattern, position, position + 1)
    local item
    if here == "(" then
      captures = captures + 1
      if captures > MAX_CAPTURES then fail("too many captures") end
      if sub(pattern, position + 1, position + 1) == ")" then
        item, position = { kind = "position", number = captures }, position + 2
      else
        open[#open + 1] = captures
        item, position = { kind = "open", number = captures }, position + 1
      end
    elseif here == ")" then
      if #open == 0 then fail("invalid pattern capture") end
      item, position = { kind = "close", number = open[#open] }, position + 1
      open[#open] = nil
    elseif here == "$" and position == #pattern then
      item, position = { kind = "end" }, position + 1
    elseif pair == "%b" then
      if position + 3 > #pattern then fail("malformed pattern (missing arguments to '%b')") end
      item = { kind = "balance", opening = byte(pattern, position + 2),
        closing = byte(pattern, position + 3) }
      position = position + 4
    elseif pair == "%f" then
      if sub(pattern, position + 2, position + 2) ~= "[" then
        fail("missing '[' after '%f' in pattern")
      end
      local last = class_end(pattern, position + 2)
      item = { kind = "frontier", class = sub(pattern, position + 2, last) }
      position = last + 1
    elseif native.find(pair, "^%%%d") then
      local number = byte(pattern, position + 1) - 48
      local still_open = number < 1 or number > captures
      for index = 1, #open do
        still_open = still_open or open[index] == number
      end
      if still_open then fail(format("invalid capture index %%%d in pattern", number)) end
      item, position = { kind = "again", number = number }, position + 2
    else
      local last = class_end(pattern, position)
      local count = sub(pattern, last + 1, last + 1)
      if not native.find(count, "^[%*%+%-%?]") then count = "" end
      item = { kind = "single", class = sub(pattern, position, last), count = count }
      position = last + 1 + #count
    end
    items[#items + 1] = item
  end
  if #open > 0 then fail("unfinished capture") end
  return items, captures
end

-- The most steps that C could take: each repetition may be tried at each length.
local function most_steps(items, anchored, length)
  local steps = anchored and 1.0 or length + 1.0 -- floats do not wrap around
  local last = #items
  while last > 0 and items[last].kind == "close" do last = last - 1 end
  for index = 1, last do
    local item = items[index]
    if item.kind == "balance" or item.kind == "again" then
      steps = steps * (length + 1)
    elseif item.kind == "single" and item.count ~= "" and index < last then
      -- The last repetition takes what it can and is never tried again.
      steps = steps * (item.count == "?" and 2 or length + 1)
    end
  end
  return steps
end

-- The matcher: gives where the match ends, or nil.

local match_from

local function balance(text, position, item)
  if byte(text, position) ~= item.opening then return nil end
  local depth = 1
  for index = position + 1, #text do
    local code = byte(text, index)
    if code == item.closing then
      depth = depth - 1
      if depth == 0 then return index + 1 end
    elseif code == item.opening then
      depth = depth + 1
    end
  end
  return nil
end

local function repeated(state, index, position, item)
  local text, set = state.text, item.set
  if item.count == "-" then
    while true do
      local ended = match_from(state, index + 1, position)
      if ended then return ended end
      local code = byte(text, position)
      if not code or not set[code] then return nil end
      position = position + 1
    end
  end
  local longest = position
  local most = item.count == "?" and position + 1 or #text + 1
  while longest < most and set[byte(text, longest) or -1] do longest = longest + 1 end
  local shortest = item.count == "+" and position + 1 or position
  for at = longest, shortest, -1 do
    local ended = match_from(state, index + 1, at)
    if ended then return ended end
  end
  return nil
end

function match_from(state, index, position)
  local items, text = state.items, state.text
  while true do
    local item = items[index]
    if item == nil then return position end
    local kind = item.kind
    if kind == "single" then
      if item.count ~= "" then return repeated(state, index, position, item) end
      if not item.set[byte(text, position) or -1] then return nil end
      position = position + 1
    elseif kind == "open" or kind == "close" or kind == "position" then
      local captures = state.captures
      local before = captures[item.number]
      if kind == "open" then captures[item.number] = { position }
      elseif kind == "position" then captures[item.number] = position
      else captures[item.number] = { before[1], position } end
      local ended = match_from(state, index + 1, position)
      if not ended then captures[item.number] = before end
      return ended
    elseif kind == "end" then
      return position == #text + 1 and position or nil
    elseif kind == "balance" then
      position = balance(text, position, item)
      if not position then return nil end
    elseif kind == "frontier" then
      local before = byte(text, position - 1) or 0
      if position == 1 then before = 0 end
      if item.set[before] or not item.set[byte(text, position) or 0] then return nil end
    else -- again
      local capture = state.captures[item.number]
      if type(capture) ~= "table" then fail("invalid capture index in pattern") end
      local piece = sub(text, capture[1], capture[2] - 1)
      if sub(text, position, position + #piece - 1) ~= piece then return nil end
      position = position + #piece
    end
    index = index + 1
  end
end

local function prepare(text, items, captures)
  for index = 1, #items do
    local item = items[index]
    if item.class then item.set = members(item.class) end
  end
  return { text = text, items = items, captures = {}, count = captures }
end

local function capture(state, number)
  local value = state.captures[number]
  if type(value) == "table" then return sub(state.text, value[1], value[2] - 1) end
  return value
end

-- What string.match gives: all captures, or the whole match when there are none.
local function values(state, first, ended)
  if state.count == 0 then return sub(state.text, first, ended - 1) end
  local result = {}
  for number = 1, state.count do
    result[number] = capture(state, number)
  end
  return unpack(result, 1, state.count)
end

local function search(state, anchored, start)
  local last = #state.text + 1
  for first = start, anchored and start < last and start or last do
    state.captures = {}
    local ended = match_from(state, 1, first)
    if ended then return first, ended end
  end
  return nil
end

-- The four functions. Each asks first whether C may do it.

local function string_argument(value, number, name)
  if type(value) == "number" then return tostring(value) end
  if type(value) ~= "string" then
    fail(format("bad argument #%d to '%s' (string expected, got %s)", number, name,
      value == nil and "no value" or type(value)))
  end
  return value
end

local function start_of(init, length)
  init = tointeger(init or 1)
  if not init then fail("bad argument #3 (number has no integer representation)") end
  if init < 0 then init = length + init + 1 end
  return init < 1 and 1 or init
end

-- Gives a state when the matching is to be done here, nil when C may do it.
local function judge(text, pattern, caret_anchors)
  local anchored = caret_anchors and sub(pattern, 1, 1) == "^"
  local items, captures = read(pattern, anchored and 2 or 1)
  local steps = most_steps(items, anchored, #text)
  if steps <= MOST_STEPS then
    spend(steps // STEPS_FOR_AN_INSTRUCTION)
    return nil
  end
  return prepare(text, items, captures), anchored
end

local function find(text, pattern, init, plain)
  text, pattern = string_argument(text, 1, "find"), string_argument(pattern, 2, "find")
  local start = start_of(init, #text)
  if plain or not native.find(pattern, SPECIAL) then
    if #text * #pattern > MOST_COMPARISONS then
      fail(format("looking for %d bytes in %d bytes could take too long", #pattern, #text))
    end
    spend(#text * #pattern // (STEPS_FOR_AN_INSTRUCTION * 10))
    return native.find(text, pattern, start, true)
  end
  local state, anchored = judge(text, pattern, true)
  if not state then return native.find(text, pattern, start) end
  local first, ended = search(state, anchored, start)
  if not first then return nil end
  if state.count == 0 then return first, ended - 1 end
  return first, ended - 1, values(state, first, ended)
end

local function match(text, pattern, init)
  text, pattern = string_argument(text, 1, "match"), string_argument(pattern, 2, "match")
  local start = start_of(init, #text)
  local state, anchored = judge(text, pattern, true)
  if not state then return native.match(text, pattern, start) end
  local first, ended = search(state, anchored, start)
  if not first then return nil end
  return values(state, first, ended)
end

local function gmatch(text, pattern, init)
  text, pattern = string_argument(text, 1, "gmatch"), string_argument(pattern, 2, "gmatch")
  local start = start_of(init, #text)
  local state = judge(text, pattern, false)
  if not state then return native.gmatch(text, pattern, start) end
  local last_end
  return function()
    while start <= #text + 1 do
      local first, ended = search(state, false, start)
      if not first then
        start = #text + 2
        return nil
      end
      -- An empty match right behind the last match is none.
      if ended ~= last_end then
        start, last_end = ended, ended
        return values(state, first, ended)
      end
      start = first + 1
    end
    return nil
  end
end

local function expand(state, template, first, ended)
  return (native.gsub(template, "%%(.?)", function(mark)
    if mark == "%" then return "%" end
    if mark == "0" then return sub(state.text, first, ended - 1) end
    local number = native.find(mark, "^%d") and byte(mark) - 48
    if not number then fail("invalid use of '%' in replacement string") end
    if number == 1 and state.count == 0 then return sub(state.text, first, ended - 1) end
    if number > state.count then
      fail(format("invalid capture index %%%d in replacement string", number))
    end
    return tostring(capture(state, number))
  end))
end

local function replacement(state, by, first, ended)
  local whole = sub(state.text, first, ended - 1)
  local value
  if type(by) == "string" then
    return expand(state, by, first, ended)
  elseif type(by) == "table" then
    value = by[(values(state, first, ended))]
  else
    value = by(values(state, first, ended))
  end
  if not value then return whole end
  if type(value) ~= "string" and type(value) ~= "number" then
    fail(format("invalid replacement value (a %s)", type(value)))
  end
  return tostring(value)
end

local function gsub(text, pattern, by, limit)
  text, pattern = string_argument(text, 1, "gsub"), string_argument(pattern, 2, "gsub")
  local kind = type(by)
  if kind == "number" then by, kind = tostring(by), "string" end
  if kind ~= "string" and kind ~= "table" and kind ~= "function" then
    fail(format("bad argument #3 to 'gsub' (string/function/table expected, got %s)", kind))
  end
  local state, anchored = judge(text, pattern, true)
  if not state then return native.gsub(text, pattern, by, limit) end
  limit = limit and tointeger(limit) or #text + 1
  local pieces, position, count, last_end = {}, 1, 0, nil
  while count < limit do
    state.captures = {}
    local ended = match_from(state, 1, position)
    if ended and ended ~= last_end then
      count = count + 1
      pieces[#pieces + 1] = replacement(state, by, position, ended)
      position, last_end = ended, ended
    elseif position <= #text then
      pieces[#pieces + 1] = sub(text, position, position)
      position = position + 1
    else
      break
    end
    if position > #text + 1 or anchored then break end
  end
  pieces[#pieces + 1] = sub(text, position)
  return concat(pieces), count
end

return { find = find, match = match, gmatch = gmatch, gsub = gsub }
