-- A month leaves the journal when signed reviews of the audit trail cover it: afterwards no review can read it.
GRANT SELECT ON audit_trailreview TO {journal};
SET LOCAL ROLE {journal};
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- An entry is covered by the newest review of a series (`scope`) that has its table, ended after the month, and named a
-- checkpoint with its leaf: what was sealed later stands in the next review.
CREATE FUNCTION journal_month_is_reviewed(of_month date, part text) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    missed bigint;
    types text;
    first_at text;
    last_at text;
BEGIN
    EXECUTE format('WITH reviews AS MATERIALIZED (
            SELECT DISTINCT ON (scope) r.scope, r.until, r.epoch, r.checkpoint_size FROM audit_trailreview r
            ORDER BY scope, r.until DESC)
        SELECT count(*), string_agg(DISTINCT e.table_name, '', ''), to_char(min(e.tx_at), ''YYYY-MM-DD HH24:MI''),
            to_char(max(e.tx_at), ''YYYY-MM-DD HH24:MI'')
        FROM %I.%I e JOIN journal_leaf l ON l.entry_id = e.id AND l.tx_at = e.tx_at
        WHERE NOT EXISTS (SELECT FROM reviews r
            WHERE r.until >= $1 AND (l.epoch, l.idx) < (r.epoch, r.checkpoint_size)
              AND (r.scope = '''' OR e.table_name = ANY (string_to_array(r.scope, '',''))))',
        current_schema(), part) INTO missed, types, first_at, last_at USING journal_month_end(of_month);
    IF missed > 0 THEN
        RAISE EXCEPTION '% is not reviewed: % entries from % to % UTC (%) stand in no signed review of the audit trail',
            to_char(of_month, 'YYYY-MM'), missed, first_at, last_at, types USING ERRCODE = 'GB409';
    END IF;
END $$;

-- Take the oldest month out of the journal. It stays, as append-only as before, under another name.
CREATE OR REPLACE FUNCTION journal_detach_month(of_month date) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
DECLARE
    part text := journal_month_name('journal_entry_', of_month);
    kept text := journal_month_name('journal_archived_', of_month);
    online integer := coalesce((SELECT years FROM audit_retentionpolicy WHERE record_type = 'journal_entry'),
        retention_longest());
    entries bigint;
    reader text;
BEGIN
    IF date_trunc('month', of_month)::date <> of_month OR journal_begins() <> of_month::timestamptz THEN
        RAISE EXCEPTION '% is not the oldest month of the journal, which is %', to_char(of_month, 'YYYY-MM'),
            to_char(journal_begins(), 'YYYY-MM') USING ERRCODE = 'GB409';
    END IF;
    PERFORM journal_month_may_go(of_month, part, online);
    entries := journal_archived_entries(of_month, part, NULL);
    PERFORM journal_month_is_reviewed(of_month, part);
    EXECUTE format('ALTER TABLE journal_entry DETACH PARTITION %I.%I', current_schema(), part);
    EXECUTE format('ALTER TABLE %I.%I RENAME TO %I', current_schema(), part, kept);
    EXECUTE format('CREATE TRIGGER append_only BEFORE INSERT OR UPDATE OR DELETE ON %I.%I
        FOR EACH ROW EXECUTE FUNCTION journal_refuse()', current_schema(), kept);
    EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER append_only', current_schema(), kept);
    FOR reader IN SELECT DISTINCT a.grantee::regrole::text FROM pg_class c, aclexplode(c.relacl) AS a
        WHERE c.oid = 'journal_entry'::regclass AND a.privilege_type = 'SELECT' LOOP
        EXECUTE format('GRANT SELECT ON %I.%I TO %s', current_schema(), kept, reader);
    END LOOP;
    PERFORM journal_note_month(of_month, 'detached', entries);
    RETURN kept;
END $$;

RESET ROLE;
