-- The account that logs in with an e-mail address, whatever its case.
--
-- Parameters: email of any living account, in capitals.
-- Bounded: one row, by a unique index.
-- Indexes: users_email_living_key
SELECT id, external_id, username, display_name, role, status, last_login_at
FROM users
WHERE lower(email) = lower(%(email)s) AND deleted_at IS NULL
