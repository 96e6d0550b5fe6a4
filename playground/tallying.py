"""A run as its page and its files show it: each case with its answer, and how many have ended how."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from playground.actions.runs import newest_answers
from playground.filling import variables_of
from playground.models import Generation, GenerationStatus, PromptCase, PromptRun

HEADINGS = (
    "status",
    "answer",
    "error",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "seconds_to_first_token",
    "tokens_per_second",
)


@dataclass(frozen=True)
class Case:
    """One row; `values` are all names of the table with this row's texts.

    `answer` is None where its conversation was deleted, `other` what another run says to the same.
    """

    number: int
    variables: dict[str, str]
    answer: Generation | None
    values: tuple[tuple[str, str], ...] = ()
    other: Generation | None = None


@dataclass(frozen=True)
class Tally:
    """All cases of a run, in the order of the table."""

    run: PromptRun
    cases: list[Case]
    names: list[str]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.cases)

    @property
    def done(self) -> int:
        """How many are answered."""
        return self._count(GenerationStatus.DONE)

    @property
    def failed(self) -> int:
        """How many failed."""
        return self._count(GenerationStatus.FAILED)

    @property
    def stopped(self) -> int:
        """How many were cancelled."""
        return self._count(GenerationStatus.CANCELLED)

    @property
    def ended(self) -> int:
        """How many nobody works on any more."""
        return self.total - sum(1 for case in self.cases if case.answer and case.answer.is_live)

    @property
    def is_live(self) -> bool:
        """Whether any is being answered, or waits."""
        return self.ended < self.total

    @property
    def completion_tokens(self) -> int:
        """The tokens of all answers so far."""
        return sum(case.answer.completion_tokens or 0 for case in self.cases if case.answer)

    def _count(self, status: str) -> int:
        return sum(1 for case in self.cases if case.answer and case.answer.status == status)


def tally_of(run: PromptRun, *, beside: PromptRun | None = None) -> Tally:
    """The run as it stands; three queries, and two for the run that is put beside it."""
    answers = _by_number(run)
    others = _by_number(beside, with_variables=True) if beside else {}
    rows = list(run.cases.order_by("number"))
    # The database does not keep the order of the columns.
    all_names = sorted({name for row in rows for name in row.variables})
    names = list(dict.fromkeys([*variables_of(run.prompt), *all_names]))
    cases = [
        Case(
            number=row.number,
            variables=row.variables,
            answer=answers.get(str(row.number)),
            values=tuple((name, row.variables.get(name, "")) for name in names),
            other=others.get(_key(row.variables)),
        )
        for row in rows
    ]
    return Tally(run, cases, names)


def rows_of(tally: Tally) -> Iterator[list[object]]:
    """The rows of a table: the variables in the order of `names`, then what HEADINGS say."""
    for case in tally.cases:
        facts = _facts(case)
        yield [case.number, *(case.variables.get(name) for name in tally.names), *facts.values()]


def json_lines_of(tally: Tally) -> Iterator[str]:
    """A JSON object a line."""
    for case in tally.cases:
        told = {"case": case.number, "variables": case.variables, **_facts(case)}
        yield json.dumps(told, ensure_ascii=False) + "\n"


def _facts(case: Case) -> dict[str, object]:
    answer = case.answer
    if answer is None:
        return dict.fromkeys(HEADINGS) | {"status": "deleted"}
    values = (
        answer.status,
        answer.text,
        answer.error_sentence,
        answer.finish_reason,
        answer.prompt_tokens,
        answer.completion_tokens,
        answer.first_token_seconds,
        answer.tokens_per_second,
    )
    return dict(zip(HEADINGS, values, strict=True))


def _by_number(run: PromptRun, *, with_variables: bool = False) -> dict[str, Generation]:
    """The newest answers by the case's number or, to find the same case in another run, by its values."""
    answers = newest_answers(run)
    found = PromptCase.objects.filter(run=run).values_list("conversation", "number", "variables")
    keys = {pk: _key(values) if with_variables else str(number) for pk, number, values in found}
    return {keys[answer.turn.conversation_id]: answer for answer in answers}


def _key(variables: dict[str, str]) -> str:
    return json.dumps(variables, sort_keys=True)
