"""Fetches the third-party files under static/vendor/ at pinned versions and keeps only what is used.

Run `python scripts/vendor_static.py` after changing a version or the list of icons. It needs
npm and the npm registry; the portal itself needs neither, because its output is committed.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC_VENDOR = ROOT / "static" / "vendor"
TEST_VENDOR = ROOT / "tests" / "look" / "vendor"

# A reference to a map that is not shipped makes collectstatic's manifest refuse the file.
SOURCE_MAP = re.compile(rb"\s*(?://[#@]\s*sourceMappingURL=\S+|/\*[#@]\s*sourceMappingURL=\S+\s*\*/)\s*")

ICONS_LIST = ROOT / "scripts" / "icons.txt"


@dataclass(frozen=True, kw_only=True)
class Package:
    """One npm package: which version, under which licence, and which of its files are kept."""

    npm: str
    version: str
    licence: str
    use: str
    folder: str
    files: dict[str, str] = field(default_factory=dict)
    target: Path = STATIC_VENDOR
    icons: bool = False

    @property
    def home(self) -> Path:
        """The folder that holds the kept files."""
        return self.target / f"{self.folder}-{self.version}"


def wanted_icons() -> dict[str, str]:
    """Map each icon of scripts/icons.txt to its file in the package (`filled/NAME` becomes `NAME-filled`)."""
    names = [line.strip() for line in ICONS_LIST.read_text().splitlines()]
    sources = {}
    for name in names:
        if name and not name.startswith("#"):
            style, _, base = name.rpartition("/")
            key = f"{base}-filled" if style else base
            sources[key] = f"icons/{style or 'outline'}/{base}.svg"
    return sources


def icon_drawing(svg: str) -> str:
    """Return what lies between the svg tags, without the invisible bounding path and line breaks."""
    inner = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    return "".join(
        line.strip() for line in inner.splitlines() if 'stroke="none" d="M0 0h24v24H0z"' not in line
    )


def keep_icons(package: Package, *, tarball: Path) -> None:
    """Write the wanted icons as one JSON file of drawings by name, which the `icon` tag reads once."""
    drawings = {}
    with tarfile.open(tarball) as archive:
        for name, source in wanted_icons().items():
            try:
                member = archive.extractfile(f"package/{source}")
            except KeyError:
                sys.exit(f"{package.npm} {package.version} has no icon {name}; correct scripts/icons.txt.")
            drawings[name] = icon_drawing(member.read().decode())  # type: ignore[union-attr]
    text = json.dumps(dict(sorted(drawings.items())), indent=0, ensure_ascii=False)
    (package.home / "icons.json").write_text(text + "\n")


def packages() -> list[Package]:
    """List every vendored package."""
    return [
        Package(
            npm="@tabler/core",
            version="1.6.0",
            licence="MIT",
            use="components and utilities that static/portal.css builds on",
            folder="tabler",
            files={"dist/css/tabler.min.css": "tabler.min.css", "dist/js/tabler.min.js": "tabler.min.js"},
        ),
        Package(
            npm="@tabler/icons",
            version="3.51.0",
            licence="MIT",
            use="the icons that the `icon` template tag puts into the page",
            folder="tabler-icons",
            files={"LICENSE": "LICENSE"},
            icons=True,
        ),
        Package(
            npm="htmx.org",
            version="4.0.1",
            licence="0BSD",
            use="fragments without writing JavaScript; hx-sse for token streams",
            folder="htmx",
            files={
                "dist/htmx.min.js": "htmx.min.js",
                "dist/ext/hx-sse.min.js": "hx-sse.min.js",
                "LICENSE": "LICENSE",
            },
        ),
        Package(
            npm="@fontsource-variable/inter",
            version="5.3.0",
            licence="OFL-1.1",
            use="the text face",
            folder="inter",
            files={
                "files/inter-latin-opsz-normal.woff2": "inter-latin.woff2",
                "files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
                "LICENSE": "LICENSE",
            },
        ),
        Package(
            npm="@fontsource-variable/jetbrains-mono",
            version="5.3.0",
            licence="OFL-1.1",
            use="the face of code, hashes and identifiers",
            folder="jetbrains-mono",
            files={
                "files/jetbrains-mono-latin-wght-normal.woff2": "jetbrains-mono-latin.woff2",
                "LICENSE": "LICENSE",
            },
        ),
        Package(
            npm="markdown-it",
            version="15.0.3",
            licence="MIT",
            use="reading the Markdown of answers while they stream",
            folder="markdown-it",
            files={"dist/browser/markdown-it.esm.min.mjs": "markdown-it.js", "LICENSE": "LICENSE"},
        ),
        Package(
            npm="dompurify",
            version="3.5.0",
            licence="MPL-2.0 or Apache-2.0",
            use="what is rendered of an answer in the browser goes through it",
            folder="dompurify",
            files={"dist/purify.es.mjs": "purify.js", "LICENSE": "LICENSE", "LICENSE-MPL": "LICENSE-MPL"},
        ),
        Package(
            npm="@highlightjs/cdn-assets",
            version="11.12.0",
            licence="BSD-3-Clause",
            use="colours of code in answers (its common languages)",
            folder="highlight",
            files={"es/highlight.min.js": "highlight.js", "LICENSE": "LICENSE"},
        ),
        Package(
            npm="katex",
            version="0.19.1",
            licence="MIT",
            use="LaTeX in answers to MathML; none of its styles and fonts",
            folder="katex",
            files={"dist/katex.min.js": "katex.js", "LICENSE": "LICENSE"},
        ),
        Package(
            npm="axe-core",
            version="4.14.1",
            licence="MPL-2.0",
            use="accessibility checks in the browser tests; never served",
            folder="axe-core",
            files={"axe.min.js": "axe.min.js", "LICENSE": "LICENSE"},
            target=TEST_VENDOR,
        ),
    ]


def npm_pack(package: Package, *, into: Path) -> Path:
    """Download the package's tarball and return its path."""
    answer = subprocess.run(
        ["npm", "pack", "--silent", f"{package.npm}@{package.version}"],
        cwd=into,
        check=True,
        capture_output=True,
        text=True,
    )
    return into / answer.stdout.split()[-1]


