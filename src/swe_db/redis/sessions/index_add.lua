-- Note a session of a user for as long as it can last, and a minute more: the session may be on another node, whose clock
-- is another.
-- KEYS[1]: the user's sessions, each with the time at which it is forgotten. ARGV: session, its last moment in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], ARGV[2] + 60000, ARGV[1])
local longest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], longest[2])
return 1
