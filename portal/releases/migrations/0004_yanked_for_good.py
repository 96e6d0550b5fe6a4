"""A yanked revision has a reason and stays yanked: PostgreSQL itself keeps both as they are."""

from django.db import migrations, models

KEEP = """
CREATE FUNCTION revision_stays_yanked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A yanked revision stays yanked, with its reason.'
        USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER revision_stays_yanked
    BEFORE UPDATE OF yanked_at, yank_reason ON releases_revision
    FOR EACH ROW
    WHEN (
        OLD.yanked_at IS NOT NULL
        AND (NEW.yanked_at, NEW.yank_reason) IS DISTINCT FROM (OLD.yanked_at, OLD.yank_reason)
    )
    EXECUTE FUNCTION revision_stays_yanked();
"""

FORGET = """
DROP TRIGGER revision_stays_yanked ON releases_revision;
DROP FUNCTION revision_stays_yanked();
"""


class Migration(migrations.Migration):
    """Add the constraint and the trigger."""

    dependencies = [("releases", "0003_sources_and_integrity")]

    operations = [
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.CheckConstraint(
                condition=models.Q(("yank_reason", ""), ("yanked_at", None))
                | models.Q(("yanked_at__isnull", False), models.Q(("yank_reason", ""), _negated=True)),
                name="a_reason_for_every_yank",
            ),
        ),
        migrations.RunSQL(KEEP, FORGET),
    ]
