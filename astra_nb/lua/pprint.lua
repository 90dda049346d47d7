-- pprint: a value as Lua source, the same each time: sorted keys, no addresses.

local budget = ...

local WIDTH <const> = 80
local MAX_DEPTH <const> = 20

local type, next, rawlen, rawget, select = type, next, rawlen, rawget, select
local rep, format, byte, find, sub = string.rep, string.format, string.byte, string.find, string.sub
local concat, sort, mathtype = table.concat, table.sort, math.type
local length, codepoint, offset = utf8.len, utf8.codepoint, utf8.offset
local tostring = tostring

local ESCAPES = { [7] = "\\a", [8] = "\\b", [9] = "\\t", [10] = "\\n", [11] = "\\v", [12] = "\\f",
  [13] = "\\r", [34] = '\\"', [92] = "\\\\" }

-- Characters that show nothing, or change the direction of text beside them.
local UNSEEN = { { 0x00, 0x1F }, { 0x7F, 0x9F }, { 0xAD, 0xAD }, { 0x061C, 0x061C },
  { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0xFEFF, 0xFEFF },
  { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE007F } }

local function unseen(code)
  for index = 1, #UNSEEN do
    local range = UNSEEN[index]
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

local function quote(text)
  local parts, position, size = { '"' }, 1, #text
  while position <= size do
    -- Plain runs are taken whole.
    local _, plain = find(text, '^[^%c"\\\128-\255]+', position)
    if plain then
      parts[#parts + 1] = sub(text, position, plain)
      position = plain + 1
    else
      local code = byte(text, position)
      local after = position + 1
      if ESCAPES[code] then
        parts[#parts + 1] = ESCAPES[code]
      elseif code >= 0xC2 and length(text, position, position) then
        code = codepoint(text, position)
        after = offset(text, 2, position)
        parts[#parts + 1] = unseen(code) and format("\\u{%X}", code)
          or sub(text, position, after - 1)
      else
        parts[#parts + 1] = format("\\x%02X", code)
      end
      position = after
    end
  end
  parts[#parts + 1] = '"'
  return concat(parts)
end

local RANK = { number = 1, string = 2, boolean = 3 }
local KEYWORDS = {}
for _, word in next, { "and", "break", "do", "else", "elseif", "end", "false", "for", "function",
  "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until",
  "while" } do
  KEYWORDS[word] = true
end

local function key_before(a, b)
  local rank_a, rank_b = RANK[type(a)] or 4, RANK[type(b)] or 4
  if rank_a ~= rank_b then return rank_a < rank_b end
  if rank_a <= 2 then return a < b end
  return rank_a == 3 and b and not a
end

local show

local function show_key(key)
  if type(key) == "string" and find(key, "^[%a_][%w_]*$") and not KEYWORDS[key] then
    return key
  elseif type(key) == "table" then
    return "[<table>]"
  end
  return "[" .. show(key, 0, {}) .. "]"
end

-- Items side by side, as many to a line as fit, and at least one.
local function fill(items, indent, width)
  local lines, line = {}, indent
  for index = 1, #items do
    local item = items[index] .. ","
    if #line + #item + 1 > width and line ~= indent then
      lines[#lines + 1] = line
      line = indent
    end
    line = line == indent and line .. item or line .. " " .. item
  end
  lines[#lines + 1] = line
  return lines
end

local function show_table(value, depth, parents)
  if parents[value] then return "<cycle>" end
  if next(value) == nil then return "{}" end
  if depth >= MAX_DEPTH then return "{...}" end
  parents[value] = true
  local items, only_numbers, size = {}, true, rawlen(value)
  for index = 1, size do
    local item = rawget(value, index)
    only_numbers = only_numbers and type(item) == "number"
    items[index] = show(item, depth + 1, parents)
  end
  local keys = {}
  for key in next, value do
    if not (mathtype(key) == "integer" and key >= 1 and key <= size) then keys[#keys + 1] = key end
  end
  sort(keys, key_before)
  for index = 1, #keys do
    local key = keys[index]
    items[#items + 1] = show_key(key) .. " = " .. show(rawget(value, key), depth + 1, parents)
  end
  parents[value] = nil

  local total = 2 * depth + 2
  for index = 1, #items do
    total = total + #items[index] + 2
    if total > WIDTH or find(items[index], "\n", 1, true) then
      local width = only_numbers and #keys == 0 and WIDTH or 0
      local lines = fill(items, rep("  ", depth + 1), width)
      return "{\n" .. concat(lines, "\n") .. "\n" .. rep("  ", depth) .. "}"
    end
  end
  return "{" .. concat(items, ", ") .. "}"
end

function show(value, depth, parents)
  local kind = type(value)
  if kind == "string" then return quote(value) end
  if kind == "table" then return show_table(value, depth, parents) end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  return "<" .. kind .. ">" -- an address would differ each time
end

return {
  show = function(value)
    return show(value, 0, {})
  end,

  pprint = function(...)
    for index = 1, select("#", ...) do
      budget.print_line(show((select(index, ...)), 0, {}))
    end
  end,
}
