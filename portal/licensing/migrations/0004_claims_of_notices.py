"""When a worker took a notice in hand, so that another goes on with it, and how often."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("licensing", "0003_terms"),
    ]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="notice",
            name="claimed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
