"""S3-compatible storage: one client from the settings, places in it, and its errors in plain words."""

import re
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from portal.common.refusals import Refusal

SCHEME = "s3://"
CONNECT_TIMEOUT_SECONDS = 5
# Between two pieces of an answer.
READ_TIMEOUT_SECONDS = 30
# For the threads of an import, and for the parts in which each of them sends a file on.
CONNECTIONS_MAX = 32
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_GONE = frozenset({"NoSuchKey", "NotFound", "404"})
_CHANGED = frozenset({"PreconditionFailed", "412"})
_SENTENCES = {
    "NoSuchBucket": "There is no bucket “{bucket}” at {endpoint}. Check its name and S3_REGION.",
    "InvalidAccessKeyId": "{endpoint} does not know the access key. Check S3_ACCESS_KEY_ID.",
    "SignatureDoesNotMatch": "{endpoint} refuses the secret key. Check S3_SECRET_ACCESS_KEY and S3_REGION.",
    "RequestTimeTooSkewed": "{endpoint} says that this server's clock is wrong. Set it right.",
    "AuthorizationHeaderMalformed": "The bucket “{bucket}” lies in another region. Check S3_REGION.",
    "PermanentRedirect": "The bucket “{bucket}” lies elsewhere. Check S3_REGION and S3_ENDPOINT_URL.",
    "InvalidObjectState": "A file of the bucket “{bucket}” is archived. Restore it first.",
}
_DENIED = "The access key may not {need} objects in the bucket “{bucket}” at {endpoint}. Let it."
_NO_KEY = "There is no access key for {endpoint}. Set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY."
_NO_TRUST = "The certificate of {endpoint} is not trusted. Name its authority in AWS_CA_BUNDLE."
_AWAY = "{endpoint} cannot be reached. Check S3_ENDPOINT_URL and the network, and start again."


class BadPlace(Refusal):
    """The text is not an address of the form s3://bucket/prefix."""


@dataclass(frozen=True)
class Place:
    """A bucket, and what the keys in it begin with, without slashes at either end."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def key(self, path: str) -> str:
        """The key of what lies at `path` below the place."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def contains(self, other: "Place") -> bool:
        """Whether `other` is this place or lies below it."""
        if self.bucket != other.bucket:
            return False
        return not self.prefix or other.prefix == self.prefix or other.prefix.startswith(f"{self.prefix}/")


def place(address: str) -> Place:
    """The place that `s3://bucket/prefix` names; a slash at its end changes nothing.

    Raises BadPlace.

    >>> place("s3://models/tiny/v1/")
    Place(bucket='models', prefix='tiny/v1')
    """
    bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
    prefix = prefix.rstrip("/")
    parts = prefix.split("/") if prefix else []
    is_plain = prefix.isprintable() and not any(part in ("", ".", "..") for part in parts)
    if not address.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or not is_plain:
        raise BadPlace("bad_bucket", "Write the bucket as s3://bucket/prefix.", status=422)
    return Place(bucket, prefix)


def boto() -> ModuleType:
    """`portal.releases.boto`, loaded when it is first needed: few processes ever are."""
    from portal.releases import boto  # noqa: PLC0415 - see there

    return boto


def failures() -> tuple[type[Exception], ...]:
    """What a call of the client may raise."""
    return (boto().BotoCoreError, boto().ClientError, boto().Boto3Error)


def client() -> Any:
    """The client of the storage that the settings name; it may be shared by threads."""
    return _client(
        settings.S3_ENDPOINT_URL,
        settings.S3_REGION,
        settings.S3_ACCESS_KEY_ID,
        settings.S3_SECRET_ACCESS_KEY,
        settings.S3_ADDRESSING_STYLE,
    )


def code_of(error: Exception) -> str:
    """The storage's own word for what went wrong, or "" when it did not come to that."""
    # What uploads in parts raises an error of its own, which the storage's error caused.
    cause: Any = error if _was_answered(error) else error.__cause__ or error.__context__
    return str(cause.response.get("Error", {}).get("Code", "")) if _was_answered(cause) else ""


def is_gone(error: Exception) -> bool:
    """Whether the object is not there."""
    return code_of(error) in _GONE


def has_changed(error: Exception) -> bool:
    """Whether the object is not the one that was asked for."""
    return code_of(error) in _CHANGED


def is_passing(error: Exception) -> bool:
    """Whether asking again may help: the connection broke, or the storage has trouble of its own."""
    if _lacks_a_key(error) or isinstance(error, boto().SSLError):
        return False
    if _was_answered(error):
        answer: Any = error
        return int(answer.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500  # noqa: PLR2004
    return True


def sentence(error: Exception, *, bucket: str, need: str = "list and read") -> str:
    """What went wrong and what to do about it; no key, signature or address with one is in it."""
    words = {"bucket": bucket, "endpoint": endpoint(), "need": need}
    code = code_of(error)
    if code in _SENTENCES:
        return _SENTENCES[code].format(**words)
    if code in ("AccessDenied", "403", "Forbidden"):
        return _DENIED.format(**words)
    if code:
        return f"{words['endpoint']} answered with the error {code}, in the bucket “{bucket}”."
    if _lacks_a_key(error):
        return _NO_KEY.format(**words)
    return (_NO_TRUST if isinstance(error, boto().SSLError) else _AWAY).format(**words)


def endpoint() -> str:
    """The storage's host, for people to read."""
    if not settings.S3_ENDPOINT_URL:
        return f"Amazon S3 ({settings.S3_REGION})"
    return str(urlsplit(settings.S3_ENDPOINT_URL).netloc).rpartition("@")[2]


def _was_answered(error: BaseException | None) -> bool:
    return isinstance(error, boto().ClientError)


def _lacks_a_key(error: Exception) -> bool:
    return isinstance(error, (boto().NoCredentialsError, boto().PartialCredentialsError))


@lru_cache(maxsize=4)
def _client(endpoint_url: str, region: str, access_key_id: str, secret_access_key: str, style: str) -> Any:
    return boto().client(
        "s3",
        endpoint_url=endpoint_url or None,
        region_name=region or None,
        aws_access_key_id=access_key_id or None,
        aws_secret_access_key=secret_access_key or None,
        config=boto().Config(
            signature_version="s3v4",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=CONNECTIONS_MAX,
            s3={"addressing_style": style},
            # Many servers that are not Amazon's do not know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
