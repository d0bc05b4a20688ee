-- Releases a lock; done again, since the reply was lost, it still says 1, whoever has taken the lock meanwhile.
-- KEYS: the lock; its fence. ARGV: token, its fencing token or 0 if that is not known.
-- Returns 1 if the token held the lock until it was released, 0 if it did not.
local fence = redis.call('HMGET', KEYS[2], 'number', 'token', 'unbroken')
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  if fence[2] == ARGV[1] then redis.call('HSET', KEYS[2], 'token', '') end
  return 1
end

local mine, newest, unbroken = tonumber(ARGV[2]), tonumber(fence[1]), tonumber(fence[3])
local released = newest and (mine == newest and fence[2] == '' or unbroken <= mine and mine < newest)
return released and 1 or 0
