"""Sources of imports, the policy on pickles, yanked revisions, blobs and their scrubbing, signed manifests."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

# Every file that is registered already names bytes in the store.
FILL_BLOBS = """
INSERT INTO releases_blob (sha256, size_bytes, created_at, damage)
SELECT sha256, max(size_bytes), now(), '' FROM releases_weightfile GROUP BY sha256;
"""


class Migration(migrations.Migration):

    dependencies = [("releases", "0002_revisions_are_frozen")]

    operations = [
        migrations.RenameField(model_name="weightimport", old_name="directory", new_name="source"),
        migrations.AlterField(
            model_name="weightimport",
            name="source",
            field=models.CharField(help_text="A directory, or s3://bucket/prefix.", max_length=1000),
        ),
        migrations.AddField(
            model_name="weightimport",
            name="kind",
            field=models.CharField(
                choices=[("directory", "Directory"), ("snapshot", "Hub snapshot"), ("bucket", "S3 bucket")],
                default="directory",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="importedfile", name="is_pickle", field=models.BooleanField(default=False)
        ),
        migrations.AddField(
            model_name="weightfile",
            name="is_pickle",
            field=models.BooleanField(default=False, help_text="Loading it can run code."),
        ),
        migrations.AddField(
            model_name="release",
            name="allows_pickle",
            field=models.BooleanField(
                default=False,
                help_text="Pickles can run code where they are loaded. Those that are imported are flagged.",
                verbose_name="takes pickle files",
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="yanked_at",
            field=models.DateTimeField(
                editable=False,
                help_text="Still served, with a warning: nobody should start with it.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="yank_reason",
            field=models.CharField(blank=True, default="", editable=False, max_length=500),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="Blob",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("size_bytes", models.BigIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "scrubbed_at",
                    models.DateTimeField(
                        help_text="When all of it was last read and hashed again.", null=True
                    ),
                ),
                (
                    "damaged_at",
                    models.DateTimeField(
                        help_text="Since then out of service: the hash was another.", null=True
                    ),
                ),
                ("damage", models.CharField(blank=True, max_length=300)),
            ],
            options={"verbose_name": "blob", "ordering": ["sha256"]},
        ),
        migrations.AddIndex(
            model_name="blob",
            index=models.Index(
                models.OrderBy(models.F("scrubbed_at"), nulls_first=True), name="blobs_to_scrub"
            ),
        ),
        migrations.RunSQL(FILL_BLOBS, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Manifest",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                (
                    "bundle",
                    models.TextField(help_text="A Sigstore bundle (JSON), as the model_signing tool reads it."),
                ),
                (
                    "key_id",
                    models.CharField(help_text="SHA-256 (hex) of the public key's DER form.", max_length=64),
                ),
                (
                    "public_key",
                    models.TextField(help_text="PEM, so that an old signature outlives a change of key."),
                ),
                ("signed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "revision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="manifest",
                        to="releases.revision",
                    ),
                ),
            ],
            options={"verbose_name": "signed manifest"},
        ),
    ]
