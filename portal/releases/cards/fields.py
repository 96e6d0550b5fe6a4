"""The fields of the EU's Model Documentation Form, in its order and words.

The form belongs to the transparency chapter of the Code of Practice for General-Purpose AI Models
(10 July 2025; measure 1.1), which carries out Annexes XI and XII of the AI Act. Each field says for whom it
is: downstream providers (DPs) are given theirs with the model; the rest goes to the AI Office (AIO)
and national authorities (NCAs) when they ask.
"""

from dataclasses import dataclass
from enum import StrEnum

TEXT, IMAGES, AUDIO, VIDEO, OTHER = "Text", "Images", "Audio", "Video", "Other"
MODALITIES = (TEXT, IMAGES, AUDIO, VIDEO, OTHER)
PROVENANCES = (
    "Web crawling",
    "Private non-publicly available datasets obtained from third parties",
    "User data",
    "Publicly available datasets",
    "Synthetic data that is not publicly accessible",
    "Data collected through other means",
)
TRAINING_TIMES = ("Less than 1 month", "1 to 3 months", "3 to 6 months", "More than 6 months")
# Number of parameters up to which a range goes, as the form has them.
SIZES = (
    (500_000_000, "1 to 500M"),
    (5_000_000_000, "500M to 5B"),
    (15_000_000_000, "5B to 15B"),
    (50_000_000_000, "15B to 50B"),
    (100_000_000_000, "50B to 100B"),
    (500_000_000_000, "100B to 500B"),
    (1_000_000_000_000, "500B to 1T"),
)
SIZE_ABOVE = "More than 1T"


class Part(StrEnum):
    """The form's parts."""

    GENERAL = "General information"
    PROPERTIES = "Model properties"
    DISTRIBUTION = "Methods of distribution and licences"
    USE = "Use"
    TRAINING = "Training process"
    DATA = "Information on the data used for training, testing and validation"
    COMPUTE = "Computational resources (during training)"
    ENERGY = "Energy consumption (during training and inference)"


class Audience(StrEnum):
    """Who is given a field."""

    AI_OFFICE = "AIO"
    AUTHORITIES = "NCAs"
    DOWNSTREAM = "DPs"


EVERYBODY = frozenset(Audience)
OFFICIALS = frozenset({Audience.AI_OFFICE, Audience.AUTHORITIES})
AI_OFFICE_ONLY = frozenset({Audience.AI_OFFICE})
AUTHORITIES_ONLY = frozenset({Audience.AUTHORITIES})
DOWNSTREAM_ONLY = frozenset({Audience.DOWNSTREAM})


@dataclass(frozen=True)
class Field:
    """One field; with `choices`, the answer is one or more of them, a line each."""

    code: str
    part: Part
    label: str
    hint: str
    audience: frozenset[Audience] = EVERYBODY
    choices: tuple[str, ...] = ()

    @property
    def readers(self) -> str:
        """For whom it is, as the form's columns name them."""
        return ", ".join(one.value for one in Audience if one in self.audience)


