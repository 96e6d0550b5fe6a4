"""Object storage that holds a copy of every blob, and gives it out by presigned links."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from django.conf import settings

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30


def presigned_url(sha256: str, *, filename: str, seconds: int) -> str:
    """An address that gives the blob for `seconds` to whoever has it, under `filename`. No I/O."""
    bucket, _, prefix = settings.WEIGHTS_BUCKET.removeprefix("s3://").partition("/")
    where = {
        "Bucket": bucket,
        "Key": f"{prefix.rstrip('/')}/sha256/{sha256[:2]}/{sha256}".lstrip("/"),
        "ResponseContentDisposition": f"attachment; filename*=UTF-8''{filename}",
    }
    return str(client().generate_presigned_url("get_object", Params=where, ExpiresIn=seconds))


@cache
def client() -> Any:
    """The client of the S3-compatible storage that the settings name; it may be shared by threads."""
    return boto3.client(
        "s3",
        endpoint_url=settings.S3_ENDPOINT_URL or None,
        region_name=settings.S3_REGION or None,
        aws_access_key_id=settings.S3_ACCESS_KEY_ID or None,
        aws_secret_access_key=settings.S3_SECRET_ACCESS_KEY or None,
        config=Config(
            signature_version="s3v4",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            s3={"addressing_style": settings.S3_ADDRESSING_STYLE},
        ),
    )
