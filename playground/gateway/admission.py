"""Who asks, and for which model: keys, the one decision of `portal.access`, and where the model is served."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from playground.gateway import errors
from playground.gateway.errors import ApiError
from playground.gateway.presets import Presets
from playground.serving import backend_of
from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.common.refusals import Refusal
from portal.common.remembering import Remembered
from portal.common.storable import is_storable
from portal.keys.authentication import bearer_token, claimed_id, proven_key, require_usable
from portal.keys.models import ApiKey, Scope
from portal.keys.restrictions import require_network, require_release
from portal.releases.models import Release, ReleaseStatus

THREADS = 4
# The states in which anybody may know that a release exists; otherwise its name is nobody's business.
KNOWN_STATES = frozenset({ReleaseStatus.OPEN, ReleaseStatus.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Route:
    """An open way to a model: the release, its name at the model server, and where that is."""

    release: Release
    served_model_name: str
    base_url: str
    api_key: str


class Admission:
    """Looks keys and decisions up, at most a second old. Belongs to one event loop."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gateway")
        self._keys = Remembered(_find_key, threads=self.threads)
        self._routes = Remembered(find_route, threads=self.threads)
        self._lists = Remembered(_list_models, threads=self.threads)
        self.presets = Presets(self.threads)

    async def admit(self, authorization: str, *, address: str) -> ApiKey:
        """The key that an Authorization header proves, sent from `address`. Raises ApiError 401 or 403."""
        token = bearer_token(authorization)
        try:
            public_id = claimed_id(token)
            key = proven_key(token, await self._keys.get(public_id))
            require_usable(key, scope=Scope.INFERENCE)
            require_network(key, address)
        except Refusal as refusal:
            raise errors.from_refusal(refusal) from refusal
        return key

    async def route(self, key: ApiKey, model: str) -> Route:
        """The way to `model` for the key's owner. Raises ApiError 404 for none, 403 naming the shut gate."""
        found = await self._routes.get((key.public_id, key.user_id, model))
        if isinstance(found, Refusal):
            raise errors.from_refusal(found, param="model")
        if found is None:
            raise errors.model_not_found(model)
        return found

    async def judge(self, key: ApiKey, model: str, *, address: str) -> ApiError | None:
        """Why what was admitted from `address` a while ago would not be admitted now; None when it would."""
        try:
            now = await self._keys.get(key.public_id) or key
            require_usable(now, scope=Scope.INFERENCE)
            require_network(now, address)
            await self.route(key, model)
        except Refusal as refusal:
            return errors.from_refusal(refusal)
        except ApiError as error:
            return error
        return None

    async def models(self, key: ApiKey) -> list[dict[str, object]]:
        """The models that are open to the key's owner, as OpenAI's model objects."""
        return await self._lists.get((key.public_id, key.user_id))

    def forget(self, public_id: str) -> None:
        """Drop all that is known of one key."""
        self._keys.forget(lambda known: known == public_id)
        self._routes.forget(lambda known: known[0] == public_id)
        self._lists.forget(lambda known: known[0] == public_id)

    def forget_all(self) -> None:
        """Drop everything that is known."""
        for remembered in (self._keys, self._routes, self._lists, self.presets):
            remembered.forget_all()

    def close(self) -> None:
        """Let the threads go."""
        self.threads.shutdown(wait=False, cancel_futures=True)


def model_object(release: Release) -> dict[str, object]:
    """OpenAI's model object (https://platform.openai.com/docs/api-reference/models/object)."""
    return {
        "id": release.slug,
        "object": "model",
        "created": int(release.created_at.timestamp()),
        "owned_by": settings.ORGANISATION_NAME,
    }


def _find_key(public_id: str) -> ApiKey | None:
    return ApiKey.objects.filter(public_id=public_id).first()


def find_route(question: tuple[str, int, str]) -> Route | Refusal | None:
    """At most eleven queries. The slug is a release's own name; its Hub id and served name stand for it."""
    public_id, user_id, model = question
    if not is_storable(model):
        return None
    named = Q(slug=model) | Q(hub_id=model) | Q(served_model_name=model)
    found = Release.objects.filter(named).select_related("licence").order_by("pk")
    # A slug is unique, so nobody can take a release's place by serving under its name.
    release = min(found, key=lambda one: (one.slug != model, one.hub_id != model), default=None)
    key = ApiKey.objects.filter(public_id=public_id, user_id=user_id).select_related("user").first()
    if release is None or key is None:
        return None
    decision = decide(key.user, release, Action.INFERENCE)
    if not decision.allowed:
        return decision.refusal() if release.status in KNOWN_STATES else None
    try:
        require_release(key, release)
    except Refusal as refusal:
        return refusal
    backend = backend_of(release)
    return Route(
        release=release,
        served_model_name=release.served_model_name or release.slug,
        base_url=backend.base_url,
        api_key=backend.api_key,
    )


def _list_models(question: tuple[str, int]) -> list[dict[str, object]]:
    key = ApiKey.objects.filter(public_id=question[0], user_id=question[1]).select_related("user").first()
    if key is None:
        return []
    releases = releases_allowed(key.user, Action.INFERENCE).order_by("slug")
    if key.is_limited_to_releases:
        releases = releases.filter(pk__in=key.releases.values("pk"))
    return [model_object(release) for release in releases]
