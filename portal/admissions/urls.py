"""Addresses of applications."""

from django.urls import path

from portal.admissions import following, views

app_name = "admissions"
urlpatterns = [
    path("apply/<slug:slug>/", views.apply, name="apply"),
    path("apply/<slug:slug>/draft/", views.draft, name="draft"),
    path("apply/<slug:slug>/again/", views.again, name="again"),
    path("apply/<slug:slug>/<slug:reference>/", following.application, name="application"),
    path("apply/<slug:slug>/<slug:reference>/answer/", following.answer, name="answer"),
    path("apply/<slug:slug>/<slug:reference>/withdraw/", following.withdraw, name="withdraw"),
]
