"""Addresses of downloads: the Hugging Face Hub's, below /hub/."""

from django.urls import path

from portal.hub import metadata, resolving

app_name = "hub"
_MODEL = "<str:organisation>/<str:model>"
urlpatterns = [
    path("api/whoami-v2", metadata.whoami, name="whoami"),
    path(f"api/models/{_MODEL}", metadata.model_info, name="model"),
    path(f"api/models/{_MODEL}/revision/<str:revision>", metadata.model_info, name="revision"),
    path(f"api/models/{_MODEL}/tree/<str:revision>", metadata.tree, name="tree"),
    path(f"api/models/{_MODEL}/tree/<str:revision>/<path:path>", metadata.tree, name="folder"),
    path(f"{_MODEL}/resolve/<str:revision>/<path:path>", resolving.refused_file, name="resolve"),
    path("links/<str:token>/<str:name>", resolving.refused_link, name="link"),
    path("", metadata.nothing_here),
    path("<path:rest>", metadata.nothing_here),
]
