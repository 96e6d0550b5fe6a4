"""How an API key is refused."""

from dataclasses import dataclass

from portal.common.refusals import Refusal

KEYS_PAGE = "/keys/"
CHANGE_PAGE = "/keys/{public_id}/change/"


@dataclass
class KeyRefusal(Refusal):
    """A token that opens nothing, or not this door: 401, or 403 for a key that is not made for it."""

    status: int = 401
    remedy: str = KEYS_PAGE
