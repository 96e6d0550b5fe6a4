"""Answers kept for a while: asked once, asked anew in time, and forgotten on demand."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.common.remembering import Remembered


@pytest.fixture
def threads():
    with ThreadPoolExecutor(4) as made:
        yield made


class Question:
    """Counts how often it is asked; waits for `gate` before it answers."""

    def __init__(self):
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, key):
        self.asked += 1
        answer = f"{key}{self.asked}"
        self.gate.wait(5)
        return answer


def test_many_who_ask_at_once_are_answered_by_one_question(threads):
    async def run():
        question = Question()
        remembered = Remembered(question, threads=threads)
        return await asyncio.gather(*(remembered.get("a") for _ in range(50))), question.asked

    assert asyncio.run(run()) == (["a1"] * 50, 1)


def test_an_answer_is_refreshed_in_the_background_and_never_older_than_promised(threads):
    async def run():
        now, question = [0.0], Question()
        remembered = Remembered(question, threads=threads, keep_seconds=0.2, clock=lambda: now[0])
        said = [await remembered.get("a")]
        now[0] = 0.09
        said.append(await remembered.get("a"))
        now[0] = 0.15
        # Still the old one, while the new one is on its way.
        said.append(await remembered.get("a"))
        await asyncio.gather(*remembered._asked.values())
        said.append(await remembered.get("a"))
        now[0] = 0.5
        said.append(await remembered.get("a"))
        return said, question.asked

    assert asyncio.run(run()) == (["a1", "a1", "a1", "a2", "a3"], 3)


def test_an_answer_on_its_way_is_not_kept_once_it_is_forgotten(threads):
    async def run():
        question = Question()
        question.gate.clear()
        remembered = Remembered(question, threads=threads)
        early = asyncio.create_task(remembered.get("a"))
        await asyncio.sleep(0.05)
        remembered.forget(lambda key: key == "a")
        late = asyncio.create_task(remembered.get("a"))
        await asyncio.sleep(0.05)
        question.gate.set()
        await early
        await late
        return await remembered.get("a")

    assert asyncio.run(run()) == "a2"


def test_a_question_that_fails_is_asked_again(threads):
    calls = []

    def fails_once(key):
        calls.append(key)
        if len(calls) == 1:
            raise ConnectionResetError
        return "answer"

    async def run():
        remembered = Remembered(fails_once, threads=threads)
        with pytest.raises(ConnectionResetError):
            await remembered.get("a")
        return await remembered.get("a")

    assert asyncio.run(run()) == "answer"
