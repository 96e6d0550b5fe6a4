"""What staff change in /admin/ is in the ledger too."""

from allauth.account.models import EmailAddress

from portal.accounts.models import User
from portal.ledger.models import Entry
from tests import cast
from tests.conftest import signed_in


def administrator():
    return User.objects.create_superuser("root@example.org", cast.PASSWORD)


def test_administrator_who_opens_a_programme_for_a_release_is_in_the_ledger(release):
    programme = cast.programme()
    admin = administrator()
    form = {
        "name": "Early access",
        "seats_max": "10",
        "slug": "early-access",
        "summary": "",
        "description": "",
        "use_policy": "",
        "pause_days": "0",
        "account_age_days_min": "0",
    }
    inline = {"questions-TOTAL_FORMS": 0, "questions-INITIAL_FORMS": 0}

    answer = signed_in(admin).post(
        f"/admin/admissions/programme/{programme.pk}/change/", form | inline | {"releases": [release.pk]}
    )

    entry = Entry.objects.get()
    assert answer.status_code == 302
    assert list(programme.releases.all()) == [release]
    assert (entry.verb, entry.actor_id, entry.subject_label) == (
        "programme.changed",
        admin.pk,
        "Early access",
    )
    assert entry.data == {"changes": [{"changed": {"fields": ["Releases"]}}]}


def test_administrator_who_makes_somebody_staff_is_in_the_ledger(mallory):
    admin = administrator()
    form = {"email": mallory.email, "full_name": "Mallory", "is_active": "on", "is_staff": "on"}

    answer = signed_in(admin).post(f"/admin/accounts/user/{mallory.pk}/change/", form)

    entry = Entry.objects.get()
    assert answer.status_code == 302
    assert User.objects.get(pk=mallory.pk).is_staff
    assert (entry.verb, entry.subject_label) == ("account.changed", "mallory@example.org")
    assert entry.data == {"changes": [{"changed": {"fields": ["Staff"]}}]}


def test_administrator_deletes_nobody(mallory):
    client = signed_in(administrator())

    assert client.post(f"/admin/accounts/user/{mallory.pk}/delete/", {"post": "yes"}).status_code == 403
    assert EmailAddress.objects.filter(user=mallory).exists()


def test_reviewer_may_not_enter_the_administration(as_rosa):
    assert as_rosa.get("/admin/accounts/user/").status_code == 403
