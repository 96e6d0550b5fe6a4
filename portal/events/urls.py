"""Addresses of events."""

from django.urls import path

from portal.events import views

app_name = "events"
urlpatterns = [
    path("", views.index, name="index"),
    path("<slug:slug>/", views.event, name="event"),
    path("<slug:slug>/calendar.ics", views.calendar, name="calendar"),
    path("<slug:slug>/register/", views.register, name="register"),
    path("<slug:slug>/cancel/", views.cancel, name="cancel"),
]
