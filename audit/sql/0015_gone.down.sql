SET LOCAL ROLE {journal};
DROP INDEX journal_entry_gone;
RESET ROLE;
