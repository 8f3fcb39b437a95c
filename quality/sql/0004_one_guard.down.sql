CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER quality_check_append_only BEFORE UPDATE OR DELETE ON quality_checks
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE quality_checks ENABLE ALWAYS TRIGGER quality_check_append_only;
CREATE TRIGGER quality_measurement_append_only BEFORE UPDATE OR DELETE ON quality_measurement
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE quality_measurement ENABLE ALWAYS TRIGGER quality_measurement_append_only;
