"""Finding conversations by what was said in them."""

import re

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, Q

from playground.models import ConversationQuerySet, Generation, Turn
from playground.models.generations import words_of

WORD = re.compile(r"\w+")
WORDS_MAX = 12


def matching(talks: ConversationQuerySet, text: str) -> ConversationQuerySet:
    """Those of `talks` in whose title, or in one of whose messages or answers, all words of `text` stand.

    The last word may be the beginning of one, since people search while they type.
    """
    words = WORD.findall(text.lower())[:WORDS_MAX]
    if not words:
        return talks
    wanted = SearchQuery(" & ".join(words) + ":*", config="simple", search_type="raw")
    said = Turn.objects.filter(conversation=OuterRef("pk")).annotate(words=words_of("prompt"))
    answered = Generation.objects.filter(turn__conversation=OuterRef("pk")).annotate(words=words_of("text"))
    in_title = Q()
    for word in words:
        in_title &= Q(title__icontains=word)
    return talks.filter(in_title | Exists(said.filter(words=wanted)) | Exists(answered.filter(words=wanted)))
