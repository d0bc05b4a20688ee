-- A page of a project's feed, however deep, the newest first; the next page begins before the last row.
--
-- Parameters: project, time and id of any entry, to begin before.
-- Bounded: 50 rows, found by the last key of the page before. What is private to somebody is skipped.
-- Indexes: activity_feed_project_id_idx
SELECT id, created_at, actor_name, verb, object_type, object_id, object_title, payload
FROM activity_feed
WHERE project_id = %(project_id)s
  AND (created_at, id) < (%(before)s, %(before_id)s)
  AND visibility IN ('project', 'public')
ORDER BY created_at DESC, id DESC
LIMIT 50
