"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from playground import account
from portal.access import views as pages
from portal.accounts import views as accounts
from portal.common import devmail, health, statement_keys
from portal.hub import login, manifests
from portal.keys import device_views

urlpatterns = [
    path("", pages.landing, name="landing"),
    path("dashboard/", pages.dashboard, name="dashboard"),
    path("accounts/mail/", accounts.mail, name="mail"),
    path("accounts/", include("allauth.urls")),
    path("unsubscribe/<str:token>/", accounts.unsubscribe, name="unsubscribe"),
    path("", include("portal.admissions.urls")),
    path("licences/", include("portal.licensing.urls")),
    path("releases/", include("portal.hub.release_urls")),
    path("keys/", include("portal.keys.urls")),
    path("device/", device_views.device, name="device"),
    path("device/allowed/", device_views.answered, {"is_allowed": True}, name="device_allowed"),
    path("device/denied/", device_views.answered, {"is_allowed": False}, name="device_denied"),
    path("oauth/device", login.device, name="oauth_device"),
    path("oauth/token", login.token, name="oauth_token"),
    path("usage/", include("portal.keys.usage_urls")),
    path("playground/", include("playground.urls")),
    path("reports/", include("playground.reporting.urls")),
    path("v1/account", account.door),
    path("v1/", include("playground.batches.api_urls")),
    path("batches/", include("playground.batches.page_urls")),
    path("api/", include("playground.reference.urls")),
    path("events/", include("portal.events.urls")),
    path("hub/", include("portal.hub.urls")),
    path("console/", include("portal.console.urls")),
    path("admin/", admin.site.urls),
    path(".well-known/model-signing.pem", manifests.public_key, name="signing_key"),
    path(".well-known/model-signing/<slug:key_id>.pem", manifests.public_key, name="signing_key_by_id"),
    path(".well-known/portal-statements.pem", statement_keys.public_key, name="statement_key"),
    path(
        ".well-known/portal-statements/<slug:key_id>.pem",
        statement_keys.public_key,
        name="statement_key_by_id",
    ),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("dev/mail/", devmail.inbox, name="devmail"),
    path("dev/mail/<slug:name>/", devmail.message, name="devmail_message"),
]
