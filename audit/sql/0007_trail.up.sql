-- What people and inspectors read of the journal, under the names the source documents use (DBO-101, DBO-87).
-- The application and the auditor read; the tables underneath stay as guarded as they are.

-- Which signatures were given in an act: asked for each row of the view below, when that column is read.
CREATE INDEX signature_act ON audit_signature (act_id);

-- `id` and `record_id` are the journal's own keys (bigint, text), as not every regulated table is keyed by UUID.
-- `data_integrity_hash` is the leaf the entry has, or will have, in the sealed tree; computed from the row as it is.
CREATE VIEW manufacturing_audit_log AS
SELECT e.id,
    e.table_name,
    e.pk AS record_id,
    CASE e.op WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' ELSE 'DELETE' END AS operation_type,
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

-- The leaf that seals the last word of the journal on a row; NULL while that is not sealed yet, or was never journalled.
-- `not_before` spares the months that cannot hold it: an entry is of the transaction that wrote the row.
CREATE FUNCTION sealed_leaf_of(journalled text, key text, not_before timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT encode(l.hash, 'hex')
        FROM (SELECT e.id FROM journal_entry e
              WHERE e.table_name = journalled AND e.pk = key AND e.tx_at >= not_before - interval '1 day'
              ORDER BY e.id DESC LIMIT 1) AS newest
        LEFT JOIN journal_leaf l ON l.entry_id = newest.id
        ORDER BY l.epoch LIMIT 1);

-- Orders carry a digest of their own; batches and checks are protected by the sealed journal. A table of change
-- controls does not exist yet and joins here with its model.
CREATE VIEW manufacturing_critical_tables_view AS
SELECT 'work_orders' AS table_name, o.id AS record_id, o.data_integrity_hash::text, o.electronic_signature,
    o.created_at, o.updated_at
FROM work_orders o
UNION ALL
SELECT 'batch_records', b.id, sealed_leaf_of('batches', b.id::text, b.updated_at), NULL::jsonb,
    b.created_at, b.updated_at
FROM batches b
UNION ALL
SELECT 'quality_checks', q.id, sealed_leaf_of('quality_checks', q.id::text, q.created_at), NULL::jsonb,
    q.created_at, q.created_at
FROM quality_checks q;

-- The admin needs one key for a row; (epoch, size) is two.
CREATE VIEW journal_seal AS
SELECT epoch || '-' || size AS id, epoch, size, encode(root, 'hex') AS root, at, note FROM journal_checkpoint;

GRANT SELECT ON manufacturing_audit_log, manufacturing_critical_tables_view, journal_seal TO {app}, {auditor};
GRANT EXECUTE ON FUNCTION sealed_leaf_of(text, text, timestamptz) TO {app}, {auditor};
