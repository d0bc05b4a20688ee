-- Remove a consumer from a group, unless something was delivered to it that it has not acknowledged.
-- KEYS: the stream. ARGV: group, consumer. Returns 1 if it is gone.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if #(pending or {}) > 0 then
  return 0
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
