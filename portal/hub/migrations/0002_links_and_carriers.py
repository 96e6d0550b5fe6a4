"""Download links, ranges as a list, and who carried the bytes."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

FILL_SPANS = """
UPDATE hub_download SET
    spans = jsonb_build_array(jsonb_build_array(first_byte, last_byte)),
    asked_bytes = last_byte - first_byte + 1,
    alive_at = COALESCE(ended_at, started_at);
"""


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("releases", "0003_sources_and_integrity"),
        ("hub", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="DownloadLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("public_id", models.CharField(max_length=16, unique=True)),
                (
                    "digest",
                    models.CharField(help_text="HMAC-SHA256 of the address's secret part.", max_length=64),
                ),
                ("uses_max", models.PositiveSmallIntegerField()),
                ("left_bytes", models.BigIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="releases.weightfile",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="download_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "download link", "ordering": ["-created_at"]},
        ),
        migrations.AddField(
            model_name="download",
            name="link",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="downloads",
                to="hub.downloadlink",
            ),
        ),
        migrations.AddField(
            model_name="download",
            name="spans",
            field=models.JSONField(
                default=list,
                help_text="The ranges: first and last byte, both included, as in Content-Range.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="download",
            name="asked_bytes",
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="download",
            name="alive_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, help_text="The last sign of life of who moves it."
            ),
        ),
        migrations.AddField(
            model_name="download",
            name="carrier",
            field=models.CharField(
                choices=[("portal", "The portal itself"), ("nginx", "nginx"), ("bucket", "Object storage")],
                default="portal",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="download",
            name="connection",
            field=models.CharField(
                blank=True,
                default="",
                help_text="With nginx: the client's address and port, and those it reached.",
                max_length=110,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="download",
            name="cut_reason",
            field=models.CharField(
                blank=True, default="", help_text="Why the portal ended it early.", max_length=300
            ),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL_SPANS, migrations.RunSQL.noop),
        # Pending trigger events of the foreign keys would forbid the ALTER TABLEs below.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RemoveField(model_name="download", name="first_byte"),
        migrations.RemoveField(model_name="download", name="last_byte"),
        migrations.AlterField(
            model_name="download",
            name="sent_bytes",
            field=models.BigIntegerField(
                default=0,
                help_text="What really left; object storage does not tell, and counts as what was asked.",
            ),
        ),
        migrations.AddIndex(
            model_name="download",
            index=models.Index(
                condition=models.Q(ended_at=None), fields=["alive_at"], name="downloads_under_way"
            ),
        ),
    ]
