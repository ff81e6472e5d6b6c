-- Calls that wait for a worker: by priority, then the teams in turn by their share, then as they
-- came. KEYS are the mouth, the list that workers wait at, and the turns, a sorted set of the
-- priorities that have something waiting; each priority has one of its flows (`turns:<priority>`),
-- a flow is `<priority>:<share>:<team>`, and its calls wait in `mouth:<flow>`. A few calls at a time
-- are moved on into the mouth, so that a worker without work finds one in one trip. Scores say when
-- a name is due again; who was away begins now and has saved nothing up.
local mouth, turns = KEYS[1], KEYS[2]
local MOUTH = 4
local WEIGHTS = {high = 16, normal = 4, low = 1}
local REMEMBERED_MS = 60000

local function join(wheel, name)
  local known = redis.call('HMGET', turns .. ':due', wheel, wheel .. '/' .. name)
  local due = math.max(tonumber(known[1] or '0'), tonumber(known[2] or '0'))
  redis.call('ZADD', wheel, due, name)
end

local function next_of(wheel)
  local found = redis.call('ZRANGE', wheel, 0, 0, 'WITHSCORES')
  return found[1], tonumber(found[2] or '0')
end

local function went(wheel, name, due, weight, stays)
  redis.call('HSET', turns .. ':due', wheel, due, wheel .. '/' .. name, due + 1 / weight)
  redis.call('PEXPIRE', turns .. ':due', REMEMBERED_MS)
  if stays then
    redis.call('ZADD', wheel, due + 1 / weight, name)
  else
    redis.call('ZREM', wheel, name)
  end
end

local function next_call()
  local level, level_due = next_of(turns)
  if not level then return nil end
  local wheel = turns .. ':' .. level
  local flow, flow_due = next_of(wheel)
  local list = mouth .. ':' .. flow
  local call = redis.call('LPOP', list)
  local share = tonumber(string.match(flow, '^%a+:(%d+):')) or 1
  went(wheel, flow, flow_due, math.max(share, 1), redis.call('EXISTS', list) == 1)
  went(turns, level, level_due, WEIGHTS[level] or 1, redis.call('EXISTS', wheel) == 1)
  return call
end

local function fill()
  local room = MOUTH - redis.call('LLEN', mouth)
  while room > 0 do
    local call = next_call()
    if not call then return end
    redis.call('RPUSH', mouth, call)
    room = room - 1
  end
end
