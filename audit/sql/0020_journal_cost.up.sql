SET LOCAL ROLE {journal};
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
-- Cheaper for many rows, and a row whose primary key is changed away is asked for its retention like a deleted one.
-- OFFSET 0 keeps the planner from writing to_jsonb into every place that names its result: 10,000 changed rows took
-- twice the time (docs/performance.md).

-- The operation of an entry that says a row is gone; refuses when the row has to be kept.
CREATE FUNCTION journal_lost(kind text, key text) RETURNS text LANGUAGE plpgsql STABLE
    SET search_path FROM CURRENT AS $$
DECLARE
    kept jsonb := retention_refusal(kind, key);
BEGIN
    IF kept IS NOT NULL THEN
        RAISE EXCEPTION 'has to be kept: a row of % refused to go', kind USING ERRCODE = 'GB403', DETAIL = kept::text;
    END IF;
    RETURN 'D';
END $$;

-- After each statement. Arguments of the trigger: primary key column, columns shown as digests, columns that are
-- no news, flags. The zone and styles are fixed, so that one value has one text whoever writes.
CREATE OR REPLACE FUNCTION journal_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601'
    SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
#variable_conflict use_variable
DECLARE  -- and whole rows as r.*: a regulated table may have a column of any name
    act jsonb := nullif(current_setting('genba.act', true), '')::jsonb;
    refusal text[] := journal_refusal(TG_OP, act);
    context journal_context;
    has_news boolean := true;
    key_column text := TG_ARGV[0];
    digested text[] := TG_ARGV[1]::text[];
    has_digests boolean := digested <> '{}';
    ignored text[] := TG_ARGV[2]::text[];
BEGIN
    IF refusal IS NOT NULL THEN  -- only then it matters whether there is anything to write
        IF TG_OP = 'INSERT' THEN
            has_news := EXISTS (SELECT FROM new_rows);
        ELSIF TG_OP = 'DELETE' THEN
            has_news := EXISTS (SELECT FROM old_rows);
        ELSE
            has_news := EXISTS (
                SELECT to_jsonb(r.*) - ignored FROM new_rows r EXCEPT SELECT to_jsonb(r.*) - ignored FROM old_rows r);
        END IF;
        IF has_news THEN
            RAISE EXCEPTION '%: % of % refused', refusal[2], TG_OP, TG_TABLE_NAME USING ERRCODE = refusal[1];
        END IF;
        RETURN NULL;
    END IF;
    context := (TG_TABLE_SCHEMA, TG_TABLE_NAME, (act ->> 'actor')::uuid, act ->> 'type', act ->> 'name', act ->> 'behalf',
        coalesce(act ->> 'code', ''), coalesce(act ->> 'reason', ''), (act ->> 'request')::uuid,
        coalesce(act ->> 'station', ''), act ->> 'source', act ->> 'version', TG_ARGV[3]::jsonb)::journal_context;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO journal_entry (schema_name, table_name, actor_id, actor_type, actor_name, on_behalf_of,
            reason_code, reason, request_id, station, source, app_version, compliance_flags, op, pk, new, changed)
        SELECT (context).*, 'I', row_now ->> key_column,
            CASE WHEN has_digests THEN journal_digested(row_now, digested) ELSE row_now END, '{}'
        FROM (SELECT to_jsonb(r.*) - ignored AS row_now FROM new_rows r OFFSET 0) AS rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO journal_entry (schema_name, table_name, actor_id, actor_type, actor_name, on_behalf_of,
            reason_code, reason, request_id, station, source, app_version, compliance_flags, op, pk, old, changed)
        SELECT (context).*, journal_lost(TG_TABLE_NAME, row_then ->> key_column), row_then ->> key_column,
            CASE WHEN has_digests THEN journal_digested(row_then, digested) ELSE row_then END, '{}'
        FROM (SELECT to_jsonb(r.*) - ignored AS row_then FROM old_rows r OFFSET 0) AS rows;
    ELSE
        -- Changed keys only. A changed primary key is one row lost and one gained.
        INSERT INTO journal_entry (schema_name, table_name, actor_id, actor_type, actor_name, on_behalf_of,
            reason_code, reason, request_id, station, source, app_version, compliance_flags, op, pk, old, new, changed)
        SELECT (context).*, CASE WHEN row_then IS NULL THEN 'I' WHEN row_now IS NOT NULL THEN 'U'
                ELSE journal_lost(TG_TABLE_NAME, row_then ->> key_column) END,
            coalesce(row_now, row_then) ->> key_column,
            CASE WHEN has_digests THEN journal_digested(lost, digested) ELSE lost END,
            CASE WHEN has_digests THEN journal_digested(gained, digested) ELSE gained END,
            coalesce(diff.changed, '{}')
        FROM (SELECT to_jsonb(r.*) - ignored AS row_then FROM old_rows r OFFSET 0) AS before
        FULL JOIN (SELECT to_jsonb(r.*) - ignored AS row_now FROM new_rows r OFFSET 0) AS after
            ON row_then ->> key_column = row_now ->> key_column
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(a.key, row_then -> a.key) AS old, jsonb_object_agg(a.key, a.value) AS new,
                array_agg(a.key ORDER BY a.key COLLATE "C") AS changed
            FROM jsonb_each(row_now) a WHERE a.value <> row_then -> a.key
        ) AS diff ON true
        CROSS JOIN LATERAL (
            SELECT CASE WHEN row_now IS NULL THEN row_then ELSE diff.old END AS lost,
                CASE WHEN row_then IS NULL THEN row_now ELSE diff.new END AS gained
        ) AS shown
        WHERE row_now IS DISTINCT FROM row_then;
    END IF;
    RETURN NULL;
END $$;
RESET ROLE;
