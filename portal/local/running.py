"""One run of the portal on one machine: what it is made of, in which order it starts, and how it stops."""

import asyncio
import os
import secrets
import signal
from contextlib import suppress
from pathlib import Path

import environ
import psycopg
import redis

from portal.local import preflight, processes
from portal.local.home import Home, read_env
from portal.local.log import Log
from portal.local.model import KEY, Model
from portal.local.parts import BASE_DIR
from portal.local.postgres import Postgres
from portal.local.supervisor import Supervisor
from portal.local.trouble import Trouble
from portal.local.valkey import Valkey
from portal.local.vllm import Vllm, cache_folder
from portal.local.weights import Weights

START_SECONDS = 60.0
# The parts that others depend on stop last.
STORES = ("valkey", "postgres")


class Portal:
    """The whole portal under `home`, at `host`:`port`."""

    def __init__(self, home: Home, *, host: str, port: int) -> None:
        self.home = home
        self.host = host
        self.port = port
        # What the person set; the parts' own addresses come on top.
        self.given = dict(os.environ)
        self.services: dict[str, str] = {}
        self.log = Log()
        self.supervisor = Supervisor(self.log)
        self.model: Model | None = None

    @classmethod
    def from_environment(cls) -> "Portal":
        """The portal that PORTAL_HOME, HOST and PORT describe."""
        port = os.environ.get("PORT") or "8000"
        if not port.isdigit():
            raise Trouble(f"PORT={port} is no port: choose a number from 1024 to 65535.")
        home = Home(Path(os.environ.get("PORTAL_HOME") or BASE_DIR / "var"))
        return cls(home, host=os.environ.get("HOST_ADDRESS") or "127.0.0.1", port=int(port))

    @property
    def env(self) -> dict[str, str]:
        """The environment of the portal's own processes."""
        return {"DEBUG": "1"} | self.given | self.services | {"PORTAL_HOME": str(self.home.root)}

    @property
    def _is_development(self) -> bool:
        """Whether there may be demonstration data."""
        return self.env["DEBUG"].lower() not in {"0", "false", "no", "off", ""}

    async def run(self) -> None:
        """Start everything and stay until told to stop. Raises Trouble when that cannot go on."""
        self.home.prepare()
        self.home.lock()
        self._forget_former_run()
        preflight.require_room(self.home.root)
        preflight.require_port(self.host, self.port)
        self.log = Log(self.home.root / "log" / "portal.log")
        self.supervisor = Supervisor(self.log, keep_open=(self.home.lock_descriptor,))
        stopped = self._listen_for_stop()
        work = asyncio.create_task(self._start_and_watch())
        try:
            await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                self.log.say("Stopping.")
        finally:
            # Commands in other terminals stop reaching for parts that are going away.
            with suppress(OSError):
                self.home.services_env.unlink()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await self.supervisor.stop(
                first=tuple(name for name in self.supervisor.kept if name not in STORES)
            )
            self.home.close()
        if not work.cancelled() and (error := work.exception()):
            raise error
        self.log.say("The portal has stopped.")

    def _listen_for_stop(self) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[None] = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, _settle, stopped)
        return stopped

    def _forget_former_run(self) -> None:
        """Drop what a run that was killed left in services.env, which the settings have already read."""
        for name, value in read_env(self.home.services_env).items():
            if self.given.get(name) == value:
                del self.given[name]
                os.environ.pop(name, None)
        self.home.services_env.unlink(missing_ok=True)
        # What stood in its shadow counts again.
        if (BASE_DIR / ".env").is_file():
            environ.Env.read_env(str(BASE_DIR / ".env"))
        self.given = dict(os.environ)
        for name, value in self.home.secrets().items():
            self.given.setdefault(name, value)

    async def _start_and_watch(self) -> None:
        await self._start_stores()
        self._find_model_server()
        self.services["PORTAL_URL"] = self.given.get("PORTAL_URL") or f"http://127.0.0.1:{self.port}"
        self.services["PORT"] = str(self.port)
        self.home.publish(self.services)
        await self._migrate()
        if self.model:
            await asyncio.to_thread(self.model.tell_first_step)
        self.supervisor.keep(processes.web(self.env, host=self.host, port=self.port))
        for part in processes.workers(self.env):
            self.supervisor.keep(part)
        await self.supervisor.wait_for("web", self._answers, seconds=START_SECONDS)
        self.log.say(f"Portal is ready at http://{self._shown_host()}:{self.port}")
        async with asyncio.TaskGroup() as tasks:
            if self.model:
                tasks.create_task(self.model.bring_up(self.env))
            tasks.create_task(
                self.supervisor.watch(*(name for name in self.supervisor.kept if name != "vllm"))
            )

    async def _start_stores(self) -> None:
        sockets = self.home.open_sockets()
        if not self.given.get("DATABASE_URL"):
            postgres = await asyncio.to_thread(Postgres, self.home.root / "postgres", sockets)
            self.supervisor.keep(await asyncio.to_thread(postgres.prepare))
            await self.supervisor.wait_for("postgres", postgres.answers, seconds=START_SECONDS)
            await asyncio.to_thread(postgres.create_database)
            self.services["DATABASE_URL"] = postgres.url
        if not self.given.get("REDIS_URL"):
            valkey = Valkey(self.home.root / "valkey", sockets)
            self.supervisor.keep(valkey.prepare())
            await self.supervisor.wait_for("valkey", valkey.answers, seconds=START_SECONDS)
            self.services["REDIS_URL"] = valkey.url
        await asyncio.to_thread(self._require_given_stores)

    def _require_given_stores(self) -> None:
        """Raise Trouble, in one sentence, when a store that the person named does not answer."""
        for name, ask in (("DATABASE_URL", _ask_postgres), ("REDIS_URL", _ask_valkey)):
            if url := self.given.get(name):
                try:
                    ask(url)
                except (psycopg.Error, redis.RedisError, ValueError, OSError) as error:
                    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
                    raise Trouble(
                        f"What {name} names does not answer ({reason}): start it or mend {name}."
                    ) from error

    def _find_model_server(self) -> None:
        url = self.env["REDIS_URL"]
        if self.given.get("VLLM_BASE_URL"):
            # What an embedded server's run wrote says nothing about this one.
            redis.Redis.from_url(url, socket_timeout=5).delete(KEY)
            return
        key = secrets.token_urlsafe(24)
        vllm = Vllm(cache_folder(), preflight.free_port(), api_key=key)
        self.services |= {"VLLM_BASE_URL": vllm.url, "VLLM_API_KEY": key}
        weights = None
        if self._is_development:
            weights = Weights(vllm, self.supervisor, self.home, endpoint=self._hub_endpoint())
        self.model = Model(vllm, self.supervisor, url, weights=weights)

    def _hub_endpoint(self) -> str:
        """HF_ENDPOINT for the model server: the nearest way, unless the portal insists on https."""
        public = self.given.get("PORTAL_URL", "")
        if public.startswith("https://"):
            return f"{public.rstrip('/')}/hub"
        return f"http://{processes.reached_at(self.host, self.port)}/hub"

    async def _migrate(self) -> None:
        await self._do("migrate", "--no-input", "--verbosity", "0")
        if not self._has_signing_key():
            await self._do("create_signing_key", "--verbosity", "0")
        if not self._is_development:
            await self._do("collectstatic", "--no-input", "--verbosity", "0")
        elif self._seeding_was_cut_short() or not await asyncio.to_thread(self._has_users):
            await self._seed()

    async def _seed(self) -> None:
        """Make the demonstration data; without them the portal works too, only emptier."""
        self._seeding_mark.touch()
        status, _ = await self.supervisor.run(processes.manage(self.env, "seed_demo"))
        if status:
            self.log.line(
                "setup",
                "The demonstration data could not be made (the lines above say why); the portal starts.",
            )
        else:
            self._seeding_mark.unlink()

    @property
    def _seeding_mark(self) -> Path:
        return self.home.run / "seeding"

    def _seeding_was_cut_short(self) -> bool:
        return self._seeding_mark.exists()

    async def _do(self, *arguments: str) -> None:
        status, last = await self.supervisor.run(processes.manage(self.env, *arguments))
        if status:
            raise Trouble(f"`manage.py {arguments[0]}` failed ({last}); its lines above say why.")

    def _has_signing_key(self) -> bool:
        return Path(self.env.get("SIGNING_KEY_FILE") or self.home.signing_key).exists()

    def _has_users(self) -> bool:
        with _connect(self.env["DATABASE_URL"]) as connection:
            found = connection.execute("SELECT EXISTS (SELECT 1 FROM accounts_user)").fetchone()
            return bool(found and found[0])

    def _answers(self) -> bool:
        return processes.healthy(self.host, self.port)

    def _shown_host(self) -> str:
        return "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 — compared, not listened on.


def _settle(future: "asyncio.Future[None]") -> None:
    """Note the first signal; a second Ctrl-C must not cut the stop short."""
    if not future.done():
        future.set_result(None)


def _connect(url: str) -> psycopg.Connection:
    """Connect as Django would to what a DATABASE_URL names."""
    known = environ.Env.db_url_config(url)
    return psycopg.connect(
        host=known["HOST"] or None,
        port=known["PORT"] or None,
        user=known["USER"] or None,
        password=known["PASSWORD"] or None,
        dbname=known["NAME"],
        connect_timeout=5,
    )


def _ask_postgres(url: str) -> None:
    _connect(url).close()


def _ask_valkey(url: str) -> None:
    redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5).ping()
