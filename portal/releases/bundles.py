"""The signed manifest of a revision as the OpenSSF's model_signing library writes it."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from model_signing import hashing, manifest, signing, verifying
from model_signing._hashing.hashing import Digest

# What the library's own command leaves out, and what the Hub's clients write beside the files they fetch.
# The signature names them, so that whoever verifies needs no option for it.
GIT_PATHS = (".git", ".gitattributes", ".github", ".gitignore")
CLIENT_PATHS = (".cache/huggingface",)
IGNORED_PATHS = ("model.sig", *GIT_PATHS, *CLIENT_PATHS)
SERIALIZATION = {
    "method": "files",
    "hash_type": "sha256",
    "allow_symlinks": False,
    "ignore_paths": list(IGNORED_PATHS),
}


class _KnownHashes(hashing.Config):
    """Answers from hashes that are known, where the library would read the files."""

    def __init__(self, hashes: Iterable[tuple[str, str]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._hashes = tuple(hashes)

    def hash(self, model_path: hashing.PathLike, **_: Any) -> manifest.Manifest:
        """The manifest of the files, under the last part of `model_path` as the model's name."""
        items = [
            manifest.FileManifestItem(
                path=PurePosixPath(path), digest=Digest("sha256", bytes.fromhex(sha256))
            )
            for path, sha256 in self._hashes
            if not _is_ignored(path)
        ]
        kind = manifest.SerializationType.from_args(SERIALIZATION)
        return manifest.Manifest(Path(str(model_path)).name, items, kind)


def sign(hashes: Iterable[tuple[str, str]], *, name: str, key_file: Path, public_pem: str) -> str:
    """The Sigstore bundle (JSON) over `hashes`, pairs of path and SHA-256 (hex), by the key in `key_file`.

    Reads no weights. `name` is the model's, without a slash; it binds nothing. What is
    returned was verified by `public_pem` first.

    Raises ValueError when the two keys do not belong together.
    """
    known = _KnownHashes(hashes)
    with TemporaryDirectory(prefix="signing-") as folder:
        model, signature, public = (Path(folder) / part for part in (name, "model.sig", "public.pem"))
        public.write_text(public_pem)
        signer = signing.Config()  # type: ignore[no-untyped-call]
        signer.use_elliptic_key_signer(private_key=key_file).set_hashing_config(known)
        signer.sign(model, signature)
        verifier = verifying.Config()  # type: ignore[no-untyped-call]
        verifier.use_elliptic_key_verifier(public_key=public).set_hashing_config(known)
        verifier.verify(model, signature)
        return signature.read_text(encoding="utf-8")


def _is_ignored(path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(ignored) for ignored in IGNORED_PATHS)
