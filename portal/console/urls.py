"""Addresses of the console."""

from django.urls import path

from portal.console import home, ledger

app_name = "console"
urlpatterns = [
    path("", home.home, name="home"),
    path("ledger/", ledger.entries, name="ledger"),
]
