SELECT capabilities ->> draw % jsonb_array_length(capabilities) AS capability,
  (SELECT max(last_heartbeat_at) FROM agents) - interval '10 minutes' AS heard_since
FROM draws
JOIN agents ON agents.id = 1 + floor(fraction * (SELECT max(id) FROM agents))::bigint
WHERE deleted_at IS NULL AND jsonb_array_length(capabilities) > 0
ORDER BY draw
