"""The EU's Model Documentation Form of a release: the portal's own facts, and else what staff answered."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from portal.releases.cards.components import spdx_id
from portal.releases.cards.facts import Facts
from portal.releases.cards.fields import FIELDS, TEXT, Audience, Field, Part, size_range
from portal.releases.cards.metadata import OPENNESS
from portal.releases.models import ReleaseStatus

FORM = "Model Documentation Form, EU Code of Practice for General-Purpose AI Models, transparency chapter"
EMPTY = "Not stated."
# Text goes in and comes out; other tasks of the Hub are for staff to describe.
_TEXT_TASKS = ("text-generation",)


@dataclass(frozen=True)
class Filled:
    """A field with its value; `source` is "portal", "staff" or "" where nothing is stated."""

    field: Field
    value: str
    source: str

    @property
    def shown(self) -> str:
        """The value, or that there is none."""
        return self.value or EMPTY


@dataclass(frozen=True)
class Form:
    """The form of one release."""

    name: str
    filled: tuple[Filled, ...]

    @property
    def parts(self) -> list[tuple[Part, list[Filled]]]:
        """The fields by part, without parts that have none."""
        by_part = ((part, [one for one in self.filled if one.field.part == part]) for part in Part)
        return [(part, found) for part, found in by_part if found]

    @property
    def stated_count(self) -> int:
        """How many fields state something."""
        return sum(bool(one.value) for one in self.filled)

    def for_readers(self, audience: Audience) -> "Form":
        """The form with the fields alone that these readers are given."""
        return Form(self.name, tuple(one for one in self.filled if audience in one.field.audience))


def fill(facts: Facts) -> Form:
    """The form by the facts of a release: what the portal knows is its own, the rest as staff answered."""
    return Form(facts.release.name, tuple(_filled(field, facts) for field in FIELDS))


def as_json(form: Form) -> dict[str, Any]:
    """The form for machines: one object a field, null where nothing is stated."""
    fields = [
        {
            "code": one.field.code,
            "part": one.field.part.value,
            "label": one.field.label,
            "readers": sorted(reader.value for reader in one.field.audience),
            "value": one.value or None,
            "source": one.source or None,
        }
        for one in form.filled
    ]
    return {
        "form": FORM,
        "model": form.name,
        "exported_at": timezone.now().isoformat(timespec="seconds"),
        "fields": fields,
    }


def as_markdown(form: Form) -> str:
    """The form for people, as Markdown."""
    lines = [f"# {form.name}: Model Documentation Form", "", f"{FORM}.", ""]
    for part, filled in form.parts:
        lines += [f"## {part.value}", ""]
        for one in filled:
            lines += [f"### {one.field.label}", "", f"*For: {one.field.readers}*", "", one.shown, ""]
    return "\n".join(lines)


def _filled(field: Field, facts: Facts) -> Filled:
    known = _KNOWN[field.code](facts) if field.code in _KNOWN else ""
    if known:
        return Filled(field, known, "portal")
    answer = facts.answer(field.code)
    return Filled(field, answer, "staff" if answer else "")


def _name(facts: Facts) -> str:
    revision = facts.revision
    version = f", revision {revision.name} ({revision.commit})" if revision else ""
    return f"{facts.release.name} ({facts.release.hub_id}{version})"


def _authenticity(facts: Facts) -> str:
    if facts.revision is None:
        return ""
    lines = [f"Commit id (from the SHA-256 of every file): {facts.revision.commit}"]
    if facts.key_id:
        lines.append(f"Manifest signed in the OpenSSF Model Signing format by the key {facts.key_id}")
    lines.append(f"Checksums: {_page(facts)}{facts.revision.commit}/SHA256SUMS")
    return "\n".join(lines)


def _architecture(facts: Facts) -> str:
    names, layers = facts.config.get("architectures"), facts.config.get("num_hidden_layers")
    if not names:
        return ""
    return ", ".join(names) + (f", {layers} layers" if layers else "")


def _input(facts: Facts) -> str:
    return f"{TEXT}, at most {facts.release.context_length} tokens with the output" if _is_text(facts) else ""


def _output(facts: Facts) -> str:
    return f"{TEXT}, at most {facts.release.context_length} tokens with the input" if _is_text(facts) else ""


def _is_text(facts: Facts) -> bool:
    return facts.card.metadata.get("pipeline_tag") in _TEXT_TASKS


def _size(facts: Facts) -> str:
    return f"{facts.parameter_count} parameters" if facts.parameter_count else ""


def _channels(facts: Facts) -> str:
    if facts.release.status != ReleaseStatus.OPEN:
        return ""
    return (
        f"{_page(facts)}: weights, API and playground, for people who were approved and accepted "
        f"the licence.\nHugging Face Hub protocol at {settings.PORTAL_URL}/hub as {facts.release.hub_id}, "
        "for the same people."
    )


def _licence(facts: Facts) -> str:
    if facts.version is None:
        return ""
    licence = facts.release.licence
    known = facts.licence_id
    kind = f"SPDX {known}" if known else "the organisation's own licence"
    if spdx_id(known):
        kind = f"open licence, {kind}"
    return f"{facts.version}: {settings.PORTAL_URL}{licence.get_absolute_url()} ({kind})"


def _assets(facts: Facts) -> str:
    said = facts.card.metadata.get(OPENNESS)
    lines = list(_linked(said)) if isinstance(said, dict) else []
    return "\n".join(lines)


def _linked(said: Mapping[str, Any]) -> Iterator[str]:
    for code, one in said.items():
        if "url" in one:
            label, licence = code.replace("_", " ").capitalize(), one.get("license", "no licence given")
            yield f"{label}: {one['url']} ({licence})"


def _hardware(facts: Facts) -> str:
    found = facts.memory
    if found is None:
        return ""
    rows = (
        f"{row.label}: {(row.total_bytes or row.weights_bytes) / 1e9:.2g} GB of memory" for row in found.rows
    )
    return "\n".join(rows)


def _integration(facts: Facts) -> str:
    if not facts.has_weights:
        return ""
    return f"Commands for vLLM, transformers and llama.cpp, and an OpenAI-compatible API: {_page(facts)}"


def _uses(facts: Facts) -> str:
    beyond = facts.text_of("out_of_scope_use")
    out = f"\n\nOut of scope:\n\n{beyond}" if beyond else ""
    intended = facts.text_of("intended_use")
    return f"{intended}{out}" if intended else ""


def _page(facts: Facts) -> str:
    return f"{settings.PORTAL_URL}{facts.release.get_absolute_url()}"


# What the portal knows better than anybody who fills in a form.
_KNOWN: Mapping[str, Callable[[Facts], str]] = {
    "name": _name,
    "authenticity": _authenticity,
    "release_date": lambda facts: (
        facts.release.opened_at.date().isoformat() if facts.release.opened_at else ""
    ),
    "dependencies": lambda facts: ", ".join(facts.named("base_model")),
    "architecture": _architecture,
    "input_modalities": _input,
    "output_modalities": _output,
    "size": _size,
    "size_range": lambda facts: size_range(facts.parameter_count) if facts.parameter_count else "",
    "channels": _channels,
    "licence": _licence,
    "assets": _assets,
    "intended_uses": _uses,
    "integration": _integration,
    "hardware": _hardware,
    "training_design": lambda facts: facts.text_of("training"),
}
