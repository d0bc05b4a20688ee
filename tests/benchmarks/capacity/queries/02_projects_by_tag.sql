-- Active projects with a tag, the ones that changed last first.
--
-- Parameters: tag of any living project, so that common tags are asked for more often.
-- Bounded: 20 rows. Projects are read in the order of the result until there are so many, or by the tag if it is rare.
-- Indexes: projects_status_updated_at_idx or projects_tags_idx, users_pkey
SELECT project.id, project.name, project.slug, project.tags, project.updated_at, owner.display_name AS owner
FROM projects AS project
JOIN users AS owner ON owner.id = project.owner_id
WHERE project.tags @> ARRAY[%(tag)s]::text[] AND project.status = 'active' AND project.deleted_at IS NULL
ORDER BY project.updated_at DESC, project.id DESC
LIMIT 20
