"""What is known of a release where its card is judged: the card itself, and what the portal serves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from portal.licensing.models import LicenceVersion
from portal.releases.cards import readme
from portal.releases.cards.exporting import EvaluationRow, licence_id
from portal.releases.cards.memory import Estimate, estimate
from portal.releases.cards.metadata import named
from portal.releases.cards.sections import Section, split
from portal.releases.models import Evaluation, Release, Revision
from portal.releases.safety import results

WEIGHTS = (".safetensors", ".gguf")


@dataclass(frozen=True)
class Facts:
    """The release, its card in parts, the files and measurements of a revision, and what staff answered."""

    release: Release
    version: LicenceVersion | None = None
    revision: Revision | None = None
    paths: frozenset[str] = frozenset()
    key_id: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    is_measured: bool = False
    card: readme.Readme = field(default_factory=readme.Readme)
    sections: tuple[Section, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    rows: tuple[EvaluationRow, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()

    def text_of(self, code: str) -> str:
        """The Markdown of a section of the card, "" where it says nothing."""
        found = next((section for section in self.sections if section.code == code), None)
        return found.text if found is not None and found.is_filled else ""

    def named(self, name: str) -> list[str]:
        """The texts under a name of the card's metadata, none where there are none."""
        return named(self.card.metadata, name)

    def answer(self, code: str) -> str:
        """What staff answered to a field of the documentation form, or ""."""
        return self.answers.get(code, "")

    def with_card(self, card: readme.Readme) -> "Facts":
        """The same with another card, such as one that is not saved yet."""
        return replace(self, card=card, sections=tuple(split(card.body)))

    @property
    def spdx(self) -> str:
        """What was written as the SPDX identifier of the licence in force, or ""."""
        return self.version.spdx if self.version else ""

    @property
    def licence_id(self) -> str:
        """The SPDX identifier of the licence that people accept here, or ""."""
        return licence_id(self.release.licence, spdx=self.spdx)

    @property
    def has_weights(self) -> bool:
        """Whether the revision has a file of weights that people can load."""
        return any(path.endswith(WEIGHTS) for path in self.paths)

    @property
    def parameter_count(self) -> int | None:
        """How many parameters there are: counted in the tensors where they can be, else as staff entered."""
        return sum(self.counts.values()) or self.release.parameter_count

    @property
    def memory(self) -> Estimate | None:
        """The memory that the revision takes; None where it was not measured or has no safetensors."""
        return estimate(self.counts, self.config, context_length=self.release.context_length)


def facts_of(release: Release, revision: Revision | None) -> Facts:
    """The facts of `release` at `revision`. Five queries, whatever there is, and no file is read.

    Before there is a card, the release's description is taken for one.
    """
    said = Release.objects.filter(pk=release.pk).values("card__readme", "documentation__answers").get()
    written = said["card__readme"]
    known = Facts(
        release,
        version=release.licence.current_version(),
        answers=said["documentation__answers"] or {},
    ).with_card(readme.kept(release.description if written is None else written))
    if revision is None:
        return known
    names = ("measurement__parameter_counts", "measurement__config", "manifest__key_id")
    counts, config, key_id = Revision.objects.filter(pk=revision.pk).values_list(*names).get()
    return replace(
        known,
        revision=revision,
        paths=frozenset(revision.files.values_list("path", flat=True)),
        key_id=key_id or "",
        counts=counts or {},
        config=config or {},
        is_measured=config is not None,
        evaluations=tuple(newest := results.newest_of(revision)),
        rows=tuple(rows_of(newest)),
    )


def rows_of(evaluations: Iterable[Evaluation]) -> Iterator[EvaluationRow]:
    """The main numbers of evaluations, as a card has them."""
    for one in evaluations:
        for name, value in results.Result(one, ()).metrics.items():
            yield EvaluationRow(one.suite, name, value, one.recorded_at.date())
