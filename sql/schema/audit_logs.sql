-- The audit trail, and the feed that people see.
--
-- audit_logs: nobody changes, deletes or truncates a row, whatever the role and also while session_replication_role is
-- replica: the guards are ENABLE ALWAYS, on the parent and on every partition. No foreign key leaves the table, so that
-- it outlives what it describes. swe_admin and swe_manager read all rows; swe_user reads what it did itself, by the
-- setting swe.user_id; swe_service reads all. Everybody adds rows: swe_user and swe_manager in their own name only, and
-- nobody but the owner of the table chooses created_at.
--
-- The trail is partitioned by month (UTC). This file makes only the partition DEFAULT, which takes every row:
--   SELECT public.swe_create_audit_partitions('2026-01-01', 12)  makes months; rows that DEFAULT holds for them move
--   SELECT public.swe_detach_audit_partition('2026-01-01')       takes a month out, for archives; it stays read-only
-- The first is for the owner, swe_admin and swe_service; the second for the owner only. Insert through audit_logs, not
-- into a partition: before PostgreSQL 17 partitions have no identity of their own. A partition that is made without
-- these functions gets its guard against TRUNCATE from public.swe_guard_audit_partition().
--
-- activity_feed: swe_admin writes all rows; swe_manager and swe_service read all and add; swe_user adds in its own name
-- and reads what is public, what belongs to a project it may see, and what it did itself.

CREATE TABLE IF NOT EXISTS public.audit_logs (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  event_type text NOT NULL,
  event_category text NOT NULL GENERATED ALWAYS AS (split_part(event_type, '.', 1)) STORED,
  severity text NOT NULL DEFAULT 'info',
  outcome text NOT NULL DEFAULT 'success',
  actor_type text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN actor_agent_id IS NOT NULL THEN 'agent' WHEN actor_user_id IS NOT NULL THEN 'user' ELSE 'system' END
  ) STORED,
  actor_user_id bigint DEFAULT public.swe_current_user_id(),
  actor_agent_id bigint,
  actor_name text,
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  project_id bigint,
  message text,
  old_values jsonb,
  new_values jsonb,
  ip_address inet,
  user_agent text,
  request_id text,
  session_id text,
  context jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL GENERATED ALWAYS AS (created_at) STORED,
  CONSTRAINT audit_logs_pkey PRIMARY KEY (id, created_at),
  CONSTRAINT audit_logs_external_id_key UNIQUE (external_id, created_at),
  CONSTRAINT audit_logs_event_type_check CHECK (event_type IN (
    'user.created', 'user.updated', 'user.deleted', 'user.restored', 'user.suspended', 'user.role_changed',
    'user.login', 'user.login_failed', 'user.logout', 'user.password_changed',
    'project.created', 'project.updated', 'project.archived', 'project.deleted', 'project.restored',
    'project.owner_changed',
    'repository.connected', 'repository.synchronized', 'repository.disconnected',
    'task.created', 'task.updated', 'task.assigned', 'task.unassigned', 'task.status_changed',
    'task.priority_changed', 'task.completed', 'task.reopened', 'task.deleted', 'task.restored',
    'comment.created', 'comment.updated', 'comment.deleted',
    'attachment.created', 'attachment.downloaded', 'attachment.deleted',
    'pull_request.opened', 'pull_request.reviewed', 'pull_request.merged', 'pull_request.closed',
    'agent.registered', 'agent.updated', 'agent.activated', 'agent.deactivated', 'agent.deleted',
    'execution.started', 'execution.completed', 'execution.failed', 'execution.cancelled', 'execution.timed_out',
    'evidence.created', 'evidence.updated', 'evidence.verified', 'evidence.disputed', 'evidence.linked',
    'evidence.credibility_changed', 'evidence.deleted',
    'deployment.started', 'deployment.succeeded', 'deployment.failed', 'deployment.rolled_back',
    'security.permission_denied', 'security.token_created', 'security.token_revoked', 'security.secret_rotated',
    'security.scan_failed',
    'data.exported', 'data.imported', 'data.purged',
    'system.started', 'system.stopped', 'system.migrated', 'system.configuration_changed'
  )),
  CONSTRAINT audit_logs_severity_check CHECK (severity IN ('debug', 'info', 'notice', 'warning', 'critical')),
  CONSTRAINT audit_logs_outcome_check CHECK (outcome IN ('success', 'failure', 'denied')),
  CONSTRAINT audit_logs_actor_name_check CHECK (length(btrim(actor_name)) BETWEEN 1 AND 200),
  CONSTRAINT audit_logs_resource_type_check CHECK (resource_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  CONSTRAINT audit_logs_resource_id_check CHECK (length(resource_id) BETWEEN 1 AND 255),
  CONSTRAINT audit_logs_old_values_check CHECK (jsonb_typeof(old_values) = 'object'),
  CONSTRAINT audit_logs_new_values_check CHECK (jsonb_typeof(new_values) = 'object'),
  CONSTRAINT audit_logs_request_id_check CHECK (length(request_id) BETWEEN 1 AND 255),
  CONSTRAINT audit_logs_session_id_check CHECK (length(session_id) BETWEEN 1 AND 255),
  CONSTRAINT audit_logs_context_check CHECK (jsonb_typeof(context) = 'object')
) PARTITION BY RANGE (created_at);

