-- Changes of the structure of the database are entries as well (deploy/schema_guard.sql).
SET LOCAL ROLE {journal};
ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_op_check;
ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_op_check CHECK (op IN ('I', 'U', 'D', 'S'));
RESET ROLE;

CREATE OR REPLACE VIEW manufacturing_audit_log AS
SELECT e.id,
    e.table_name,
    e.pk AS record_id,
    CASE e.op WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE'
        ELSE 'SCHEMA' END AS operation_type,
    e.actor_id AS user_id,
    e.actor_name AS user_name,
    e.tx_at AS timestamp,
    e.old AS old_values,
    e.new AS new_values,
    coalesce(nullif(e.reason, ''), e.reason_code) AS change_reason,
    (SELECT jsonb_agg(jsonb_build_object('id', s.id, 'signer', s.signer_name, 'title', s.signer_title,
            'meaning', s.meaning, 'signed_at', s.signed_at, 'digest', s.digest) ORDER BY s.signed_at)
        FROM audit_signature s WHERE s.act_id = e.request_id AND s.record_pk = e.pk) AS electronic_signature,
    e.compliance_flags,
    encode(journal_leaf_hash(e), 'hex') AS data_integrity_hash,
    round(extract(epoch FROM e.at - e.tx_at) * 1000, 3) AS processing_time_ms,
    coalesce(octet_length(e.old::text), 0) + coalesce(octet_length(e.new::text), 0) AS payload_size_bytes
FROM journal_entry e;
