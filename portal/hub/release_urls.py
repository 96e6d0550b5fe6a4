"""Addresses of the release pages."""

from django.urls import path

from portal.hub import (
    card_pages,
    checksums,
    download_pages,
    link_pages,
    manifests,
    pages,
    safety_pages,
)

app_name = "releases"
_REVISION = "<slug:slug>/<slug:commit>"
urlpatterns = [
    path("", pages.index, name="index"),
    path("downloads/", download_pages.index, name="downloads"),
    path("<slug:slug>/", pages.release, name="release"),
    path("<slug:slug>/safety/", safety_pages.safety, name="safety"),
    path("<slug:slug>/safety/<slug:digest>.json", safety_pages.statement, name="statement"),
    path("<slug:slug>/README.md", card_pages.readme, name="readme"),
    path("<slug:slug>/documentation/", card_pages.form, name="documentation"),
    path("<slug:slug>/documentation.json", card_pages.form, {"kind": "json"}, name="documentation_json"),
    path("<slug:slug>/documentation.md", card_pages.form, {"kind": "md"}, name="documentation_md"),
    path("<slug:slug>/links/", link_pages.links, name="links"),
    path("<slug:slug>/links/<slug:public_id>/revoke/", link_pages.revoke, name="revoke_link"),
    path(f"{_REVISION}/", pages.release, name="revision"),
    path(f"{_REVISION}/model.sig", manifests.bundle, name="bundle"),
    path(f"{_REVISION}/SHA256SUMS", checksums.sha256sums, name="sums"),
    path(f"{_REVISION}/aria2.txt", checksums.aria2_list, name="aria2_list"),
    path(f"{_REVISION}/curl.txt", checksums.curl_list, name="curl_list"),
    path(f"{_REVISION}/files/<path:path>", pages.file, name="file"),
]
