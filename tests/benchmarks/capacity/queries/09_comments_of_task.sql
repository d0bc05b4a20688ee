-- A page of the comments of a task, with their authors; the next page begins after the last id of this one.
--
-- Parameters: task of any comment, and a random comment of it or 0 to begin after.
-- Bounded: 50 rows, found by the last key of the page before.
-- Indexes: task_comments_task_id_id_key, users_pkey, agents_pkey
SELECT comment.id, comment.parent_comment_id, comment.body, comment.created_at, comment.edited_at,
  COALESCE(person.display_name, agent.name) AS author
FROM task_comments AS comment
LEFT JOIN users AS person ON person.id = comment.author_user_id
LEFT JOIN agents AS agent ON agent.id = comment.author_agent_id
WHERE comment.task_id = %(task_id)s AND comment.id > %(after_id)s
ORDER BY comment.id
LIMIT 50
