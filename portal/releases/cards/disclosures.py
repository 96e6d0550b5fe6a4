"""The checklist of disclosures: what a release says of itself, measured by what is there and not by promises.

Each item names its source. They are Model Cards for Model Reporting (Mitchell et al., arXiv
1810.03993), the Hub's metadata specification (huggingface.co/docs/hub/model-cards), the indicators of the
Foundation Model Transparency Index (Bommasani et al., arXiv 2310.12941), and the Model Documentation
Form of the EU's Code of Practice for General-Purpose AI Models (transparency chapter, 10 July 2025).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from portal.releases.cards.facts import Facts
from portal.releases.cards.metadata import MODEL_INDEX


class Topic(StrEnum):
    """What a disclosure is about."""

    MODEL = "Model"
    DATA = "Data"
    COMPUTE = "Compute"
    EVALUATION = "Evaluation"
    RISKS = "Risks"
    LICENCE = "Licence"
    CONTACT = "Contact"


class Place(StrEnum):
    """Where staff fill a disclosure in."""

    CARD = "card"
    FORM = "form"
    WEIGHTS = "weights"
    LICENCE = "licence"


@dataclass(frozen=True)
class Disclosure:
    """One item: what readers should find, its source, where it is filled in and what to write there.

    `field` is the code of a field of the documentation form, "" for other places.
    """

    code: str
    topic: Topic
    label: str
    source: str
    place: Place
    remedy: str
    is_given: Callable[[Facts], bool]
    field: str = ""


@dataclass(frozen=True)
class Answered:
    """An item, and whether the release gives it."""

    item: Disclosure
    is_given: bool


@dataclass(frozen=True)
class Checklist:
    """All items, in order."""

    answered: tuple[Answered, ...]

    @property
    def given_count(self) -> int:
        """How many are given."""
        return sum(one.is_given for one in self.answered)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.answered)

    @property
    def note(self) -> str:
        """The score as people say it."""
        return f"{self.given_count} of {self.count}"

    @property
    def missing(self) -> tuple[Disclosure, ...]:
        """Those not given."""
        return tuple(one.item for one in self.answered if not one.is_given)


def check(facts: Facts) -> Checklist:
    """The checklist of a release by its facts. No queries."""
    return Checklist(tuple(Answered(item, item.is_given(facts)) for item in DISCLOSURES))


def _section(code: str) -> Callable[[Facts], bool]:
    return lambda facts: bool(facts.text_of(code))


def _metadata(name: str) -> Callable[[Facts], bool]:
    return lambda facts: bool(facts.named(name))


def _form(code: str) -> Callable[[Facts], bool]:
    return lambda facts: bool(facts.answer(code))


def _says_emissions(facts: Facts) -> bool:
    said = facts.card.metadata.get("co2_eq_emissions")
    return bool(said) or bool(facts.answer("training_energy"))


_CARDS = "Model Cards"
_HUB = "Hub metadata"
_FMTI = "FMTI"
_EU = "EU form"

DISCLOSURES = (
    Disclosure("overview", Topic.MODEL, "What the model is", f"{_CARDS}: Model Details", Place.CARD,
               "Write the section Overview.", _section("overview")),
    Disclosure("size", Topic.MODEL, "Number of parameters, counted in the tensors",
               f"{_FMTI}: Model size; {_EU}: Total model size", Place.WEIGHTS,
               "Import the weights as safetensors.", lambda facts: bool(facts.counts)),
    Disclosure("architecture", Topic.MODEL, "Architecture", f"{_FMTI}: Model architecture", Place.WEIGHTS,
               "Import a config.json that names it.", lambda facts: bool(facts.config.get("architectures"))),
    Disclosure("base_model", Topic.MODEL, "The model that it was made from, or that there is none",
               f"{_HUB}: base_model; {_EU}: Model dependencies", Place.CARD,
               "Name base_model in the metadata, or answer the form's Model dependencies.",
               lambda facts: bool(facts.named("base_model") or facts.answer("dependencies"))),
    Disclosure("task", Topic.MODEL, "What goes in and comes out",
               f"{_HUB}: pipeline_tag; {_FMTI}: Input and Output modality", Place.CARD,
               "Name pipeline_tag in the metadata.",
               lambda facts: isinstance(facts.card.metadata.get("pipeline_tag"), str)),
    Disclosure("changes", Topic.MODEL, "What changed since the last revision", f"{_FMTI}: Change log",
               Place.CARD, "Write the section Changes since the last revision.", _section("changes")),
    Disclosure("authenticity", Topic.MODEL, "Proof that the files are genuine", f"{_EU}: Model authenticity",
               Place.WEIGHTS, "Have the current revision signed: manage.py sign_revisions.",
               lambda facts: bool(facts.key_id)),
    Disclosure("training_data", Topic.DATA, "Statement on the training data", f"{_CARDS}: Training Data",
               Place.CARD, "Write the section Training data.", _section("training_data")),
    Disclosure("datasets", Topic.DATA, "The data sets by name", f"{_HUB}: datasets; {_FMTI}: Data sources",
               Place.CARD, "Name datasets in the metadata.", _metadata("datasets")),
    Disclosure("languages", Topic.DATA, "The languages", f"{_HUB}: language", Place.CARD,
               "Name language in the metadata.", _metadata("language")),
    Disclosure("data_size", Topic.DATA, "How much data", f"{_FMTI}: Data size; {_EU}: Number of data points",
               Place.FORM, "Answer Number of data points.", _form("data_points"), "data_points"),
    Disclosure("provenance", Topic.DATA, "Where the data came from and how it was chosen",
               f"{_FMTI}: Data source selection; {_EU}: Data provenance", Place.FORM,
               "Answer Data provenance.", _form("data_provenance"), "data_provenance"),
    Disclosure("curation", Topic.DATA, "How the data was filtered and cleaned",
               f"{_FMTI}: Data curation; {_EU}: Data curation methodologies", Place.FORM,
               "Answer Data curation methodologies.", _form("data_curation"), "data_curation"),
    Disclosure("training", Topic.COMPUTE, "How it was trained, on which hardware",
               f"{_FMTI}: Model stages and Compute hardware", Place.CARD, "Write the section Training.",
               _section("training")),
    Disclosure("computation", Topic.COMPUTE, "Amount of computation",
               f"{_FMTI}: Compute usage; {_EU}: Amount of computation used for training", Place.FORM,
               "Answer Amount of computation used for training.", _form("training_computation"),
               "training_computation"),
    Disclosure("duration", Topic.COMPUTE, "Training time",
               f"{_FMTI}: Development duration; {_EU}: Training time", Place.FORM, "Answer Training time.",
               _form("training_time"), "training_time"),
    Disclosure("energy", Topic.COMPUTE, "Energy or emissions of the training",
               f"{_HUB}: co2_eq_emissions; {_FMTI}: Energy usage", Place.FORM,
               "Answer Amount of energy used for training, or give co2_eq_emissions in the metadata.",
               _says_emissions, "training_energy"),
    Disclosure("evaluation", Topic.EVALUATION, "What was measured and how",
               f"{_CARDS}: Metrics and Evaluation Data", Place.CARD, "Write the section Evaluation.",
               _section("evaluation")),
    Disclosure("results", Topic.EVALUATION, "Results in numbers",
               f"{_CARDS}: Quantitative Analyses; {_HUB}: model-index", Place.CARD,
               "Run an evaluation here, or give model-index in the metadata.",
               lambda facts: bool(facts.rows or facts.card.metadata.get(MODEL_INDEX))),
    Disclosure("intended_use", Topic.RISKS, "Intended use", f"{_CARDS}: Intended Use", Place.CARD,
               "Write the section Intended use.", _section("intended_use")),
    Disclosure("out_of_scope_use", Topic.RISKS, "Uses that are out of scope",
               f"{_CARDS}: Out-of-scope use cases", Place.CARD, "Write the section Out-of-scope use.",
               _section("out_of_scope_use")),
    Disclosure("limitations", Topic.RISKS, "Limitations", f"{_CARDS}: Caveats and Recommendations; "
               f"{_FMTI}: Limitations description", Place.CARD, "Write the section Limitations.",
               _section("limitations")),
    Disclosure("risks", Topic.RISKS, "Risks, and what was done about them",
               f"{_CARDS}: Ethical Considerations; {_FMTI}: Risks description", Place.CARD,
               "Write the section Risks.", _section("risks")),
    Disclosure("licence", Topic.LICENCE, "A licence with its full text", f"{_FMTI}: Model license",
               Place.LICENCE, "Publish a version of the licence.", lambda facts: facts.version is not None),
    Disclosure("contact", Topic.CONTACT, "Where to send questions and reports",
               f"{_CARDS}: Where to send questions or comments; {_FMTI}: Feedback mechanism", Place.CARD,
               "Write the section Contact.", _section("contact")),
)  # fmt: skip
