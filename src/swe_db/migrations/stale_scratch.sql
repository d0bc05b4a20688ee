-- What a verification that was killed has left: named for its minute of birth, an hour old or more, in nobody's use.
SELECT datname
FROM pg_catalog.pg_database
WHERE
    datname ~ '^swe_db_verify_[0-9]+_[0-9a-f]+$'
    AND split_part(datname, '_', 4)::bigint < extract(epoch FROM now()) - 3600
    AND datdba = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS user_of_it WHERE user_of_it.datname = pg_database.datname)
