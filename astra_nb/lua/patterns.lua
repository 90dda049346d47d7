-- Patterns that cannot run for ever.
--
-- Lua's matcher is C, where no hook counts steps, and "(.-)(.-)(.-)x" takes the cube of the
-- subject's length. So an upper bound of the steps is found before each call: the call is charged
-- with it, or refused.

local budget, sandbox = ...

local spend, fail, given = budget.spend, budget.fail, sandbox.given
local find, match, gmatch, gsub = string.find, string.match, string.gmatch, string.gsub
local sub, format, char = string.sub, string.format, string.char
local type, tostring, pcall, min, max = type, tostring, pcall, math.min, math.max
local getmetatable = debug.getmetatable
local pack, unpack = table.pack, table.unpack

local MOST_STEPS <const> = 5e8 -- a second at most; about a quarter of one, measured
local PAST_ALL <const> = 1e99
local FEW_STEPS <const> = 2e4 -- below that, a closer look would take longer
local STEPS_FOR_AN_INSTRUCTION <const> = 16
local BYTES_FOR_AN_INSTRUCTION <const> = 64
local SPECIAL <const> = "[%^%$%*%+%?%.%(%[%%%-]"

-- Returns where the class ends that begins at `first`, or nil when it never ends.
local function class_end(pattern, first)
  local here = sub(pattern, first, first)
  if here == "%" then return first < #pattern and first + 1 or nil end
  if here ~= "[" then return first end
  local last = first + #match(pattern, "^%[%^?", first)
  repeat -- a "]" in first place stands for itself
    last = last + (sub(pattern, last, last) == "%" and 2 or 1)
    if last > #pattern then return nil end
  until sub(pattern, last, last) == "]"
  return last
end

