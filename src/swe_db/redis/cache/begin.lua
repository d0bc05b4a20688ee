-- Begins to compute an entry's value, unless another does already. The guard's content is the generation of the key:
-- whoever deletes the key deletes it too, and what was computed under it is not stored any more.
-- Called again with the same token it answers the same, so a lost reply does no harm.
-- KEYS: entry, lock, guard. ARGV: token, the first 17 bytes of the entry that the caller saw, lock ms (0: no lock), guard ms.
-- Returns {1, generation}; {0, ms} if another computes and may do so for that long; {2} if the entry is another one.
if redis.call('GETRANGE', KEYS[1], 0, 16) ~= ARGV[2] then return {2} end
if ARGV[3] ~= '0' then
  local holder = redis.call('GET', KEYS[2])
  if holder and holder ~= ARGV[1] then return {0, redis.call('PTTL', KEYS[2])} end
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
end
local generation = redis.call('GET', KEYS[3]) or ARGV[1]
redis.call('SET', KEYS[3], generation, 'PX', ARGV[4])
return {1, generation}
