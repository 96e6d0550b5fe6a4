"""Holdings and tallies that are added up from downloads, mails to holders, and the place in nginx's log."""

import django.db.models.deletion
import django.utils.timezone
import portal.hub.models.counts
import uuid
from django.conf import settings
from django.db import migrations, models


SENT_RANGES = """
CREATE FUNCTION portal_sent_ranges(spans jsonb, sent_bytes bigint) RETURNS SETOF int8range
LANGUAGE sql IMMUTABLE AS $$
    SELECT int8range(first_byte, GREATEST(first_byte, LEAST(last_byte + 1, first_byte + sent_bytes - before_bytes)))
    FROM (
        SELECT
            (span ->> 0)::bigint AS first_byte,
            (span ->> 1)::bigint AS last_byte,
            COALESCE(
                SUM((span ->> 1)::bigint - (span ->> 0)::bigint + 1)
                    OVER (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                0
            )::bigint AS before_bytes
        FROM jsonb_array_elements(spans) WITH ORDINALITY AS listed (span, place)
    ) AS placed
$$;
COMMENT ON FUNCTION portal_sent_ranges IS
    'What left of a file when its spans were sent one after the other, and so many bytes of them.';
"""
COUNT_BYTES = """
CREATE FUNCTION portal_count_bytes(spans int8multirange) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT COALESCE(SUM(upper(piece) - lower(piece)), 0)::bigint FROM unnest(spans) AS piece
$$;
COMMENT ON FUNCTION portal_count_bytes IS 'How many bytes a set of ranges holds.';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("hub", "0002_links_and_carriers"),
        ("keys", "0001_initial"),
        ("licensing", "0002_published_text_is_fixed"),
        ("releases", "0003_sources_and_integrity"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(SENT_RANGES, "DROP FUNCTION portal_sent_ranges(jsonb, bigint)"),
        migrations.RunSQL(COUNT_BYTES, "DROP FUNCTION portal_count_bytes(int8multirange)"),
        migrations.CreateModel(
            name="HolderMail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        help_text="As it was at the click.", max_length=254, verbose_name="e-mail address"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("running", "Being sent"),
                            ("done", "Sent"),
                            ("rejected", "Refused"),
                            ("unsure", "May not have arrived"),
                            ("skipped", "Account deactivated"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("tried_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "verbose_name": "mail to a holder",
                "verbose_name_plural": "mails to holders",
            },
        ),
        migrations.CreateModel(
            name="HolderMailing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("asked", "Those who downloaded from it"),
                            ("bytes", "All who hold any of its bytes, through whatever revision"),
                        ],
                        default="asked",
                        max_length=10,
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("body", models.TextField(help_text="Markdown with placeholders.")),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "alive_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="The worker's last sign of life."
                    ),
                ),
                (
                    "trouble",
                    models.CharField(
                        blank=True, help_text="Why it does not go on at present.", max_length=300
                    ),
                ),
            ],
            options={
                "verbose_name": "mailing to holders",
                "verbose_name_plural": "mailings to holders",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Holding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("spans", portal.hub.models.counts.SpansField()),
                ("held_bytes", models.BigIntegerField(help_text="How many bytes the spans hold.")),
                ("request_count", models.IntegerField()),
                ("sent_bytes", models.BigIntegerField(help_text="With what was sent twice.")),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "holding",
            },
        ),
        migrations.CreateModel(
            name="LogPlace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.CharField(max_length=500, unique=True)),
                ("inode", models.BigIntegerField(default=0)),
                ("offset", models.BigIntegerField(default=0)),
                ("tail", models.BinaryField(default=bytes, help_text="The last bytes that were read.")),
            ],
            options={
                "verbose_name": "place in a log",
                "verbose_name_plural": "places in logs",
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(help_text="UTC.")),
                (
                    "family",
                    models.CharField(
                        choices=[
                            ("vllm", "vLLM"),
                            ("transformers", "Transformers"),
                            ("hf", "hf, huggingface_hub"),
                            ("curl", "curl"),
                            ("aria2", "aria2"),
                            ("wget", "Wget"),
                            ("browser", "Browser"),
                            ("other", "Other"),
                        ],
                        max_length=12,
                    ),
                ),
                ("request_count", models.IntegerField()),
                ("sent_bytes", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "tally",
                "verbose_name_plural": "tallies",
            },
        ),
        migrations.AddField(
            model_name="download",
            name="day",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func(
                    "started_at",
                    output_field=models.DateField(),
                    template="(%(expressions)s AT TIME ZONE 'UTC')::date",
                ),
                help_text="UTC.",
                output_field=models.DateField(),
            ),
        ),
        migrations.AddField(
            model_name="download",
            name="family",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(client__contains="vllm", then=models.Value("vllm")),
                    models.When(client__contains="vLLM", then=models.Value("vllm")),
                    models.When(client__contains="transformers/", then=models.Value("transformers")),
                    models.When(client__contains="hf_hub/", then=models.Value("hf")),
                    models.When(client__contains="huggingface", then=models.Value("hf")),
                    models.When(client__contains="aria2/", then=models.Value("aria2")),
                    models.When(client__contains="curl/", then=models.Value("curl")),
                    models.When(client__contains="Wget/", then=models.Value("wget")),
                    models.When(client__contains="Mozilla/", then=models.Value("browser")),
                    default=models.Value("other"),
                ),
                output_field=models.CharField(max_length=12),
            ),
        ),
        migrations.AddField(
            model_name="download",
            name="counted_bytes",
            field=models.BigIntegerField(
                default=-1,
                editable=False,
                help_text="What holdings and tallies include of it; -1: not even that it was.",
            ),
        ),
        migrations.AddField(
            model_name="download",
            name="is_counted",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Q(("counted_bytes", models.F("sent_bytes"))),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            model_name="download",
            index=models.Index(fields=["-day", "-user", "-file"], name="downloads_by_day"),
        ),
        migrations.AddIndex(
            model_name="download",
            index=models.Index(fields=["-day", "-id"], name="downloads_newest_first"),
        ),
        migrations.AddIndex(
            model_name="download",
            index=models.Index(
                condition=models.Q(("is_counted", False)), fields=["id"], name="downloads_uncounted"
            ),
        ),
        migrations.AddIndex(
            model_name="download",
            index=models.Index(
                condition=models.Q(("cut_reason", ""), _negated=True), fields=["id"], name="downloads_cut"
            ),
        ),
        migrations.AddField(
            model_name="holdermail",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="holdermailing",
            name="revision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="mailings", to="releases.revision"
            ),
        ),
        migrations.AddField(
            model_name="holdermailing",
            name="sent_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="holdermail",
            name="mailing",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="mails", to="hub.holdermailing"
            ),
        ),
        migrations.AddField(
            model_name="holding",
            name="file",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="holdings", to="releases.weightfile"
            ),
        ),
        migrations.AddField(
            model_name="holding",
            name="last_download",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="hub.download",
            ),
        ),
        migrations.AddField(
            model_name="holding",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holdings",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="tally",
            name="revision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="tallies", to="releases.revision"
            ),
        ),
        migrations.AddIndex(
            model_name="holdermail",
            index=models.Index(fields=["mailing", "status"], name="holder_mails_by_status"),
        ),
        migrations.AddConstraint(
            model_name="holdermail",
            constraint=models.UniqueConstraint(fields=("mailing", "user"), name="one_mail_a_holder"),
        ),
        migrations.AddConstraint(
            model_name="holding",
            constraint=models.UniqueConstraint(fields=("file", "user"), name="one_holding_a_file_and_person"),
        ),
        migrations.AddConstraint(
            model_name="tally",
            constraint=models.UniqueConstraint(fields=("revision", "day", "family"), name="one_tally_a_day"),
        ),
    ]
