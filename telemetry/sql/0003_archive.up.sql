-- A day of readings leaves as a whole, when an archive holds all of it. Until then it is read from its own table.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE FUNCTION telemetry_day_name(day date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('telemetry_reading_%s', to_char(day, 'YYYYMMDD'))
$$;

-- Which of these days have no table any more because an archive has them.
CREATE FUNCTION telemetry_days_gone(days date[]) RETURNS SETOF date LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT DISTINCT a.day FROM telemetry_readingarchive a
    WHERE a.day = ANY (days)
      AND to_regclass(format('%I.%I', current_schema(), telemetry_day_name(a.day))) IS NULL
$$;

CREATE OR REPLACE FUNCTION telemetry_make_day(day date) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    part text := telemetry_day_name(day);
    grantee text;
BEGIN
    IF day NOT BETWEEN '2000-01-01' AND '2099-12-31' THEN
        RAISE EXCEPTION '% is no day of a plant', day USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.telemetry_make_day'));
    IF to_regclass(format('%I.%I', current_schema(), part)) IS NOT NULL
            OR EXISTS (SELECT FROM telemetry_days_gone(ARRAY[day])) THEN
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

-- A closed day gets no more readings: its indexes are built anew, a quarter smaller than those that grew.
CREATE FUNCTION telemetry_reindex_day(day date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF to_regclass(format('%I.%I', current_schema(), telemetry_day_name(day))) IS NOT NULL THEN
        EXECUTE format('REINDEX TABLE %I.%I', current_schema(), telemetry_day_name(day));
    END IF;
END $$;

-- Drop the table of a day. Refused while the newest archive of the day has not exactly as many readings, or while a device
-- may still send some (35 days, and one of grace). Nobody writes into it meanwhile: it is locked before it is counted.
CREATE FUNCTION telemetry_drop_day(of_day date) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    part text := telemetry_day_name(of_day);
    there bigint;
BEGIN
    IF of_day > (now() - interval '37 days')::date THEN
        RAISE EXCEPTION '% may still get readings', of_day USING ERRCODE = 'GB409';
    END IF;
    PERFORM set_config('lock_timeout', '3s', true);  -- behind a long reader, every writer would wait for us
    EXECUTE format('LOCK TABLE %I.%I IN SHARE MODE', current_schema(), part);
    EXECUTE format('SELECT count(*) FROM %I.%I', current_schema(), part) INTO there;
    IF there IS DISTINCT FROM (SELECT readings FROM telemetry_readingarchive a WHERE a.day = of_day
            ORDER BY a.id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'no archive holds the % readings of %', there, of_day USING ERRCODE = 'GB409';
    END IF;
    EXECUTE format('ALTER TABLE telemetry_reading DETACH PARTITION %I.%I', current_schema(), part);
    EXECUTE format('DROP TABLE %I.%I', current_schema(), part);
    RETURN there;
END $$;
