"""Addresses of downloads: the Hugging Face Hub's, below /hub/.

Clients send the slashes of a revision as %2F, which is a slash again when it comes here:
where a name ends an address, it takes all of them along, and there is no such revision.
"""

from django.urls import path, re_path

from portal.hub import access_requests, login, resolving
from portal.hub.metadata import elsewhere, history, identity, info, shards, trees

app_name = "hub"
_MODEL = "<str:organisation>/<str:model>"
_API = f"api/models/{_MODEL}"
urlpatterns = [
    path("oauth/device", login.device, name="oauth_device"),
    path("oauth/token", login.token, name="oauth_token"),
    path("api/whoami-v2", identity.whoami, name="whoami"),
    path("api/models", info.model_list, name="models"),
    path(_API, info.model_info, name="model"),
    path(f"{_API}/revision/<path:revision>", info.model_info, name="revision"),
    path(f"{_API}/tree/<path:place>", trees.tree, name="tree"),
    path(f"{_API}/paths-info/<path:revision>", trees.paths_info, name="paths"),
    path(f"{_API}/refs", history.refs, name="refs"),
    path(f"{_API}/commits/<path:revision>", history.commits, name="commits"),
    path(f"{_API}/auth-check", identity.auth_check, name="auth_check"),
    path(f"{_API}/auth-check/write", identity.auth_check_write, name="auth_check_write"),
    path(f"{_API}/safetensors-metadata/<path:path>", shards.safetensors_metadata, name="shards"),
    path(f"{_API}/user-access-request/handle", access_requests.handle, name="handle_request"),
    path(f"{_API}/user-access-request/grant", access_requests.grant, name="grant_access"),
    path(f"{_API}/user-access-request/<str:status>", access_requests.listed, name="access_requests"),
    path("api/agent-harnesses", elsewhere.agent_harnesses, name="agent_harnesses"),
    path("api/telemetry/<path:topic>", elsewhere.telemetry, name="telemetry"),
    path(f"{_MODEL}/resolve/<str:revision>/<path:path>", resolving.refused_file, name="resolve"),
    path("links/<str:token>/<str:name>", resolving.refused_link, name="link"),
    # Not a path converter: those end at a newline.
    re_path(r"^[\s\S]*\Z", elsewhere.nothing_here),
]
