-- Agents that can do something and are there now, the most successful first.
--
-- Parameters: capability of any living agent; now is the time of the newest heartbeat.
-- Bounded: 10 rows. Agents are read in the order of the result until there are so many, or by the capability if it is
--   rare.
-- Indexes: agents_status_success_rate_idx or agents_capabilities_idx
SELECT id, name, agent_type, version, success_rate, max_concurrency
FROM agents
WHERE capabilities @> jsonb_build_array(%(capability)s::text)
  AND status = 'active'
  AND last_heartbeat_at >= %(heard_since)s
  AND deleted_at IS NULL
ORDER BY success_rate DESC NULLS LAST, id
LIMIT 10
