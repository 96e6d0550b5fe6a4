"""PostgreSQL itself refuses to change or remove a ledger entry."""

from django.db import migrations

FORBID = """
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is append-only.' USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER ledger_is_append_only
    BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
"""

ALLOW = """
DROP TRIGGER ledger_is_append_only ON ledger_entry;
DROP FUNCTION ledger_is_append_only();
"""


class Migration(migrations.Migration):
    """Add the trigger. TRUNCATE stays possible, since the test runner needs it; `verify_ledger` finds it."""

    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
