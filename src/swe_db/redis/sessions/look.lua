-- Return a session's fields as they are. A script, since scripts run where the session is written: a copy of the server
-- may not know of it yet.
-- KEYS[1]: the session.
return redis.call('HGETALL', KEYS[1])
