SELECT task_id, CASE WHEN draw % 2 = 0 THEN 0 ELSE task_comments.id END AS after_id
FROM draws
JOIN task_comments ON task_comments.id = 1 + floor(fraction * (SELECT max(id) FROM task_comments))::bigint
ORDER BY draw
