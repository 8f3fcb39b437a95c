-- Whoever did anything stays: the journal names them by this key. (Signatures and other evidence hold theirs already.)
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
CREATE FUNCTION accounts_actor_stays() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM journal_entry WHERE actor_id = OLD.id) THEN
        RAISE EXCEPTION 'account % has acted: DELETE refused, deactivate it', OLD.username
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER actor_stays BEFORE DELETE ON accounts_user FOR EACH ROW EXECUTE FUNCTION accounts_actor_stays();
ALTER TABLE accounts_user ENABLE ALWAYS TRIGGER actor_stays;