CREATE TABLE IF NOT EXISTS public.audit_logs_default PARTITION OF public.audit_logs DEFAULT;

CREATE INDEX IF NOT EXISTS audit_logs_created_at_idx ON public.audit_logs (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS audit_logs_resource_idx ON public.audit_logs (resource_type, resource_id, created_at DESC);
CREATE INDEX IF NOT EXISTS audit_logs_event_type_idx ON public.audit_logs (event_type, created_at DESC);
CREATE INDEX IF NOT EXISTS audit_logs_actor_user_id_idx ON public.audit_logs (actor_user_id, created_at DESC) WHERE actor_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_actor_agent_id_idx ON public.audit_logs (actor_agent_id, created_at DESC) WHERE actor_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_project_id_idx ON public.audit_logs (project_id, created_at DESC) WHERE project_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_request_id_idx ON public.audit_logs (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_failures_idx ON public.audit_logs (created_at DESC) WHERE outcome <> 'success';

COMMENT ON TABLE public.audit_logs IS 'What happened, who did it, to what; append-only, partitioned by month';
COMMENT ON COLUMN public.audit_logs.id IS 'Key inside the database, together with created_at';
COMMENT ON COLUMN public.audit_logs.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.audit_logs.event_type IS 'What happened: category, a dot, and a verb in the past tense';
COMMENT ON COLUMN public.audit_logs.event_category IS 'Category of the event: what stands before the dot of event_type';
COMMENT ON COLUMN public.audit_logs.severity IS 'debug, info, notice, warning or critical';
COMMENT ON COLUMN public.audit_logs.outcome IS 'success, failure, or denied for want of permission';
COMMENT ON COLUMN public.audit_logs.actor_type IS 'Who did it: agent, user, or system if neither is known';
COMMENT ON COLUMN public.audit_logs.actor_user_id IS 'User who did it, or on whose behalf an agent did; by default the one of the setting swe.user_id; may be gone since';
COMMENT ON COLUMN public.audit_logs.actor_agent_id IS 'Agent that did it; may be gone since';
COMMENT ON COLUMN public.audit_logs.actor_name IS 'Name of the actor at that time';
COMMENT ON COLUMN public.audit_logs.resource_type IS 'Kind of thing it was done to, such as task';
COMMENT ON COLUMN public.audit_logs.resource_id IS 'Which one: its key as text; may be gone since';
COMMENT ON COLUMN public.audit_logs.project_id IS 'Project it belongs to; may be gone since';
COMMENT ON COLUMN public.audit_logs.message IS 'One sentence for people';
COMMENT ON COLUMN public.audit_logs.old_values IS 'Changed fields, as they were before';
COMMENT ON COLUMN public.audit_logs.new_values IS 'Changed fields, as they are after';
COMMENT ON COLUMN public.audit_logs.ip_address IS 'Address that the request came from';
COMMENT ON COLUMN public.audit_logs.user_agent IS 'User-Agent header of the request';
COMMENT ON COLUMN public.audit_logs.request_id IS 'Request, to find all events of one';
COMMENT ON COLUMN public.audit_logs.session_id IS 'Session of the request, in a form that nobody can use to log in';
COMMENT ON COLUMN public.audit_logs.context IS 'Anything else about the circumstances';
COMMENT ON COLUMN public.audit_logs.created_at IS 'When it happened; decides the partition';
COMMENT ON COLUMN public.audit_logs.updated_at IS 'Equal to created_at: the row never changes';
COMMENT ON TABLE public.audit_logs_default IS 'Events of months that have no partition of their own';

CREATE OR REPLACE FUNCTION public.swe_refuse_audit_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'integrity_constraint_violation',
    MESSAGE = format('%s of %I is refused: the audit trail only grows', TG_OP, TG_TABLE_NAME),
    HINT = 'Add a row that corrects. A whole month is taken out by public.swe_detach_audit_partition().',
    SCHEMA = TG_TABLE_SCHEMA,
    TABLE = TG_TABLE_NAME,
    CONSTRAINT = TG_NAME;
END
$function$;
COMMENT ON FUNCTION public.swe_refuse_audit_change() IS 'Refuses every UPDATE, DELETE and TRUNCATE of the audit trail';

CREATE OR REPLACE TRIGGER audit_logs_immutable BEFORE UPDATE OR DELETE ON public.audit_logs
  FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_audit_change();
ALTER TABLE public.audit_logs ENABLE ALWAYS TRIGGER audit_logs_immutable;
CREATE OR REPLACE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON public.audit_logs
  FOR EACH STATEMENT EXECUTE FUNCTION public.swe_refuse_audit_change();
ALTER TABLE public.audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_truncate;

-- Partitions inherit row triggers, but neither triggers on TRUNCATE nor row-level security.
CREATE OR REPLACE FUNCTION public.swe_guard_audit_partition(audit_partition regclass) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON %s '
    'FOR EACH STATEMENT EXECUTE FUNCTION public.swe_refuse_audit_change()', audit_partition);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_logs_no_truncate', audit_partition);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', audit_partition);
