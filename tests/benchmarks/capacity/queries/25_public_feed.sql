-- A page of what everybody may see, however deep, the newest first; the next page begins before the last row.
--
-- Parameters: time and id of any public entry, to begin before.
-- Bounded: 50 rows, found by the last key of the page before, in an index that holds public entries only. What is left of
--   a deleted project is skipped.
-- Indexes: activity_feed_public_idx, projects_pkey
SELECT entry.id, entry.created_at, project.name AS project, entry.actor_name, entry.verb, entry.object_type,
  entry.object_title
FROM activity_feed AS entry
CROSS JOIN LATERAL (
  SELECT name FROM projects
  WHERE id = entry.project_id AND deleted_at IS NULL
  LIMIT 1
) AS project
WHERE entry.visibility = 'public' AND (entry.created_at, entry.id) < (%(before)s, %(before_id)s)
ORDER BY entry.created_at DESC, entry.id DESC
LIMIT 50
