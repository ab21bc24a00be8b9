"""Asking the broker for readiness, workers and statistics, and telling it to recycle."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import snakepit
from pit import Broker, Worker
from snakepit.admin import Latency, PoolStats, WorkerInfo, record_of, records_of
from snakepit.errors import BadPayload

THE_POOLS = r'"?p"?, "?q"?, "?text"?$'


def test_await_ready_returns_when_the_workers_are_there(client: Any, worker: Worker) -> None:
    client.await_ready("p", workers=1, timeout=20)


def test_await_ready_ends_in_time_and_says_what_was_missing(client: Any, worker: Worker) -> None:
    with pytest.raises(snakepit.Timeout, match=r"pool p had not 7 workers ready within 0\.1 s"):
        client.await_ready("p", workers=7, timeout=0.1)
    with pytest.raises(TimeoutError):
        client.await_ready("p", 7, 0)


def test_an_unknown_pool_is_told_with_the_names_of_the_pools(client: Any) -> None:
    for ask in (client.await_ready, client.list_workers, client.get_stats):
        with pytest.raises(snakepit.NoSuchPool, match=THE_POOLS):
            ask("nowhere")
    with pytest.raises(snakepit.NoSuchPool, match=THE_POOLS):
        client.call("nowhere", "square", 2, timeout=20)


def test_the_workers_of_a_pool_are_listed(client: Any, worker: Worker) -> None:
    client.await_ready("p", 1)
    [info] = client.list_workers("p")
    assert (info.pool, info.pid, info.slots, info.profile, info.state) == ("p", worker.pid, 1, "process", "ready")
    assert info.python.startswith("CPython")
    assert client.list_workers("q") == []
    assert [other.id for other in client.list_workers()] == [info.id]


def test_statistics_count_tasks_and_tell_how_long_they_took(client: Any, worker: Worker) -> None:
    for number in range(20):
        client.call("p", "square", number, timeout=20)
    with pytest.raises(snakepit.TaskError):
        client.call("p", "fail", "broken", timeout=20)
    stats = client.get_stats("p")
    assert (stats.name, stats.succeeded, stats.failed, stats.slots, stats.queued) == ("p", 20, 1, 1, 0)
    assert stats.total.answered == stats.total.run.count == 21
    run = stats.total.run
    assert 0 < run.p50_seconds <= run.p99_seconds <= 1.1 * run.max_seconds < 20  # quantiles are within 6 % of the truth
    assert {pool.name: pool.succeeded for pool in client.list_pools()} == {"p": 20, "q": 0, "text": 0}


def test_recycling_asks_workers_to_end_and_says_how_many(client: Any, broker: Broker) -> None:
    with Worker(broker.workers) as first, Worker(broker.workers) as second:
        client.await_ready("p", 2, timeout=20)
        [one, _] = client.list_workers("p")
        assert client.recycle(worker=one.id) == 1
        recycled = first if one.pid == first.pid else second
        assert recycled.wait() == 0
        assert client.call("p", "square", 3, timeout=20) == 9
        assert client.recycle("p") == 1  # it waits for the first one's successor, which a supervisor would start
    with pytest.raises(snakepit.NotFound):
        client.recycle(worker=one.id + 1000)
    with pytest.raises(snakepit.NoSuchPool, match=THE_POOLS):
        client.recycle("nowhere")


def test_the_same_questions_in_asyncio(broker: Broker, worker: Worker) -> None:
    async def main() -> None:
        async with snakepit.aio.Client(broker.clients) as pit:
            await pit.await_ready("p", 1, timeout=20)
            assert [info.pid for info in await pit.list_workers("p")] == [worker.pid]
            assert (await pit.get_stats("p")).workers == 1
            assert [pool.name for pool in await pit.list_pools()] == ["p", "q", "text"]
            with pytest.raises(snakepit.Timeout, match="within"):
                await pit.await_ready("p", 5, timeout=0.05)

    asyncio.run(main())


def test_a_record_keeps_what_a_later_broker_says() -> None:
    info = record_of(WorkerInfo, {"id": 7, "mood": "good"})
    assert (info.id, info.more, info.slots) == (7, {"mood": "good"}, 1)
    stats = record_of(PoolStats, {"name": "p", "total": {"wait": {"p50_seconds": 0.5, "p42_seconds": 0.4}}})
    assert stats.total.wait == Latency(p50_seconds=0.5, more={"p42_seconds": 0.4})


@pytest.mark.parametrize("answer", [None, 7, {"workers": []}, [7], ["text"]])
def test_an_answer_of_another_shape_is_bad_payload(answer: Any) -> None:
    with pytest.raises(BadPayload, match="not what it should be"):
        records_of(WorkerInfo, answer)
