"""One run for all who ask the same at once, and no answer older than the question."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mfg_project.common.shared_work import shared

PATIENCE = 10


class Asked:
    """An argument equal to every other of its name; it tells when it was looked up."""

    def __init__(self, name: str = "line 1") -> None:
        self.name = name
        self.seen = threading.Event()

    def __hash__(self) -> int:
        self.seen.set()
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asked) and self.name == other.name


class Work:
    """Reads `data` as it begins, then waits until the test lets it end."""

    def __init__(self) -> None:
        self.data = "old"
        self.runs = 0
        self.failing: set[int] = set()
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.ask = shared(self.run)

    def run(self, asked: Asked) -> str:
        self.runs += 1
        number, read = self.runs, self.data
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        if number in self.failing:
            raise ValueError(f"run {number}")
        return f"{read}, run {number}"


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(40) as pool:
        yield pool


def one_under_way(pool: ThreadPoolExecutor, work: Work) -> Future[str]:
    first = pool.submit(work.ask, Asked())
    assert work.begun.wait(PATIENCE)
    return first


def waiting(pool: ThreadPoolExecutor, work: Work, count: int) -> list[Future[str]]:
    asked = [Asked() for _n in range(count)]
    answers = [pool.submit(work.ask, one) for one in asked]
    assert all(one.seen.wait(PATIENCE) for one in asked)
    return answers


def test_thirty_one_questions_at_once_cost_two_runs(pool, work):
    first = one_under_way(pool, work)
    others = waiting(pool, work, 30)

    work.may_end.set()

    assert first.result(PATIENCE) == "old, run 1"
    assert {answer.result(PATIENCE) for answer in others} == {"old, run 2"}


def test_who_asks_after_a_run_began_sees_what_changed_since(pool, work):
    first = one_under_way(pool, work)
    work.data = "new"
    later = waiting(pool, work, 3)

    work.may_end.set()

    assert first.result(PATIENCE).startswith("old")
    assert {answer.result(PATIENCE) for answer in later} == {"new, run 2"}


def test_nothing_is_kept(work):
    work.may_end.set()

    assert [work.ask(Asked()) for _n in range(3)] == ["old, run 1", "old, run 2", "old, run 3"]


def test_other_arguments_neither_share_nor_wait(pool):
    both = threading.Barrier(2)

    @shared
    def meet(name: str) -> str:
        both.wait(PATIENCE)
        return name

    answers = [pool.submit(meet, name) for name in ("en", "ja")]

    assert [answer.result(PATIENCE) for answer in answers] == ["en", "ja"]


def test_a_failed_run_is_the_error_of_one_caller_only(pool, work):
    work.failing = {2}
    first = one_under_way(pool, work)
    others = waiting(pool, work, 4)

    work.may_end.set()

    assert first.result(PATIENCE) == "old, run 1"
    errors = [answer.exception(PATIENCE) for answer in others]
    assert [str(error) for error in errors if error] == ["run 2"]
    assert sum(error is None for error in errors) == 3


def test_a_run_after_a_failed_one_is_like_any_other(pool, work):
    work.failing = {1}
    first = one_under_way(pool, work)
    [other] = waiting(pool, work, 1)

    work.may_end.set()

    with pytest.raises(ValueError, match="run 1"):
        first.result(PATIENCE)
    assert other.result(PATIENCE) == "old, run 2"
    assert work.ask(Asked()) == "old, run 3"


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_few_threads_are_enough(threads):
    ask = shared(lambda name: name)

    with ThreadPoolExecutor(threads) as few:
        answers = [few.submit(ask, f"line {n % 2}") for n in range(200)]

        assert [answer.result(PATIENCE) for answer in answers] == [f"line {n % 2}" for n in range(200)]
