-- One more call: ARGV are its priority, its flow and the call.
local level, flow, call = ARGV[1], ARGV[2], ARGV[3]
local wheel = turns .. ':' .. level
if redis.call('RPUSH', mouth .. ':' .. flow, call) == 1 then
  if redis.call('EXISTS', wheel) == 0 then join(turns, level) end
  join(wheel, flow)
end
fill()
