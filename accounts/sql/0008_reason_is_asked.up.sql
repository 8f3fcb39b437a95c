-- An act that only adds rows asks itself whether its reason says something; the triggers ask about changes.
SET LOCAL ROLE {journal};
GRANT EXECUTE ON FUNCTION journal_reason_says_something(text) TO {app};
RESET ROLE;
