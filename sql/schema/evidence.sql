-- What decisions rest on: evidence, how its credibility changed, and how one piece leads to another.
--
-- evidence and evidence_chains: swe_admin writes all rows; swe_manager and swe_service read all, add and change;
-- swe_user reads what belongs to a project it may see and what it collected itself, by the setting swe.user_id, and adds
-- and changes in its own name, but neither verifies nor attests.
-- evidence_credibility_history: written by a trigger at every change of a score; all roles read what they see of the
-- evidence, none writes. Nobody updates a row, and a row is deleted only together with its evidence; TRUNCATE is left to
-- the owner of the tables.

CREATE TABLE IF NOT EXISTS public.evidence (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  source_type text NOT NULL,
  title text NOT NULL,
  content text NOT NULL DEFAULT '',
  content_sha256 text,
  source_url text,
  source_name text,
  source_published_at timestamptz,
  credibility_score numeric(5, 4) NOT NULL DEFAULT 0.5,
  credibility_reason text,
  verification_status text NOT NULL DEFAULT 'unverified',
  verification_method text,
  verification_notes text,
  verified_at timestamptz,
  verified_by_user_id bigint,
  verified_by_agent_id bigint,
  attestation_type text,
  attestation_issuer text,
  attestation_signature text,
  attested_at timestamptz,
  project_id bigint,
  task_id bigint,
  agent_execution_id bigint,
  collected_by_user_id bigint,
  collected_by_agent_id bigint,
  collected_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz,
  tags text[] NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT evidence_pkey PRIMARY KEY (id),
  CONSTRAINT evidence_external_id_key UNIQUE (external_id),
  CONSTRAINT evidence_verified_by_user_id_fkey FOREIGN KEY (verified_by_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT evidence_verified_by_agent_id_fkey FOREIGN KEY (verified_by_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT evidence_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects (id) ON DELETE SET NULL,
  CONSTRAINT evidence_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.tasks (id) ON DELETE SET NULL,
  CONSTRAINT evidence_agent_execution_id_fkey FOREIGN KEY (agent_execution_id) REFERENCES public.agent_executions (id) ON DELETE SET NULL,
  CONSTRAINT evidence_collected_by_user_id_fkey FOREIGN KEY (collected_by_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT evidence_collected_by_agent_id_fkey FOREIGN KEY (collected_by_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT evidence_source_type_check CHECK (source_type IN (
    'code', 'commit', 'pull_request', 'issue', 'code_review', 'test_result', 'benchmark', 'static_analysis',
    'security_scan', 'build_log', 'runtime_log', 'metric', 'trace', 'documentation', 'specification',
    'research_paper', 'web_page', 'standard', 'expert_opinion', 'user_feedback', 'incident_report', 'dataset',
    'conversation', 'agent_output'
  )),
  CONSTRAINT evidence_title_check CHECK (length(btrim(title)) BETWEEN 1 AND 500),
  CONSTRAINT evidence_content_sha256_check CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
  CONSTRAINT evidence_source_url_check CHECK (source_url ~ '^[A-Za-z][A-Za-z0-9+.-]*://[^[:space:]]+$'),
  CONSTRAINT evidence_source_name_check CHECK (length(btrim(source_name)) BETWEEN 1 AND 200),
  CONSTRAINT evidence_credibility_score_check CHECK (credibility_score BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_verification_status_check
    CHECK (verification_status IN ('unverified', 'verified', 'disputed', 'refuted')),
  CONSTRAINT evidence_verification_method_check CHECK (verification_method IN (
    'manual_review', 'peer_review', 'automated_check', 'reproduction', 'cross_reference', 'formal_proof'
  )),
  CONSTRAINT evidence_verified_at_check CHECK ((verified_at IS NOT NULL) = (verification_status <> 'unverified')),
  CONSTRAINT evidence_verified_after_collected_check CHECK (verified_at >= collected_at),
  CONSTRAINT evidence_verified_by_check CHECK (
    num_nonnulls(verified_by_user_id, verified_by_agent_id)
      <= CASE WHEN verification_status = 'unverified' THEN 0 ELSE 1 END
  ),
  CONSTRAINT evidence_attestation_type_check
    CHECK (attestation_type IN ('signature', 'in_toto', 'slsa_provenance', 'sigstore', 'timestamp', 'witness')),
  CONSTRAINT evidence_attestation_check
    CHECK (num_nonnulls(attestation_type, attestation_issuer, attestation_signature, attested_at) IN (0, 4)),
  CONSTRAINT evidence_collected_by_check CHECK (num_nonnulls(collected_by_user_id, collected_by_agent_id) <= 1),
  CONSTRAINT evidence_expires_at_check CHECK (expires_at > collected_at),
  CONSTRAINT evidence_tags_check CHECK (array_position(tags, NULL) IS NULL AND array_position(tags, '') IS NULL),
  CONSTRAINT evidence_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX IF NOT EXISTS evidence_project_id_idx ON public.evidence (project_id, created_at DESC);
CREATE INDEX IF NOT EXISTS evidence_task_id_idx ON public.evidence (task_id, credibility_score DESC) WHERE task_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_agent_execution_id_idx ON public.evidence (agent_execution_id) WHERE agent_execution_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_verified_by_user_id_idx ON public.evidence (verified_by_user_id) WHERE verified_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_verified_by_agent_id_idx ON public.evidence (verified_by_agent_id) WHERE verified_by_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_collected_by_user_id_idx ON public.evidence (collected_by_user_id) WHERE collected_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_collected_by_agent_id_idx ON public.evidence (collected_by_agent_id) WHERE collected_by_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_source_type_idx ON public.evidence (source_type, credibility_score DESC);
CREATE INDEX IF NOT EXISTS evidence_unverified_by_source_type_idx ON public.evidence (source_type, collected_at, id)
  WHERE verification_status = 'unverified';
CREATE INDEX IF NOT EXISTS evidence_content_sha256_idx ON public.evidence (content_sha256) WHERE content_sha256 IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_tags_idx ON public.evidence USING gin (tags);
CREATE INDEX IF NOT EXISTS evidence_metadata_idx ON public.evidence USING gin (metadata jsonb_path_ops);

CREATE OR REPLACE TRIGGER evidence_touch_updated_at BEFORE UPDATE ON public.evidence
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.evidence IS 'What decisions rest on, and how far it can be believed';
COMMENT ON COLUMN public.evidence.id IS 'Key inside the database';
COMMENT ON COLUMN public.evidence.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.evidence.source_type IS 'Kind of source';
COMMENT ON COLUMN public.evidence.title IS 'What it says, in one line';
COMMENT ON COLUMN public.evidence.content IS 'The evidence itself, or the part that matters';
COMMENT ON COLUMN public.evidence.content_sha256 IS 'SHA-256 of the whole content, in hexadecimal; finds duplicates';
COMMENT ON COLUMN public.evidence.source_url IS 'Where it was found';
COMMENT ON COLUMN public.evidence.source_name IS 'Author, tool or publisher';
COMMENT ON COLUMN public.evidence.source_published_at IS 'When the source was published';
COMMENT ON COLUMN public.evidence.credibility_score IS 'From 0.0, not to be believed, to 1.0, certain';
COMMENT ON COLUMN public.evidence.credibility_reason IS 'Why the score is what it is; goes into the history with every change';
COMMENT ON COLUMN public.evidence.verification_status IS 'unverified, verified, disputed or refuted';
COMMENT ON COLUMN public.evidence.verification_method IS 'How it was or is to be verified';
COMMENT ON COLUMN public.evidence.verification_notes IS 'What the verification found';
COMMENT ON COLUMN public.evidence.verified_at IS 'When the verification ended, whatever its result; NULL while unverified';
COMMENT ON COLUMN public.evidence.verified_by_user_id IS 'User who verified it; NULL if an agent did, or somebody deleted since';
COMMENT ON COLUMN public.evidence.verified_by_agent_id IS 'Agent that verified it';
COMMENT ON COLUMN public.evidence.attestation_type IS 'Kind of the attestation that the content is genuine; NULL without one';
COMMENT ON COLUMN public.evidence.attestation_issuer IS 'Who attests: key, certificate subject or service';
COMMENT ON COLUMN public.evidence.attestation_signature IS 'The signature, in the encoding of the attestation type';
COMMENT ON COLUMN public.evidence.attested_at IS 'When it was attested';
COMMENT ON COLUMN public.evidence.project_id IS 'Project that it concerns, if any';
COMMENT ON COLUMN public.evidence.task_id IS 'Task that it concerns, if any';
COMMENT ON COLUMN public.evidence.agent_execution_id IS 'Execution that produced or used it, if any';
COMMENT ON COLUMN public.evidence.collected_by_user_id IS 'User who collected it; neither user nor agent: the system, or somebody deleted since';
COMMENT ON COLUMN public.evidence.collected_by_agent_id IS 'Agent that collected it';
COMMENT ON COLUMN public.evidence.collected_at IS 'When it was collected';
COMMENT ON COLUMN public.evidence.expires_at IS 'From when on it is to be collected anew';
COMMENT ON COLUMN public.evidence.tags IS 'Key words';
COMMENT ON COLUMN public.evidence.metadata IS 'Anything else, by source type';
COMMENT ON COLUMN public.evidence.created_at IS 'When the row was made';
COMMENT ON COLUMN public.evidence.updated_at IS 'When the row last changed';

CREATE TABLE IF NOT EXISTS public.evidence_credibility_history (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  evidence_id bigint NOT NULL,
  previous_score numeric(5, 4) NOT NULL,
  new_score numeric(5, 4) NOT NULL,
  score_change numeric(5, 4) NOT NULL GENERATED ALWAYS AS (new_score - previous_score) STORED,
  reason text,
  changed_by_user_id bigint DEFAULT public.swe_current_user_id(),
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL GENERATED ALWAYS AS (created_at) STORED,
  CONSTRAINT evidence_credibility_history_pkey PRIMARY KEY (id),
  CONSTRAINT evidence_credibility_history_external_id_key UNIQUE (external_id),
  CONSTRAINT evidence_credibility_history_evidence_id_fkey
    FOREIGN KEY (evidence_id) REFERENCES public.evidence (id) ON DELETE CASCADE,
  CONSTRAINT evidence_credibility_history_previous_score_check CHECK (previous_score BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_credibility_history_new_score_check CHECK (new_score BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_credibility_history_score_change_check CHECK (new_score <> previous_score)
);

CREATE INDEX IF NOT EXISTS evidence_credibility_history_evidence_id_idx
  ON public.evidence_credibility_history (evidence_id, created_at DESC);

COMMENT ON TABLE public.evidence_credibility_history IS 'How the credibility of evidence changed; written by a trigger';
COMMENT ON COLUMN public.evidence_credibility_history.id IS 'Key inside the database';
COMMENT ON COLUMN public.evidence_credibility_history.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.evidence_credibility_history.evidence_id IS 'Evidence whose score changed';
COMMENT ON COLUMN public.evidence_credibility_history.previous_score IS 'Score before';
COMMENT ON COLUMN public.evidence_credibility_history.new_score IS 'Score after';
COMMENT ON COLUMN public.evidence_credibility_history.score_change IS 'Score after minus score before';
COMMENT ON COLUMN public.evidence_credibility_history.reason IS 'Why: credibility_reason of the evidence after the change';
COMMENT ON COLUMN public.evidence_credibility_history.changed_by_user_id IS 'User of the setting swe.user_id at that time; may be gone since';
COMMENT ON COLUMN public.evidence_credibility_history.created_at IS 'When the score changed';
COMMENT ON COLUMN public.evidence_credibility_history.updated_at IS 'Equal to created_at: the row never changes';

-- SECURITY DEFINER: who may change a score need not, and cannot, write the history.
CREATE OR REPLACE FUNCTION public.swe_record_credibility() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  INSERT INTO public.evidence_credibility_history (evidence_id, previous_score, new_score, reason)
  VALUES (NEW.id, OLD.credibility_score, NEW.credibility_score, NEW.credibility_reason);
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION public.swe_record_credibility() IS 'Records a changed credibility score in the history';

CREATE OR REPLACE TRIGGER evidence_record_credibility AFTER UPDATE ON public.evidence
  FOR EACH ROW WHEN (NEW.credibility_score IS DISTINCT FROM OLD.credibility_score)
  EXECUTE FUNCTION public.swe_record_credibility();

-- A cascade from evidence comes here after the evidence itself is gone.
CREATE OR REPLACE FUNCTION public.swe_refuse_history_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM public.evidence WHERE id = OLD.evidence_id) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = 'integrity_constraint_violation',
    MESSAGE = format('%s of %I is refused: history is only added to', TG_OP, TG_TABLE_NAME),
    HINT = 'It is deleted together with its evidence.',
    SCHEMA = TG_TABLE_SCHEMA,
    TABLE = TG_TABLE_NAME,
    CONSTRAINT = TG_NAME;
END
$function$;
COMMENT ON FUNCTION public.swe_refuse_history_change() IS
  'Refuses every UPDATE of the credibility history, and a DELETE that does not come from the deletion of its evidence';

CREATE OR REPLACE TRIGGER evidence_credibility_history_immutable
  BEFORE UPDATE OR DELETE ON public.evidence_credibility_history
  FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_history_change();

CREATE TABLE IF NOT EXISTS public.evidence_chains (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  from_evidence_id bigint NOT NULL,
  to_evidence_id bigint NOT NULL,
  relation text NOT NULL,
  strength numeric(5, 4) NOT NULL DEFAULT 1.0,
  rationale text,
  created_by_user_id bigint,
  created_by_agent_id bigint,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT evidence_chains_pkey PRIMARY KEY (id),
  CONSTRAINT evidence_chains_external_id_key UNIQUE (external_id),
  CONSTRAINT evidence_chains_edge_key UNIQUE (from_evidence_id, to_evidence_id, relation),
  CONSTRAINT evidence_chains_from_evidence_id_fkey
    FOREIGN KEY (from_evidence_id) REFERENCES public.evidence (id) ON DELETE CASCADE,
  CONSTRAINT evidence_chains_to_evidence_id_fkey
    FOREIGN KEY (to_evidence_id) REFERENCES public.evidence (id) ON DELETE CASCADE,
  CONSTRAINT evidence_chains_created_by_user_id_fkey
    FOREIGN KEY (created_by_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT evidence_chains_created_by_agent_id_fkey
    FOREIGN KEY (created_by_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT evidence_chains_self_check CHECK (from_evidence_id <> to_evidence_id),
  CONSTRAINT evidence_chains_relation_check CHECK (relation IN (
    'supports', 'contradicts', 'derives_from', 'refines', 'supersedes', 'duplicates', 'cites', 'explains'
  )),
  CONSTRAINT evidence_chains_strength_check CHECK (strength BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_chains_created_by_check CHECK (num_nonnulls(created_by_user_id, created_by_agent_id) <= 1),
  CONSTRAINT evidence_chains_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX IF NOT EXISTS evidence_chains_to_evidence_id_idx ON public.evidence_chains (to_evidence_id, relation);
CREATE INDEX IF NOT EXISTS evidence_chains_created_by_user_id_idx ON public.evidence_chains (created_by_user_id) WHERE created_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_chains_created_by_agent_id_idx ON public.evidence_chains (created_by_agent_id) WHERE created_by_agent_id IS NOT NULL;

CREATE OR REPLACE TRIGGER evidence_chains_touch_updated_at BEFORE UPDATE ON public.evidence_chains
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.evidence_chains IS 'Lineage of decisions: edges from evidence to evidence, without cycles';
COMMENT ON COLUMN public.evidence_chains.id IS 'Key inside the database';
COMMENT ON COLUMN public.evidence_chains.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.evidence_chains.from_evidence_id IS 'Subject of the relation: this one supports, contradicts, ...';
COMMENT ON COLUMN public.evidence_chains.to_evidence_id IS 'Object of the relation';
COMMENT ON COLUMN public.evidence_chains.relation IS 'What the one is to the other';
COMMENT ON COLUMN public.evidence_chains.strength IS 'How strong the relation is, from 0.0 to 1.0';
COMMENT ON COLUMN public.evidence_chains.rationale IS 'Why they are related';
COMMENT ON COLUMN public.evidence_chains.created_by_user_id IS 'User who made the edge; neither user nor agent: the system, or somebody deleted since';
COMMENT ON COLUMN public.evidence_chains.created_by_agent_id IS 'Agent that made the edge';
COMMENT ON COLUMN public.evidence_chains.metadata IS 'Anything else';
COMMENT ON COLUMN public.evidence_chains.created_at IS 'When the row was made';
COMMENT ON COLUMN public.evidence_chains.updated_at IS 'When the row last changed';

-- Two transactions could close a cycle of which each sees one half, so that writers of edges wait for each other. That
-- helps only if what the other one wrote is seen afterwards, which a snapshot of the whole transaction prevents.
CREATE OR REPLACE FUNCTION public.swe_lock_evidence_chains() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = format('%s of %I is refused at isolation level %s: a cycle might go unseen',
        TG_OP, TG_TABLE_NAME, current_setting('transaction_isolation')),
      HINT = 'Write edges in a READ COMMITTED transaction.',
      SCHEMA = TG_TABLE_SCHEMA,
      TABLE = TG_TABLE_NAME,
      CONSTRAINT = TG_NAME;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('public.evidence_chains', 0));
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION public.swe_lock_evidence_chains() IS
  'Lets one transaction at a time write edges, by an advisory lock that ends with the transaction';

-- SECURITY DEFINER: a cycle counts also where the writer does not see all of its edges.
CREATE OR REPLACE FUNCTION public.swe_refuse_evidence_cycle() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF EXISTS (
    WITH RECURSIVE reached (id) AS (
      SELECT NEW.to_evidence_id
      UNION
      SELECT edge.to_evidence_id FROM public.evidence_chains AS edge JOIN reached ON edge.from_evidence_id = reached.id
    )
    SELECT FROM reached WHERE id = NEW.from_evidence_id
  ) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'integrity_constraint_violation',
      MESSAGE = format('the edge from evidence %s to evidence %s closes a cycle', NEW.from_evidence_id, NEW.to_evidence_id),
      HINT = 'Evidence may not rest on itself. Turn the edge round, or remove another edge of the cycle first.',
      SCHEMA = TG_TABLE_SCHEMA,
      TABLE = TG_TABLE_NAME,
      CONSTRAINT = TG_NAME;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION public.swe_refuse_evidence_cycle() IS 'Refuses an edge that closes a cycle';

CREATE OR REPLACE TRIGGER evidence_chains_serial BEFORE INSERT OR UPDATE OF from_evidence_id, to_evidence_id
  ON public.evidence_chains
  FOR EACH STATEMENT EXECUTE FUNCTION public.swe_lock_evidence_chains();
-- After the statement, so that it is judged by its result as a whole.
CREATE OR REPLACE TRIGGER evidence_chains_acyclic AFTER INSERT OR UPDATE OF from_evidence_id, to_evidence_id
  ON public.evidence_chains
  FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_evidence_cycle();

-- Or anybody could make them triggers of a temporary table and write history through it.
REVOKE ALL ON FUNCTION public.swe_record_credibility(), public.swe_refuse_evidence_cycle() FROM PUBLIC;

ALTER TABLE public.evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.evidence_credibility_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.evidence_chains ENABLE ROW LEVEL SECURITY;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.evidence, public.evidence_chains TO swe_admin;
    GRANT SELECT ON public.evidence_credibility_history TO swe_admin;
    DROP POLICY IF EXISTS evidence_admin ON public.evidence;
    CREATE POLICY evidence_admin ON public.evidence TO swe_admin USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_chains_admin ON public.evidence_chains;
    CREATE POLICY evidence_chains_admin ON public.evidence_chains TO swe_admin USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_credibility_history_admin ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_admin ON public.evidence_credibility_history FOR SELECT TO swe_admin USING (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    GRANT SELECT, INSERT, UPDATE ON public.evidence, public.evidence_chains TO swe_manager;
    GRANT SELECT ON public.evidence_credibility_history TO swe_manager;
    DROP POLICY IF EXISTS evidence_manager ON public.evidence;
    CREATE POLICY evidence_manager ON public.evidence TO swe_manager USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_chains_manager ON public.evidence_chains;
    CREATE POLICY evidence_chains_manager ON public.evidence_chains TO swe_manager USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_credibility_history_manager ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_manager ON public.evidence_credibility_history FOR SELECT TO swe_manager USING (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT SELECT, INSERT, UPDATE ON public.evidence, public.evidence_chains TO swe_service;
    GRANT SELECT ON public.evidence_credibility_history TO swe_service;
    DROP POLICY IF EXISTS evidence_service ON public.evidence;
    CREATE POLICY evidence_service ON public.evidence TO swe_service USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_chains_service ON public.evidence_chains;
    CREATE POLICY evidence_chains_service ON public.evidence_chains TO swe_service USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_credibility_history_service ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_service ON public.evidence_credibility_history FOR SELECT TO swe_service USING (true);
  END IF;
END
$access$;

-- What swe_user sees of evidence follows from what it sees of the project, and what it sees of history and edges from
-- what it sees of the evidence: the subqueries below run under the policies of the tables that they read.
DO $user$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    GRANT SELECT ON public.evidence, public.evidence_chains, public.evidence_credibility_history TO swe_user;
    GRANT INSERT (source_type, title, content, content_sha256, source_url, source_name, source_published_at,
      credibility_score, credibility_reason, project_id, task_id, agent_execution_id, collected_by_user_id,
      collected_at, expires_at, tags, metadata) ON public.evidence TO swe_user;
    GRANT UPDATE (source_type, title, content, content_sha256, source_url, source_name, source_published_at,
      credibility_score, credibility_reason, project_id, task_id, agent_execution_id, expires_at, tags, metadata)
      ON public.evidence TO swe_user;
    GRANT INSERT (from_evidence_id, to_evidence_id, relation, strength, rationale, created_by_user_id, metadata)
      ON public.evidence_chains TO swe_user;
    DROP POLICY IF EXISTS evidence_user_read ON public.evidence;
    CREATE POLICY evidence_user_read ON public.evidence FOR SELECT TO swe_user
      USING (collected_by_user_id = (SELECT public.swe_current_user_id())
        OR EXISTS (SELECT FROM public.projects WHERE projects.id = evidence.project_id));
    DROP POLICY IF EXISTS evidence_user_insert ON public.evidence;
    CREATE POLICY evidence_user_insert ON public.evidence FOR INSERT TO swe_user
      WITH CHECK (collected_by_user_id = (SELECT public.swe_current_user_id())
        AND (project_id IS NULL OR EXISTS (SELECT FROM public.projects WHERE projects.id = evidence.project_id)));
    DROP POLICY IF EXISTS evidence_user_update ON public.evidence;
    CREATE POLICY evidence_user_update ON public.evidence FOR UPDATE TO swe_user
      USING (collected_by_user_id = (SELECT public.swe_current_user_id()))
      WITH CHECK (collected_by_user_id = (SELECT public.swe_current_user_id())
        AND (project_id IS NULL OR EXISTS (SELECT FROM public.projects WHERE projects.id = evidence.project_id)));
    DROP POLICY IF EXISTS evidence_credibility_history_user ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_user ON public.evidence_credibility_history FOR SELECT TO swe_user
      USING (EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_credibility_history.evidence_id));
    DROP POLICY IF EXISTS evidence_chains_user_read ON public.evidence_chains;
    CREATE POLICY evidence_chains_user_read ON public.evidence_chains FOR SELECT TO swe_user
      USING (EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.from_evidence_id)
        AND EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.to_evidence_id));
    DROP POLICY IF EXISTS evidence_chains_user_insert ON public.evidence_chains;
    CREATE POLICY evidence_chains_user_insert ON public.evidence_chains FOR INSERT TO swe_user
      WITH CHECK (created_by_user_id = (SELECT public.swe_current_user_id())
        AND EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.from_evidence_id)
        AND EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.to_evidence_id));
  END IF;
END
$user$;
