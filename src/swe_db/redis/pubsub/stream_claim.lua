-- Take over entries that were delivered and not acknowledged; what was delivered too often goes to the dead letters.
-- KEYS: the stream, its dead letters. ARGV: group, consumer, ms that an entry must have been idle ("own": all that are
-- this consumer's), first id, how many to look at, how often an entry may be delivered, length of the dead letters.
-- Returns the entries as {id, number of this delivery, fields}, how many died, how many were trimmed before they were
-- handled, and the last id that was looked at.
local stream, dead = KEYS[1], KEYS[2]
local group, consumer, idle, first, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limit, maxlen = tonumber(ARGV[6]), ARGV[7]

local pending
if idle == 'own' then
  pending = redis.call('XPENDING', stream, group, first, '+', count, consumer)
else
  pending = redis.call('XPENDING', stream, group, 'IDLE', idle, first, '+', count)
end

local taken, died, trimmed, last = {}, 0, 0, ''
for _, entry in ipairs(pending or {}) do
  local id, owner, deliveries = entry[1], entry[2], entry[4]
  local fields = (redis.call('XRANGE', stream, id, id)[1] or {})[2]
  last = id
  if not fields then
    trimmed = trimmed + redis.call('XACK', stream, group, id)
  elseif deliveries >= limit then
    redis.call('XADD', dead, 'MAXLEN', '~', maxlen, '*', 'dead:id', id, 'dead:consumer', owner, 'dead:deliveries',
      deliveries, unpack(fields))
    died = died + redis.call('XACK', stream, group, id)
  else
    redis.call('XCLAIM', stream, group, consumer, 0, id)
    taken[#taken + 1] = {id, deliveries + 1, fields}
  end
end
return {taken, died, trimmed, last}
