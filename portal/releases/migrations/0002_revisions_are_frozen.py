"""PostgreSQL itself keeps a revision's files as they are: what lies under a commit id never changes."""

from django.db import migrations

FREEZE = """
CREATE FUNCTION revision_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A revision is frozen: its files cannot change.' USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER weight_file_is_frozen
    BEFORE UPDATE OR DELETE ON releases_weightfile
    FOR EACH ROW EXECUTE FUNCTION revision_is_frozen();
CREATE TRIGGER revision_is_frozen
    BEFORE UPDATE OF release_id, name, commit, total_bytes, frozen_at OR DELETE ON releases_revision
    FOR EACH ROW EXECUTE FUNCTION revision_is_frozen();
"""

THAW = """
DROP TRIGGER revision_is_frozen ON releases_revision;
DROP TRIGGER weight_file_is_frozen ON releases_weightfile;
DROP FUNCTION revision_is_frozen();
"""


class Migration(migrations.Migration):
    """Add the triggers. TRUNCATE stays possible, since the test runner needs it."""

    dependencies = [("releases", "0001_initial")]

    operations = [migrations.RunSQL(FREEZE, THAW)]
