"""Addresses of licences."""

from django.urls import path

from portal.licensing import receipt_views, views

app_name = "licensing"
urlpatterns = [
    path("receipts/", receipt_views.index, name="receipts"),
    path("receipts/<str:reference>.json", receipt_views.document, name="receipt_document"),
    path("receipts/<str:reference>/", receipt_views.receipt, name="receipt"),
    path("<slug:slug>/", views.licence, name="licence"),
    path("<slug:slug>/<str:number>.json", views.conditions, name="conditions"),
    path("<slug:slug>/<str:number>/", views.version, name="version"),
    path("<slug:slug>/<str:number>/changes/", views.changes, name="changes"),
]
