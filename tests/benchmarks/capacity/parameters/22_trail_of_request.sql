SELECT request_id, created_at - interval '12 hours' AS since, created_at + interval '12 hours' AS until
FROM draws
JOIN audit_logs ON audit_logs.id = 1 + floor(fraction * (SELECT max(id) FROM audit_logs))::bigint
WHERE request_id IS NOT NULL
ORDER BY draw
