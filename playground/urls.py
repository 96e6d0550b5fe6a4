"""Addresses of the playground."""

from django.urls import path

from playground.views import following, pages, sending

urlpatterns = [
    path("", pages.new, name="playground"),
    path("send/", sending.send, name="playground_send"),
    path("<uuid:pk>/", pages.conversation, name="playground_conversation"),
    path("models/<slug:slug>/status/", pages.model_status, name="playground_model_status"),
    path("generations/<uuid:pk>/", sending.answer, name="playground_answer"),
    path("generations/<uuid:pk>/stream/", following.stream, name="playground_stream"),
    path("generations/<uuid:pk>/cancel/", sending.cancel, name="playground_cancel"),
    path("generations/<uuid:pk>/retry/", sending.retry, name="playground_retry"),
]
