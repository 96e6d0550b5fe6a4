"""Addresses of API keys."""

from django.urls import path

from portal.keys import leak_views, service_account_views, views

app_name = "keys"
urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("check/", leak_views.check, name="check"),
    path("leaks/", leak_views.report, name="leaks"),
    path("accounts/", service_account_views.index, name="accounts"),
    path("accounts/new/", service_account_views.new, name="new_account"),
    path("accounts/join/<str:token>/", service_account_views.join, name="join_account"),
    path("accounts/<int:pk>/", service_account_views.account, name="account"),
    path("accounts/<int:pk>/invite/", service_account_views.invite, name="invite"),
    path("accounts/<int:pk>/close/", service_account_views.close, name="close_account"),
    path(
        "accounts/<int:pk>/members/<int:member_pk>/remove/",
        service_account_views.remove,
        name="remove_member",
    ),
    path(
        "accounts/<int:pk>/members/<int:member_pk>/owner/", service_account_views.hand_over, name="hand_over"
    ),
    path("<slug:public_id>/", views.row, name="row"),
    path("<slug:public_id>/change/", views.change, name="change"),
    path("<slug:public_id>/rotate/", views.rotate, name="rotate"),
    path("<slug:public_id>/revoke/", views.revoke, name="revoke"),
]
