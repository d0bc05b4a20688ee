-- Return the sessions of a user that may be there still. A script for the same reason as sessions/look.lua.
-- KEYS[1]: the user's sessions, each with the time at which it is forgotten.
return redis.call('ZRANGE', KEYS[1], 0, -1)
