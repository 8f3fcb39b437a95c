DROP FUNCTION telemetry_drop_day(date);
DROP FUNCTION telemetry_reindex_day(date);
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
CREATE OR REPLACE FUNCTION telemetry_make_day(day date) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    part text := format('telemetry_reading_%s', to_char(day, 'YYYYMMDD'));
    grantee text;
BEGIN
    IF day NOT BETWEEN '2000-01-01' AND '2099-12-31' THEN
        RAISE EXCEPTION '% is no day of a plant', day USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.telemetry_make_day'));
    IF to_regclass(format('%I.%I', current_schema(), part)) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- Made, then attached: CREATE TABLE … PARTITION OF would wait for every reader, and every writer for it.
    EXECUTE format('CREATE TABLE %I.%I (LIKE telemetry_reading INCLUDING ALL)', current_schema(), part);
    EXECUTE format('ALTER TABLE telemetry_reading ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
        current_schema(), part, day::timestamptz, (day + 1)::timestamptz);
    FOR grantee IN SELECT DISTINCT a.grantee::regrole::text FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.oid = to_regclass(format('%I.%I', current_schema(), part)) AND a.grantee <> c.relowner LOOP
        EXECUTE format('REVOKE ALL ON %I.%I FROM %s', current_schema(), part, grantee);  -- through the whole only
    END LOOP;
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I.%I
        FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()', current_schema(), part);
    EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER append_only', current_schema(), part);
    EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER append_only_truncate', current_schema(), part);
    RETURN true;
END $$;
DROP FUNCTION telemetry_days_gone(date[]);
DROP FUNCTION telemetry_day_name(date);
