"""Doing the same to many things in a few threads, with one that watches over them."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.conf import settings

from portal.releases.paths import ImportRefused
from portal.releases.progress import TELL_EVERY_SECONDS, Progress, Teller

Item = TypeVar("Item")
Result = TypeVar("Result")

# A disk or a server that gave nothing for so long will not; a thread that hangs on it cannot be ended.
SILENCE_SECONDS_MAX = 600.0


class Hanging(ImportRefused):
    """Nothing has moved for SILENCE_SECONDS_MAX."""


class Crew(Generic[Item, Result]):
    """Calls `act` for items in WEIGHTS_IMPORT_THREADS threads, and `then` for each result in its own one.

    So `act` never touches the database.
    """

    def __init__(
        self,
        act: Callable[[Item], Result],
        *,
        then: Callable[[Item, Result], None] = lambda _, __: None,
        progress: Progress,
        teller: Teller,
    ) -> None:
        self._act, self._then, self._progress, self._teller = act, then, progress, teller
        self._done: SimpleQueue[tuple[Item, Future[Result]]] = SimpleQueue()

    def do(self, items: Collection[Item]) -> None:
        """Do them all. The first error stops the others, and is raised once they have ended.

        What was done whole by then is handed to `then` all the same. Raises LostClaim, and
        Hanging, upon which the threads are left behind.
        """
        pool = ThreadPoolExecutor(settings.WEIGHTS_IMPORT_THREADS, thread_name_prefix="import")
        error: BaseException | None = None
        is_hanging = False
        try:
            for item in items:
                pool.submit(self._act, item).add_done_callback(partial(self._put, item))
            error = self._watch(len(items))
        except BaseException as other:
            is_hanging = isinstance(other, Hanging)
            self._progress.stop()
            raise
        finally:
            if error is not None:
                self._progress.stop()
            pool.shutdown(wait=not is_hanging, cancel_futures=True)
        if error is not None:
            self._keep_what_is_done()
            raise error

    def _watch(self, count: int) -> BaseException | None:
        """Hand on the results of so many calls; return the first error among them."""
        for _ in range(count):
            item, future = self._next()
            if (error := future.exception()) is not None:
                return error
            self._then(item, future.result())
            self._teller.tell_if_due()
        return None

    def _next(self) -> tuple[Item, Future[Result]]:
        while True:
            try:
                return self._done.get(timeout=TELL_EVERY_SECONDS)
            except Empty:
                self._teller.tell()
            if self._progress.silent_seconds > SILENCE_SECONDS_MAX:
                minutes = f"{SILENCE_SECONDS_MAX / 60:.0f}"
                raise Hanging("silence", f"Nothing could be read for {minutes} minutes. Check the source.")

    def _keep_what_is_done(self) -> None:
        while not self._done.empty():
            item, future = self._done.get()
            if not future.cancelled() and future.exception() is None:
                self._then(item, future.result())

    def _put(self, item: Item, future: Future[Result]) -> None:
        self._done.put((item, future))
