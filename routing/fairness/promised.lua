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

-- What is taken now, what is promised by now, and how both change from slice to slice.
local function outlook(window)
  if window.outlook then return window.outlook end
  local freed, promised, open, last = {}, {}, 0, window.slice + SLICES + 1
  local taken = redis.call('HGETALL', window.key)
  for at = 1, #taken, 2 do
    local slice = tonumber(taken[at])
    if slice then freed[slice + SLICES + 1] = tonumber(taken[at + 1]) end
  end
  local booked = redis.call('HGETALL', window.promised)
  for at = 1, #booked, 2 do
    local slice, amount = tonumber(booked[at]), tonumber(booked[at + 1])
    if slice then
      local ending = slice + GRACE + SLICES + 1
      if slice <= window.slice then open = open + amount
      else promised[slice] = (promised[slice] or 0) + amount end
      promised[ending] = (promised[ending] or 0) - amount
      last = math.max(last, ending)
    end
  end
  window.outlook = {freed = freed, promised = promised, open = open, last = last}
  return window.outlook
end

-- Whether there is room now, and stays for those who were promised it.
local function has_room(window)
  if window.amount > window.limit then return false end
  if window.total + window.booked + window.amount <= window.limit then return true end
  local ahead, taken = outlook(window), window.total
  local booked = ahead.open
  for slice = window.slice, window.slice + SLICES do
    if slice > window.slice then
      taken = taken - (ahead.freed[slice] or 0)
      booked = booked + (ahead.promised[slice] or 0)
    end
    if taken + expected(window, booked) + window.amount > window.limit then return false end
  end
  return true
end

-- Milliseconds until there is room for a promise of its own after all others, not before `from`.
local function place(window, from)
  if window.amount > window.limit then return from end
  local ahead, taken = outlook(window), window.total
  local booked, start = ahead.open, math.floor((window.now + from) / SLICE)
  local found = start
  for slice = window.slice, ahead.last do
    if slice > window.slice then
      taken = taken - (ahead.freed[slice] or 0)
      booked = booked + (ahead.promised[slice] or 0)
    end
    if slice >= found and taken + booked + window.amount > window.limit then
      found = slice + 1
    elseif slice >= found + GRACE + SLICES then
      break
    end
  end
  return found == start and from or found * SLICE - window.now
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
