-- An export of a record lists its parts that were deleted: found by their last entry, of which there are few.
SET LOCAL ROLE {journal};
CREATE INDEX journal_entry_gone ON journal_entry (table_name, id) WHERE op = 'D';
RESET ROLE;
