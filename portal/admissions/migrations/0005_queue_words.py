"""Keep the country and the words of what was handed in before the review queue searched them."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.admissions import countries
from portal.admissions.searching import answer_token, words_in

BATCH = 500


def keep(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    application_model = apps.get_model("admissions", "Application")
    received = application_model.objects.filter(submitted_at__isnull=False).select_related("applicant")
    batch = []
    for application in received.order_by("pk").iterator(chunk_size=BATCH):
        told = []
        for asked in application.asked:
            answer = str(application.answers.get(asked["code"]) or "")
            if asked["kind"] == "country":
                application.country = application.country or answer[:2]
                answer = countries.name_of(answer)
            if asked["kind"] != "consent":
                told.append(answer)
            if asked["kind"] == "choice" and answer:
                told.append(answer_token(asked["code"], answer))
        person = application.applicant
        application.search_words = words_in([application.reference, person.full_name, person.email, *told])
        batch.append(application)
        if len(batch) == BATCH:
            application_model.objects.bulk_update(batch, ["country", "search_words"])
            batch.clear()
    application_model.objects.bulk_update(batch, ["country", "search_words"])


class Migration(migrations.Migration):
    dependencies = [("admissions", "0004_queue")]

    operations = [migrations.RunPython(keep, migrations.RunPython.noop)]
