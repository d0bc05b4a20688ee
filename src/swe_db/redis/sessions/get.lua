-- Return a session's fields and note that it is in use; nothing if the secret is not its own.
-- That its token is used ends the time in which the rotation that made it can be repeated.
-- KEYS[1]: the session. ARGV: hash of the secret.
local found = redis.call('HMGET', KEYS[1], 'hash', 'idle', 'last', 'nonce')
if found[1] ~= ARGV[1] then
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'seen', now)
if found[4] then
  redis.call('HDEL', KEYS[1], 'nonce')
end
redis.call('PEXPIREAT', KEYS[1], math.min(now + found[2], tonumber(found[3])))
return redis.call('HGETALL', KEYS[1])
