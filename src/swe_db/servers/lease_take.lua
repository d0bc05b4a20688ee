-- Takes or renews a lease. KEYS: registry mark, lease, used mark. ARGV: holder, TTL of the lease and of the used mark in
-- seconds. Returns 1 if held.
redis.call('SET', KEYS[1], '1')
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
if redis.call('GET', KEYS[3]) == ARGV[1] then
  redis.call('EXPIRE', KEYS[3], ARGV[3])
end
return 1
