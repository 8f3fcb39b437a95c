DROP TRIGGER actor_stays ON accounts_user;
DROP FUNCTION accounts_actor_stays();
