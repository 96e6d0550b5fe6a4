"""Addresses of the console."""

from django.urls import path

from portal.console import (
    applications,
    downloads,
    downloads_holders,
    events,
    home,
    integrity,
    ledger,
    licences,
    releases,
)

app_name = "console"
urlpatterns = [
    path("", home.home, name="home"),
    path("applications/", applications.queue, name="applications"),
    path("applications/<slug:reference>/", applications.application, name="application"),
    path("applications/<slug:reference>/decide/", applications.decide, name="decide"),
    path("licences/", licences.index, name="licences"),
    path("licences/new/", licences.new, name="new_licence"),
    path("licences/<slug:slug>/", licences.licence, name="licence"),
    path("licences/<slug:slug>/draft/", licences.draft, name="draft"),
    path("licences/<slug:slug>/<str:number>/", licences.draft, name="redraft"),
    path("licences/<slug:slug>/<str:number>/publish/", licences.publish, name="publish"),
    path("licences/<slug:slug>/<str:number>/discard/", licences.discard, name="discard"),
    path("releases/", releases.index, name="releases"),
    path("releases/new/", releases.new, name="new_release"),
    path("releases/<slug:slug>/", releases.release, name="release"),
    path("releases/<slug:slug>/imports/", releases.start_import, name="import"),
    path("releases/<slug:slug>/progress/", releases.progress, name="import_progress"),
    path(
        "releases/<slug:slug>/revisions/<slug:commit>/yank/",
        integrity.yank_revision,
        name="yank",
    ),
    path("releases/<slug:slug>/stored/<slug:sha256>/check/", integrity.check_again, name="check_again"),
    path("releases/<slug:slug>/<slug:code>/", releases.step, name="release_step"),
    path("downloads/", downloads.index, name="downloads"),
    path("downloads/<int:pk>/", downloads.download, name="download"),
    path("downloads/mailings/<int:pk>/", downloads_holders.sent, name="mailing"),
    path("downloads/mailings/<int:pk>/progress/", downloads_holders.progress, name="mailing_progress"),
    path("downloads/mailings/<int:pk>/again/", downloads_holders.again, name="mail_again"),
    path("downloads/releases/<slug:slug>/", downloads.report, name="download_report"),
    path("downloads/releases/<slug:slug>/<slug:commit>/", downloads_holders.index, name="holders"),
    path(
        "downloads/releases/<slug:slug>/<slug:commit>/holders.csv",
        downloads_holders.export,
        name="holders_export",
    ),
    path("downloads/releases/<slug:slug>/<slug:commit>/mail/", downloads_holders.mail, name="mail_holders"),
    path("events/", events.index, name="events"),
    path("events/new/", events.new, name="event_new"),
    path("events/<slug:slug>/", events.event, name="event"),
    path("events/<slug:slug>/edit/", events.edit, name="event_edit"),
    path("events/<slug:slug>/publish/", events.publish, name="event_publish"),
    path("events/<slug:slug>/cancel/", events.cancel, name="event_cancel"),
    path("events/<slug:slug>/guests.csv", events.export, name="event_export"),
    path("events/<slug:slug>/guests/<int:pk>/check-in/", events.check_in, name="event_check_in"),
    path("ledger/", ledger.entries, name="ledger"),
]
