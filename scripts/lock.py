"""Compile every list under requirements/ from pyproject.toml and the .in files: hashes, and no addresses.

Called by `make lock`, with this environment's uv.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
# What torch's build on the registry links, and its CPU build does without.
GPU_LIBRARIES = re.compile(r"(nvidia-|cuda-|triton==)")


def main() -> None:
    """Write app.txt, dev.txt, uv.txt and the lists of vLLM's own environment."""
    compile_list("app.txt", "pyproject.toml")
    compile_list("dev.txt", "pyproject.toml", "--extra", "dev")
    compile_list("uv.txt", "requirements/uv.in")
    # The Hub's clients whose generations behave differently; tests/clients has an environment for each.
    for generation in ("0.36", "1", "2"):
        compile_list(f"hub-{generation}.txt", f"requirements/hub-{generation}.in")
    # What benchmarks/gateway.py measures the gateway beside.
    compile_list("litellm.txt", "requirements/litellm.in")
    # What stands before several model servers in the tests, as docs/operations.md has it.
    compile_list("router.txt", "requirements/router.in")
    compile_list("vllm.txt", "requirements/vllm.in", "--override", "requirements/vllm-overrides.in")
    split_vllm_list()


def compile_list(name: str, *sources: str) -> None:
    """Resolve `sources` for every Python and platform at once into requirements/`name`."""
    print(f"requirements/{name}", flush=True)
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet"),
            *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"),
            *(*sources, "--output-file", f"requirements/{name}"),
        ],
        cwd=ROOT,
        check=True,
    )


def split_vllm_list() -> None:
    """Take torch and the GPU libraries out of vllm.txt: which of them are needed depends on torch's build."""
    entries = re.split(r"\n(?=\S)", (REQUIREMENTS / "vllm.txt").read_text().strip())
    torch = [entry for entry in entries if entry.startswith("torch==")]
    libraries = [entry for entry in entries if GPU_LIBRARIES.match(entry)]
    rest = [entry for entry in entries if entry not in torch + libraries]
    for name, part in (("vllm-torch", torch), ("vllm-gpu-libraries", libraries), ("vllm", rest)):
        (REQUIREMENTS / f"{name}.txt").write_text("\n".join(part) + "\n")


if __name__ == "__main__":
    main()
