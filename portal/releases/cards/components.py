"""The components of the Model Openness Framework: its 17, their classes, and the licences that count as open.

The framework is arXiv 2403.13784; which component a class requires is as in its reference
implementation, the Model Openness Tool of LF AI & Data (github.com/lfai/model_openness_tool,
web/modules/mof/config/install/mof.settings.yml). Its configuration file, a component of the first
version of the paper, is not asked for: here the classification is computed.
"""

from dataclasses import dataclass
from enum import StrEnum

OPEN_SCIENCE, OPEN_TOOLING, OPEN_MODEL = 1, 2, 3
CLASS_NAMES = {
    OPEN_SCIENCE: "Class I, Open Science",
    OPEN_TOOLING: "Class II, Open Tooling",
    OPEN_MODEL: "Class III, Open Model",
}


class Content(StrEnum):
    """What a component is, by which the licences are told that leave it open."""

    CODE = "code"
    DATA = "data"
    DOCUMENT = "document"


@dataclass(frozen=True)
class Component:
    """One component: the class that it first belongs to, and whether that class requires it."""

    code: str
    label: str
    openness_class: int
    content: Content
    is_required: bool = True


COMPONENTS = (
    Component("model_architecture", "Model architecture", OPEN_MODEL, Content.CODE),
    Component("model_parameters", "Final model parameters", OPEN_MODEL, Content.DATA),
    Component("technical_report", "Technical report", OPEN_MODEL, Content.DOCUMENT),
    Component("evaluation_results", "Evaluation results", OPEN_MODEL, Content.DOCUMENT),
    Component("model_card", "Model card", OPEN_MODEL, Content.DOCUMENT),
    Component("data_card", "Data card", OPEN_MODEL, Content.DOCUMENT),
    Component("sample_outputs", "Sample model outputs", OPEN_MODEL, Content.DATA, is_required=False),
    Component("training_code", "Training code", OPEN_TOOLING, Content.CODE),
    Component("inference_code", "Inference code", OPEN_TOOLING, Content.CODE),
    Component("evaluation_code", "Evaluation code", OPEN_TOOLING, Content.CODE),
    Component("evaluation_data", "Evaluation data", OPEN_TOOLING, Content.DATA),
    Component("supporting_tools", "Supporting libraries and tools", OPEN_TOOLING, Content.CODE,
              is_required=False),
    Component("research_paper", "Research paper", OPEN_SCIENCE, Content.DOCUMENT),
    Component("datasets", "Datasets", OPEN_SCIENCE, Content.DATA),
    Component("preprocessing_code", "Data preprocessing code", OPEN_SCIENCE, Content.CODE),
    Component("intermediate_parameters", "Intermediate model parameters", OPEN_SCIENCE, Content.DATA),
    Component("model_metadata", "Model metadata", OPEN_SCIENCE, Content.DATA, is_required=False),
)  # fmt: skip
CODES = tuple(component.code for component in COMPONENTS)

# By SPDX identifier. Those for code are approved by the Open Source Initiative; none of the others forbids
# commercial use or changes.
_CODE = frozenset({
    "0BSD", "AFL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause",
    "BSD-3-Clause", "BSL-1.0", "ECL-2.0", "EPL-2.0", "EUPL-1.2", "GPL-2.0-only", "GPL-2.0-or-later",
    "GPL-3.0-only", "GPL-3.0-or-later", "ISC", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only",
    "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0", "MulanPSL-2.0", "NCSA", "UPL-1.0", "Zlib",
})  # fmt: skip
_CONTENT = frozenset({
    "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0",
})  # fmt: skip
_OPEN = {Content.CODE: _CODE, Content.DATA: _CODE | _CONTENT, Content.DOCUMENT: _CODE | _CONTENT}
_KNOWN = {name.lower(): name for name in _CODE | _CONTENT}


def spdx_id(name: str) -> str:
    """The SPDX identifier of an open licence that goes by `name` in any case, or "".

    >>> spdx_id("apache-2.0"), spdx_id("cc-by-nc-4.0")
    ('Apache-2.0', '')
    """
    return _KNOWN.get(name.strip().lower(), "")


def is_open(licence: str, *, content: Content) -> bool:
    """Whether something under the licence with this SPDX identifier is open by the framework.

    >>> is_open("mit", content=Content.CODE), is_open("CC-BY-4.0", content=Content.CODE)
    (True, False)
    """
    return spdx_id(licence) in _OPEN[content]
