-- All limits of one request at once: KEYS are requests, tokens and slots of each scope in turn;
-- ARGV a lease and its milliseconds, what the request is known by when it comes again (or nothing),
-- then of each scope the three limits (-1: none) and the tokens to reserve. A request that is
-- within its requests a minute, but not within the rest, is counted as one: a stored answer may
-- serve it, and whoever refuses it gives it back. Whoever is refused is promised room.
local lease, lease_ms, known_by = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local machine = machine_time()
local scopes, windows = {}, {}

for at = 1, #KEYS / 3 do
  local given, base = 4 + (at - 1) * 4, (at - 1) * 3
  local scope = {slots = KEYS[base + 3], slots_limit = tonumber(ARGV[given + 2])}
  for nth, kind in ipairs({'requests', 'tokens'}) do
    local limit = tonumber(ARGV[given + nth - 1])
    if limit >= 0 then
      scope[kind] = look(KEYS[base + nth], machine)
      promises(scope[kind], limit, nth == 1 and 1 or tonumber(ARGV[given + 3]))
      windows[#windows + 1] = scope[kind]
    end
  end
  scopes[at] = scope
end

-- Its promise, taken back until it is known what becomes of it: `due` milliseconds from now.
local noted, due, clock = KEYS[1] .. ':promises', nil, windows[1] and windows[1].now or machine
if known_by ~= '' and windows[1] then
  redis.call('ZREMRANGEBYSCORE', noted, '-inf', '(' .. (clock - GRACE * SLICE))
  due = tonumber(redis.call('ZSCORE', noted, known_by) or nil)
  if due then due = due - clock end
  if due and due > HORIZON * SLICE then due = nil end
  if due then
    for _, window in ipairs(windows) do unbook(window, due, window.amount) end
  end
end
for _, window in ipairs(windows) do window.others = window.booked end
local holds = due and due <= 0

-- Milliseconds that this window alone would make it wait; 0 where there is room.
local function over(window)
  if holds then
    if window.total + window.amount <= window.limit then return 0 end
  elseif has_room(window) then
    return 0
  end
  if holds or window.amount > window.limit then
    return wait(window, window.limit, window.amount)
  end
  return place(window, 0)
end

local refused = {0, 0}
for at, scope in ipairs(scopes) do
  local ms = scope.requests and over(scope.requests) or 0
  if ms > refused[2] then refused = {at, ms} end
end

-- Scope, what of it (1 tokens, 2 slots), and milliseconds to wait.
local short = {0, 0, 0}
for at, scope in ipairs(scopes) do
  local ms = scope.tokens and over(scope.tokens) or 0
  if ms > short[3] then short = {at, 1, ms} end
end
for at, scope in ipairs(scopes) do
  if scope.slots_limit >= 0 then
    redis.call('ZREMRANGEBYSCORE', scope.slots, '-inf', machine)
    if short[1] == 0 and redis.call('ZCARD', scope.slots) >= scope.slots_limit then
      short = {at, 2, 0}
    end
  end
end

-- What it is told: its own moment, once it has one.
local told = 0
if refused[1] > 0 or short[2] == 1 then
  told = math.max(refused[2], short[3])
  if due and not holds then told = due
  elseif not holds then told = math.max(told, places(windows)) end
end

local function note(ms)
  for _, window in ipairs(windows) do
    if window.amount > window.limit then return redis.call('ZREM', noted, known_by) end
  end
  if not due and (ms > HORIZON * SLICE or redis.call('ZCARD', noted) >= MOST) then return end
  redis.call('ZADD', noted, clock + ms, known_by)
  redis.call('PEXPIRE', noted, (HORIZON + GRACE + 1) * SLICE)
  for _, window in ipairs(windows) do book(window, ms, window.amount) end
end

if told > 0 and known_by ~= '' then
  note(told)
elseif due and short[2] == 2 then
  note(due)
elseif due then
  redis.call('ZREM', noted, known_by)
  for _, window in ipairs(windows) do
    window.kept, window.learned = window.kept + window.amount, true
  end
end

local said = {refused[1], refused[1] > 0 and told or 0,
              short[1], short[2], short[2] == 1 and told or 0}
for _, scope in ipairs(scopes) do
  if scope.requests then
    if refused[1] == 0 then add(scope.requests, scope.requests.slice, 1) end
    keep(scope.requests)
    learn(scope.requests)
  end
  if scope.tokens then
    if refused[1] == 0 and short[1] == 0 then
      add(scope.tokens, scope.tokens.slice, scope.tokens.amount)
    end
    keep(scope.tokens)
    learn(scope.tokens)
  end
  if scope.slots_limit >= 0 and refused[1] == 0 and short[1] == 0 then
    redis.call('ZADD', scope.slots, machine + lease_ms, lease)
    redis.call('PEXPIRE', scope.slots, lease_ms * 2)
  end
  for _, kind in ipairs({'requests', 'tokens'}) do
    local window = scope[kind]
    said[#said + 1] = window and math.max(0, window.limit - window.total
                                             - expected(window, window.others)) or 0
    said[#said + 1] = window and resets(window) or 0
    said[#said + 1] = window and window.slice or 0
  end
end
return said
