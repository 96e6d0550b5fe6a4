"""How many seats for a team whoever proposed an approval wants; what was proposed before, as asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("admissions", "0010_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="seats",
            field=models.PositiveSmallIntegerField(
                help_text="For the team; none: as many as were asked for.", null=True
            ),
        ),
    ]
