SELECT actor_user_id AS user_id, date_trunc('month', created_at) AS since, created_at AS before,
  audit_logs.id AS before_id
FROM draws
JOIN audit_logs ON audit_logs.id = 1 + floor(fraction * (SELECT max(id) FROM audit_logs))::bigint
WHERE actor_user_id IS NOT NULL
ORDER BY draw
