-- Counts in windows that follow one another from a first hit; of the one before, as much counts as a window that ends now
-- still covers.
-- KEYS[1]: hash {start: of the window in ms, current: admitted in it, previous: admitted in the one before}.
-- ARGV: limit, window in ms, cost, 1 to count the hit or 0 to look, [now in ms, tests only].
-- Returns {1 if allowed, remaining, ms until such a hit passes or -1 for never, ms until nothing counts any more}.
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local stored = redis.call('HMGET', KEYS[1], 'start', 'current', 'previous')
local start, current, previous = tonumber(stored[1]) or now, tonumber(stored[2]) or 0, tonumber(stored[3]) or 0
local stepped_back = now < start  -- the clock did: time goes on from here, so that nobody waits until it is back
if stepped_back then
  start = now
elseif now >= start + 2 * window then
  start, current, previous = now, 0, 0
elseif now >= start + window then
  start, current, previous = start + window, 0, current
end
local elapsed = now - start
local used = math.floor(previous * (window - elapsed) / window) + current

-- How far into a window `count` hits of the one before weigh no more than `room`.
local function weighs(count, room)
  return window - math.ceil(window * (room + 1) / count) + 1
end

local allowed, retry = used + cost <= limit, 0
if cost > limit then
  retry = -1
elseif not allowed and current + cost <= limit then
  retry = weighs(previous, limit - cost - current) - elapsed
elseif not allowed then
  retry = window - elapsed + weighs(current, limit - cost)
end

local counted = allowed and ARGV[4] == '1'
if counted then
  current, used = current + cost, used + cost
end
if counted or stepped_back then
  redis.call('HSET', KEYS[1], 'start', start, 'current', current, 'previous', previous)
  if not ARGV[5] then redis.call('PEXPIRE', KEYS[1], 2 * window - elapsed) end
end

local reset = 0
if current > 0 then
  reset = window - elapsed + weighs(current, 0)
elseif previous > 0 then
  reset = math.max(0, weighs(previous, 0) - elapsed)
end
return {allowed and 1 or 0, math.max(0, limit - used), retry, reset}
