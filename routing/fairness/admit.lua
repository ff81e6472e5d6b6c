-- All limits of one request at once: KEYS are requests, tokens and slots of each scope in turn;
-- ARGV a lease and its milliseconds, then of each scope the three limits (-1: none) and the tokens
-- to reserve. A request that is within its requests a minute, but not within the rest, is counted
-- as one: a stored answer may serve it, and whoever refuses it gives it back.
local lease, lease_ms = ARGV[1], tonumber(ARGV[2])
local machine = machine_time()
local scopes, refused = {}, {0, 0}

for at = 1, #KEYS / 3 do
  local given, base = 3 + (at - 1) * 4, (at - 1) * 3
  local scope = {
    slots = KEYS[base + 3],
    requests_limit = tonumber(ARGV[given]),
    tokens_limit = tonumber(ARGV[given + 1]),
    slots_limit = tonumber(ARGV[given + 2]),
    reserve = tonumber(ARGV[given + 3]),
  }
  if scope.requests_limit >= 0 then scope.requests = look(KEYS[base + 1], machine) end
  if scope.tokens_limit >= 0 then scope.tokens = look(KEYS[base + 2], machine) end
  scopes[at] = scope
end

for at, scope in ipairs(scopes) do
  if scope.requests and scope.requests.total + 1 > scope.requests_limit then
    local ms = wait(scope.requests, scope.requests_limit, 1)
    if ms > refused[2] then refused = {at, ms} end
  end
end

-- Scope, what of it (1 tokens, 2 slots), and milliseconds to wait.
local short = {0, 0, 0}
for at, scope in ipairs(scopes) do
  if scope.tokens and scope.tokens.total + scope.reserve > scope.tokens_limit then
    local ms = wait(scope.tokens, scope.tokens_limit, scope.reserve)
    if ms > short[3] then short = {at, 1, ms} end
  end
end
for at, scope in ipairs(scopes) do
  if scope.slots_limit >= 0 then
    redis.call('ZREMRANGEBYSCORE', scope.slots, '-inf', machine)
    if short[1] == 0 and redis.call('ZCARD', scope.slots) >= scope.slots_limit then
      short = {at, 2, 0}
    end
  end
end

local said = {refused[1], math.max(refused[2], refused[1] > 0 and short[3] or 0),
              short[1], short[2], short[3]}
for _, scope in ipairs(scopes) do
  if scope.requests then
    if refused[1] == 0 then add(scope.requests, scope.requests.slice, 1) end
    keep(scope.requests)
  end
  if scope.tokens then
    if refused[1] == 0 and short[1] == 0 then
      add(scope.tokens, scope.tokens.slice, scope.reserve)
    end
    keep(scope.tokens)
  end
  if scope.slots_limit >= 0 and refused[1] == 0 and short[1] == 0 then
    redis.call('ZADD', scope.slots, machine + lease_ms, lease)
    redis.call('PEXPIRE', scope.slots, lease_ms * 2)
  end
  for _, kind in ipairs({'requests', 'tokens'}) do
    local window = scope[kind]
    said[#said + 1] = window and scope[kind .. '_limit'] - window.total or 0
    said[#said + 1] = window and resets(window) or 0
    said[#said + 1] = window and window.slice or 0
  end
end
return said
