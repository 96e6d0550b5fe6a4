"""Addresses of the Batch API, below /v1/."""

from django.urls import path

from playground.batches.errors import keyed
from playground.batches.views import batches, files

urlpatterns = [
    path("files", keyed(get=files.listing, post=files.upload)),
    path("files/<str:file_id>", keyed(get=files.retrieve, delete=files.delete)),
    path("files/<str:file_id>/content", keyed(get=files.content)),
    path("batches", keyed(get=batches.listing, post=batches.create)),
    path("batches/<str:batch_id>", keyed(get=batches.retrieve)),
    path("batches/<str:batch_id>/cancel", keyed(post=batches.cancel)),
    # An address that is not there is not there by any method.
    path(
        "<path:rest>",
        keyed(
            get=batches.unknown,
            head=batches.unknown,
            post=batches.unknown,
            put=batches.unknown,
            patch=batches.unknown,
            delete=batches.unknown,
            options=batches.unknown,
            trace=batches.unknown,
        ),
    ),
]
