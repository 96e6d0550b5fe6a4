"""PostgreSQL itself keeps a published licence text as it is, its SHA-256 true, and acceptances unchanged."""

from django.db import migrations

FIX = """
ALTER TABLE licensing_licenceversion ADD CONSTRAINT published_text_matches_its_sha256
    CHECK (published_at IS NULL OR sha256 = encode(sha256(convert_to(text, 'UTF8')), 'hex'));
CREATE FUNCTION licensing_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Published licence versions and acceptances cannot change.'
        USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER published_version_is_fixed
    BEFORE UPDATE OR DELETE ON licensing_licenceversion
    FOR EACH ROW WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION licensing_is_fixed();
CREATE TRIGGER acceptance_is_fixed
    BEFORE UPDATE OR DELETE ON licensing_acceptance
    FOR EACH ROW EXECUTE FUNCTION licensing_is_fixed();
"""

LOOSEN = """
DROP TRIGGER acceptance_is_fixed ON licensing_acceptance;
DROP TRIGGER published_version_is_fixed ON licensing_licenceversion;
DROP FUNCTION licensing_is_fixed();
ALTER TABLE licensing_licenceversion DROP CONSTRAINT published_text_matches_its_sha256;
"""


class Migration(migrations.Migration):
    """Add the constraint and the triggers. TRUNCATE stays possible, since the test runner needs it."""

    dependencies = [("licensing", "0001_initial")]

    operations = [migrations.RunSQL(FIX, LOOSEN)]
