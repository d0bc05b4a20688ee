SELECT date_trunc('month', created_at) AS since, date_trunc('month', created_at) + interval '1 month' AS until
FROM draws
JOIN audit_logs ON audit_logs.id = 1 + floor(fraction * (SELECT max(id) FROM audit_logs))::bigint
ORDER BY draw
