-- Results of verifications are evidence: written once, by whoever verifies.
CREATE TRIGGER audit_verificationrun_append_only BEFORE UPDATE OR DELETE ON audit_verificationrun
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE audit_verificationrun ENABLE ALWAYS TRIGGER audit_verificationrun_append_only;
