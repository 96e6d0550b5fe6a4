"""Signals on applications, rules by which the portal decides, and decisions from a file."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.admissions import addresses


BATCH = 500


def keep(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Whose mailbox and organisation the applications are that were handed in before."""
    application_model = apps.get_model("admissions", "Application")
    received = application_model.objects.filter(submitted_at__isnull=False).select_related("applicant")
    names = ["normalised_email", "organisation_domain"]
    last = 0
    while batch := list(received.filter(pk__gt=last).order_by("pk")[:BATCH]):
        for one in batch:
            one.normalised_email = addresses.normalised(one.applicant.email)
            one.organisation_domain = addresses.organisation_domain(one.applicant.email)
        application_model.objects.bulk_update(batch, names)
        last = batch[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("admissions", "0009_teams"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=120)),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("approve", "Approve"),
                            ("waitlist", "Put on the waiting list"),
                            ("flag", "Flag for the reviewers"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "conditions",
                    models.JSONField(default=list, help_text="As portal.admissions.matching reads them."),
                ),
            ],
            options={
                "verbose_name": "rule",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.AddField(
            model_name="application",
            name="flag",
            field=models.CharField(
                blank=True, editable=False, help_text="The rule that flagged it.", max_length=120
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="normalised_email",
            field=models.CharField(blank=True, editable=False, max_length=254),
        ),
        migrations.AddField(
            model_name="application",
            name="organisation_domain",
            field=models.CharField(blank=True, editable=False, max_length=254),
        ),
        migrations.AddField(
            model_name="application",
            name="signals",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40),
                blank=True,
                default=list,
                editable=False,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="bulkitem",
            name="message",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="bulkitem",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("incomplete", "The answers are not complete"),
                    ("use_not_covered", "The programme is not for this use"),
                    ("use_not_allowed", "The use policy does not allow this use"),
                    ("not_verified", "The person or organisation could not be verified"),
                    ("country", "The models are not offered in this country"),
                    ("no_room", "The programme has no room left"),
                    ("duplicate", "The same person has applied elsewhere"),
                    ("other", "Another reason, told in the message"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="bulkitem",
            name="verb",
            field=models.CharField(
                blank=True,
                choices=[
                    ("approve", "Approve"),
                    ("waitlist", "Put on the waiting list"),
                    ("decline", "Decline"),
                    ("as_listed", "As the file says"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="note",
            name="rule",
            field=models.CharField(
                blank=True, help_text="By which the portal itself took the step.", max_length=120
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="hub_texts",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="question",
            name="hub_field",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AlterField(
            model_name="bulkdecision",
            name="verb",
            field=models.CharField(
                choices=[
                    ("approve", "Approve"),
                    ("waitlist", "Put on the waiting list"),
                    ("decline", "Decline"),
                    ("as_listed", "As the file says"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="DecisionImport",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("file_name", models.CharField(max_length=200)),
                ("sha256", models.CharField(max_length=64)),
                (
                    "rows",
                    models.JSONField(
                        default=list, help_text="Line, reference, decision, is_possible and told."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "bulk",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="read_from",
                        to="admissions.bulkdecision",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "file of decisions",
                "verbose_name_plural": "files of decisions",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="RuleRun",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("looking", "Dry run"),
                            ("looked", "Dry run done"),
                            ("deciding", "Deciding"),
                            ("done", "Done"),
                            ("stopped", "Stopped"),
                        ],
                        default="looking",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("rules_sha256", models.CharField(max_length=64)),
                ("total", models.PositiveIntegerField(default=0, help_text="How many waited as it began.")),
                ("looked", models.PositiveIntegerField(default=0, help_text="At how many it has looked.")),
                ("left_to_people", models.PositiveIntegerField(default=0)),
                ("last", models.PositiveBigIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("heartbeat_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("looked_at", models.DateTimeField(help_text="When the dry run was done.", null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "run of rules",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="RuleItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seen", models.PositiveBigIntegerField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("decided", "Decided"),
                            ("refused", "Left as it was"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                (
                    "sentence",
                    models.CharField(blank=True, help_text="Why it was left as it was.", max_length=500),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="admissions.application",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="admissions.rule"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="admissions.rulerun",
                    ),
                ),
            ],
            options={
                "verbose_name": "item of a run of rules",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="RuleSet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "Switched on"), ("retired", "Retired")],
                        default="draft",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("activated_at", models.DateTimeField(editable=False, null=True)),
                ("retired_at", models.DateTimeField(editable=False, null=True)),
                (
                    "programme",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rule_sets",
                        to="admissions.programme",
                    ),
                ),
            ],
            options={
                "verbose_name": "set of rules",
                "verbose_name_plural": "sets of rules",
                "ordering": ["programme", "-created_at"],
                "permissions": [("activate_ruleset", "Can switch rules on and off")],
            },
        ),
        migrations.AddField(
            model_name="rulerun",
            name="rule_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="runs", to="admissions.ruleset"
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="rule_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="rules", to="admissions.ruleset"
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="rules_seen",
            field=models.ForeignKey(
                editable=False,
                help_text="The rules that have looked at it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="admissions.ruleset",
            ),
        ),
        migrations.AddIndex(
            model_name="application",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["signals"], name="signals_of_applications"
            ),
        ),
        migrations.AddIndex(
            model_name="application",
            index=models.Index(fields=["normalised_email"], name="applications_by_mailbox"),
        ),
        migrations.AddIndex(
            model_name="application",
            index=models.Index(fields=["organisation_domain"], name="applications_by_domain"),
        ),
        migrations.AddIndex(
            model_name="application",
            index=models.Index(
                condition=models.Q(("flag", ""), _negated=True),
                fields=["submitted_at", "id"],
                name="applications_flagged",
            ),
        ),
        migrations.AddIndex(
            model_name="ruleitem",
            index=models.Index(fields=["run", "outcome", "id"], name="rule_items_by_outcome"),
        ),
        migrations.AddConstraint(
            model_name="ruleitem",
            constraint=models.UniqueConstraint(
                fields=("run", "application"), name="one_rule_item_an_application"
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleset",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "active")),
                fields=("programme",),
                name="one_active_rule_set_a_programme",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(fields=("rule_set", "name"), name="one_rule_a_name"),
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
