-- Readings: narrow rows, one table a UTC day, the first one of a moment wins. Nobody changes or deletes one: a day leaves
-- as a whole. {app} adds rows; days are made by a function, as the application owns no table.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE telemetry_reading (
    time timestamptz NOT NULL,
    value float8 NOT NULL,
    series integer NOT NULL,  -- telemetry_series.number; no foreign key, it would halve the speed (decision 0021)
    quality smallint NOT NULL CHECK (quality BETWEEN 0 AND 2),
    PRIMARY KEY (series, time)
) PARTITION BY RANGE (time);
CREATE INDEX telemetry_reading_time ON telemetry_reading USING brin (time);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON telemetry_reading
    FOR EACH ROW EXECUTE FUNCTION journal_refuse();
ALTER TABLE telemetry_reading ENABLE ALWAYS TRIGGER append_only;
REVOKE UPDATE, DELETE, TRUNCATE ON telemetry_reading FROM {app};

CREATE FUNCTION telemetry_make_day(day date) RETURNS boolean LANGUAGE plpgsql
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

-- Sums of each hour of a series, made anew from its readings; bad ones are counted and in no sum.
CREATE TABLE telemetry_hour (
    hour timestamptz NOT NULL,
    series integer NOT NULL,
    readings integer NOT NULL,
    good integer NOT NULL,
    usable integer NOT NULL,  -- good or uncertain: what the sums are of
    sum float8 NOT NULL,
    sum_squares float8 NOT NULL,
    minimum float8,
    maximum float8,
    PRIMARY KEY (series, hour)
);
CREATE INDEX telemetry_hour_hour ON telemetry_hour (hour);

-- Hours before or after the present one that got a reading: a log, so that who writes never waits for who sums up.
CREATE TABLE telemetry_dirty_hour (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series integer NOT NULL,
    hour timestamptz NOT NULL
);

-- The newest reading of each series as of the last summing up; telemetry_now looks for newer ones.
CREATE TABLE telemetry_latest (
    series integer PRIMARY KEY,
    time timestamptz NOT NULL,
    value float8 NOT NULL,
    quality smallint NOT NULL
);
CREATE VIEW telemetry_now AS
SELECT s.number AS series, coalesce(n.time, l.time) AS time, coalesce(n.value, l.value) AS value,
       coalesce(n.quality, l.quality) AS quality
FROM telemetry_series s
LEFT JOIN telemetry_latest l ON l.series = s.number
LEFT JOIN LATERAL (
    SELECT r.time, r.value, r.quality FROM telemetry_reading r
    WHERE r.series = s.number AND r.time > coalesce(l.time, '-infinity') ORDER BY r.time DESC LIMIT 1
) AS n ON true;

CREATE TABLE telemetry_summed_up (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at timestamptz NOT NULL
);

CREATE FUNCTION telemetry_sum_hour(of_hour timestamptz) RETURNS integer LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    written integer;
BEGIN
    INSERT INTO telemetry_hour AS h
    SELECT of_hour, r.series, count(*), count(*) FILTER (WHERE quality = 0), count(*) FILTER (WHERE quality < 2),
        coalesce(sum(value) FILTER (WHERE quality < 2), 0), coalesce(sum(value * value) FILTER (WHERE quality < 2), 0),
        min(value) FILTER (WHERE quality < 2), max(value) FILTER (WHERE quality < 2)
    FROM telemetry_reading r WHERE r.time >= of_hour AND r.time < of_hour + interval '1 hour' GROUP BY r.series
    ON CONFLICT (series, hour) DO UPDATE SET readings = excluded.readings, good = excluded.good,
        usable = excluded.usable, sum = excluded.sum, sum_squares = excluded.sum_squares,
        minimum = excluded.minimum, maximum = excluded.maximum
    WHERE h.readings <> excluded.readings;  -- readings are only ever added
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

-- Hours that got readings late or early: taken from the log and summed up anew, in one transaction.
CREATE FUNCTION telemetry_sum_dirty() RETURNS integer LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    written integer;
BEGIN
    WITH taken AS (DELETE FROM telemetry_dirty_hour RETURNING series, hour)
    INSERT INTO telemetry_hour AS h
    SELECT d.hour, d.series, count(*), count(*) FILTER (WHERE quality = 0), count(*) FILTER (WHERE quality < 2),
        coalesce(sum(value) FILTER (WHERE quality < 2), 0), coalesce(sum(value * value) FILTER (WHERE quality < 2), 0),
        min(value) FILTER (WHERE quality < 2), max(value) FILTER (WHERE quality < 2)
    FROM (SELECT DISTINCT series, hour FROM taken) d
    JOIN telemetry_reading r ON r.series = d.series AND r.time >= d.hour AND r.time < d.hour + interval '1 hour'
    GROUP BY d.hour, d.series
    ON CONFLICT (series, hour) DO UPDATE SET readings = excluded.readings, good = excluded.good,
        usable = excluded.usable, sum = excluded.sum, sum_squares = excluded.sum_squares,
        minimum = excluded.minimum, maximum = excluded.maximum
    WHERE h.readings <> excluded.readings;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

-- Another one after each change of what decides about a reading: who stores readings asks for it in the same transaction.
-- Not a count: after a rollback, or a restore from a backup, another change would have the same number.
CREATE TABLE telemetry_catalogue (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version uuid NOT NULL
);
INSERT INTO telemetry_catalogue VALUES (true, gen_random_uuid());
CREATE FUNCTION telemetry_catalogue_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE telemetry_catalogue SET version = gen_random_uuid();
    RETURN NULL;
END $$;
CREATE TRIGGER catalogue_changed AFTER INSERT OR UPDATE OR DELETE ON telemetry_series
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_catalogue_changed();
CREATE TRIGGER catalogue_changed AFTER INSERT OR UPDATE OR DELETE ON telemetry_datasource
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_catalogue_changed();
CREATE TRIGGER catalogue_changed AFTER INSERT OR UPDATE OR DELETE ON telemetry_devicekey
    FOR EACH STATEMENT EXECUTE FUNCTION telemetry_catalogue_changed();

-- The names of the source documents (DBO-91, DBO-93).
CREATE VIEW sensor_data AS
SELECT r.time, s.equipment_id, s.sensor_type, r.value AS sensor_value, s.unit AS unit_of_measure,
       (ARRAY['good', 'uncertain', 'bad'])[r.quality + 1] AS quality_flag, d.code AS data_source, s.id AS series_id
FROM telemetry_reading r
JOIN telemetry_series s ON s.number = r.series
JOIN telemetry_datasource d ON d.id = s.source_id;
CREATE VIEW mv_equipment_hourly_stats AS
SELECT h.hour AS bucket, s.equipment_id, s.sensor_type, sum(h.sum) / nullif(sum(h.usable), 0) AS avg_value,
       min(h.minimum) AS min_value, max(h.maximum) AS max_value, sum(h.readings) AS data_points,
       sum(h.good) AS good_data_points
FROM telemetry_hour h
JOIN telemetry_series s ON s.number = h.series
GROUP BY h.hour, s.equipment_id, s.sensor_type;
