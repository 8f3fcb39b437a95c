-- The status of an order or of a job changes with its evidence: the row of audit_statechange for exactly this step,
-- written in the same transaction. Asked at commit, because a service writes the status first. That it was this
-- transaction is the journal's word: it alone knows, and nobody who signs in can write it.
-- Argument of the trigger: the record type as audit_statechange names it.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE FUNCTION production_status_evidence() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    status_before text := '';
    step bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        status_before := OLD.status;
    END IF;
    SELECT id INTO step FROM audit_statechange
        WHERE record_label = TG_ARGV[0] AND record_pk = NEW.id::text
            AND from_state = status_before AND to_state = NEW.status
        ORDER BY id DESC LIMIT 1;
    -- xid as text: by its own index this would read everything the transaction wrote, for each row of a bulk statement.
    IF step IS NULL OR NOT EXISTS (
        SELECT FROM journal_entry
        WHERE table_name = 'audit_statechange' AND pk = step::text AND op = 'I' AND tx_at = transaction_timestamp()
            AND xid::text = pg_current_xact_id()::text)
    THEN
        RAISE EXCEPTION '% % changed its status from "%" to "%" without evidence', TG_ARGV[0], NEW.id, status_before,
            NEW.status USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER status_evidence AFTER UPDATE ON work_orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION production_status_evidence('production.workorder');
CREATE CONSTRAINT TRIGGER status_evidence_begun AFTER INSERT ON work_orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status <> 'created')
    EXECUTE FUNCTION production_status_evidence('production.workorder');
CREATE CONSTRAINT TRIGGER status_evidence AFTER UPDATE ON production_joborder DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION production_status_evidence('production.joborder');
ALTER TABLE work_orders ENABLE ALWAYS TRIGGER status_evidence;
ALTER TABLE work_orders ENABLE ALWAYS TRIGGER status_evidence_begun;
ALTER TABLE production_joborder ENABLE ALWAYS TRIGGER status_evidence;
