-- The generation of a tag, which begins now if there is none. It must live as long as the entries that carry it: an
-- entry whose tag has no generation does not count.
-- KEYS: tag. ARGV: the generation if one begins, ms to live (0: for ever).
local generation = redis.call('GET', KEYS[1])
if not generation then
  generation = ARGV[1]
  redis.call('SET', KEYS[1], generation)
  if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return generation
end
local left = redis.call('PTTL', KEYS[1])
if ARGV[2] == '0' then
  redis.call('PERSIST', KEYS[1])
elseif left >= 0 and left < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return generation
