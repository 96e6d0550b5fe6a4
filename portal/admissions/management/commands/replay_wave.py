"""`manage.py replay_wave WAVE_ID`: exits 0 only if the same people come out of the wave again."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.admissions.models import Wave
from portal.admissions.waves.proofs import first_difference
from portal.common.refusals import Refusal


class Command(BaseCommand):
    """Draw a wave again."""

    help = (
        "Draw a wave again from its policy, its seed and the candidates as they were kept, compare all of "
        "them with the ledger, and say whether the same people are in; name the first difference otherwise. "
        "verify_ledger proves the ledger itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the wave."""
        parser.add_argument("wave_id", type=UUID, help="as in the address of its page in the console")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many are in, or fail naming the first difference."""
        wave = Wave.objects.filter(pk=options["wave_id"]).first()
        if wave is None:
            raise CommandError("There is no such wave.")
        try:
            difference = first_difference(wave)
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        if difference:
            raise CommandError(f"“{wave.name}” does not come out the same. {difference}")
        counts = wave.count_by_outcome()
        considered = sum(counts.values())
        chosen = considered - counts.get("not_chosen", 0)
        told = f"The same people: {chosen:,} of {considered:,} candidates are in “{wave.name}”."
        self.stdout.write(self.style.SUCCESS(told))
