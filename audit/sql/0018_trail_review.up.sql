-- A review follows one that ended where it begins, of the same scope: decided here, whoever reviews at once.
ALTER TABLE audit_trailreview ADD CONSTRAINT review_follows_its_own
    FOREIGN KEY (follows_id, scope, follows_until) REFERENCES audit_trailreview (id, scope, until);

-- No review without the signature of its reviewer. Looked at when the transaction ends: the review is written first.
CREATE FUNCTION audit_review_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM audit_signature s WHERE s.record_label = 'audit.trailreview'
            AND s.record_pk = NEW.id::text AND s.signer_id = NEW.reviewer_id) THEN
        RAISE EXCEPTION 'review % is not signed by its reviewer', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER review_is_signed AFTER INSERT ON audit_trailreview DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION audit_review_is_signed();
ALTER TABLE audit_trailreview ENABLE ALWAYS TRIGGER review_is_signed;
