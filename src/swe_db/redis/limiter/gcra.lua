-- The generic cell rate algorithm as a bucket: a hit pours `window` units in, `limit` units run out each millisecond, and
-- the bucket holds `limit` hits. In these units everything is a whole number.
-- KEYS[1]: hash {time: in ms, level: of the bucket at that time}.
-- ARGV: limit, window in ms, cost, 1 to count the hit or 0 to look, [now in ms, tests only].
-- Returns {1 if allowed, remaining, ms until such a hit passes or -1 for never, ms until nothing counts any more}.
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local stored = redis.call('HMGET', KEYS[1], 'time', 'level')
local time, level = tonumber(stored[1]) or now, tonumber(stored[2]) or 0
local stepped_back = now < time  -- the clock did: time goes on from here, so that nobody waits until it is back
if not stepped_back then
  level = math.max(0, level - (now - time) * limit)
end
local excess = level + cost * window - limit * window

local allowed, retry = excess <= 0, 0
if cost > limit then
  retry = -1
elseif not allowed then
  retry = math.ceil(excess / limit)
end

local counted = allowed and ARGV[4] == '1'
if counted then
  level = level + cost * window
end
local reset = math.ceil(level / limit)
if counted or stepped_back then
  redis.call('HSET', KEYS[1], 'time', now, 'level', string.format('%.0f', level))
  if not ARGV[5] then redis.call('PEXPIRE', KEYS[1], math.max(1, reset)) end
end
return {allowed and 1 or 0, math.floor((limit * window - level) / window), retry, reset}
