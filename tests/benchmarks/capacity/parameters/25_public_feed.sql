SELECT created_at AS before, activity_feed.id AS before_id
FROM draws
JOIN activity_feed ON activity_feed.id = 1 + floor(fraction * (SELECT max(id) FROM activity_feed))::bigint
WHERE visibility = 'public'
ORDER BY draw
