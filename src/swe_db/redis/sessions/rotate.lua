-- Replace a session's secret, and return the nonce by which the old one leads to the new one.
-- Who brings the secret that was replaced last gets the same nonce again, as long as the new secret has not been used and
-- the grace lasts: the reply may have been lost.
-- KEYS[1]: the session. ARGV: hash of the old secret, hash of the new one, nonce, grace in ms.
local found = redis.call('HMGET', KEYS[1], 'hash', 'idle', 'last', 'nonce', 'replaced', 'repeatable')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nonce = found[4]
if found[1] == ARGV[1] then
  nonce = ARGV[3]
  redis.call('HSET', KEYS[1], 'hash', ARGV[2], 'replaced', ARGV[1], 'nonce', nonce, 'repeatable', now + ARGV[4])
elseif found[5] ~= ARGV[1] or not nonce or now > tonumber(found[6]) then
  return false
end
redis.call('HSET', KEYS[1], 'seen', now)
redis.call('PEXPIREAT', KEYS[1], math.min(now + found[2], tonumber(found[3])))
return nonce