-- Returns a pattern's items, up to its end or to a mistake, at which C raises.
local function read(pattern, position)
  local items = {}
  while position <= #pattern do
    local here, pair = sub(pattern, position, position), sub(pattern, position, position + 1)
    local kind, last, class = "one", position, nil
    if here == "(" or here == ")" then
      kind = "bracket"
    elseif here == "$" and position == #pattern then
      kind = "end"
    elseif pair == "%b" then
      kind, last, class = "balance", position + 3, sub(pattern, position + 2, position + 2)
    elseif find(pair, "^%%%d") then
      kind, last = "again", position + 1
    else
      if pair == "%f" then kind, position = "frontier", position + 2 end
      last = class_end(pattern, position)
      if not last or kind == "frontier" and sub(pattern, position, position) ~= "[" then break end
      class = sub(pattern, position, last)
      local count = match(pattern, "^[*+?-]", last + 1)
      if kind == "one" and count then kind, last = count, last + 1 end
    end
    -- A single "^" or "(" is escaped, for it is special where it is looked for alone.
    items[#items + 1] = { kind = kind, class = class and gsub(class, "^[^%w.]$", "%%%0") }
    position = last + 1
  end
  return items
end

-- Returns the length of the longest run of a class in a subject, and of all runs together.
local function measure(text, class)
  local longest, total = 0, 0
  spend(#text * #class // STEPS_FOR_AN_INSTRUCTION)
  for first, after in gmatch(text, "()" .. class .. "+()") do
    longest, total = max(longest, after - first), total + after - first
  end
  return longest, total
end

-- Returns how many places of a subject are not before the last match of some classes in a row.
local function left_after(text, classes)
  local last = 1
  spend(#text * #classes // STEPS_FOR_AN_INSTRUCTION)
  for after in gmatch(text, classes .. "()") do last = after end
  return #text + 2 - last + #classes
end

local ALL <const> = gsub(string.rep("x", 256), "()x", function(place) return char(place - 1) end)

-- Returns whether no byte is in both classes.
local function apart(class, other)
  spend(500 + 8 * (#class + #other))
  local _, all = gsub(ALL, other, "")
  local _, others = gsub(gsub(ALL, class, ""), other, "")
  return all == others
end

local MAY_BE_EMPTY <const> = { ["*"] = true, ["-"] = true, ["?"] = true }
local NEEDS_ONE <const> = { one = true, ["+"] = true, frontier = true }
local REPEATS <const> = { ["*"] = true, ["-"] = true, ["?"] = true, ["+"] = true }

-- Returns an upper bound of the steps of all matches of a pattern in a subject together.
--
-- From the pattern's end to its start, `steps[index]` bounds one try to match the items from
-- `index` on at one place. A repetition tries what follows at each place of its run, which is at
-- most the longest run of its class in the subject. Three things keep that from multiplying:
--   - What follows begins with another class ("%w+="): inside of the run it fails at once.
--   - What follows cannot fail ("[^,]+", ".*$"): the run is a part of the match, and all matches
--     together are no longer than the subject.
--   - What follows ".-" cannot fail at a fixed text ("(.-)\n"): it fails only after the last such
--     text, and before that the run is a part of the match, too. `once` has the steps for that.
local function most_steps(text, pattern, anchored)
  local size, items = #text, read(pattern, anchored and 2 or 1)
  local starts = anchored and 1.0 or 2.0 * size + 2 -- C tries twice where a match is empty
  local steps, tries, once, lead = { [#items + 1] = 1.0 }, starts, 0.0, {}
  local sure, free = true, true -- what follows cannot fail; it is "$" or may be empty
  local fixed -- a text at which what follows cannot fail

  -- The steps to fail with the items from `index` on at a byte of a class.
  local function inside(class, index)
    local sum = 1
    while items[index] and items[index].kind ~= "end" do
      local kind, other = items[index].kind, items[index].class
      if kind ~= "bracket" then
        local known = NEEDS_ONE[kind] or MAY_BE_EMPTY[kind]
        if not known or not apart(class, other) then return sum + steps[index] end
        sum = sum + 2 * #other + 2
        if NEEDS_ONE[kind] then break end
      end
      index = index + 1
    end
    return sum
  end

  for index = #items, 1, -1 do
    local kind, class = items[index].kind, items[index].class
    local rest, cost = steps[index + 1], 1 + #(class or "") * (kind == "frontier" and 2 or 1)
    local here = rest + cost
    if kind ~= "bracket" then lead = items[index] end
    if kind ~= "bracket" and kind ~= "one" then tries = starts end
    if kind == "balance" then
      here = here + size / 4 -- a simple loop
    elseif kind == "again" then
      here = here + size / 32 -- memcmp
    elseif REPEATS[kind] and not sure and fixed and class == "." and kind ~= "?" then
      local left = left_after(text, fixed)
      tries, once, here = min(starts, left), once + 3 * (size + 1) * here, (left + 1) * here
    elseif REPEATS[kind] and not sure then
      local longest = kind == "?" and 1 or measure(text, class)
      local few = starts * longest * rest < FEW_STEPS
      here = (longest + 1) * cost + longest * (few and rest or inside(class, index + 1)) + rest
      if free and class == "." and kind ~= "?" then once, here = once + 3 * here, cost end
    end
    steps[index] = min(here, PAST_ALL) -- infinity times nothing would not be a number

    if kind == "one" or kind == "+" and sure then
      fixed = sure and class or fixed and #fixed < 99 and class .. fixed
      sure, free = false, false
    elseif MAY_BE_EMPTY[kind] then
      sure = sure or free and class == "." and kind ~= "?"
    elseif kind ~= "bracket" then
      sure, free, fixed = false, free and kind == "end", nil
    end
  end

  if lead.kind == "one" or lead.kind == "+" or lead.kind == "balance" then
    local _, places = measure(text, lead.class)
    tries = min(tries, places)
  end
  return starts * (3 * #pattern + 1) + 3 * size * #pattern + once + tries * steps[1]
end

-- Charges a call, or refuses it.
local function judge(name, text, pattern, third, plain)
  local steps = #text + #text * #pattern / 10.0
  if name ~= "find" or not plain and find(pattern, SPECIAL) then
    steps = (#text + 1.0) * #pattern + #pattern * #pattern / 50
    if name == "gsub" then -- each "%" of a replacement takes about 100 steps, in each match
      local _, marks = gsub(type(third) == "string" and third or "", "%%", "")
      steps = steps + (#text + 1.0) * (100 * marks + 20)
    end
    if steps <= MOST_STEPS then
      steps = steps + most_steps(text, pattern, name ~= "gmatch" and sub(pattern, 1, 1) == "^")
    end
  end
  if steps > MOST_STEPS then
    local shown = format("%q", #pattern > 40 and sub(pattern, 1, 40) .. "..." or pattern)
    shown = gsub(shown, "\n", "n") -- %q breaks the line there
    fail(format("string.%s refuses the pattern %s: it could take %.0e steps on %d bytes, and %.0e "
      .. "are allowed, because nothing can stop a call; search a shorter string, anchor the "
      .. 'pattern with ^, or use fewer of * + - ?, on sets without what follows them, as in '
      .. '"([^,]*),"', name, shown, min(steps, PAST_ALL), #text, MOST_STEPS))
  end
  spend(steps // STEPS_FOR_AN_INSTRUCTION)
end

local TEXT <const> = { string = true, number = true }

local function bounded(name)
  local work = string[name]
  return function(text, pattern, ...)
    if TEXT[type(text)] and TEXT[type(pattern)] then
      judge(name, tostring(text), tostring(pattern), ...)
    end
    return given(name, pcall(work, text, pattern, ...))
  end
end

local into, replace, search = sandbox.environment.string, bounded("gsub"), bounded("gmatch")
into.find, into.match = bounded("find"), bounded("match")

function into.gsub(text, pattern, replacement, ...)
  if type(replacement) == "table" and getmetatable(replacement) then
    -- C would follow its chain of __index for each match.
    local list = replacement
    replacement = function(key) return list[key] end
  end
  local result, count = replace(text, pattern, replacement, ...)
  spend(#result // BYTES_FOR_AN_INSTRUCTION)
  return result, count
end

function into.gmatch(...)
  local following = search(...)
  return function()
    local current = following
    following = nil -- after the last match, and after an error, C would search again
    if not current then return nil end
    local found = pack(given("gmatch", pcall(current)))
    if found[1] ~= nil then following = current end
    return unpack(found, 1, found.n)
  end
end

return { most_steps = most_steps }
