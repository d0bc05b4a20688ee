-- Ends a lease of this holder, and takes the registry down with the last one.
-- KEYS: registry mark, lease, used mark. ARGV: holder.
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[2], KEYS[3])
end
if redis.call('DBSIZE') == 1 then
  redis.call('DEL', KEYS[1])
end
return 1
