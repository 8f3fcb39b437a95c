DROP TRIGGER audit_failedsignature_append_only ON audit_failedsignature;
DROP TRIGGER audit_statechange_append_only ON audit_statechange;
DROP TRIGGER audit_signature_append_only ON audit_signature;
DROP FUNCTION audit_refuse_change();
