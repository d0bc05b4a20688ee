SELECT tags[1 + draw % cardinality(tags)] AS tag
FROM draws
JOIN projects ON projects.id = 1 + floor(fraction * (SELECT max(id) FROM projects))::bigint
WHERE deleted_at IS NULL AND cardinality(tags) > 0
ORDER BY draw
