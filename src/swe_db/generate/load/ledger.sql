-- What a load has done and has still to do. It is made in the transaction that prepares the load, and stays afterwards,
-- so that it is known what the database was filled with; fingerprints and the comparison of catalogues leave it out.
CREATE SCHEMA swe_load;
COMMENT ON SCHEMA swe_load IS 'The ledger of swe-db generate: what was loaded, and what is still to be done';

CREATE TABLE swe_load.run (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  token uuid NOT NULL DEFAULT gen_random_uuid(),
  identity text NOT NULL,
  seed bigint NOT NULL,
  counts jsonb NOT NULL,
  as_of date NOT NULL,
  generator_version bigint NOT NULL,
  swe_db_version text,
  migrations text NOT NULL,
  parts bigint NOT NULL,
  phase text NOT NULL DEFAULT 'loading' CHECK (phase IN ('loading', 'finishing', 'finished')),
  steps text[] NOT NULL DEFAULT '{}',
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz
);
COMMENT ON TABLE swe_load.run IS 'The one load of this database';
COMMENT ON COLUMN swe_load.run.token IS 'Tells this load from one that was emptied away';
COMMENT ON COLUMN swe_load.run.identity IS 'Tells this data set from others';
COMMENT ON COLUMN swe_load.run.migrations IS 'Tells the state of the schema in which the load began';
COMMENT ON COLUMN swe_load.run.steps IS 'What was done after all parts were there';

CREATE TABLE swe_load.parts (
  part bigint PRIMARY KEY,
  rows jsonb NOT NULL DEFAULT '{}',
  bytes bigint NOT NULL DEFAULT 0,
  stats jsonb NOT NULL DEFAULT '{}',
  milliseconds bigint NOT NULL DEFAULT 0,
  committed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE swe_load.parts IS 'The parts that are there: each was committed together with its rows';
COMMENT ON COLUMN swe_load.parts.stats IS 'What the profile needs to know of the rows';

CREATE TABLE swe_load.deferred (
  position bigint PRIMARY KEY,
  stage text NOT NULL CHECK (stage IN ('build', 'attach', 'check', 'guard')),
  relation text NOT NULL,
  name text NOT NULL,
  removal text,
  restoration text
);
COMMENT ON TABLE swe_load.deferred IS 'What was taken away for the load, with the statement that brings it back';
