"""What is used of boto3: 16 MB of each process that loads it, so only `objectstorage.boto` does."""

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)

__all__ = [
    "Boto3Error",
    "BotoCoreError",
    "ClientError",
    "Config",
    "NoCredentialsError",
    "PartialCredentialsError",
    "SSLError",
    "TransferConfig",
    "client",
]

client = boto3.client
