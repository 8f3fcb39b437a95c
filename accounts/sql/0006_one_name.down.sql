DROP FUNCTION accounts_one_name(text);
