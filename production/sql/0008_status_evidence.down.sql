DROP TRIGGER status_evidence ON production_joborder;
DROP TRIGGER status_evidence_begun ON work_orders;
DROP TRIGGER status_evidence ON work_orders;
DROP FUNCTION production_status_evidence();
