"""Everything that changes a conversation: one verb, one transaction, one ledger entry."""

from playground.actions.asking import MAXIMUM_LIVE_A_PERSON, Follows, Wish
from playground.actions.comparing import (
    Column,
    ask,
    ask_again,
    compare,
    delete_comparison,
    rename_comparison,
    stop_all,
    vote,
)
from playground.actions.conversations import delete, pin, prefer, rename
from playground.actions.ending import Outcome, begin, begin_next, cancel, fail, finish, hold, requeue, stop
from playground.actions.feedback import export_preferences, give_feedback, remove_feedback
from playground.actions.importing import import_conversation
from playground.actions.presets import (
    archive_preset,
    rename_preset,
    restore_version,
    save_preset,
    save_version,
)
from playground.actions.runs import cancel_run, delete_run, retry_failed, start_run
from playground.actions.sending import go_on, regenerate, retry, send
from playground.actions.shares import change_share, reproduce, revoke_share, share

__all__ = [
    "MAXIMUM_LIVE_A_PERSON",
    "Column",
    "Follows",
    "Outcome",
    "Wish",
    "archive_preset",
    "ask",
    "ask_again",
    "begin",
    "begin_next",
    "cancel",
    "cancel_run",
    "change_share",
    "compare",
    "delete",
    "delete_comparison",
    "delete_run",
    "export_preferences",
    "fail",
    "finish",
    "give_feedback",
    "go_on",
    "hold",
    "import_conversation",
    "pin",
    "prefer",
    "regenerate",
    "remove_feedback",
    "rename",
    "rename_comparison",
    "rename_preset",
    "reproduce",
    "requeue",
    "restore_version",
    "retry",
    "retry_failed",
    "revoke_share",
    "save_preset",
    "save_version",
    "send",
    "share",
    "start_run",
    "stop",
    "stop_all",
    "vote",
]
