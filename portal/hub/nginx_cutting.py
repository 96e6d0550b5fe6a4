"""Ending downloads that nginx carries, whose connections no process of the portal holds.

The kernel is asked to reset the client's connection, as `ss --kill` does for an operator
(sock_diag(7), SOCK_DESTROY; Linux with CONFIG_INET_DIAG_DESTROY). That needs the
capability CAP_NET_ADMIN in nginx's network namespace.
"""

import re
import subprocess

import structlog

from portal.hub import actions
from portal.hub.door.lookups import Hold, shut
from portal.hub.models import Carrier, Download

SS_TIMEOUT_SECONDS = 5
# "client-address port server-address port", as deploy/nginx.conf sends it.
_CONNECTION = re.compile(r"([0-9a-fA-F.:]{2,45}) (\d{1,5}) ([0-9a-fA-F.:]{2,45}) (\d{1,5})")

log = structlog.get_logger(__name__)


def cut_refused() -> int:
    """End every download under way through nginx that is not allowed any more; return how many.

    Some ten queries for each person and release. A download whose connection cannot be
    reset is recorded as cut all the same, since nothing more may be begun.
    """
    running = list(
        Download.objects.filter(carrier=Carrier.NGINX, ended_at=None, cut_reason="").select_related(
            "file__revision"
        )
    )
    holds = {download.pk: _hold(download) for download in running}
    refused = shut(list(set(holds.values())))
    count = 0
    for download in running:
        if refusal := refused.get(holds[download.pk]):
            if not reset(download.connection):
                log.warning("nginx_download_not_cut", download_id=download.pk)
            actions.cut_download(download.pk, reason=refusal.sentence)
            count += 1
    return count


def reset(connection: str) -> bool:
    """Reset the TCP connection that nginx described; False when it could not be told or done."""
    found = _CONNECTION.fullmatch(connection)
    if found is None:
        return False
    client, client_port, server, server_port = found.groups()
    ends = ("src", _address(server), "sport", "=", f":{server_port}")
    others = ("dst", _address(client), "dport", "=", f":{client_port}")
    command = ["ss", "--kill", "--tcp", "--numeric", "--no-header", *ends, *others]
    try:
        # S603, S607: the parts are an address and a port each, and `ss` is the operator's.
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=SS_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("ss_failed", error=str(error))
        return False
    # It prints the connections that it ended.
    return done.returncode == 0 and f":{client_port}" in done.stdout


def _address(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _hold(download: Download) -> Hold:
    return Hold(
        user_id=download.user_id,
        release_id=download.file.revision.release_id,
        sha256=download.file.sha256,
        key_id=download.key_id,
        link_id=download.link_id,
        address=download.address or "",
    )
