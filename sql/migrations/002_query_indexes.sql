-- Indexes for the questions of docs/queries.md that had none. On a large database, make them beforehand by the same
-- statements with CONCURRENTLY, outside a transaction: this file then finds them and has nothing to wait for.

-- A transaction for the file, as for every other: without, what is interrupted would stay half done.
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion

-- A board's column in the order of its pages, and counted without a look at the table. Takes the place of
-- tasks_board_idx.
CREATE INDEX IF NOT EXISTS tasks_project_board_idx ON public.tasks (project_id, status, created_at DESC, id DESC)
  INCLUDE (deleted_at);
DROP INDEX IF EXISTS public.tasks_board_idx;

-- What is overdue in one project. tasks_open_due_at_idx is for reminders, which ask for all projects.
CREATE INDEX IF NOT EXISTS tasks_project_id_open_due_at_idx ON public.tasks (project_id, due_at, id)
  WHERE due_at IS NOT NULL AND deleted_at IS NULL AND status NOT IN ('done', 'cancelled');

-- What a project finished, week by week.
CREATE INDEX IF NOT EXISTS tasks_project_id_done_at_idx ON public.tasks (project_id, completed_at)
  WHERE status = 'done' AND deleted_at IS NULL;

-- The best agents that are there, whatever their type.
CREATE INDEX IF NOT EXISTS agents_status_success_rate_idx ON public.agents (status, success_rate DESC NULLS LAST, id)
  WHERE deleted_at IS NULL;

-- Who verifies is good at some kinds of evidence. Takes the place of evidence_unverified_idx, which mixed all kinds.
CREATE INDEX IF NOT EXISTS evidence_unverified_by_source_type_idx ON public.evidence (source_type, collected_at, id)
  WHERE verification_status = 'unverified';
DROP INDEX IF EXISTS public.evidence_unverified_idx;
