-- Change a session's data: 1 if it is done, 0 if the secret is not its own or its version is another.
-- The names of the last eight changes are kept (16 characters each), so that a repeat of one is known, whatever came in
-- between.
-- KEYS[1]: the session.
-- ARGV: hash of the secret, version or '', name of this change, then names and values; an empty value removes the name.
local found = redis.call('HMGET', KEYS[1], 'hash', 'idle', 'last', 'nonce', 'version', 'changes')
local changes = found[6] or ''
if string.find(changes, ARGV[3], 1, true) then
  return 1
end
if found[1] ~= ARGV[1] or (ARGV[2] ~= '' and ARGV[2] ~= found[5]) then
  return 0
end
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'seen', now, 'version', found[5] + 1, 'changes', string.sub(ARGV[3] .. changes, 1, 128))
if found[4] then
  redis.call('HDEL', KEYS[1], 'nonce')
end
redis.call('PEXPIREAT', KEYS[1], math.min(now + found[2], tonumber(found[3])))
return 1
