SELECT array_agg(attname::text)
FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass('public.schema_migrations') AND attnum > 0 AND NOT attisdropped
