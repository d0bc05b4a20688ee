-- Create a session; a repeat of the same call finds its own one and changes nothing.
-- KEYS[1]: the session.
-- ARGV: user, hash of the secret, idle and absolute time-out in ms, then names and values of the
-- data; an empty value is none.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local last = now + ARGV[4]
  redis.call('HSET', KEYS[1], 'user', ARGV[1], 'hash', ARGV[2], 'idle', ARGV[3], 'last', last,
    'created', now, 'seen', now, 'version', 1)
  for i = 5, #ARGV, 2 do
    if ARGV[i + 1] ~= '' then
      redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    end
  end
  redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[3], last))
elseif redis.call('HGET', KEYS[1], 'hash') ~= ARGV[2] then
  return false
end
return redis.call('HGETALL', KEYS[1])
