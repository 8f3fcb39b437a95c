DROP VIEW journal_seal;
DROP VIEW manufacturing_critical_tables_view;
DROP FUNCTION sealed_leaf_of(text, text, timestamptz);
DROP VIEW manufacturing_audit_log;
DROP INDEX signature_act;