END
$function$;
COMMENT ON FUNCTION public.swe_guard_audit_partition(regclass) IS
  'Gives a partition of audit_logs what it does not inherit: the guard against TRUNCATE, and row-level security';

-- Attached after it is filled: a new partition is refused as long as DEFAULT holds rows that belong to it. Nobody else
-- sees the moment without a guard, since the parent is locked until the end of the transaction.
CREATE OR REPLACE FUNCTION public.swe_make_audit_partition(audit_partition text, lower_bound timestamptz, upper_bound timestamptz)
  RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  stored text := (
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = 'public.audit_logs'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  );
BEGIN
  IF to_regclass(format('public.%I', audit_partition)) IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'duplicate_table',
      MESSAGE = format('table public.%I exists, but is no partition of audit_logs', audit_partition),
      HINT = 'If it was detached: attach it again, rename it or drop it.';
  END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.audit_logs INCLUDING DEFAULTS INCLUDING GENERATED '
    'INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)', audit_partition);
  EXECUTE format('INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM public.audit_logs_default '
    'WHERE created_at >= $1 AND created_at < $2', audit_partition, stored) USING lower_bound, upper_bound;
  ALTER TABLE public.audit_logs_default DISABLE TRIGGER audit_logs_immutable;
  DELETE FROM public.audit_logs_default WHERE created_at >= lower_bound AND created_at < upper_bound;
  ALTER TABLE public.audit_logs_default ENABLE ALWAYS TRIGGER audit_logs_immutable;
  EXECUTE format('ALTER TABLE public.audit_logs ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
    audit_partition, lower_bound, upper_bound);
  EXECUTE format('COMMENT ON TABLE public.%I IS %L', audit_partition,
    'Events from ' || lower_bound || ' to before ' || upper_bound);
  PERFORM public.swe_guard_audit_partition(format('public.%I', audit_partition)::regclass);
END
$function$;
COMMENT ON FUNCTION public.swe_make_audit_partition(text, timestamptz, timestamptz) IS
  'Makes one partition of audit_logs and moves into it what DEFAULT holds for it; the caller holds a lock on audit_logs';

