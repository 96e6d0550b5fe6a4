"""docs/states.md draws every state machine as the code has it."""

from pathlib import Path

import pytest
from django.conf import settings

from playground.evaluations.models import RUN_MOVES as EVALUATION_MOVES
from playground.evaluations.models import RunStatus as EvaluationStatus
from playground.models import MOVES as GENERATION_MOVES
from playground.models import GenerationStatus
from playground.reporting.models import REPORT_MOVES, ReportStatus
from portal.admissions.models import (
    APPLICATION_MOVES,
    BULK_MOVES,
    INVITATION_MOVES,
    PRE_APPROVAL_MOVES,
    RULE_SET_MOVES,
    RUN_MOVES,
    WAVE_MOVES,
    ApplicationStatus,
    BulkStatus,
    InvitationStatus,
    PreApprovalStatus,
    RuleSetStatus,
    RunStatus,
    WaveStatus,
)
from portal.events.models import EVENT_MOVES, REGISTRATION_MOVES, EventStatus, RegistrationStatus
from portal.keys.models import DEVICE_LOGIN_MOVES, DeviceLoginStatus
from portal.releases.models import IMPORT_MOVES, RELEASE_MOVES, ImportStatus, ReleaseStatus

MACHINES = {
    "Application": (ApplicationStatus, APPLICATION_MOVES),
    "Decision on many applications": (BulkStatus, BULK_MOVES),
    "Wave": (WaveStatus, WAVE_MOVES),
    "Invitation to a team": (InvitationStatus, INVITATION_MOVES),
    "Invitation of the staff's": (PreApprovalStatus, PRE_APPROVAL_MOVES),
    "Set of rules": (RuleSetStatus, RULE_SET_MOVES),
    "Run of rules": (RunStatus, RUN_MOVES),
    "Release": (ReleaseStatus, RELEASE_MOVES),
    "Weight import": (ImportStatus, IMPORT_MOVES),
    "Event": (EventStatus, EVENT_MOVES),
    "Registration": (RegistrationStatus, REGISTRATION_MOVES),
    "Sign-in of a device": (DeviceLoginStatus, DEVICE_LOGIN_MOVES),
    "Generation": (GenerationStatus, GENERATION_MOVES),
    "Evaluation run": (EvaluationStatus, EVALUATION_MOVES),
    "Report": (ReportStatus, REPORT_MOVES),
}


def drawing(states, moves) -> str:
    """The machine as a Mermaid diagram and a table: what the page must hold, to be copied from a failure."""
    onward = {state: [to for to in states if to in moves.get(state, ())] for state in states}
    arrows = [f"    {left.value} --> {to.value}" for left in states for to in onward[left]]
    rows = [
        f"| `{left.value}` | {', '.join(f'`{to.value}`' for to in onward[left]) or 'nothing: it has ended'} |"
        for left in states
    ]
    return "\n".join(
        ["```mermaid", "stateDiagram-v2", *arrows, "```", "", "| from | to |", "|---|---|", *rows]
    )


@pytest.mark.parametrize("name", MACHINES)
def test_the_page_draws_the_machine_as_it_is(name):
    text = (settings.BASE_DIR / Path("docs/states.md")).read_text()
    section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]

    assert drawing(*MACHINES[name]) in section
