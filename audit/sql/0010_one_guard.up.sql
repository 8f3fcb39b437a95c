-- Evidence is guarded by the journal's own function, as histories are, and the application has no right left to change it.
DROP TRIGGER audit_signature_append_only ON audit_signature;
DROP TRIGGER audit_statechange_append_only ON audit_statechange;
DROP TRIGGER audit_verificationrun_append_only ON audit_verificationrun;
