"""Examples of calls to copy: for each topic one in each language, with this portal's address and a model.

No key is ever filled in: the examples read it from OPENAI_API_KEY, as OpenAI's clients do.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import TextChoices
from django.template.loader import render_to_string

PLACEHOLDER = "MODEL"
PRESET_ID = "preset_0123456789abcdef01234567"


class Language(TextChoices):
    """What the examples are written in."""

    CURL = "curl", "curl"
    PYTHON = "python", "Python"
    JAVASCRIPT = "javascript", "JavaScript"


INSTALLING = {
    Language.CURL: "export OPENAI_API_KEY=owk_…",
    Language.PYTHON: "pip install openai\nexport OPENAI_API_KEY=owk_…",
    Language.JAVASCRIPT: "npm install openai\nexport OPENAI_API_KEY=owk_…",
}


@dataclass(frozen=True)
class Topic:
    """What an example shows; `name` is unique on the page."""

    name: str
    title: str
    words: str


TOPICS = (
    Topic("chat", "Ask", "One conversation, one answer. Earlier messages go into the list as well."),
    Topic(
        "stream",
        "Stream",
        "The answer comes as it is written. With include_usage the last chunk tells the tokens; without it "
        "the portal counts them all the same.",
    ),
    Topic(
        "tools",
        "Tools",
        "The model asks you to call a function, and with “strict” writes its arguments to your schema. Here "
        "it must; with “auto” it may, where the model has learnt to.",
    ),
    Topic(
        "structured",
        "Structured output",
        "The model is held to your JSON schema while it writes, so that a program can read the answer. "
        "Give texts a maxLength: an answer that max_tokens cuts short is no whole JSON.",
    ),
    Topic(
        "presets",
        "Presets",
        "A preset of the playground, by the id on its page: what it sets and the request does not is filled "
        "in. Its prompt may have variables, such as {{topic}}. Without preset_version the newest version "
        "counts.",
    ),
    Topic(
        "embeddings",
        "Embeddings",
        "For models that make them. A model that writes text answers 404 with the code unsupported_by_model.",
    ),
    Topic(
        "batch",
        "Batch",
        "A file of requests, answered within a day when there is room. A line that fails has its error in "
        "the batch's error file, and the other lines go on.",
    ),
    Topic(
        "errors",
        "Errors and retries",
        "OpenAI's clients try 408, 409, 429 and 5xx again by themselves, and wait for as long as retry-after "
        "says. Every error has a stable code, and a message that ends with an address.",
    ),
    Topic(
        "limits",
        "Limits",
        "Each answer says what you may send and what remains. While a request runs, the most that it can "
        "come to (its prompt, and max_tokens for each answer) is held back; what it did not use "
        "comes back at its end.",
    ),
)


@dataclass(frozen=True)
class Example:
    """One piece of code for one topic."""

    topic: Topic
    language: Language
    code: str


def examples_in(language: Language, *, model: str, base_url: str = "") -> list[Example]:
    """One example a topic in `language`, asking `model` at `base_url` ("": a placeholder; this portal's)."""
    known = {"model": model or PLACEHOLDER, "base_url": base_url or f"{settings.PORTAL_URL}/v1"}
    known["preset_id"] = PRESET_ID
    return [
        Example(
            topic,
            language,
            render_to_string(f"reference/examples/{language}/{topic.name}.txt", known).strip(),
        )
        for topic in TOPICS
    ]
