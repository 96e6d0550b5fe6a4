"""What `seed_demo` makes, each thing once, by the same verbs that people use."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.utils import timezone

from playground.evaluations.shipped import add_shipped
from portal.accounts.models import User
from portal.admissions import actions as admissions
from portal.admissions.models import Application, Programme
from portal.admissions.programmes import starter
from portal.admissions.programmes.actions import change_programme, save_criterion
from portal.admissions.reviewing.replies import save_template
from portal.console.demo import documentation, model_server, people, safety
from portal.events import actions as events
from portal.events.models import Event
from portal.licensing import actions as licensing
from portal.licensing.models import Licence, Permission
from portal.releases import actions as releases
from portal.releases.cards import actions as cards
from portal.releases.models import Documentation, ModelCard, Release, Stage

TEXTS = Path(__file__).parent
WELCOME = """\
Hello {name},

welcome to {programme}. Accept the licence next; your dashboard leads you there. If something does not
work as you expect, write to us on the page of {reference}.
"""
ANSWERS = {
    "use_case": "Summarising the minutes of public meetings on a laptop, without sending them anywhere.",
    "organisation": "Example Institute",
    "country": "DE",
    "intended_use": "Research",
    "use_policy": True,
}


def seed() -> None:
    """Make what is missing; leave alone what is there, changed by hand or not."""
    admin, reviewer = people.administrator(), people.reviewer()
    add_shipped(by=admin)
    people.person("applicant@example.com", name="Ari Applicant")
    developer = people.person("developer@example.com", name="Dana Developer")
    safety.begin(by=admin)
    release = _release(_licence(admin), by=admin)
    _card(release, by=admin)
    safety.bind(release, by=admin)
    programme = _programme(release, by=admin)
    _approve(developer, programme, by=reviewer)
    _accept(release.licence, by=developer)
    if served_by := model_server.account():
        _accept(release.licence, by=served_by)
    _events(release, by=admin)


def _licence(by: User) -> Licence:
    licence = Licence.objects.filter(slug="open-weights-licence").first()
    if licence is None:
        licence = licensing.create_licence(slug="open-weights-licence", name="Open Weights Licence", by=by)
    if licence.current_version() is None:
        draft = licensing.draft_version(
            licence,
            number="1.0",
            text=(TEXTS / "licence.md").read_text(),
            commercial_use=Permission.ALLOWED,
            commercial_use_note="For any purpose, without a fee.",
            redistribution=Permission.CONDITIONS,
            redistribution_note="With a copy of the licence and a note of what you changed.",
            modification=Permission.ALLOWED,
            modification_note="Fine-tune, quantise, distil and merge as you like.",
            attribution=Permission.REQUIRED,
            attribution_note="Name the release and the organisation where a reader will find it.",
            monthly_users_max=700_000_000,
            derivative_prefix="OpenWeights-",
            use_limits=[
                "Weapons, or planning an attack on people or on what they depend on.",
                "Watching or identifying people without a lawful reason.",
                "Deceiving people about whether they talk to a machine.",
            ],
            spdx="LicenseRef-OpenWeights-1.0",
        )
        licensing.publish_version(draft, by=by)
    return licence


def _release(licence: Licence, *, by: User) -> Release:
    if release := Release.objects.filter(slug=model_server.RELEASE).first():
        return release
    release = releases.create_release(
        slug=model_server.RELEASE,
        name="SmolLM2 135M Instruct",
        hub_id="open-weights/smollm2-135m-instruct",
        summary="A compact instruction-tuned model that runs on a laptop's processor.",
        stage=Stage.EARLY_ACCESS,
        licence=licence,
        parameter_count=134_515_008,
        context_length=2048,
        served_model_name="smollm2-135m-instruct",
        is_event_prototype=True,
        by=by,
    )
    releases.send_to_evaluation(release, by=by)
    releases.clear(release, by=by)
    releases.open_release(release, by=by)
    return release


def _card(release: Release, *, by: User) -> None:
    if not ModelCard.objects.filter(release=release).exists():
        cards.save_card(release, text=(TEXTS / "card.md").read_text(), by=by)
    if not Documentation.objects.filter(release=release).exists():
        cards.save_documentation(release, answers=documentation.ANSWERS, by=by)


def _programme(release: Release, *, by: User) -> Programme:
    is_new = not Programme.objects.filter(slug=starter.SLUG).exists()
    programme = starter.early_access(by=by)
    programme.releases.add(release)
    if is_new:
        _show_reviewing(programme, by=by)
    return programme


def _show_reviewing(programme: Programme, *, by: User) -> None:
    """A promise, teams, a rubric and a reply template, so that a reviewer sees what they are."""
    terms = {"decision_days": 7, "takes_teams": True}
    change_programme(programme, terms, releases=programme.releases.all(), by=by)
    for label, help_text, weight in (
        ("What they will do", "1: cannot be told. 5: worth it for everybody.", 2),
        ("Whether they can", "1: nothing speaks for it. 5: they have done so before.", 1),
    ):
        fields = {"label": label, "help_text": help_text, "weight": weight}
        save_criterion(programme, None, fields, by=by)
    save_template(None, name="Welcome", text=WELCOME, by=by)


def _approve(developer: User, programme: Programme, *, by: User) -> None:
    if Application.objects.filter(applicant=developer).exists():
        return
    application = admissions.start(programme, by=developer)
    admissions.submit(application, answers=ANSWERS, by=developer)
    admissions.approve(application, by=by, message="Welcome! We look forward to what you build.")


def _accept(licence: Licence, *, by: User) -> None:
    version = licence.current_version()
    if version is not None and not version.acceptances.filter(user=by).exists():
        licensing.accept(licence, by=by, sha256=version.sha256)


def _events(release: Release, *, by: User) -> None:
    """Two events that lie ahead; next ones are made when these have passed."""
    if Event.objects.upcoming().count() > 1:
        return
    today = timezone.now().date()
    for weeks, slug, title, place, zone in (
        (
            2,
            "prototype-evening",
            "Prototype evening",
            "Example Institute, Torstraße 1, Berlin",
            "Europe/Berlin",
        ),
        (5, "builders-day", "Builders day", "Online", "UTC"),
    ):
        day = today + timedelta(weeks=weeks)
        starts_at = datetime(day.year, day.month, day.day, 18, 0, tzinfo=ZoneInfo(zone))
        made = events.create_event(
            slug=f"{slug}-{day:%Y-%m-%d}",
            title=title,
            summary="Prototypes on show, with the people who trained them.",
            description="Bring a laptop and a question. Those registered can use the prototypes meanwhile.",
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=3),
            time_zone=zone,
            place=place,
            capacity=40,
            prototypes=[release],
            by=by,
        )
        events.publish(made, by=by)
