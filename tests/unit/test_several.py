"""What several databases of a process share: turns, metrics and readiness, none of which one of them can hold up."""

import asyncio
import threading

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mentorcert.cli.signals import StopEvent
from mentorcert.imports.parsing import CancelledParsingError
from mentorcert.imports.tasks.turns import Lanes, Turn, Turns
from mentorcert.monitoring import Each, MetricsOfEach, readiness
from tests.support.processes import Thread
from tests.support.sessions import wait_until


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turns = Turns()
    first, second, third = turns.next(), turns.next(), turns.next()
    done: list[str] = []

    def work(name: str, turn: Turn) -> None:
        with turn:
            turn.wait()
            done.append(name)

    others = [Thread(work, ("third", third)), Thread(work, ("second", second))]
    with first:
        first.wait()
        for thread in others:
            thread.start()
        # Who has just ended asks again, and waits for all the others.
        again = turns.next()
        assert done == []
    work("again", again)
    for thread in others:
        thread.join()
    assert done == ["second", "third", "again"]


def test_who_gives_up_holds_up_nobody() -> None:
    turns = Turns()
    first, second, third = turns.next(), turns.next(), turns.next()
    second.give_up()
    with pytest.raises(CancelledParsingError), second:
        second.wait()
    with first:
        first.wait()
    third.wait()


def test_a_small_file_waits_for_no_large_one() -> None:
    lanes = Lanes()
    lanes.of(None).next().wait()
    lanes.of(1).next().wait()


def test_one_that_does_not_answer_is_not_waited_for_nor_asked_again() -> None:
    release, asked = threading.Event(), list[str]()

    def silent() -> str:
        asked.append("silent")
        release.wait()
        return "late"

    each = Each({"there": lambda: "here", "silent": silent})
    assert each.answers(0.05) == {"there": "here", "silent": None}
    assert each.answers(0.05) == {"there": "here", "silent": None}
    assert asked == ["silent"]
    release.set()
    wait_until(lambda: each.answers(0.05)["silent"] == "late", "its answer")


class Up(Collector):
    def collect(self) -> list[Metric]:
        tasks = GaugeMetricFamily("tasks", "Some.", labels=["state"])
        tasks.add_metric(["queued"], 2)
        return [GaugeMetricFamily("mentorcert_up", "Whether it is there.", 1), tasks]


class Silent(Collector):
    def __init__(self) -> None:
        self.release = threading.Event()

    def collect(self) -> list[Metric]:
        self.release.wait()
        return []


def test_metrics_say_of_which_database_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mentorcert.monitoring.ANSWER_S", 0.2)
    registry, silent = CollectorRegistry(), Silent()
    registry.register(MetricsOfEach({"a": Up(), "b": Up(), "silent": silent}))
    for name, value in (("a", 1), ("b", 1), ("silent", 0)):
        assert registry.get_sample_value("mentorcert_up", {"database": name}) == value
    assert registry.get_sample_value("tasks", {"database": "b", "state": "queued"}) == 2
    assert registry.get_sample_value("tasks", {"database": "silent", "state": "queued"}) is None
    silent.release.set()


@pytest.mark.parametrize(
    ("troubles", "status", "said"),
    [
        pytest.param({"": []}, 200, "ok", id="one"),
        pytest.param({"": ["in_recovery"]}, 503, "error", id="one that is wrong"),
        pytest.param({"": None}, 503, "error", id="one that is silent"),
        pytest.param({"a": [], "b": []}, 200, "ok", id="all"),
        pytest.param({"a": [], "b": ["not_migrated"], "c": None}, 200, "degraded", id="some"),
        pytest.param({"a": ["not_migrated"], "b": None}, 503, "error", id="none"),
    ],
)
def test_a_process_is_ready_as_long_as_it_serves_one(
    troubles: dict[str, list[str] | None], status: int, said: str
) -> None:
    found, document = readiness(troubles)
    assert (found, document["status"]) == (status, said)
    if "b" in troubles and troubles["b"] is None:
        assert document["databases"]["b"] == ["no_answer"]


async def _follow(stop: StopEvent) -> bool:
    with stop.followed() as event:
        stop.set()
        return await event.wait()


def test_a_loop_follows_the_event_of_the_threads() -> None:
    stop = StopEvent()
    assert asyncio.run(_follow(stop))
    assert asyncio.run(_follow(stop)), "and one that begins when it is set"
