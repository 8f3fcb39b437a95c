SET LOCAL ROLE {journal};
REVOKE EXECUTE ON FUNCTION journal_reason_says_something(text) FROM {app};
RESET ROLE;
