-- Takes a lock; with the token that holds it, also again: a reply may have been lost. The lock is a string, as redis-py's
-- own Lock makes it, so that both keep each other out.
-- KEYS: the lock; its fence, a hash {number: newest fencing token, token: of its holder and empty once released,
-- unbroken: since this number, everybody before the newest has released}.
-- ARGV: token, lease in ms, how long the fence outlives the lease in ms.
-- Returns {1, fencing token}, or {0, ms left to the holder or -1 if that has no end}.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return {0, redis.call('PTTL', KEYS[1])}
end

local lease, fence_lease = tonumber(ARGV[2]), ARGV[2] + ARGV[3]
local fence = redis.call('HMGET', KEYS[2], 'number', 'token', 'unbroken')
if holder and fence[2] == ARGV[1] then
  if redis.call('PTTL', KEYS[1]) < lease then redis.call('PEXPIRE', KEYS[1], lease) end
  if redis.call('PTTL', KEYS[2]) < fence_lease then redis.call('PEXPIRE', KEYS[2], fence_lease) end
  return {1, tonumber(fence[1])}
end

-- Microseconds of the server, so that it rises even if the fence is lost, and one more if the clock has stepped back.
local time = redis.call('TIME')
local number = math.max((tonumber(fence[1]) or 0) + 1, tonumber(time[1]) * 1000000 + tonumber(time[2]))
local text = string.format('%.0f', number)
local unbroken = fence[2] == '' and fence[3] or text
redis.call('HSET', KEYS[2], 'number', text, 'token', ARGV[1], 'unbroken', unbroken)
redis.call('PEXPIRE', KEYS[2], fence_lease)
redis.call('SET', KEYS[1], ARGV[1], 'PX', lease)
return {1, number}
