-- Seals of the journal: one Merkle tree an epoch over all entries (audit/merkle.py), and signed checkpoints of it.
-- The role {sealer} adds, nobody changes.
SET LOCAL ROLE {journal};
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- An epoch is a cluster's life: after a restore into another one the counters mean something else.
CREATE TABLE journal_epoch (
    epoch integer PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    system_identifier text NOT NULL,
    origin text NOT NULL,
    public_key text NOT NULL,
    first_xid xid8 NOT NULL,  -- entries of older transactions that no epoch had sealed are its first leaves
    entries_before bigint NOT NULL,  -- highest entry id when it began; what has a higher one is its own
    follows text NOT NULL,  -- the last checkpoint of the epoch before; '' for the first
    reason text NOT NULL
);
CREATE TABLE journal_leaf (
    epoch integer NOT NULL REFERENCES journal_epoch,
    idx bigint NOT NULL,
    entry_id bigint NOT NULL,
    tx_at timestamptz NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (epoch, idx)
);
CREATE INDEX journal_leaf_entry ON journal_leaf (entry_id);
-- Roots of full subtrees of 256, 65,536 … leaves (level 1, 2 …): what a proof reads instead of the leaves.
CREATE TABLE journal_node (
    epoch integer NOT NULL REFERENCES journal_epoch,
    level smallint NOT NULL CHECK (level > 0),
    idx bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (epoch, level, idx)
);
CREATE TABLE journal_checkpoint (
    epoch integer NOT NULL REFERENCES journal_epoch,
    size bigint NOT NULL,
    root bytea NOT NULL,
    horizon xid8 NOT NULL,  -- every entry of a transaction before it is sealed
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    note text NOT NULL,
    PRIMARY KEY (epoch, size)
);

-- The bytes of a leaf: canonical form v1 of audit/canonical_entry.py.
CREATE FUNCTION journal_field(value text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8'), '\xffffffff'::bytea);
CREATE FUNCTION journal_time(value timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
CREATE FUNCTION journal_leaf_hash(entry journal_entry) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256('\x00'::bytea || convert_to(E'genba-journal-entry-v1\n', 'UTF8')
        || journal_field((entry).id::text) || journal_field((entry).xid::text) || journal_field((entry).op)
        || journal_field((entry).schema_name) || journal_field((entry).table_name) || journal_field((entry).pk)
        || journal_field((entry).old::text) || journal_field((entry).new::text)
        || journal_field(array_to_string((entry).changed, ',')) || journal_field((entry).actor_id::text)
        || journal_field((entry).actor_type) || journal_field((entry).actor_name) || journal_field((entry).on_behalf_of)
        || journal_field((entry).reason_code) || journal_field((entry).reason)
        || journal_field((entry).request_id::text) || journal_field((entry).station)
        || journal_field((entry).source) || journal_field((entry).app_version) || journal_field((entry).db_user)
        || journal_field((entry).compliance_flags::text)
        || journal_field(journal_time((entry).at)) || journal_field(journal_time((entry).tx_at)));

-- A row's state from its entries, in order.
CREATE AGGREGATE journal_merge(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}');

DO $$
DECLARE
    sealed text;
BEGIN
    FOREACH sealed IN ARRAY ARRAY['journal_epoch', 'journal_leaf', 'journal_node', 'journal_checkpoint'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION journal_refuse()', sealed);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()', sealed);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', sealed);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only_truncate', sealed);
        EXECUTE format('GRANT SELECT ON %I TO {app}, {auditor}, {owner}', sealed);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO {sealer}', sealed);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION journal_field(text), journal_time(timestamptz), journal_leaf_hash(journal_entry),
    journal_merge(jsonb) TO {app}, {sealer}, {auditor}, {owner};
RESET ROLE;
