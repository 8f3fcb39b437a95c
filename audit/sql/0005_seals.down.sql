SET LOCAL ROLE {journal};
DROP AGGREGATE journal_merge(jsonb);
DROP FUNCTION journal_leaf_hash(journal_entry);
DROP FUNCTION journal_time(timestamptz);
DROP FUNCTION journal_field(text);
DROP TABLE journal_checkpoint, journal_node, journal_leaf, journal_epoch;
RESET ROLE;
