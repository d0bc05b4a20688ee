-- Tells who holds a lock. KEYS: the lock; its fence.
-- Returns {token or empty, ms left or -1 if that has no end, its fencing token or empty}.
local holder = redis.call('GET', KEYS[1])
if not holder then
  return {'', -2, ''}
end
local fence = redis.call('HMGET', KEYS[2], 'number', 'token')
return {holder, redis.call('PTTL', KEYS[1]), fence[2] == holder and fence[1] or ''}
