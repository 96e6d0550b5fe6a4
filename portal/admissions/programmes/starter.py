"""The programme that a new portal starts with, and its questions."""

from django.db import transaction

from portal.accounts.models import User
from portal.admissions.models import Programme, Question, QuestionKind
from portal.admissions.programmes import actions

SLUG = "early-access"
SUMMARY = "Work with our models before their weights are public, and tell us what you find."
DESCRIPTION = """\
Early access is for people who build with open models, study them or look for their faults. If your
application is approved and you accept the licence, you can

- try the releases in the playground,
- call them through an API that speaks OpenAI's protocol, with keys of your own,
- download the weights with the tools you already use.

A person reads every application. You can follow yours on this page, and we write to you at each step.
"""
USE_POLICY = """\
You agree not to use the released models to

- harm people, or help others to do so;
- break the law or infringe others' rights;
- deceive people about whether they are talking to a machine;
- take decisions on people's rights or livelihoods without human oversight.

Tell us of behaviour that worries you. We read every report.
"""
INTENDED_USES = ["Research", "A product or a service", "Safety evaluation", "Teaching", "A personal project"]

# Code, kind, label, help, choices; every one of them is required.
_QUESTIONS: list[tuple[str, QuestionKind, str, str, list[str]]] = [
    (
        "use_case",
        QuestionKind.LONG_TEXT,
        "What do you want to do with the models?",
        "A few sentences are enough: what you build or study, and what you hope the model will do in it.",
        [],
    ),
    (
        "organisation",
        QuestionKind.SHORT_TEXT,
        "Which organisation are you with?",
        "A company, a university, a community. Write “none” if you apply for yourself.",
        [],
    ),
    ("country", QuestionKind.COUNTRY, "In which country will you use the models?", "", []),
    ("intended_use", QuestionKind.CHOICE, "What is the main use?", "", INTENDED_USES),
    ("use_policy", QuestionKind.CONSENT, "I have read the use policy and will keep to it.", "", []),
]


@transaction.atomic
def early_access(*, by: User | None, use_policy: str = USE_POLICY) -> Programme:
    """The programme `early-access`, made and opened in the name of `by` if there is none yet. Idempotent."""
    programme, is_new = Programme.objects.get_or_create(
        slug=SLUG,
        defaults={
            "name": "Early access",
            "summary": SUMMARY,
            "description": DESCRIPTION,
            "use_policy": use_policy,
        },
    )
    if is_new:
        add_questions(programme)
        actions.open_programme(programme, by=by)
    return programme


def add_questions(programme: Programme) -> None:
    """Give `programme` the usual questions."""
    Question.objects.bulk_create(
        Question(
            programme=programme,
            position=position,
            code=code,
            kind=kind,
            label=label,
            help_text=help_text,
            choices=choices,
        )
        for position, (code, kind, label, help_text, choices) in enumerate(_QUESTIONS, start=1)
    )
