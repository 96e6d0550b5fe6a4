"""The embedded vLLM: where it is installed, how its model is made from a wheel, and how it is served."""

import hashlib
import http.client
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from portal.local import preflight
from portal.local.parts import BASE_DIR, STANDALONE, Part

REQUIREMENTS = BASE_DIR / "requirements"
LISTS = ("vllm-torch-cpu.txt", "vllm-torch.txt", "vllm.txt", "vllm-gpu-libraries.txt")
MODEL = "SmolLM2-135M-Instruct"
SERVED_NAME = "smollm2-135m-instruct"
CONTEXT_TOKENS = 2048
# More threads than this make a model of this size slower, not faster.
MOST_THREADS = 8


def cache_folder() -> Path:
    """Where installations are kept that several homes share."""
    return Path(os.environ.get("PORTAL_CACHE") or BASE_DIR / ".cache").resolve()


@dataclass(frozen=True)
class HubModel:
    """A model as a developer names one: on a Hub, at a commit, with a key; `home` is the cache (HF_HOME)."""

    endpoint: str
    repository: str
    commit: str
    token: str = field(repr=False)
    home: Path

    @property
    def snapshot(self) -> Path:
        """Where the cache has the commit's files once they are downloaded."""
        folder = f"models--{self.repository.replace('/', '--')}"
        return self.home / "hub" / folder / "snapshots" / self.commit

    @property
    def environment(self) -> dict[str, str]:
        """What a developer would set, and nothing else."""
        return {"HF_ENDPOINT": self.endpoint, "HF_TOKEN": self.token, "HF_HOME": str(self.home)}


class Vllm:
    """One embedded vLLM on a loopback `port`, with its environment and model kept in `cache`."""

    def __init__(self, cache: Path, port: int, *, api_key: str = "") -> None:
        lists = b"".join((REQUIREMENTS / name).read_bytes() for name in LISTS)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        key = hashlib.sha256(lists + version.encode()).hexdigest()[:12]
        self.cache = cache
        self.folder = cache / f"vllm-{key}"
        self.python = self.folder / "bin" / "python"
        self.model = cache / f"model-{key}" / MODEL
        self.port = port
        self.api_key = api_key

    @property
    def url(self) -> str:
        """VLLM_BASE_URL for this server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_installed(self) -> bool:
        """Whether the environment is complete."""
        return (self.folder / "complete").is_file()

    @property
    def is_converted(self) -> bool:
        """Whether the model's files are complete."""
        return (self.model / "config.json").is_file()

    def installing(self) -> Part:
        """The job that installs vLLM; its last line is the reason if it fails."""
        self.cache.mkdir(parents=True, exist_ok=True)
        script = str(STANDALONE / "install_vllm.py")
        # The whole environment goes along: pip's configuration, proxies and certificates are in it.
        env = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "KEY_PEPPER"}}
        return Part(
            "model",
            (sys.executable, "-I", script, str(self.folder), str(REQUIREMENTS)),
            env=env,
            grace_seconds=1.0,
        )

    def converting(self) -> Part:
        """The job that makes the model's files."""
        self.model.parent.mkdir(parents=True, exist_ok=True)
        script = str(STANDALONE / "convert.py")
        return Part(
            "model",
            (str(self.python), "-I", script, str(self.model)),
            env=self._environment(),
            grace_seconds=1.0,
        )

    def fetching(self, source: HubModel) -> Part:
        """The job that downloads the model's files through the Hub's door; `standalone/fetch.py` says how."""
        script = str(STANDALONE / "fetch.py")
        return Part(
            "model",
            (str(self.python), "-I", script, source.repository, source.commit),
            env=self._environment(source),
            grace_seconds=1.0,
            # All of it is for the log file; the road tells a person what matters.
            muted=("",),
        )

    def serving(self, source: HubModel | None = None) -> Part:
        """The server of a downloaded model; None: of the files made from the wheel, without any Hub."""
        model = (source.repository, "--revision", source.commit) if source else (str(self.model),)
        dtype = os.environ.get("VLLM_DTYPE") or preflight.best_dtype(preflight.cpu_features())
        return Part(
            "vllm",
            (
                *(str(self.python), "-m", "vllm.entrypoints.openai.api_server"),
                *("--model", *model, "--served-model-name", SERVED_NAME),
                *("--host", "127.0.0.1", "--port", str(self.port), "--dtype", dtype),
                *(
                    "--max-model-len",
                    str(CONTEXT_TOKENS),
                    "--enforce-eager",
                    "--uvicorn-log-level",
                    "warning",
                ),
                "--disable-uvicorn-access-log",
                # Without a parser vLLM takes no tool_choice but "none". This one reads what most small
                # models write, and a call that is asked for by name needs no reading.
                *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
            ),
            env=self._environment(source),
            cwd=str(self.cache),
            grace_seconds=5.0,
            muted=(
                "Triton not available",
                "NUMA binding",
                "Loading safetensors",
                "INFO: ",
                "resource_tracker",
            ),
        )

    def answers(self) -> bool:
        """Whether the server is ready to generate."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _environment(self, source: HubModel | None = None) -> dict[str, str]:
        # Without a Hub nothing is fetched at run time.
        offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HOME": f"{self.cache}/huggingface"}
        env = {
            "PATH": f"{self.folder / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "HOME": os.environ.get("HOME", str(self.cache)),
            "LANG": "C.UTF-8",
            **(source.environment if source else offline),
            # Nothing is told to anyone else.
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            "VLLM_CACHE_ROOT": str(self.cache / "vllm-cache"),
            "VLLM_CONFIG_ROOT": str(self.cache / "vllm-config"),
            # In GiB; a few dozen conversations of this model.
            "VLLM_CPU_KVCACHE_SPACE": "1",
            # Its warnings tell of GPUs and kernels that a CPU has no use for.
            "VLLM_LOGGING_LEVEL": os.environ.get("VLLM_LOGGING_LEVEL", "ERROR"),
            "PYTHONWARNINGS": "ignore",
            "TQDM_DISABLE": "1",
        }
        if self.api_key:
            env["VLLM_API_KEY"] = self.api_key
        if len(usable := preflight.cores()) > MOST_THREADS + 1:
            # By itself vLLM takes every core but one, which leaves that one to the web pages.
            env["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, usable[:MOST_THREADS]))
        return env
