-- The journal: one entry for each row a regulated table gained, changed or lost, written by triggers, so that
-- bulk statements, raw SQL and COPY are in it as well. It belongs to the role {journal}; the application can read
-- it and nothing else. {journal}, {app}, {auditor} and {sealer} are this plant's roles.
SET LOCAL ROLE {journal};
-- What functions of the journal look up by name: this schema, and temporary objects (anybody's) last.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE journal_entry (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tx_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
    op text NOT NULL CHECK (op IN ('I', 'U', 'D')),
    schema_name text NOT NULL,
    table_name text NOT NULL,
    pk text NOT NULL,
    old jsonb,
    new jsonb,
    changed text[] NOT NULL,
    actor_id uuid,
    actor_type text NOT NULL,
    actor_name text NOT NULL CHECK (actor_name <> ''),
    on_behalf_of text,
    reason_code text NOT NULL,
    reason text NOT NULL,
    request_id uuid NOT NULL,
    station text NOT NULL,
    source text NOT NULL,
    app_version text NOT NULL,
    db_user text NOT NULL DEFAULT session_user,
    compliance_flags jsonb NOT NULL,
    PRIMARY KEY (id, tx_at)
) PARTITION BY RANGE (tx_at);
CREATE INDEX idx_audit_log_table_record ON journal_entry (table_name, pk, tx_at DESC);
CREATE INDEX idx_audit_log_user_timestamp ON journal_entry (actor_id, tx_at DESC);
CREATE INDEX idx_audit_log_compliance ON journal_entry USING gin (compliance_flags);
CREATE INDEX journal_entry_sealing ON journal_entry (xid, id);
CREATE INDEX journal_entry_request ON journal_entry (request_id);

CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal_entry
    FOR EACH ROW EXECUTE FUNCTION journal_refuse();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER journal_append_only;
CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER journal_no_truncate;

