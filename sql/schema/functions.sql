-- What every area uses. Runs before the other files of this folder.

CREATE OR REPLACE FUNCTION public.swe_current_user_id() RETURNS bigint
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN NULLIF(pg_catalog.current_setting('swe.user_id', true), '')::bigint;
COMMENT ON FUNCTION public.swe_current_user_id() IS
  'The id of the user on whose behalf the session works, from the setting swe.user_id; NULL if it is not set';

-- A trigger's WHEN clause may not look at generated columns, so the comparison is made here; their names are the
-- trigger's arguments. Without arguments TG_ARGV is NULL, not empty.
CREATE OR REPLACE FUNCTION public.swe_touch_updated_at() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  generated text[] := COALESCE(TG_ARGV, '{}');
BEGIN
  IF to_jsonb(NEW) - generated IS DISTINCT FROM to_jsonb(OLD) - generated THEN
    NEW.updated_at := CURRENT_TIMESTAMP;
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION public.swe_touch_updated_at() IS
  'Sets updated_at when an UPDATE changes something; arguments: the table''s generated columns';
