"""The no-op task, for each of the peers that imports its tasks by name. $PEERS_REDIS is the server's URL."""

from __future__ import annotations

import os

REDIS = os.environ.get("PEERS_REDIS", "redis://127.0.0.1:6379/0")


def noop(value: int) -> int:
    """For RQ and Dask."""
    return value


def celery_app():  # noqa: ANN201 - each peer's package is there only when it is measured
    from celery import Celery

    app = Celery("peers", broker=REDIS, backend=REDIS)
    # Results are kept and read by their client, as with the others. No events, no remote control, JSON.
    app.conf.update(worker_prefetch_multiplier=64, worker_enable_remote_control=False, worker_send_task_events=False,
                    task_acks_late=False, broker_pool_limit=4, result_expires=600)  # fmt: skip
    app.task(name="noop")(noop)
    return app


def dramatiq_actor():  # noqa: ANN201
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.results import Results
    from dramatiq.results.backends import RedisBackend

    broker = RedisBroker(url=REDIS)
    broker.add_middleware(Results(backend=RedisBackend(url=REDIS)))
    dramatiq.set_broker(broker)
    return dramatiq.actor(noop, store_results=True)


if os.environ.get("PEERS_SYSTEM") == "celery":
    app = celery_app()
if os.environ.get("PEERS_SYSTEM") == "dramatiq":
    actor = dramatiq_actor()
