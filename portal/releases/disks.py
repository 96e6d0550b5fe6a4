"""What a disk's errors mean for an import, in one sentence each."""

import errno

from portal.releases import store
from portal.releases.paths import ImportRefused

_FORBIDDEN = "{path} cannot be read by the portal. Let its user read the directory and every file in it."
_SENTENCES = {
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOENT: "{path} is gone. Leave the directory alone while it is imported, and start again.",
    errno.ENOTDIR: "{path} has become something else. Leave the directory alone, and start again.",
    errno.ELOOP: "{path} has become a link. Leave the directory alone, and start again.",
    errno.EIO: "{path} could not be read: the disk reports an error. Check the disk.",
}


def refusal(error: OSError, *, path: str, size_bytes: int = 0) -> ImportRefused:
    """The end of an import because of `error`, met at `path` (unless the error names another)."""
    path = str(error.filename or path)
    if isinstance(error, store.NoRoomError) or error.errno in (errno.ENOSPC, errno.EDQUOT):
        sentence = (
            f"The disk with {store.root()} is too full to take in {path} ({size_bytes:,} bytes). "
            "Free some space and start the import again."
        )
        return ImportRefused("disk_full", sentence)
    known = _SENTENCES.get(error.errno or 0, f"{{path}} could not be read: {error.strerror or error}.")
    return ImportRefused("unreadable", known.format(path=path))