FIELDS = (
    Field("provider", Part.GENERAL, "Legal name for the model provider", "As registered."),
    Field("name", Part.GENERAL, "Model name", "Its unique identifier, and its publicly available versions."),
    Field("authenticity", Part.GENERAL, "Model authenticity", "A secure hash or other evidence.", OFFICIALS),
    Field("release_date", Part.GENERAL, "Release date", "When it was first released through any channel."),
    Field("union_release_date", Part.GENERAL, "Union market release date",
          "When it was placed on the market of the European Union."),
    Field("dependencies", Part.GENERAL, "Model dependencies",
          "The models that it modifies or was fine-tuned from, with versions; else N/A."),
    Field("architecture", Part.PROPERTIES, "Model architecture", "In general words, such as a transformer."),
    Field("design", Part.PROPERTIES, "Design specifications of the model",
          "Key design choices, with rationale and assumptions.", OFFICIALS),
    Field("input_modalities", Part.PROPERTIES, "Input modalities", "With the maximum input size of each."),
    Field("output_modalities", Part.PROPERTIES, "Output modalities", "With the maximum output size of each."),
    Field("size", Part.PROPERTIES, "Total model size", "Number of parameters, two significant figures.",
          OFFICIALS),
    Field("size_range", Part.PROPERTIES, "Total model size, as a range", "The range of parameters.",
          DOWNSTREAM_ONLY),
    Field("channels", Part.DISTRIBUTION, "Distribution channels",
          "Where it can be had, with the level of access and links."),
    Field("licence", Part.DISTRIBUTION, "Licence", "A link to it, and its kind."),
    Field("assets", Part.DISTRIBUTION, "Other assets and their licences",
          "Training data, training code and the like, where they are public."),
    Field("use_policy", Part.USE, "Acceptable use policy", "A link to it, or that there is none."),
    Field("intended_uses", Part.USE, "Intended uses", "Those intended, and those restricted."),
    Field("systems", Part.USE, "Type and nature of AI systems in which it can be integrated",
          "Such as chat assistants or decision support, and where it should not be."),
    Field("integration", Part.USE, "Technical means for model integration",
          "Instructions for use, infrastructure and tools.", DOWNSTREAM_ONLY),
    Field("hardware", Part.USE, "Required hardware", "Or N/A.", DOWNSTREAM_ONLY),
    Field("software", Part.USE, "Required software", "Or N/A.", DOWNSTREAM_ONLY),
    Field("training_design", Part.TRAINING, "Design specifications of the training process",
          "Steps, methods and techniques, and what is optimised for.", OFFICIALS),
    Field("rationale", Part.TRAINING, "Decision rationale", "How and why key choices were made.", OFFICIALS),
    Field("data_types", Part.DATA, "Data type and modality", "", choices=MODALITIES),
    Field("data_provenance", Part.DATA, "Data provenance", "", choices=PROVENANCES),
    Field("data_selection", Part.DATA, "How the data was obtained and selected",
          "For each kind of provenance: crawlers, periods, rights, annotators.", OFFICIALS),
    Field("data_points", Part.DATA, "Number of data points",
          "With the unit, such as tokens or documents, and two significant figures.", OFFICIALS),
    Field("data_scope", Part.DATA, "Scope and main characteristics", "Domains, languages, places.",
          OFFICIALS),
    Field("data_curation", Part.DATA, "Data curation methodologies",
          "How raw data became training data: cleaning, filtering, annotating, augmenting."),
    Field("data_suitability", Part.DATA, "Measures to detect unsuitability of data sources",
          "Such as illegal material and personal data.", OFFICIALS),
    Field("data_bias", Part.DATA, "Measures to detect identifiable biases", "", OFFICIALS),
    Field("training_time_range", Part.COMPUTE, "Training time, as a range", "", AUTHORITIES_ONLY,
          choices=TRAINING_TIMES),
    Field("training_time", Part.COMPUTE, "Training time", "In days, and in hardware days.", AI_OFFICE_ONLY),
    Field("training_computation", Part.COMPUTE, "Amount of computation used for training",
          "In floating point operations; national authorities get the order of magnitude.", OFFICIALS),
    Field("training_method", Part.COMPUTE, "Measurement methodology of the computation", "", OFFICIALS),
    Field("training_energy", Part.ENERGY, "Amount of energy used for training",
          "In MWh, two significant figures, or N/A with the reason.", OFFICIALS),
    Field("energy_method", Part.ENERGY, "Measurement methodology of the energy", "", OFFICIALS),
    Field("inference_computation", Part.ENERGY, "Benchmarked amount of computation used for inference",
          "In floating point operations.", OFFICIALS),
    Field("inference_method", Part.ENERGY, "Measurement methodology of the inference",
          "The task, such as 100 000 tokens, and the hardware.", OFFICIALS),
)  # fmt: skip


def size_range(count: int) -> str:
    """The form's range that so many parameters fall into.

    >>> size_range(134_515_008), size_range(10**12), size_range(2 * 10**12)
    ('1 to 500M', '500B to 1T', 'More than 1T')
    """
    return next((name for limit, name in SIZES if count <= limit), SIZE_ABOVE)
