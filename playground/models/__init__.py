"""The playground's tables: conversations and generations, presets, comparisons, shares, runs, evaluations."""

from playground.batches.models import ApiFile, Batch, BatchLine
from playground.evaluations.models import (
    EvaluationItem,
    EvaluationRun,
    Suite,
    SuiteCase,
    SuiteVersion,
)
from playground.models.comparisons import Comparison, PreferenceVote, Verdict
from playground.models.conversations import (
    TITLE_CHARACTERS,
    Conversation,
    ConversationKind,
    ConversationQuerySet,
    PlaygroundPreferences,
)
from playground.models.feedback import Feedback, Rating
from playground.models.generations import (
    ENDED,
    LIVE,
    MOVES,
    PROMPT_MAX_CHARACTERS,
    Generation,
    GenerationQuerySet,
    GenerationStatus,
    Turn,
)
from playground.models.presets import Preset, PresetQuerySet, PresetVersion
from playground.models.runs import PromptCase, PromptRun
from playground.models.shares import Audience, ShareLink, ShareLinkQuerySet
from playground.reporting.models import RegressionCase, RegressionOutcome, Report, ReportNote

# Django looks for an app's tables here.
__all__ = [
    "ENDED",
    "LIVE",
    "MOVES",
    "PROMPT_MAX_CHARACTERS",
    "TITLE_CHARACTERS",
    "ApiFile",
    "Audience",
    "Batch",
    "BatchLine",
    "Comparison",
    "Conversation",
    "ConversationKind",
    "ConversationQuerySet",
    "EvaluationItem",
    "EvaluationRun",
    "Feedback",
    "Generation",
    "GenerationQuerySet",
    "GenerationStatus",
    "PlaygroundPreferences",
    "PreferenceVote",
    "Preset",
    "PresetQuerySet",
    "PresetVersion",
    "PromptCase",
    "PromptRun",
    "Rating",
    "RegressionCase",
    "RegressionOutcome",
    "Report",
    "ReportNote",
    "ShareLink",
    "ShareLinkQuerySet",
    "Suite",
    "SuiteCase",
    "SuiteVersion",
    "Turn",
    "Verdict",
]
