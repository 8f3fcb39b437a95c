DROP TRIGGER quality_check_append_only ON quality_checks;
DROP TRIGGER quality_measurement_append_only ON quality_measurement;
-- The last user of the older guard.
DROP FUNCTION audit_refuse_change();
