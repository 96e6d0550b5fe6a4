"""Files and batches in the OpenAPI description: their addresses and what they answer."""

from django.conf import settings

from playground.batches.asking import (
    ENDPOINTS,
    METADATA_KEY_CHARACTERS_MAX,
    METADATA_PAIRS_MAX,
    METADATA_VALUE_CHARACTERS_MAX,
    OUTPUT_SECONDS_MIN,
    WINDOW,
)
from playground.batches.models import BatchStatus, Purpose
from playground.reference.fields import JSON
from playground.reference.operations import operation
from playground.reference.schemas import COUNT, TEXT, TEXT_OR_NULL, TIME, listed, shape

TIME_OR_NULL = TIME | {"type": ["integer", "null"]}
TIMES = (
    *("in_progress_at", "expires_at", "finalizing_at", "cancelling_at"),
    *("completed_at", "failed_at", "expired_at", "cancelled_at"),
)
FILES_SHOWN_MAX, BATCHES_SHOWN_MAX = 10_000, 100

SCHEMAS: JSON = {
    "File": shape(
        {
            "id": TEXT,
            "object": {"const": "file"},
            "bytes": COUNT,
            "created_at": TIME,
            "expires_at": TIME_OR_NULL,
            "filename": TEXT,
            "purpose": {"enum": Purpose.values},
            "status": {"const": "processed"},
            "status_details": TEXT_OR_NULL,
        },
        *("id", "object", "bytes", "created_at", "filename", "purpose"),
    ),
    "FileDeleted": shape(
        {"id": TEXT, "object": {"const": "file"}, "deleted": {"const": True}}, "id", "object", "deleted"
    ),
    "FileList": listed("File"),
    "BatchRequest": {
        **shape(
            {
                "input_file_id": {"type": "string", "minLength": 1, "description": "A file of yours."},
                "endpoint": {"enum": list(ENDPOINTS), "description": "Where each of its lines is asked."},
                "completion_window": {"const": WINDOW},
                "metadata": {
                    "type": ["object", "null"],
                    "maxProperties": METADATA_PAIRS_MAX,
                    "propertyNames": {"maxLength": METADATA_KEY_CHARACTERS_MAX},
                    "additionalProperties": TEXT | {"maxLength": METADATA_VALUE_CHARACTERS_MAX},
                },
                "output_expires_after": {
                    "anyOf": [
                        shape(
                            {
                                "anchor": {"const": "created_at"},
                                "seconds": {
                                    "type": "integer",
                                    "minimum": OUTPUT_SECONDS_MIN,
                                    "maximum": settings.BATCH_FILE_DAYS * 24 * 3600,
                                },
                            },
                            "anchor",
                            "seconds",
                        ),
                        {"type": "null"},
                    ]
                },
            },
            *("input_file_id", "endpoint", "completion_window"),
        ),
        "additionalProperties": False,
    },
    "Batch": shape(
        {
            "id": TEXT,
            "object": {"const": "batch"},
            "endpoint": TEXT,
            "model": TEXT_OR_NULL,
            "errors": {"type": ["object", "null"]},
            "input_file_id": TEXT_OR_NULL,
            "completion_window": TEXT,
            "status": {"enum": BatchStatus.values},
            "output_file_id": TEXT_OR_NULL,
            "error_file_id": TEXT_OR_NULL,
            "created_at": TIME,
            **dict.fromkeys(TIMES, TIME_OR_NULL),
            "request_counts": shape({"total": COUNT, "completed": COUNT, "failed": COUNT}),
            "usage": {"type": "object"},
            "metadata": {"type": ["object", "null"]},
        },
        *("id", "object", "endpoint", "status", "created_at", "request_counts"),
    ),
    "BatchList": listed("Batch"),
}


def _id_of(kind: str) -> JSON:
    return {
        "name": f"{kind}_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    }


def _query(name: str, schema: JSON, words: str) -> JSON:
    return {"name": name, "in": "query", "schema": schema, "description": words}


def _links(kind: str, *operations: str) -> JSON:
    """From an answer to what else can be done with the thing whose id is in it."""
    parameters = {f"{kind}_id": "$response.body#/id"}
    return {name: {"operationId": name, "parameters": parameters} for name in operations}


def _page(limit_max: int) -> list[JSON]:
    limit = {"type": "integer", "minimum": 1, "maximum": limit_max, "default": 20}
    return [
        _query("limit", limit, "How many to list."),
        _query("after", {"type": "string"}, "List what comes behind the one with this id."),
    ]


UPLOAD: JSON = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": shape(
                {
                    "purpose": {"const": "batch"},
                    "file": {
                        "contentMediaType": "application/octet-stream",
                        "description": "One JSON object a line: custom_id, method, url and body.",
                    },
                },
                "purpose",
                "file",
            )
        }
    },
}
FILE, FILES, BATCH, BATCHES = "File", "Files", "Batch", "Batches"
PATHS: JSON = {
    "/files": {
        "get": operation(
            "listFiles",
            FILES,
            "List your files",
            answer="FileList",
            parameters=[
                *_page(FILES_SHOWN_MAX),
                _query("purpose", {"enum": Purpose.values}, "Only those with this purpose."),
                _query("order", {"enum": ["asc", "desc"], "default": "desc"}, "By the time they were made."),
            ],
        ),
        "post": operation(
            "createFile",
            FILES,
            "Send a file of requests",
            answer=FILE,
            requestBody=UPLOAD,
            links=_links("file", "retrieveFile", "downloadFile", "deleteFile"),
        ),
    },
    "/files/{file_id}": {
        "parameters": [_id_of("file")],
        "get": operation("retrieveFile", FILES, "Retrieve a file's facts", answer=FILE),
        "delete": operation("deleteFile", FILES, "Delete a file", answer="FileDeleted"),
    },
    "/files/{file_id}/content": {
        "parameters": [_id_of("file")],
        "get": operation("downloadFile", FILES, "Download a file", answer="", kind="application/jsonl"),
    },
    "/batches": {
        "get": operation(
            "listBatches",
            BATCHES,
            "List your batches",
            answer="BatchList",
            parameters=_page(BATCHES_SHOWN_MAX),
        ),
        "post": operation(
            "createBatch",
            BATCHES,
            "Ask all requests of a file",
            request="BatchRequest",
            answer=BATCH,
            links=_links("batch", "retrieveBatch", "cancelBatch"),
        ),
    },
    "/batches/{batch_id}": {
        "parameters": [_id_of("batch")],
        "get": operation("retrieveBatch", BATCHES, "Retrieve a batch as it stands", answer=BATCH),
    },
    "/batches/{batch_id}/cancel": {
        "parameters": [_id_of("batch")],
        "post": operation("cancelBatch", BATCHES, "Cancel a batch", answer=BATCH),
    },
}
