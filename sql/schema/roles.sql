-- The roles of the platform. They belong to the cluster, so another migrator may be making them in another database at
-- this very moment; and a user without CREATEROLE goes on without them.
--
--   swe_admin    reads and changes everything; the audit trail it can only read and add to
--   swe_manager  reads everything; runs projects, tasks and agents
--   swe_user     works on what is its own, by row-level security and the setting swe.user_id
--   swe_service  agents and other machinery: records executions, evidence and events

DO $roles$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['swe_admin', 'swe_manager', 'swe_user', 'swe_service'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN
          NULL;
        WHEN insufficient_privilege THEN
          RAISE NOTICE 'role % is not created: % may not create roles; its grants and policies are left out',
            wanted, CURRENT_USER;
      END;
    END IF;
  END LOOP;
END
$roles$;

-- Whoever migrates may act as each role. A superuser may anyway; who makes a role is its member from 16 on, yet may not
-- act as it without a grant.
DO $membership$
DECLARE
  acting text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
  wanted text;
BEGIN
  FOR wanted IN
    SELECT rolname FROM pg_catalog.pg_roles
    WHERE rolname IN ('swe_admin', 'swe_manager', 'swe_user', 'swe_service')
      AND NOT pg_catalog.pg_has_role(CURRENT_USER, oid, acting)
  LOOP
    BEGIN
      EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
    EXCEPTION
      WHEN unique_violation OR internal_error THEN
        -- Another migrator of the same user granted it at this moment.
        NULL;
      WHEN insufficient_privilege THEN
        RAISE NOTICE '% is not a member of % and cannot SET ROLE to it', CURRENT_USER, wanted;
    END;
  END LOOP;
END
$membership$;

DO $grants$
DECLARE
  wanted text;
BEGIN
  FOR wanted IN
    SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('swe_admin', 'swe_manager', 'swe_user', 'swe_service')
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
  END LOOP;
END
$grants$;
