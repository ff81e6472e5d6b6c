-- The next calls for one worker, ARGV[1] of them at the most; each is given out once.
local taken, room = {}, tonumber(ARGV[1])
while #taken < room do
  local call = redis.call('LPOP', mouth) or next_call()
  if not call then break end
  taken[#taken + 1] = call
end
fill()
return taken
