-- Changes of the database's structure are in the journal, whoever makes them: the role that migrates, an administrator
-- with a terminal. Run by the cluster's administrator, as only a superuser may create event triggers; the functions are
-- his, in a schema of their own, because the owner of a schema may drop what lies in it.
-- A superuser can switch all this off: seals, replay and witnesses find what is done then.
CREATE SCHEMA IF NOT EXISTS genba_guard;
REVOKE ALL ON SCHEMA genba_guard FROM PUBLIC;

CREATE OR REPLACE FUNCTION genba_guard.note(schema text, command text, kind text, object text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    act jsonb := nullif(current_setting('genba.act', true), '')::jsonb;
BEGIN
    -- A journal from before it could hold such entries, or one that is being made.
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = format('%I.journal_entry', schema)::regclass
            AND conname = 'journal_entry_op_check' AND pg_get_constraintdef(oid) LIKE '%''S''%') THEN
        RETURN;
    END IF;
    EXECUTE format('INSERT INTO %I.journal_entry (op, schema_name, table_name, pk, new, changed, actor_id, actor_type,
            actor_name, on_behalf_of, reason_code, reason, request_id, station, source, app_version, compliance_flags)
        VALUES (''S'', $1, ''(schema)'', $2, $3, ''{}'', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)', schema)
    USING schema, coalesce(object, '(rights)'),  -- of a GRANT only the statement says whose
        jsonb_build_object('command', command, 'type', kind, 'statement', left(current_query(), 2000)),
        (act ->> 'actor')::uuid, coalesce(act ->> 'type', 'system'),
        coalesce(nullif(act ->> 'name', ''), 'Database role ' || session_user), act ->> 'behalf',
        coalesce(nullif(act ->> 'code', ''), 'change_structure'), coalesce(act ->> 'reason', ''),
        coalesce((act ->> 'request')::uuid, gen_random_uuid()), coalesce(act ->> 'station', ''),
        coalesce(act ->> 'source', 'sql'), coalesce(act ->> 'version', ''), '["21 CFR Part 11", "ISO 9001"]'::jsonb;
END $$;

-- Where the journal of this database is; NULL before its migration.
CREATE OR REPLACE FUNCTION genba_guard.journal_schema() RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE relname = 'journal_entry' AND relkind = 'p' ORDER BY c.oid LIMIT 1
$$;

CREATE OR REPLACE FUNCTION genba_guard.on_command() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    done record;
    plant text := genba_guard.journal_schema();
BEGIN
    IF plant IS NULL OR tg_tag = 'REFRESH MATERIALIZED VIEW' THEN  -- content, and every minute
        RETURN;
    END IF;
    FOR done IN SELECT DISTINCT ON (object_type, object_identity) * FROM pg_event_trigger_ddl_commands()
            WHERE schema_name IS NULL OR schema_name = plant LOOP
        PERFORM genba_guard.note(plant, done.command_tag, done.object_type, done.object_identity);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION genba_guard.on_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    gone record;
    plant text := genba_guard.journal_schema();
BEGIN
    FOR gone IN SELECT * FROM pg_event_trigger_dropped_objects() WHERE NOT is_temporary LOOP
        IF gone.object_type = 'table' AND gone.object_name ~ '^journal_(entry|leaf|node|checkpoint|epoch)'
                AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
            RAISE EXCEPTION 'the journal is kept: DROP of % refused', gone.object_identity
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF gone.original AND gone.schema_name = plant THEN
            PERFORM genba_guard.note(plant, tg_tag, gone.object_type, gone.object_identity);
        END IF;
    END LOOP;
END $$;

DROP EVENT TRIGGER IF EXISTS genba_command;
CREATE EVENT TRIGGER genba_command ON ddl_command_end EXECUTE FUNCTION genba_guard.on_command();
ALTER EVENT TRIGGER genba_command ENABLE ALWAYS;
DROP EVENT TRIGGER IF EXISTS genba_drop;
CREATE EVENT TRIGGER genba_drop ON sql_drop EXECUTE FUNCTION genba_guard.on_drop();
ALTER EVENT TRIGGER genba_drop ENABLE ALWAYS;
