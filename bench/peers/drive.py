"""The clients of the peers, and those workers that are written by hand. Each client submits so many no-op tasks, waits
for all results, checks them, and prints one line of JSON.

Usage: drive.py SYSTEM ENDPOINT TASKS | drive.py SYSTEM-worker ENDPOINT
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable

BATCH = 64  # tasks in one command of the lists made by hand
WINDOW = 1000  # and under way, where the client has to see to it


def celery(endpoint: str, tasks: int) -> Iterable[int]:
    from tasks import app

    noop = app.tasks["noop"]
    with app.producer_pool.acquire(block=True) as producer:
        results = [noop.apply_async((value,), producer=producer) for value in range(tasks)]
    return (result.get(timeout=60) for result in results)


def rq(endpoint: str, tasks: int) -> Iterable[int]:
    from redis import Redis
    from rq import Queue
    from rq.job import Job
    from tasks import noop

    connection = Redis.from_url(endpoint)
    queue = Queue(connection=connection)
    jobs = queue.enqueue_many([Queue.prepare_data(noop, (value,), result_ttl=600) for value in range(tasks)])
    while not all(job.is_finished for job in jobs[-4:]) or queue.started_job_registry.count or queue.count:
        time.sleep(0.01)
        for job in jobs[-4:]:
            job.refresh()
    return (job.return_value() for job in Job.fetch_many([job.id for job in jobs], connection=connection))


def dramatiq(endpoint: str, tasks: int) -> Iterable[int]:
    from tasks import actor

    messages = [actor.send(value) for value in range(tasks)]
    return (message.get_result(block=True, timeout=60_000) for message in messages)


def dask(endpoint: str, tasks: int) -> Iterable[int]:
    from dask.distributed import Client
    from tasks import noop

    with Client(endpoint) as client:
        client.wait_for_workers(2)
        return client.gather(client.map(noop, range(tasks), pure=False))


def redis_list(endpoint: str, tasks: int) -> Iterable[int]:
    import msgpack
    from redis import Redis

    connection = Redis.from_url(endpoint)
    values: list[int] = []
    sent = 0
    while len(values) < tasks:
        while sent < tasks and sent - len(values) < WINDOW:
            upto = min(tasks, sent + BATCH)
            connection.rpush("tasks", *[msgpack.packb(value) for value in range(sent, upto)])
            sent = upto
        found = connection.blmpop(10, 1, "results", direction="LEFT", count=WINDOW)
        values += [msgpack.unpackb(one) for one in found[1]]
    return values


def redis_list_worker(endpoint: str) -> None:
    import msgpack
    from redis import Redis
    from tasks import noop

    connection = Redis.from_url(endpoint)
    while True:
        found = connection.blmpop(10, 1, "tasks", direction="LEFT", count=BATCH)
        if found:
            connection.rpush("results", *[msgpack.packb(noop(msgpack.unpackb(one))) for one in found[1]])


def beanstalkd(endpoint: str, tasks: int) -> Iterable[int]:
    import greenstalk

    host, port = endpoint.split(":")
    values: list[int] = []
    with greenstalk.Client((host, int(port)), use="tasks", watch="results") as client:
        for value in range(tasks):
            client.put(str(value))
        while len(values) < tasks:
            job = client.reserve(timeout=60)
            values.append(int(job.body))
            client.delete(job)
    return values


def beanstalkd_worker(endpoint: str) -> None:
    import greenstalk
    from tasks import noop

    host, port = endpoint.split(":")
    with greenstalk.Client((host, int(port)), use="results", watch="tasks") as client:
        while True:
            job = client.reserve()
            client.put(str(noop(int(job.body))))
            client.delete(job)


def snakepit(endpoint: str, tasks: int) -> Iterable[int]:
    from snakepit import Client

    with Client(endpoint) as client:
        futures = client.submit_many("echo", "noop", [(value,) for value in range(tasks)])
        return [future.result(60) for future in futures]


CLIENTS: dict[str, Callable[[str, int], Iterable[int]]] = {
    "snakepit": snakepit, "redis-list": redis_list, "celery": celery, "rq": rq, "dramatiq": dramatiq, "dask": dask,
    "beanstalkd": beanstalkd,
}  # fmt: skip
WORKERS = {"redis-list-worker": redis_list_worker, "beanstalkd-worker": beanstalkd_worker}


def main() -> None:
    name, endpoint = sys.argv[1:3]
    if name in WORKERS:
        WORKERS[name](endpoint)
        return
    tasks = int(sys.argv[3])
    list(CLIENTS[name](endpoint, 10))  # everything is imported, and workers are there
    began_s = time.monotonic()
    values = sorted(CLIENTS[name](endpoint, tasks))
    seconds = time.monotonic() - began_s
    wrong = 0 if values == list(range(tasks)) else 1
    print(json.dumps({"tasks": tasks, "wrong": wrong, "seconds": seconds, "per_second": tasks / seconds}))
    sys.exit(wrong)


if __name__ == "__main__":
    main()