CREATE OR REPLACE FUNCTION public.swe_has_audit_partition(audit_partition text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT EXISTS (
    SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'public.audit_logs'::regclass AND relname = audit_partition
      AND relnamespace = 'public'::regnamespace
  )
$function$;
COMMENT ON FUNCTION public.swe_has_audit_partition(text) IS 'Whether audit_logs has a partition of this name';

CREATE OR REPLACE FUNCTION public.swe_create_audit_partitions(
  first_month date DEFAULT (CURRENT_TIMESTAMP AT TIME ZONE 'UTC')::date,
  months integer DEFAULT 12
) RETURNS SETOF text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $function$
DECLARE
  lower_bound timestamptz;
  audit_partition text;
BEGIN
  IF (first_month BETWEEN date '2000-01-01' AND date '9900-01-01' AND months BETWEEN 1 AND 240) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('no partitions for %s months from %s on', months, first_month),
      HINT = 'The first month is a day of the years 2000 to 9900; the months are 1 to 240.';
  END IF;
  FOR step IN 0 .. months - 1 LOOP
    lower_bound := date_trunc('month', first_month::timestamp) + make_interval(months => step);
    audit_partition := 'audit_logs_' || to_char(lower_bound, 'YYYY_MM');
    CONTINUE WHEN public.swe_has_audit_partition(audit_partition);
    LOCK TABLE public.audit_logs IN ACCESS EXCLUSIVE MODE;
    -- Another session may have made it while this one waited.
    CONTINUE WHEN public.swe_has_audit_partition(audit_partition);
    PERFORM public.swe_make_audit_partition(audit_partition, lower_bound, lower_bound + interval '1 month');
    RETURN NEXT audit_partition;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION public.swe_create_audit_partitions(date, integer) IS
  'Makes the partitions of audit_logs for so many months (UTC) from that of a day on, and returns the names of those that were missing';

CREATE OR REPLACE FUNCTION public.swe_detach_audit_partition(month_of date) RETURNS text
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  audit_partition text := 'audit_logs_' || to_char(month_of, 'YYYY_MM');
BEGIN
  LOCK TABLE public.audit_logs IN ACCESS EXCLUSIVE MODE;
  IF NOT public.swe_has_audit_partition(audit_partition) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'undefined_table',
      MESSAGE = format('audit_logs has no partition for the month of %s', month_of),
      HINT = 'Months without a partition of their own are in audit_logs_default: make the partition first.';
  END IF;
  EXECUTE format('ALTER TABLE public.audit_logs DETACH PARTITION public.%I', audit_partition);
  -- Detaching takes the inherited guard away.
  EXECUTE format('CREATE TRIGGER audit_logs_immutable BEFORE UPDATE OR DELETE ON public.%I '
    'FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_audit_change()', audit_partition);
  EXECUTE format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER audit_logs_immutable', audit_partition);
  RETURN audit_partition;
END
$function$;
COMMENT ON FUNCTION public.swe_detach_audit_partition(date) IS
  'Takes the month (UTC) of a day out of audit_logs and returns the name of its table, which stays read-only until it is dropped';

CREATE TABLE IF NOT EXISTS public.activity_feed (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  project_id bigint NOT NULL,
  task_id bigint,
  actor_user_id bigint,
  actor_agent_id bigint,
  actor_name text,
  verb text NOT NULL,
  object_type text NOT NULL DEFAULT 'project',
  object_id text,
  object_title text,
  visibility text NOT NULL DEFAULT 'project',
  payload jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT activity_feed_pkey PRIMARY KEY (id),
  CONSTRAINT activity_feed_external_id_key UNIQUE (external_id),
  CONSTRAINT activity_feed_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects (id) ON DELETE CASCADE,
  CONSTRAINT activity_feed_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.tasks (id) ON DELETE SET NULL,
  CONSTRAINT activity_feed_actor_user_id_fkey FOREIGN KEY (actor_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT activity_feed_actor_agent_id_fkey FOREIGN KEY (actor_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT activity_feed_actor_check CHECK (num_nonnulls(actor_user_id, actor_agent_id) <= 1),
  CONSTRAINT activity_feed_actor_name_check CHECK (length(btrim(actor_name)) BETWEEN 1 AND 200),
  CONSTRAINT activity_feed_verb_check CHECK (verb IN (
    'created', 'updated', 'deleted', 'restored', 'assigned', 'unassigned', 'started', 'completed', 'failed', 'reopened',
    'closed', 'commented', 'mentioned', 'attached', 'opened', 'reviewed', 'approved', 'merged', 'deployed',
    'rolled_back', 'released', 'verified', 'disputed', 'archived'
  )),
  CONSTRAINT activity_feed_object_type_check CHECK (object_type IN (
    'project', 'repository', 'task', 'comment', 'attachment', 'pull_request', 'agent', 'execution', 'evidence',
    'deployment', 'release', 'user'
  )),
  CONSTRAINT activity_feed_object_id_check CHECK (length(object_id) BETWEEN 1 AND 255),
  CONSTRAINT activity_feed_object_check CHECK (object_id IS NOT NULL OR object_type = 'project'),
  CONSTRAINT activity_feed_object_title_check CHECK (length(btrim(object_title)) BETWEEN 1 AND 500),
  CONSTRAINT activity_feed_visibility_check CHECK (visibility IN ('private', 'project', 'public')),
  CONSTRAINT activity_feed_payload_check CHECK (jsonb_typeof(payload) = 'object')
);

CREATE INDEX IF NOT EXISTS activity_feed_project_id_idx ON public.activity_feed (project_id, created_at DESC);
CREATE INDEX IF NOT EXISTS activity_feed_task_id_idx ON public.activity_feed (task_id, created_at DESC) WHERE task_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS activity_feed_actor_user_id_idx ON public.activity_feed (actor_user_id, created_at DESC) WHERE actor_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS activity_feed_actor_agent_id_idx ON public.activity_feed (actor_agent_id, created_at DESC) WHERE actor_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS activity_feed_object_idx ON public.activity_feed (object_type, object_id, created_at DESC);
CREATE INDEX IF NOT EXISTS activity_feed_public_idx ON public.activity_feed (created_at DESC) WHERE visibility = 'public';

CREATE OR REPLACE TRIGGER activity_feed_touch_updated_at BEFORE UPDATE ON public.activity_feed
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.activity_feed IS 'What people see of what goes on in their projects';
COMMENT ON COLUMN public.activity_feed.id IS 'Key inside the database';
COMMENT ON COLUMN public.activity_feed.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.activity_feed.project_id IS 'Project in which it happened';
COMMENT ON COLUMN public.activity_feed.task_id IS 'Task that it concerns, if any';
COMMENT ON COLUMN public.activity_feed.actor_user_id IS 'User who did it; neither user nor agent: the system, or somebody deleted since';
COMMENT ON COLUMN public.activity_feed.actor_agent_id IS 'Agent that did it';
COMMENT ON COLUMN public.activity_feed.actor_name IS 'Name of the actor at that time';
COMMENT ON COLUMN public.activity_feed.verb IS 'What was done, in the past tense';
COMMENT ON COLUMN public.activity_feed.object_type IS 'Kind of thing it was done to';
COMMENT ON COLUMN public.activity_feed.object_id IS 'Which one: its key as text; NULL only for the project itself';
COMMENT ON COLUMN public.activity_feed.object_title IS 'Title of the object at that time';
COMMENT ON COLUMN public.activity_feed.visibility IS 'private to the actor, for those who may see the project, or public';
COMMENT ON COLUMN public.activity_feed.payload IS 'What the entry shows beyond that';
COMMENT ON COLUMN public.activity_feed.created_at IS 'When it happened';
COMMENT ON COLUMN public.activity_feed.updated_at IS 'When the row last changed';

ALTER TABLE public.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.activity_feed ENABLE ROW LEVEL SECURITY;

REVOKE ALL ON FUNCTION
  public.swe_guard_audit_partition(regclass), public.swe_has_audit_partition(text),
  public.swe_make_audit_partition(text, timestamptz, timestamptz),
  public.swe_create_audit_partitions(date, integer), public.swe_detach_audit_partition(date)
  FROM PUBLIC;

DO $guards$
BEGIN
  PERFORM public.swe_guard_audit_partition(inhrelid) FROM pg_catalog.pg_inherits
  WHERE inhparent = 'public.audit_logs'::regclass;
END
$guards$;

-- created_at, external_id and id of the trail are left to the database.
DO $writers$
DECLARE
  writer text;
BEGIN
  FOR writer IN
    SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('swe_admin', 'swe_manager', 'swe_user', 'swe_service')
  LOOP
    EXECUTE format('GRANT SELECT, INSERT (event_type, severity, outcome, actor_user_id, actor_agent_id, actor_name, '
      'resource_type, resource_id, project_id, message, old_values, new_values, ip_address, user_agent, request_id, '
      'session_id, context) ON public.audit_logs TO %I', writer);
  END LOOP;
END
$writers$;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT EXECUTE ON FUNCTION public.swe_create_audit_partitions(date, integer) TO swe_admin;
    DROP POLICY IF EXISTS audit_logs_admin_read ON public.audit_logs;
    CREATE POLICY audit_logs_admin_read ON public.audit_logs FOR SELECT TO swe_admin USING (true);
    DROP POLICY IF EXISTS audit_logs_admin_insert ON public.audit_logs;
    CREATE POLICY audit_logs_admin_insert ON public.audit_logs FOR INSERT TO swe_admin WITH CHECK (true);
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.activity_feed TO swe_admin;
    DROP POLICY IF EXISTS activity_feed_admin ON public.activity_feed;
    CREATE POLICY activity_feed_admin ON public.activity_feed TO swe_admin USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    DROP POLICY IF EXISTS audit_logs_manager_read ON public.audit_logs;
    CREATE POLICY audit_logs_manager_read ON public.audit_logs FOR SELECT TO swe_manager USING (true);
    DROP POLICY IF EXISTS audit_logs_manager_insert ON public.audit_logs;
    CREATE POLICY audit_logs_manager_insert ON public.audit_logs FOR INSERT TO swe_manager
      WITH CHECK (actor_user_id = (SELECT public.swe_current_user_id()) AND actor_agent_id IS NULL);
    GRANT SELECT, INSERT ON public.activity_feed TO swe_manager;
    DROP POLICY IF EXISTS activity_feed_manager ON public.activity_feed;
    CREATE POLICY activity_feed_manager ON public.activity_feed TO swe_manager USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT EXECUTE ON FUNCTION public.swe_create_audit_partitions(date, integer) TO swe_service;
    DROP POLICY IF EXISTS audit_logs_service_read ON public.audit_logs;
    CREATE POLICY audit_logs_service_read ON public.audit_logs FOR SELECT TO swe_service USING (true);
    DROP POLICY IF EXISTS audit_logs_service_insert ON public.audit_logs;
    CREATE POLICY audit_logs_service_insert ON public.audit_logs FOR INSERT TO swe_service WITH CHECK (true);
    GRANT SELECT, INSERT ON public.activity_feed TO swe_service;
    DROP POLICY IF EXISTS activity_feed_service ON public.activity_feed;
    CREATE POLICY activity_feed_service ON public.activity_feed TO swe_service USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    DROP POLICY IF EXISTS audit_logs_user_read ON public.audit_logs;
    CREATE POLICY audit_logs_user_read ON public.audit_logs FOR SELECT TO swe_user
      USING (actor_user_id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS audit_logs_user_insert ON public.audit_logs;
    CREATE POLICY audit_logs_user_insert ON public.audit_logs FOR INSERT TO swe_user
      WITH CHECK (actor_user_id = (SELECT public.swe_current_user_id()) AND actor_agent_id IS NULL);
    GRANT SELECT ON public.activity_feed TO swe_user;
    GRANT INSERT (project_id, task_id, actor_user_id, actor_name, verb, object_type, object_id, object_title,
      visibility, payload) ON public.activity_feed TO swe_user;
    -- The subqueries run under the policies of projects.
    DROP POLICY IF EXISTS activity_feed_user_read ON public.activity_feed;
    CREATE POLICY activity_feed_user_read ON public.activity_feed FOR SELECT TO swe_user
      USING (visibility = 'public'
        OR actor_user_id = (SELECT public.swe_current_user_id())
        OR (visibility = 'project' AND EXISTS (SELECT FROM public.projects WHERE projects.id = activity_feed.project_id)));
    DROP POLICY IF EXISTS activity_feed_user_insert ON public.activity_feed;
    CREATE POLICY activity_feed_user_insert ON public.activity_feed FOR INSERT TO swe_user
      WITH CHECK (actor_user_id = (SELECT public.swe_current_user_id())
        AND EXISTS (SELECT FROM public.projects WHERE projects.id = activity_feed.project_id));
  END IF;
END
$access$;
