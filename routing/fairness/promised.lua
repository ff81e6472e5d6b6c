-- Room that is promised to those who were refused, of each window beside it: a hash of slices, each
-- with what may be taken from then on for GRACE slices, `total` of them, `first` and `last` slice, and
-- how much of what was promised was `kept` and how much `lapsed` of late. What is promised in one
-- slice counts as taken from then until a minute after it lapses, so it is there whenever its own
-- come, and what is promised after it as well.
local GRACE, HORIZON, MOST = 16, 2400, 10000

local function promises(window, limit, amount)
  window.promised, window.limit, window.amount = window.key .. ':promised', limit, amount
  local known = redis.call('HMGET', window.promised, 'total', 'first', 'last', 'kept', 'lapsed')
  window.booked, window.last = tonumber(known[1] or '0'), tonumber(known[3] or '0')
  window.kept, window.lapsed = tonumber(known[4] or '0'), tonumber(known[5] or '0')
  if window.booked <= 0 then return end
  local first, over = tonumber(known[2]), math.min(window.last, window.slice - GRACE - 1)
  if first > over then return end
  for slice = first, over do
    local left = tonumber(redis.call('HGET', window.promised, slice) or '0')
    if left > 0 then
      window.booked, window.lapsed = window.booked - left, window.lapsed + left
    end
    redis.call('HDEL', window.promised, slice)
  end
  redis.call('HSET', window.promised, 'first', over + 1)
  window.learned = true
end

local function book(window, due, amount)
  local slice = math.floor((window.now + due) / SLICE)
  local first = slice
  if window.booked > 0 then
    first = tonumber(redis.call('HGET', window.promised, 'first') or slice)
    window.last = math.max(window.last, slice)
  else
    window.last = slice
  end
  redis.call('HINCRBY', window.promised, slice, amount)
  window.booked = window.booked + amount
  redis.call('HSET', window.promised, 'total', window.booked, 'first', math.min(first, slice),
             'last', window.last)
  redis.call('PEXPIRE', window.promised, LIFE + (window.last - window.slice + GRACE) * SLICE)
end

-- Takes back what was promised, as far as it is still there.
local function unbook(window, due, amount)
  local slice = math.floor((window.now + due) / SLICE)
  local left = tonumber(redis.call('HGET', window.promised, slice) or '0')
  amount = math.min(left, amount)
  if amount <= 0 then return end
  if amount == left then redis.call('HDEL', window.promised, slice)
  else redis.call('HINCRBY', window.promised, slice, -amount) end
  window.booked = window.booked - amount
  redis.call('HSET', window.promised, 'total', window.booked)
end

local function learn(window)
  if not window.learned then return end
  while window.kept + window.lapsed > 2 * window.limit and window.kept + window.lapsed > 0 do
    window.kept, window.lapsed = math.floor(window.kept / 2), math.floor(window.lapsed / 2)
  end
  redis.call('HSET', window.promised, 'kept', window.kept, 'lapsed', window.lapsed,
             'total', window.booked)
  redis.call('PEXPIRE', window.promised,
             LIFE + (math.max(window.last - window.slice, 0) + GRACE) * SLICE)
end

-- How much of what is promised is to be expected, as few or many came for it of late; a fifth more
-- than that, so that a few who stay away take nothing from those who come.
local function expected(window, booked)
  local prior = math.floor(window.limit / 4) + 1
  local came, all = 6 * (window.kept + prior), 5 * (window.kept + window.lapsed + prior)
  if came >= all then return booked end
  return math.floor((booked * came + all - 1) / all)
end

local function by_slice(key)
  local found, all = {}, redis.call('HGETALL', key)
  for at = 1, #all, 2 do
    local slice = tonumber(all[at])
    if slice then found[slice] = tonumber(all[at + 1]) end
  end
  return found
end

local function taken_of(window)
  window.taken = window.taken or by_slice(window.key)
  return window.taken
end

-- At least what is promised in as many slices as one promise lasts, the first of them `from`. Redis
-- reads a small hash whole as fast as one field of it; of a large one only these are read.
local SMALL = 512
local function promised_of(window, from)
  window.read = window.read or {}
  local found = window.read.all or window.read[from]
  if found then return found end
  if redis.call('HLEN', window.promised) <= SMALL then
    window.read.all = by_slice(window.promised)
    return window.read.all
  end
  local slices = {}
  for slice = from, from + GRACE + SLICES do slices[#slices + 1] = slice end
  found = {}
  for at, amount in ipairs(redis.call('HMGET', window.promised, unpack(slices))) do
    if amount then found[from + at - 1] = tonumber(amount) end
  end
  window.read[from] = found
  return found
end

-- Whether there is room now, and stays for those who were promised it.
local function has_room(window)
  if window.amount > window.limit then return false end
  if window.total + window.booked + window.amount <= window.limit then return true end
  if window.total + window.amount > window.limit then return false end
  local taken, total = taken_of(window), window.total
  local promised, booked = promised_of(window, window.slice - GRACE), 0
  for slice = window.slice - GRACE, window.slice + SLICES do
    booked = booked + (promised[slice] or 0)
    if slice > window.slice then total = total - (taken[slice - SLICES - 1] or 0) end
    if slice >= window.slice
       and total + expected(window, booked) + window.amount > window.limit then
      return false
    end
  end
  return true
end

-- Milliseconds until there is room for a promise of its own after all others, not before `from`.
-- After the last of them nothing comes any more, and what is taken and promised only ends.
local function place(window, from)
  if window.amount > window.limit or from > 0 and window.placed == from then return from end
  local start = math.floor((window.now + from) / SLICE)
  local found = window.booked > 0 and math.max(start, window.last) or start
  local taken, first, load = taken_of(window), found - GRACE - SLICES, 0
  local promised = window.booked > 0 and promised_of(window, first) or {}
  for slice = first, found do
    load = load + (promised[slice] or 0)
    if slice >= found - SLICES then load = load + (taken[slice] or 0) end
  end
  while load + window.amount > window.limit do
    load = load - (taken[found - SLICES] or 0) - (promised[found - GRACE - SLICES] or 0)
    found = found + 1
  end
  window.placed = found == start and from or found * SLICE - window.now
  return window.placed
end

-- The first moment at which there is room in all windows.
local function places(windows)
  local ms, before = 0, -1
  while ms > before do
    before = ms
    for _, window in ipairs(windows) do ms = math.max(ms, place(window, ms)) end
  end
  return ms
end
