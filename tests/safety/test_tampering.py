"""Whatever is changed behind the portal's back, every door refuses and says why."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.common import statements
from portal.releases import actions, importing, scrubbing
from portal.releases.models import Blob, Evaluation, Release, ReleaseStatus, SafetyPolicy, SignOff
from portal.releases.safety import pausing
from tests import cast
from tests.hub.conftest import bearer_of
from tests.safety import cleared
from tests.safety.cleared import later


@pytest.fixture(autouse=True)
def _a_store(settings, tmp_path):
    settings.WEIGHTS_ROOT = tmp_path / "store"


@pytest.fixture
def opened(draft, olga, remy, tmp_path) -> Release:
    """An open release whose one file lies in the store, and Ada to whom every other gate is open."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_bytes(b'{"model_type": "tiny"}')
    work = actions.request_import(draft, source=str(folder), by=None, dispatch=False)
    importing.run(work.pk)
    revision = draft.current_revision()
    cleared.evaluate(revision)
    cleared.sign(revision, olga, remy)
    actions.clear(draft, by=None)
    actions.open_release(draft, by=None)
    return draft


@pytest.fixture
def eve(opened):
    return cast.developer("eve@example.org", opened)


def behind_its_back(sql, *values):
    """What somebody with the database's own password can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, values)
        assert cursor.rowcount == 1
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def edit_a_result(release):
    """The result that failed is made a good one, hash and all."""
    found = Evaluation.objects.get(revision__release=release)
    facts = json.loads(found.statement) | {"metrics": {"pass_rate": 1.0}}
    statement = statements.canonical(facts)
    behind_its_back(
        "UPDATE releases_evaluation SET statement = %s, digest = %s WHERE id = %s",
        statement,
        statements.digest(statement),
        found.pk,
    )


def edit_a_column(release):
    behind_its_back(
        "UPDATE releases_evaluation SET suite = 'other' WHERE revision_id = %s", release.current_revision().pk
    )


def drop_a_signature(release):
    behind_its_back("UPDATE releases_signoff SET signature = '' WHERE role = %s", cleared.OFFICER)


def drop_a_sign_off(release):
    behind_its_back("DELETE FROM releases_signoff WHERE role = %s", cleared.OFFICER)


def forge_a_signature(release):
    behind_its_back("UPDATE releases_signoff SET signature = 'Zm9yZ2Vk' WHERE role = %s", cleared.MANAGER)


def prolong_a_sign_off(release):
    found = SignOff.objects.get(role=cleared.OFFICER)
    facts = json.loads(found.statement) | {"expires_at": later(days=5000)}
    behind_its_back(
        "UPDATE releases_signoff SET statement = %s WHERE id = %s", statements.canonical(facts), found.pk
    )


def give_it_to_another(release):
    behind_its_back(
        "UPDATE releases_signoff SET signer_id = %s WHERE role = %s",
        cast.person("stranger@example.org").pk,
        cleared.OFFICER,
    )


def ease_the_policy(release):
    found = SafetyPolicy.objects.in_force().first()
    facts = json.loads(found.statement) | {"sign_offs": [], "evaluations": []}
    statement = statements.canonical(facts)
    behind_its_back(
        "UPDATE releases_safetypolicy SET statement = %s, digest = %s WHERE id = %s",
        statement,
        statements.digest(statement),
        found.pk,
    )


def list_another_file(release):
    behind_its_back(
        "UPDATE releases_weightfile SET sha256 = %s WHERE revision_id = %s",
        "d" * 64,
        release.current_revision().pk,
    )


TAMPERINGS = {
    edit_a_result: "An evaluation of it (refusal) is not what was recorded.",
    edit_a_column: "An evaluation of it (other) is not what was recorded.",
    drop_a_signature: "The sign-off by Safety officers is not what was signed.",
    drop_a_sign_off: "It is not signed off by Safety officers yet.",
    forge_a_signature: "The sign-off by Release managers is not what was signed.",
    prolong_a_sign_off: "The sign-off by Safety officers is not what was signed.",
    give_it_to_another: "The sign-off by Safety officers is not what was signed.",
    ease_the_policy: "The safety policy is not the one that was put in force.",
    list_another_file: "The list of its files is not what was frozen.",
}


def shut_doors(user, release, client, *, at=None):
    """The sentence with which every door refuses."""
    release = Release.objects.get(pk=release.pk)
    gates = [decide(user, release, action, at=at).next_gate for action in Action]
    assert {gate.code for gate in gates} == {"safety"}
    assert not any(releases_allowed(user, action, at=at).exists() for action in Action)
    (sentence,) = {gate.sentence for gate in gates}
    return sentence


def file_of(client, release, user):
    return client.get(f"/hub/{release.hub_id}/resolve/main/config.json", headers=bearer_of(user))


def test_what_is_evaluated_and_signed_is_open_at_every_door(opened, eve, client):
    assert all(decide(eve, opened, action).allowed for action in Action)
    assert [releases_allowed(eve, action).get() for action in Action] == [opened] * 3
    assert file_of(client, opened, eve).status_code == 200


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda one: one.__name__)
def test_every_door_refuses_what_was_tampered_with(tamper, opened, eve, client):
    tamper(opened)

    assert shut_doors(eve, opened, client).endswith(TAMPERINGS[tamper])
    answer = file_of(client, opened, eve)
    assert answer.status_code == 403
    assert TAMPERINGS[tamper] in answer["X-Error-Message"]


def test_every_door_refuses_once_a_sign_off_has_expired(opened, eve, client):
    sentence = shut_doors(eve, opened, client, at=later(days=91))

    assert "The sign-off by Safety officers expired on" in sentence


def test_one_changed_byte_shuts_the_file_at_once_and_every_door_after_it_was_read(opened, eve, client):
    file = opened.current_revision().files.get()
    stored = Path(file.stored_at)
    Blob.objects.update(created_at=later(days=-1))
    stored.chmod(0o644)
    with stored.open("r+b") as opened_file:
        opened_file.seek(3)
        opened_file.write(b"X")

    answer = file_of(client, opened, eve)
    assert answer.status_code == 503
    assert "its stored bytes are not what was registered" in answer["X-Error-Message"]

    scrubbing.check(Blob.objects.get())

    sentence = shut_doors(eve, opened, client)
    assert sentence.endswith("The stored bytes of a file are not those that were frozen.")


def test_a_file_that_was_only_touched_is_given_out_again_once_it_was_read(opened, eve, client):
    stored = opened.current_revision().files.get().stored_at
    Blob.objects.update(created_at=later(days=-1))
    stored.chmod(0o644)
    stored.touch()
    assert file_of(client, opened, eve).status_code == 503

    scrubbing.check(Blob.objects.get())

    assert file_of(client, opened, eve).status_code == 200


def test_bytes_that_nobody_signed_for_are_refused_to_staff_as_well(opened, client, tmp_path):
    boss = cast.developer("boss@example.org", opened)
    boss.is_superuser = boss.is_staff = True
    boss.save()
    (tmp_path / "model" / "config.json").write_bytes(b'{"model_type": "other"}')
    work = actions.request_import(opened, source=str(tmp_path / "model"), by=None, dispatch=False)
    importing.run(work.pk)
    new = opened.revisions.order_by("-frozen_at").first()

    by_commit = client.get(f"/hub/{opened.hub_id}/resolve/{new.commit}/config.json", headers=bearer_of(boss))

    assert by_commit.status_code == 403
    assert f"Falcon ({new.commit[:12]}) is closed" in by_commit["X-Error-Message"]
    by_name = file_of(client, opened, boss)
    assert by_name.status_code == 200
    assert by_name.content == b'{"model_type": "tiny"}'


@pytest.mark.parametrize("status", [ReleaseStatus.OPEN, ReleaseStatus.CLEARED])
def test_the_database_itself_opens_nothing_that_the_policy_forbids(draft, revision, status):
    with pytest.raises(Exception, match="The safety policy is not met: evaluation_missing"):
        Release.objects.filter(pk=draft.pk).update(status=status)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE releases_evaluation SET statement = ''",
        "UPDATE releases_evaluation SET recorded_at = now()",
        "DELETE FROM releases_evaluation",
        "UPDATE releases_signoff SET expires_at = now() + interval '9 years'",
        "DELETE FROM releases_signoff",
        "UPDATE releases_safetypolicy SET number = 9 WHERE number = 2",
        "DELETE FROM releases_safetypolicy",
    ],
)
def test_the_database_keeps_what_was_signed_as_it_is(signed, sql):
    with pytest.raises(Exception, match="What was signed is fixed"), connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_paused_release_is_shut_at_every_door_with_its_reason_and_opens_again(opened, eve, client):
    pausing.pause(opened, reason="A report is being looked into.", by=None)

    gates = [decide(eve, opened, action).next_gate for action in Action]
    assert {gate.sentence for gate in gates} == {"Falcon is paused: A report is being looked into."}
    assert not any(releases_allowed(eve, action).exists() for action in Action)
    assert file_of(client, opened, eve).status_code == 403

    pausing.resume(opened, by=None)
    assert all(decide(eve, opened, action).allowed for action in Action)
    assert timezone.now() > opened.opened_at
