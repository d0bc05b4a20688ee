-- End a session and return its user. The secret that was replaced last ends it too: else a logout that is overtaken by a
-- rotation would be lost.
-- KEYS[1]: the session. ARGV: hash of the secret.
local found = redis.call('HMGET', KEYS[1], 'hash', 'replaced', 'user')
if found[1] ~= ARGV[1] and found[2] ~= ARGV[1] then
  return false
end
redis.call('DEL', KEYS[1])
return found[3]
