-- Lets a lock last at least so much longer; it never shortens it, so that an old call that comes late does no harm.
-- KEYS: the lock; its fence. ARGV: token, lease in ms, how long the fence outlives the lease in ms.
-- Returns 1, or 0 if the token does not hold it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local lease, fence_lease = tonumber(ARGV[2]), ARGV[2] + ARGV[3]
if redis.call('PTTL', KEYS[1]) < lease then redis.call('PEXPIRE', KEYS[1], lease) end
if redis.call('PTTL', KEYS[2]) < fence_lease then redis.call('PEXPIRE', KEYS[2], fence_lease) end
return 1
