-- Fills swe_load.deferred: what is taken away for a large load, with the statements that remove it and bring it back.
-- Indexes of partitions are built by themselves, so that several connections share the work, and attached afterwards;
-- constraints come from their index; foreign keys are first added and then checked, so that checks can overlap.
WITH tables AS (
  SELECT class.oid, class.relname, class.relkind
  FROM unnest(%(tables)s::text[]) AS wanted
  CROSS JOIN LATERAL pg_catalog.pg_partition_tree(format('public.%%I', wanted)::regclass) AS tree
  JOIN pg_catalog.pg_class AS class ON class.oid = tree.relid
  UNION
  SELECT class.oid, class.relname, class.relkind
  FROM unnest(%(tables)s::text[]) AS wanted
  JOIN pg_catalog.pg_class AS class ON class.oid = format('public.%%I', wanted)::regclass
),
foreign_keys AS (
  SELECT
    given.oid, given.conname, given.conindid, given.convalidated, tables.relname,
    format('ALTER TABLE public.%%I', tables.relname) AS on_table,
    pg_get_constraintdef(given.oid) AS definition
  FROM pg_catalog.pg_constraint AS given
  JOIN tables ON tables.oid = given.conrelid
  WHERE given.contype = 'f' AND given.conparentid = 0 AND tables.relkind = 'r'
),
indexes AS (
  SELECT
    entry.indexrelid AS oid, class.relname AS name, class.relkind, entry.indisclustered, entry.indisreplident,
    tables.relname, format('ALTER TABLE public.%%I', tables.relname) AS on_table,
    format('ALTER TABLE ONLY public.%%I', tables.relname) AS on_only,
    parents.relname AS parent,
    given.oid AS constraint_oid, given.conname,
    CASE given.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END
      AS constraint_kind,
    CASE WHEN given.condeferrable THEN ' DEFERRABLE' ELSE '' END
      || CASE WHEN given.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END AS constraint_timing,
    pg_get_constraintdef(given.oid) AS constraint_definition,
    CASE WHEN space.spcname IS NULL THEN '' ELSE format('SET LOCAL default_tablespace = %%I; ', space.spcname) END
      || pg_get_indexdef(entry.indexrelid) AS definition
  FROM pg_catalog.pg_index AS entry
  JOIN tables ON tables.oid = entry.indrelid
  JOIN pg_catalog.pg_class AS class ON class.oid = entry.indexrelid
  LEFT JOIN pg_catalog.pg_tablespace AS space ON space.oid = class.reltablespace
  LEFT JOIN pg_catalog.pg_inherits AS link ON link.inhrelid = entry.indexrelid
  LEFT JOIN pg_catalog.pg_class AS parents ON parents.oid = link.inhparent
  LEFT JOIN pg_catalog.pg_constraint AS given
    ON given.conindid = entry.indexrelid AND given.conrelid = entry.indrelid AND given.contype IN ('p', 'u', 'x')
  WHERE
    NOT entry.indisexclusion AND NOT entry.indisprimary
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_constraint AS other
      WHERE other.contype = 'f' AND other.conindid = entry.indexrelid
        AND other.oid NOT IN (SELECT foreign_keys.oid FROM foreign_keys)
    )
),
comments AS (
  SELECT described.objoid, described.classoid, quote_literal(described.description) AS text
  FROM pg_catalog.pg_description AS described
  WHERE described.objsubid = 0
),
deferrals (stage, rank, oid, relation, name, removal, restoration) AS (
  SELECT 'build', 1, oid, relname, name, NULL, definition FROM indexes WHERE relkind = 'i'
  UNION ALL
  SELECT 'attach', 2, oid, relname, name, NULL,
    format('%%s ADD CONSTRAINT %%I %%s USING INDEX %%2$I%%4$s', on_table, conname, constraint_kind, constraint_timing)
  FROM indexes WHERE relkind = 'i' AND constraint_oid IS NOT NULL
  UNION ALL
  SELECT 'attach', 3, oid, relname, name, NULL,
    CASE
      WHEN constraint_oid IS NULL THEN definition
      ELSE format('%%s ADD CONSTRAINT %%I %%s', on_only, conname, constraint_definition)
    END
  FROM indexes WHERE relkind = 'I'
  UNION ALL
  SELECT 'attach', 4, oid, relname, name, NULL, format('ALTER INDEX public.%%I ATTACH PARTITION public.%%I', parent, name)
  FROM indexes WHERE parent IS NOT NULL
  UNION ALL
  SELECT 'attach', 5, oid, relname, name, NULL, format('%%s CLUSTER ON %%I', on_table, name)
  FROM indexes WHERE indisclustered
  UNION ALL
  SELECT 'attach', 5, oid, relname, name, NULL, format('%%s REPLICA IDENTITY USING INDEX %%I', on_table, name)
  FROM indexes WHERE indisreplident
  UNION ALL
  SELECT 'attach', 6, oid, relname, conname, format('%%s DROP CONSTRAINT %%I', on_table, conname),
    format('%%s ADD CONSTRAINT %%I %%s', on_table, conname, definition)
      || CASE WHEN convalidated THEN ' NOT VALID' ELSE '' END
  FROM foreign_keys
  UNION ALL
  -- Those of partitions go with that of their parent.
  SELECT 'attach', 7, oid, relname, name,
    CASE
      WHEN constraint_oid IS NULL THEN format('DROP INDEX public.%%I', name)
      ELSE format('%%s DROP CONSTRAINT %%I', on_table, conname)
    END,
    CASE
      WHEN text IS NOT NULL THEN format('COMMENT ON INDEX public.%%I IS %%s', name, text)
    END
  FROM indexes
  LEFT JOIN comments ON objoid = oid AND classoid = 'pg_catalog.pg_class'::regclass
  WHERE parent IS NULL
  UNION ALL
  SELECT 'attach', 8, owner.oid, owner.relname, owner.name, NULL,
    format('COMMENT ON CONSTRAINT %%I ON public.%%I IS %%s', owner.name, owner.relname, comments.text)
  FROM (
    SELECT constraint_oid AS oid, relname, conname AS name FROM indexes WHERE constraint_oid IS NOT NULL
    UNION ALL
    SELECT oid, relname, conname FROM foreign_keys
  ) AS owner
  JOIN comments ON comments.objoid = owner.oid AND comments.classoid = 'pg_catalog.pg_constraint'::regclass
  UNION ALL
  SELECT 'check', 9, oid, relname, conname, NULL, format('%%s VALIDATE CONSTRAINT %%I', on_table, conname)
  FROM foreign_keys WHERE convalidated
  UNION ALL
  SELECT 'guard', 10, entry.oid, tables.relname, entry.tgname,
    format('ALTER TABLE public.%%I DISABLE TRIGGER %%I', tables.relname, entry.tgname),
    format(
      'ALTER TABLE public.%%I ENABLE %%s TRIGGER %%I', tables.relname,
      CASE entry.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, entry.tgname
    )
  FROM pg_catalog.pg_trigger AS entry
  JOIN tables ON tables.oid = entry.tgrelid
  WHERE entry.tgname = ANY (%(triggers)s) AND entry.tgenabled <> 'D'
)
INSERT INTO swe_load.deferred (position, stage, relation, name, removal, restoration)
SELECT row_number() OVER (ORDER BY rank, oid), stage, relation, name, removal, restoration
FROM deferrals
