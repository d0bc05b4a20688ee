-- Remembers every hit for the length of the window.
-- KEYS[1]: sorted set, a member for each unit of cost, named by its number, with the time of its hit in ms.
-- ARGV: limit, window in ms, cost, 1 to count the hit or 0 to look, [now in ms, tests only].
-- Returns {1 if allowed, remaining, ms until such a hit passes or -1 for never, ms until nothing counts any more}.
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function keep()
  if not ARGV[5] then redis.call('PEXPIRE', KEYS[1], window) end
end

local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local number, newest = tonumber(last[1]) or 0, tonumber(last[2]) or now
if now < newest then  -- the clock stepped back: its hits go with it, so that nobody waits until it is back
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZINCRBY', KEYS[1], now - newest, member)
  end
  newest = now
  keep()
end
local count = redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now - window), '+inf')

local allowed, retry = count + cost <= limit, 0
if cost > limit then
  retry = -1
elseif not allowed then
  local gone = redis.call('ZCARD', KEYS[1]) - count
  local rank = gone + count + cost - limit - 1  -- of the last one that has to leave first
  retry = tonumber(redis.call('ZRANGE', KEYS[1], rank, rank, 'WITHSCORES')[2]) + window - now
end

if allowed and ARGV[4] == '1' then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
  for i = 1, cost do
    redis.call('ZADD', KEYS[1], now, string.format('%016.0f', number + i))
  end
  count, newest = count + cost, now
  keep()
end

local reset = 0
if count > 0 then reset = newest + window - now end
return {allowed and 1 or 0, limit - count, retry, reset}
