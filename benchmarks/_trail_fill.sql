-- A journal of %(entries)s entries over the last year, oldest first: 20 a record, five an act, forty people and a
-- program, one entry in a hundred with a reason in words and one in a million with a rare one. Then its seals, as
-- large as real ones and just as many; what is hashed is made up. Indexes are built at the end.
TRUNCATE journal_checkpoint, journal_node, journal_leaf, journal_epoch, journal_entry;
SET maintenance_work_mem = '1GB';
DROP INDEX idx_audit_log_table_record, idx_audit_log_user_timestamp, idx_audit_log_compliance, journal_entry_sealing,
    journal_entry_request, journal_leaf_entry;
SELECT journal_make_partition((date_trunc('month', now()) - make_interval(months => n))::date)
FROM generate_series(1, 12) n;

INSERT INTO journal_entry (id, xid, at, tx_at, op, schema_name, table_name, pk, old, new, changed, actor_id, actor_type,
    actor_name, reason_code, reason, request_id, station, source, app_version, compliance_flags) OVERRIDING SYSTEM VALUE
SELECT n, (100 + n * 400 / %(entries)s)::text::xid8, moment, moment,
    CASE WHEN n %% 20 = 1 THEN 'I' WHEN n %% 200000 = 0 THEN 'D' ELSE 'U' END, 'public',
    (ARRAY['work_orders', 'production_joborder', 'production_quantityreport', 'equipment_linestateinterval',
        'quality_checks'])[1 + record %% 5],
    md5('record' || record)::uuid::text,
    CASE WHEN n %% 20 <> 1 THEN jsonb_build_object('version', n %% 20, 'good', n %% 977) END,
    jsonb_build_object('version', n %% 20 + 1, 'good', n %% 977 + 1, 'updated_by_id', md5('person' || n %% 41)::uuid),
    CASE WHEN n %% 50000 = 7 THEN ARRAY['priority'] WHEN n %% 20 <> 1 THEN ARRAY['good', 'version'] ELSE '{}' END,
    md5('person' || n %% 41)::uuid, CASE WHEN n %% 41 = 0 THEN 'system' ELSE 'user' END, 'Person ' || n %% 41,
    CASE WHEN n %% 100 = 0 THEN 'update_record' ELSE 'report_quantity' END,
    CASE WHEN n %% 1000000 = 5 THEN 'Spindelschaden an der Ersatzmaschine'
        WHEN n %% 100 = 0 THEN 'Menge korrigiert' ELSE '' END,
    md5('act' || n / 5)::uuid, 'Saw ' || n %% 9, 'web', '0.1.0', '["21 CFR Part 11", "ISO 9001"]'
FROM (SELECT n, n / 20 AS record, now() - interval '360 days' + interval '359 days' * (n::float8 / %(entries)s) AS moment
    FROM generate_series(1, %(entries)s::bigint) AS n) AS made;
SELECT setval(pg_get_serial_sequence('journal_entry', 'id'), %(entries)s);

INSERT INTO journal_epoch SELECT 1, now() - interval '360 days', system_identifier, 'bench/journal', 'none', '0', 0, '',
    'A benchmark.' FROM pg_control_system();
INSERT INTO journal_leaf SELECT 1, id - 1, id, tx_at, sha256(id::text::bytea) FROM journal_entry
WHERE op <> 'S' ORDER BY id;  -- what this script does to the indexes is in the journal as well, from the same number on
INSERT INTO journal_node SELECT 1, level, n, sha256((level || '/' || n)::bytea)
FROM generate_series(1, 3) level, generate_series(0, %(entries)s / (256 ^ level)::bigint - 1) n;
INSERT INTO journal_checkpoint SELECT 1, size, sha256(size::text::bytea), pg_snapshot_xmax(pg_current_snapshot()),
    now() - interval '360 days' + interval '359 days' * (size::float8 / %(entries)s), repeat('a signed note ', 22)
FROM generate_series(5, %(entries)s, 5) size;

CREATE INDEX idx_audit_log_table_record ON journal_entry (table_name, pk, tx_at DESC);
CREATE INDEX idx_audit_log_user_timestamp ON journal_entry (actor_id, tx_at DESC);
CREATE INDEX idx_audit_log_compliance ON journal_entry USING gin (compliance_flags);
CREATE INDEX journal_entry_sealing ON journal_entry (xid, id);
CREATE INDEX journal_entry_request ON journal_entry (request_id);
CREATE INDEX journal_leaf_entry ON journal_leaf (entry_id);