-- A month of the journal, in UTC whatever the zone of the session. Truncate triggers are not inherited: each
-- partition gets its own. Looked for in this schema only: a temporary table of that name is not the partition.
CREATE FUNCTION journal_make_partition(month date) RETURNS text LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    part text := format('journal_entry_y%sm%s', to_char(month, 'YYYY'), to_char(month, 'MM'));
BEGIN
    IF to_regclass(format('%I.%I', current_schema(), part)) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF journal_entry FOR VALUES FROM (%L) TO (%L)', current_schema(),
        part, date_trunc('month', month), date_trunc('month', month) + interval '1 month');
    EXECUTE format('CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON %I.%I
        FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()', current_schema(), part);
    EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER journal_no_truncate', current_schema(), part);
    EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER journal_append_only', current_schema(), part);
    RETURN part;
END $$;

-- This month and `ahead` more. Returns how many were made.
CREATE FUNCTION journal_make_partitions(ahead integer) RETURNS integer LANGUAGE sql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT count(journal_make_partition((date_trunc('month', now() AT TIME ZONE 'UTC')
        + make_interval(months => n))::date))::integer
    FROM generate_series(0, ahead) AS n
$$;
SELECT journal_make_partitions(3);

-- A reason like "." explains nothing, however it is spaced or written. The wish for more is ReasonRequired.
CREATE FUNCTION journal_reason_says_something(reason text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT said NOT IN ('ok', 'na', 'none', 'no', 'xx', 'xxx', 'test', 'asdf', 'なし', '変更')
       AND (SELECT count(DISTINCT letter) >= 2 FROM regexp_split_to_table(said, '') AS letter)
    FROM lower(regexp_replace(normalize(reason, NFKC), '[\s\d!-/:-@\[-`{-~。、・ー]', '', 'g')) AS said
$$;

-- What the values of a row may say in the journal: secrets and large values as their SHA-256 and length.
CREATE FUNCTION journal_digested(fields jsonb, columns text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT fields || coalesce(jsonb_object_agg(key, jsonb_build_object(
        'sha256', encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 'length', length(value #>> '{}'))), '{}')
    FROM jsonb_each(fields) WHERE key = ANY (columns) AND value <> 'null'
$$;

CREATE TYPE journal_context AS (
    schema_name text, table_name text, actor_id uuid, actor_type text, actor_name text, on_behalf_of text,
    reason_code text, reason text, request_id uuid, station text, source text, app_version text, compliance_flags jsonb
);

-- Why this act may not write, as SQLSTATE and words: no actor, or a change of what is there without a reason.
CREATE FUNCTION journal_refusal(operation text, act jsonb) RETURNS text[] LANGUAGE sql STABLE
    SET search_path FROM CURRENT AS $$
    SELECT CASE
        WHEN coalesce(act ->> 'name', '') = '' THEN ARRAY['GB401', 'no actor']
        WHEN operation <> 'INSERT' AND (coalesce(act ->> 'code', '') = '' OR (act ->> 'code' ~ '^(update|void|delete)_'
            AND NOT journal_reason_says_something(coalesce(act ->> 'reason', '')))) THEN ARRAY['GB422', 'reason required']
    END
$$;

-- After each statement. Arguments of the trigger: primary key column, columns shown as digests, columns that are
-- no news, flags. The zone and styles are fixed, so that one value has one text whoever writes.
CREATE FUNCTION journal_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
        FROM (SELECT to_jsonb(r.*) - ignored AS row_now FROM new_rows r) AS rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO journal_entry (schema_name, table_name, actor_id, actor_type, actor_name, on_behalf_of,
            reason_code, reason, request_id, station, source, app_version, compliance_flags, op, pk, old, changed)
        SELECT (context).*, 'D', row_then ->> key_column,
            CASE WHEN has_digests THEN journal_digested(row_then, digested) ELSE row_then END, '{}'
        FROM (SELECT to_jsonb(r.*) - ignored AS row_then FROM old_rows r) AS rows;
    ELSE
        -- Changed keys only. A changed primary key is one row lost and one gained.
        INSERT INTO journal_entry (schema_name, table_name, actor_id, actor_type, actor_name, on_behalf_of,
            reason_code, reason, request_id, station, source, app_version, compliance_flags, op, pk, old, new, changed)
        SELECT (context).*, CASE WHEN row_now IS NULL THEN 'D' WHEN row_then IS NULL THEN 'I' ELSE 'U' END,
            coalesce(row_now, row_then) ->> key_column,
            CASE WHEN has_digests THEN journal_digested(lost, digested) ELSE lost END,
            CASE WHEN has_digests THEN journal_digested(gained, digested) ELSE gained END,
            coalesce(diff.changed, '{}')
        FROM (SELECT to_jsonb(r.*) - ignored AS row_then FROM old_rows r) AS before
        FULL JOIN (SELECT to_jsonb(r.*) - ignored AS row_now FROM new_rows r) AS after
            ON row_then ->> key_column = row_now ->> key_column
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(b.key, b.value) AS old, jsonb_object_agg(a.key, a.value) AS new,
                array_agg(a.key ORDER BY a.key COLLATE "C") AS changed
            FROM jsonb_each(row_then) b JOIN jsonb_each(row_now) a USING (key) WHERE a.value <> b.value
        ) AS diff ON true
        CROSS JOIN LATERAL (
            SELECT CASE WHEN row_now IS NULL THEN row_then ELSE diff.old END AS lost,
                CASE WHEN row_then IS NULL THEN row_now ELSE diff.new END AS gained
        ) AS shown
        WHERE row_now IS DISTINCT FROM row_then;
    END IF;
    RETURN NULL;
END $$;

GRANT SELECT ON journal_entry TO {app}, {sealer}, {auditor}, {owner};
GRANT EXECUTE ON FUNCTION journal_make_partitions(integer) TO {app};
GRANT EXECUTE ON FUNCTION journal_write(), journal_refuse() TO {owner};
RESET ROLE;
