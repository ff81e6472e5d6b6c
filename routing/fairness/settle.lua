-- The request is over: KEYS as in admission; ARGV its lease, then of each scope the slice and the
-- change of its requests, and the slice and the change of its tokens. What is no longer in the
-- window has ended by itself; what was used beyond the reservation counts from now.
local machine = machine_time()

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

for at = 1, #KEYS / 3 do
  local given, base = 2 + (at - 1) * 4, (at - 1) * 3
  change(KEYS[base + 1], tonumber(ARGV[given]), tonumber(ARGV[given + 1]))
  change(KEYS[base + 2], tonumber(ARGV[given + 2]), tonumber(ARGV[given + 3]))
  redis.call('ZREM', KEYS[base + 3], ARGV[1])
end
