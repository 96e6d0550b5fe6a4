from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('playground', '0007_reports'),
    ]

    operations = [
        migrations.AddField(
            model_name='generation',
            name='returned_tokens',
            field=models.PositiveIntegerField(help_text='What of that its limits had again at its end.', null=True),
        ),
    ]
