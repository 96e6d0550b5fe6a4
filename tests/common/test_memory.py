"""What a web process must not load before somebody needs it, since each process pays for it."""

import subprocess
import sys

from django.conf import settings

# Megabytes each, and few processes ever need them.
HEAVY = (
    "boto3",
    "botocore",
    "disposable_email_domains",
    "icalendar",
    "jsonschema",
    "model_signing",
    "requests",
    "s3transfer",
    "torch",
    "transformers",
)
CODE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
import portal.asgi
from django.urls import get_resolver
get_resolver().url_patterns
print(*sorted(set(sys.argv[1:]) & set(sys.modules)))
"""


def test_a_web_process_loads_no_heavy_library_before_it_is_needed():
    done = subprocess.run(
        [sys.executable, "-c", CODE, *HEAVY],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.split() == []
