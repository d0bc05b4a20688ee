-- Publish one message on many channels, at once and in one round trip. PUBLISH touches no key.
-- ARGV: the message, then the channels. Returns how many subscribers of each channel this server knows.
local receivers = {}
for i = 2, #ARGV do
  receivers[i - 1] = redis.call('PUBLISH', ARGV[i], ARGV[1])
end
return receivers
