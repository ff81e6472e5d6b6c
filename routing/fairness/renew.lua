-- Slots of requests that still run: KEYS are slots, ARGV milliseconds and then of each its lease.
-- One that has ended meanwhile is not taken again.
local machine = machine_time()
for at, key in ipairs(KEYS) do
  redis.call('ZADD', key, 'XX', machine + tonumber(ARGV[1]), ARGV[at + 1])
  redis.call('PEXPIRE', key, tonumber(ARGV[1]) * 2)
end
