"""Addresses of API keys."""

from django.urls import path

from portal.keys import views

app_name = "keys"
urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("<slug:public_id>/", views.row, name="row"),
    path("<slug:public_id>/change/", views.change, name="change"),
    path("<slug:public_id>/rotate/", views.rotate, name="rotate"),
    path("<slug:public_id>/revoke/", views.revoke, name="revoke"),
]
