CREATE TRIGGER production_quantityreport_append_only BEFORE UPDATE OR DELETE ON production_quantityreport
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE production_quantityreport ENABLE ALWAYS TRIGGER production_quantityreport_append_only;
CREATE TRIGGER production_operationrun_append_only BEFORE UPDATE OR DELETE ON production_operationrun
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE production_operationrun ENABLE ALWAYS TRIGGER production_operationrun_append_only;
