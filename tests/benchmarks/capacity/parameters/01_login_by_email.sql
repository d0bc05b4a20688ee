SELECT upper(email) AS email
FROM draws
JOIN users ON users.id = 1 + floor(fraction * (SELECT max(id) FROM users))::bigint
WHERE deleted_at IS NULL
ORDER BY draw