def keep_files(package: Package, *, tarball: Path) -> None:
    """Replace the package's folder by the wanted files of the tarball, without source map references."""
    shutil.rmtree(package.home, ignore_errors=True)
    package.home.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        for source, name in package.files.items():
            member = archive.extractfile(f"package/{source}")
            if member is None:
                sys.exit(f"{package.npm} {package.version} has no file {source}.")
            body = member.read()
            if name.endswith((".js", ".css")):
                body = SOURCE_MAP.sub(b"\n", body)
            (package.home / name).write_bytes(body)


def write_readme(kept: list[Package]) -> None:
    """Record what is vendored, from where, under which licence, with the SHA-256 of each larger file."""
    rows = [
        "# Vendored files",
        "",
        "Written by `scripts/vendor_static.py`; change versions there, never here by hand.",
        "",
        "| package | version | licence | what it is for |",
        "|---|---|---|---|",
        *(f"| {p.npm} (npm) | {p.version} | {p.licence} | {p.use} |" for p in kept),
        "",
        "Tabler's package carries no licence file; it is under the MIT licence.",
        "",
        "| file | SHA-256 |",
        "|---|---|",
    ]
    for package in kept:
        for path in sorted(package.home.iterdir()):
            if path.suffix in {".js", ".css", ".woff2"}:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                rows.append(f"| `{path.relative_to(ROOT)}` | `{digest}` |")
    (STATIC_VENDOR / "README.md").write_text("\n".join(rows) + "\n")


def main() -> None:
    """Fetch every package anew and remove folders of versions no longer listed."""
    if shutil.which("npm") is None:
        sys.exit("npm was not found. Only changing the vendored files needs it: install Node.js.")
    kept = packages()
    with tempfile.TemporaryDirectory() as work:
        for package in kept:
            tarball = npm_pack(package, into=Path(work))
            keep_files(package, tarball=tarball)
            if package.icons:
                keep_icons(package, tarball=tarball)
            print(f"{package.npm} {package.version}: {len(package.files)} files")
    current = {package.home for package in kept}
    for folder in (*STATIC_VENDOR.iterdir(), *TEST_VENDOR.iterdir()):
        if folder.is_dir() and folder not in current:
            shutil.rmtree(folder)
    write_readme(kept)


if __name__ == "__main__":
    main()
