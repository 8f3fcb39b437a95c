SET LOCAL ROLE {journal};
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
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
DROP FUNCTION journal_month_is_reviewed(date, text);
RESET ROLE;
REVOKE ALL ON audit_trailreview FROM {journal};
