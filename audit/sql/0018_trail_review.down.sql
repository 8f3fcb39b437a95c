DROP TRIGGER review_is_signed ON audit_trailreview;
DROP FUNCTION audit_review_is_signed();
ALTER TABLE audit_trailreview DROP CONSTRAINT review_follows_its_own;
