"""Addresses of the pages of batches."""

from django.urls import path

from playground.batches.views import pages

app_name = "batches"
urlpatterns = [
    path("", pages.index, name="index"),
    path("new/", pages.new, name="new"),
    path("<slug:batch_id>/", pages.batch, name="batch"),
    path("<slug:batch_id>/progress/", pages.progress, name="progress"),
    path("<slug:batch_id>/state/", pages.state, name="state"),
    path("<slug:batch_id>/cancel/", pages.cancel, name="cancel"),
    path("<slug:batch_id>/answers.jsonl", pages.download, {"kind": "answers"}, name="answers"),
    path("<slug:batch_id>/errors.jsonl", pages.download, {"kind": "errors"}, name="errors"),
]
