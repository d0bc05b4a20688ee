-- Deletes an entry, and ends its generation, so that what is being computed for it is not stored.
-- KEYS: entry, lock, guard. Returns whether there was an entry.
redis.call('UNLINK', KEYS[2], KEYS[3])
return redis.call('UNLINK', KEYS[1])
