"""Sessions in the database, as Django has them; found by a prepared question, since every request asks it."""

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from portal.common.prepared import prepared


class SessionStore(db.SessionStore):
    """What SESSION_ENGINE names."""

    def _get_session_from_db(self) -> Session | None:
        session = _unexpired.first(key=self.session_key, now=timezone.now())
        if session is None:
            self._session_key = None
        return session


@prepared
def _unexpired(*, key: str, now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(session_key=key, expire_date__gt=now)
