-- A minute that slides, in slices: what is taken in one counts until the whole slice is a minute
-- old, so that no sixty seconds anywhere hold more than the limit. A window is a hash: `total`,
-- `oldest` and `newest` slice, and `ahead`, by which its clock was moved on when the machine's
-- clock went back: time never runs backwards here.
local SLICE, SLICES = 250, 240
local LIFE = (SLICES + 2) * SLICE

local function machine_time()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function look(key, machine)
  local known = redis.call('HMGET', key, 'total', 'oldest', 'newest', 'ahead')
  local ahead, newest = tonumber(known[4] or '0'), tonumber(known[3] or '-1')
  local slice = math.floor((machine + ahead) / SLICE)
  if slice < newest then
    ahead = ahead + (newest - slice) * SLICE
    slice = newest
    redis.call('HSET', key, 'ahead', ahead)
  end
  local total, oldest = tonumber(known[1] or '0'), tonumber(known[2] or tostring(slice))
  if newest < slice - SLICES then
    redis.call('DEL', key)
    return {key = key, now = machine + ahead, ahead = ahead, slice = slice, oldest = slice,
            newest = -1, total = 0}
  end
  while oldest < slice - SLICES do
    local taken = redis.call('HGET', key, oldest)
    if taken then
      total = total - tonumber(taken)
      redis.call('HDEL', key, oldest)
    end
    oldest = oldest + 1
  end
  return {key = key, now = machine + ahead, ahead = ahead, slice = slice, oldest = oldest,
          newest = newest, total = total}
end

local function add(window, slice, amount)
  redis.call('HINCRBY', window.key, slice, amount)
  window.total = window.total + amount
  if slice > window.newest then window.newest = slice end
end

local function keep(window)
  redis.call('HSET', window.key, 'total', window.total, 'oldest', window.oldest,
             'newest', window.newest, 'ahead', window.ahead)
  redis.call('PEXPIRE', window.key, LIFE)
end

local function ends(window, slice)
  return (slice + SLICES + 1) * SLICE - window.now
end

-- Milliseconds until `amount` more would be within the limit.
local function wait(window, limit, amount)
  local over, slice = window.total + amount - limit, window.oldest
  while slice <= window.slice do
    over = over - tonumber(redis.call('HGET', window.key, slice) or '0')
    if over <= 0 then return ends(window, slice) end
    slice = slice + 1
  end
  return ends(window, window.slice)
end

local function resets(window)
  if window.total <= 0 then return 0 end
  return ends(window, window.newest)
end
