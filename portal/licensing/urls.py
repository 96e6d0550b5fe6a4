"""Addresses of licences."""

from django.urls import path

from portal.licensing import views

app_name = "licensing"
urlpatterns = [
    path("<slug:slug>/", views.licence, name="licence"),
    path("<slug:slug>/<str:number>/", views.version, name="version"),
]
