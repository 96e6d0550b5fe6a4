"""Addresses of the console."""

from django.urls import path

from portal.console import applications, home, ledger

app_name = "console"
urlpatterns = [
    path("", home.home, name="home"),
    path("applications/", applications.queue, name="applications"),
    path("applications/<str:reference>/", applications.application, name="application"),
    path("applications/<str:reference>/decide/", applications.decide, name="decide"),
    path("ledger/", ledger.entries, name="ledger"),
]
