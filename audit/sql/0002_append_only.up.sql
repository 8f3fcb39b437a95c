-- Evidence is written once. Role separation and journal seals come on top; this holds for every role that
-- does not own the tables, and for everybody who forgot.
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_signature_append_only BEFORE UPDATE OR DELETE ON audit_signature
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_signature ENABLE ALWAYS TRIGGER audit_signature_append_only;
CREATE TRIGGER audit_statechange_append_only BEFORE UPDATE OR DELETE ON audit_statechange
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_statechange ENABLE ALWAYS TRIGGER audit_statechange_append_only;
CREATE TRIGGER audit_failedsignature_append_only BEFORE UPDATE OR DELETE ON audit_failedsignature
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_failedsignature ENABLE ALWAYS TRIGGER audit_failedsignature_append_only;
