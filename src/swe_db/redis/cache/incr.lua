-- Counts, and gives a counter that does not expire its time to live: never one without the other.
-- KEYS: entry. ARGV: by how much, ms to live.
redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1]) -- a number of Lua would be exact only to 53 bits
