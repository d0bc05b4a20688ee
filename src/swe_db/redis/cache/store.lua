-- Stores what was computed, unless the key was deleted or given another value since `cache/begin.lua`.
-- KEYS: entry, lock, guard.
-- ARGV: token, generation, the first 17 bytes of the entry that the caller saw, the new entry, ms to live (0: for ever).
-- Returns whether it is stored.
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[3])
local present = redis.call('GETRANGE', KEYS[1], 0, 16)
if present ~= '' and present ~= ARGV[3] then return 0 end
if ARGV[5] == '0' then
  redis.call('SET', KEYS[1], ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
end
return 1
