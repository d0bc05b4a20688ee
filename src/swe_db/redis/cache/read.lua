-- An entry and how many milliseconds it has left (-1: it does not expire, -2: it is not there).
-- KEYS: entry.
return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
