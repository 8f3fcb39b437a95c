-- Months of the journal that lie in archives may be taken out of it, oldest first, and dropped when their retention
-- has passed. Neither is done by deleting rows, and neither without an archive whose leaves are those of the month.
-- These functions are for the role that migrates: the application can read what became of a month, no more.
GRANT SELECT ON audit_journalarchive, audit_archivecheck TO {journal};
GRANT SELECT, INSERT ON audit_journalmonth TO {journal};
SET LOCAL ROLE {journal};
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- One value for any number of leaves in their order, without holding them: h(n) = SHA-256(h(n-1) || leaf n).
CREATE FUNCTION journal_chain_step(state bytea, leaf bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(state || leaf);
CREATE AGGREGATE journal_chain(bytea) (SFUNC = journal_chain_step, STYPE = bytea, INITCOND = '');

CREATE FUNCTION journal_month_name(prefix text, month date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%sy%sm%s', prefix, to_char(month, 'YYYY'), to_char(month, 'MM'))
$$;
CREATE FUNCTION journal_month_end(month date) RETURNS timestamptz LANGUAGE sql STABLE SET timezone = 'UTC' AS $$
    SELECT (month + interval '1 month')::timestamptz
$$;

-- How many entries the table of a month has, if every one is sealed as it is and an archive has exactly these leaves;
-- with `checked_after` also: if that archive was read again since then, and was intact. Else an error.
CREATE FUNCTION journal_archived_entries(of_month date, part text, checked_after timestamptz) RETURNS bigint
    LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    there bigint;
    sealed bigint;
    missing text;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I.%I', current_schema(), part) INTO there;
    EXECUTE format('SELECT count(*) FROM %I.%I e JOIN journal_leaf l ON l.entry_id = e.id AND l.tx_at = e.tx_at
        WHERE l.hash = journal_leaf_hash(ROW(e.*)::journal_entry)', current_schema(), part) INTO sealed;
    IF sealed <> there THEN
        RAISE EXCEPTION '% of % entries of % are not sealed as they are', there - sealed, there, part
            USING ERRCODE = 'GB409';
    END IF;
    EXECUTE format('SELECT string_agg(m.epoch::text, '','') FROM (
            SELECT l.epoch, count(*) AS entries, encode(journal_chain(l.hash ORDER BY l.idx), ''hex'') AS digest
            FROM %I.%I e JOIN journal_leaf l ON l.entry_id = e.id AND l.tx_at = e.tx_at GROUP BY l.epoch) AS m
        WHERE NOT EXISTS (SELECT FROM audit_journalarchive a
            WHERE a.month = $1 AND a.epoch = m.epoch AND a.entries = m.entries AND a.leaves_digest = m.digest
              AND ($2 IS NULL OR (SELECT c.verdict = ''intact'' AND c.checked_at > $2 FROM audit_archivecheck c
                  WHERE c.archive_id = a.id ORDER BY c.checked_at DESC, c.id DESC LIMIT 1)))',
        current_schema(), part) INTO missing USING of_month, checked_after;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'no archive holds exactly the entries of % (epoch %), or it was not found intact lately',
            to_char(of_month, 'YYYY-MM'), missing USING ERRCODE = 'GB409';
    END IF;
    RETURN there;
END $$;

-- Refuses what has to stay: without somebody who acts and says why, before its time, or under a legal hold.
CREATE FUNCTION journal_month_may_go(of_month date, part text, years integer) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
    act jsonb := nullif(current_setting('genba.act', true), '')::jsonb;
    refusal text[] := journal_refusal('DELETE', act || '{"code": "delete_month"}');
    until timestamptz := journal_month_end(of_month) + make_interval(years => years);
    is_held boolean;
BEGIN
    IF act IS NULL OR refusal IS NOT NULL THEN
        RAISE EXCEPTION '%: % refused', coalesce(refusal[2], 'no actor'), part
            USING ERRCODE = coalesce(refusal[1], 'GB401');
    END IF;
    IF until > now() THEN
        RAISE EXCEPTION '% has to be kept until %', part, until::date USING ERRCODE = 'GB403';
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM audit_legalhold h WHERE h.lifted_at IS NULL AND (h.record_type = ''''
        OR EXISTS (SELECT FROM %I.%I e WHERE e.table_name = h.record_type AND h.record_key IN ('''', e.pk))))',
        current_schema(), part) INTO is_held;
    IF is_held THEN
        RAISE EXCEPTION 'a legal hold keeps entries of %', part USING ERRCODE = 'GB403';
    END IF;
END $$;

CREATE FUNCTION journal_note_month(of_month date, what text, entries bigint) RETURNS void LANGUAGE sql
    SET search_path FROM CURRENT AS $$
    INSERT INTO audit_journalmonth (month, step, entries, actor_name, reason)
    SELECT of_month, what, journal_note_month.entries, act ->> 'name', act ->> 'reason'
    FROM (SELECT current_setting('genba.act')::jsonb AS act) AS told
$$;

-- Take the oldest month out of the journal. It stays, as append-only as before, under another name.
CREATE FUNCTION journal_detach_month(of_month date) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
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

-- Drop a month that was taken out, when the longest retention has passed and its archives were found intact in the
-- last 30 days.
CREATE FUNCTION journal_drop_month(of_month date) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
DECLARE
    kept text := journal_month_name('journal_archived_', of_month);
    entries bigint;
BEGIN
    IF to_regclass(format('%I.%I', current_schema(), kept)) IS NULL THEN
        RAISE EXCEPTION '% was not taken out of the journal', to_char(of_month, 'YYYY-MM') USING ERRCODE = 'GB409';
    END IF;
    PERFORM journal_month_may_go(of_month, kept, retention_longest());
    entries := journal_archived_entries(of_month, kept, now() - interval '30 days');
    EXECUTE format('DROP TABLE %I.%I', current_schema(), kept);
    PERFORM journal_note_month(of_month, 'dropped', entries);
    RETURN entries;
END $$;

GRANT EXECUTE ON FUNCTION journal_chain_step(bytea, bytea), journal_chain(bytea) TO {app}, {auditor}, {owner};
GRANT EXECUTE ON FUNCTION journal_detach_month(date), journal_drop_month(date) TO {owner};
RESET ROLE;
