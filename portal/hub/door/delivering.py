"""The three who may move a download's bytes: this server, nginx, or object storage."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from io import FileIO
from typing import Any
from urllib.parse import quote

import structlog
from django.conf import settings

from portal.hub import actions
from portal.hub.actions import Wish
from portal.hub.door.lookups import Hold, out_of_service
from portal.hub.door.moving import Moving, Parts
from portal.hub.door.reply import Reply, headers_of
from portal.hub.door.running import Running
from portal.hub.models import Carrier
from portal.releases import bucket
from portal.releases.models import WeightFile

# For the start of a download only: one that runs goes on, and one that resumes asks again.
PRESIGNED_SECONDS = 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """Bytes that were granted: what they are, whom they go to, and after how many changes of access."""

    wish: Wish
    parts: Parts
    warnings: list[str]
    seen: int


async def deliver(running: Running, order: Order, reply: Reply, scope: Any, receive: Any) -> None:
    """Let the bytes leave by the carrier that the settings name. Raises Refusal before the first byte."""
    carry = _CARRIERS[Carrier(settings.WEIGHTS_DELIVERY)]
    await carry(running, order, reply, scope, receive)


async def _by_portal(running: Running, order: Order, reply: Reply, scope: Any, receive: Any) -> None:
    wish = order.wish
    file = await running.ask(partial(_open, wish.file))
    with file:
        download = await running.ask(partial(actions.start_download, wish, carrier=Carrier.PORTAL))
        hold = Hold(
            user_id=wish.user.pk,
            release_id=wish.file.revision.release_id,
            sha256=wish.file.sha256,
            key_id=wish.key.pk if wish.key else None,
            link_id=wish.link.pk if wish.link else None,
            address=wish.address,
        )
        moving = Moving(download.pk, hold=hold, file=file, parts=order.parts)
        running.begin(moving, seen=order.seen)
        try:
            headers = headers_of(wish.file) | order.parts.headers
            await reply.start(order.parts.status, headers, warnings=order.warnings)
            await moving.run(scope, receive, reply.send)
        except ConnectionResetError:
            return
        except ConnectionAbortedError:
            raise
        except OSError as error:
            log.exception("download_failed", download_id=download.pk)
            # The client must see that this is not all.
            raise ConnectionAbortedError(str(error)) from error
        finally:
            running.end(moving)


async def _by_nginx(running: Running, order: Order, reply: Reply, *_: Any) -> None:
    """https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers (X-Accel-Redirect).

    nginx reads the client's ranges itself; deploy/nginx.conf passes these headers on, and
    logs how much of this download left.
    """
    sha256 = order.wish.file.sha256
    download = await running.ask(partial(actions.start_download, order.wish, carrier=Carrier.NGINX))
    headers = headers_of(order.wish.file) | {
        "X-Accel-Redirect": f"/_weights/{sha256[:2]}/{sha256}",
        "X-Download-Id": str(download.pk),
        "X-Download-User": str(order.wish.user.pk),
        "Content-Length": "0",
    }
    await reply.whole(HTTPStatus.OK, headers, warnings=order.warnings)


async def _by_bucket(running: Running, order: Order, reply: Reply, *_: Any) -> None:
    """A redirect to another origin, to which clients do not send their key."""
    file = order.wish.file
    url = await running.ask(
        partial(
            bucket.presigned_url,
            file.sha256,
            filename=quote(file.path.rpartition("/")[2]),
            seconds=PRESIGNED_SECONDS,
        )
    )
    await running.ask(partial(actions.start_download, order.wish, carrier=Carrier.BUCKET))
    headers = headers_of(file) | {"Location": url, "Content-Length": "0", "Cache-Control": "no-store"}
    await reply.whole(HTTPStatus.FOUND, headers, warnings=order.warnings)


def _open(file: WeightFile) -> FileIO:
    """The stored bytes. Raises Refusal when the store has lost them."""
    try:
        opened = FileIO(file.stored_at, "rb")
    except OSError as error:
        raise out_of_service(file) from error
    if opened.seek(0, 2) != file.size_bytes:
        opened.close()
        raise out_of_service(file)
    return opened


_CARRIERS: dict[Carrier, Callable[..., Awaitable[None]]] = {
    Carrier.PORTAL: _by_portal,
    Carrier.NGINX: _by_nginx,
    Carrier.BUCKET: _by_bucket,
}
