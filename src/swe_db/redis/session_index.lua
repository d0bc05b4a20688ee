-- Return the sessions of a user that may be there still.
-- KEYS[1]: the user's sessions, each with the time at which it is forgotten.
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call('ZRANGE', KEYS[1], 0, -1)
