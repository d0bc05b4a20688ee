-- What the schema of swe-db has not: a table of many rows, one without a log, generated columns, a view that is kept.
CREATE TABLE big (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number int NOT NULL,
  twice int GENERATED ALWAYS AS (number * 2) STORED,
  body text);
INSERT INTO big (number, body) SELECT n, md5(n::text) FROM generate_series(1, 3000) AS n;
CREATE UNLOGGED TABLE unlogged_rows (id int PRIMARY KEY, body text);
INSERT INTO unlogged_rows SELECT n, 'a' FROM generate_series(1, 3) AS n;
CREATE MATERIALIZED VIEW kept_view AS SELECT count(*) FROM big;
CREATE SEQUENCE of_nobody CYCLE MAXVALUE 7;
CREATE FUNCTION of_a_migration () RETURNS int LANGUAGE sql AS 'SELECT 1';
COMMENT ON TABLE big IS 'many rows';
