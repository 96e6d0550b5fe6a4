"""The staff's roles on a portal that was only migrated."""

import pytest
from django.contrib.auth.models import Group

from portal.accounts.roles import ROLES

pytestmark = pytest.mark.django_db


def test_a_migrated_database_has_every_role_with_its_permissions():
    found = {
        group.name: {
            f"{one.content_type.app_label}.{one.codename}"
            for one in group.permissions.select_related("content_type")
        }
        for group in Group.objects.all()
    }

    assert found == {name: set(permissions) for name, permissions in ROLES.items()}
