SET LOCAL ROLE {journal};
DROP FUNCTION journal_drop_month(date), journal_detach_month(date), journal_note_month(date, text, bigint),
    journal_month_may_go(date, text, integer), journal_archived_entries(date, text, timestamptz),
    journal_month_end(date), journal_month_name(text, date);
DROP AGGREGATE journal_chain(bytea);
DROP FUNCTION journal_chain_step(bytea, bytea);
RESET ROLE;
REVOKE ALL ON audit_journalarchive, audit_archivecheck, audit_journalmonth FROM {journal};
