SELECT task_id
FROM draws
JOIN evidence ON evidence.id = 1 + floor(fraction * (SELECT max(id) FROM evidence))::bigint
WHERE task_id IS NOT NULL
ORDER BY draw
