-- The request is over: KEYS as in admission; ARGV its lease, what a promise to it is known by that it
-- needs no longer (or nothing), then of each scope the slice and the change of its requests, and the
-- slice and the change of its tokens, and then of each scope the tokens that were asked for. What is
-- no longer in the window has ended by itself; what was used beyond the reservation counts from now.
local machine = machine_time()
local noted, known_by, scopes = KEYS[1] .. ':promises', ARGV[2], #KEYS / 3
local due = known_by ~= '' and redis.call('ZSCORE', noted, known_by)

local function change(key, slice, amount)
  if amount == 0 then return end
  local window = look(key, machine)
  if redis.call('HEXISTS', key, slice) == 1 then
    add(window, slice, amount)
  elseif amount > 0 then
    add(window, window.slice, amount)
  else
    return
  end
  keep(window)
end

-- What was promised is there for others again.
local function release(key, amount, clock)
  local window = look(key, machine)
  window.promised = key .. ':promised'
  window.booked = tonumber(redis.call('HGET', window.promised, 'total') or '0')
  if window.booked <= 0 then return clock end
  clock = clock or window.now
  unbook(window, tonumber(due) - clock, amount)
  return clock
end

local clock
for at = 1, scopes do
  local given, base = 3 + (at - 1) * 4, (at - 1) * 3
  change(KEYS[base + 1], tonumber(ARGV[given]), tonumber(ARGV[given + 1]))
  change(KEYS[base + 2], tonumber(ARGV[given + 2]), tonumber(ARGV[given + 3]))
  redis.call('ZREM', KEYS[base + 3], ARGV[1])
  if due then
    clock = release(KEYS[base + 1], 1, clock)
    clock = release(KEYS[base + 2], tonumber(ARGV[2 + scopes * 4 + at]), clock)
  end
end
if due then redis.call('ZREM', noted, known_by) end
