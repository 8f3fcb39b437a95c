CREATE TRIGGER audit_signature_append_only BEFORE UPDATE OR DELETE ON audit_signature
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_signature ENABLE ALWAYS TRIGGER audit_signature_append_only;
CREATE TRIGGER audit_statechange_append_only BEFORE UPDATE OR DELETE ON audit_statechange
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_statechange ENABLE ALWAYS TRIGGER audit_statechange_append_only;
CREATE TRIGGER audit_verificationrun_append_only BEFORE UPDATE OR DELETE ON audit_verificationrun
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_verificationrun ENABLE ALWAYS TRIGGER audit_verificationrun_append_only;
