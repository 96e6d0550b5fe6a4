"""How static files are named in production: by their content, also where one script imports another."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

_FROM = r"""(?P<matched>\bfrom "(?P<url>\.[^"]+)";)"""
_IMPORT = r"""(?P<matched>\bimport\("(?P<url>\.[^"]+)"\))"""


class ModuleStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage, which also rewrites the addresses in the imports of our own modules.

    Without it a browser that holds a module from before an upgrade would mix it with those from after.
    Django's own switch for this would read every package's scripts, of which some import what is not there.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("playground/*.js", ((_FROM, 'from "%(url)s";'), (_IMPORT, 'import("%(url)s")'))),
    )
