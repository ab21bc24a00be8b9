"""Scenarios in which the network is bad, and the one with everything at once."""

import contextlib
import time

import net
from faults import ClientKiller, LinkCutter
from processes_scenarios import ENDURING, PATIENCE, QUICK_TIMERS, add_clients, bound, finish, mixed_kills
from scenario import Outcome, percentile, scenario
from stage import Config, Stage

PARTITION_BOUND_MS = 5000  # semantics: P11


def needs_links(function):
    """Where there are no network namespaces the scenario says so, and is not passed over in silence."""

    def play(order):
        why = net.why_not()
        return Outcome(not_run=why) if why else function(order)

    play.__name__, play.__doc__ = function.__name__, function.__doc__
    return play


@contextlib.contextmanager
def linked_stage(kinds, timers=QUICK_TIMERS):
    """A broker that is reached through links, each of its kind, and the links."""
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(kind()) for kind in kinds]
        stage = stack.enter_context(Stage(Config(timers=timers, transport="tcp", address="0.0.0.0")))
        for link in links:
            link.stage = stage
        stage.endpoints = [endpoint.replace("0.0.0.0", "127.0.0.1") for endpoint in stage.endpoints]
        stage.start_broker()
        yield stage, links


def add_far_worker(stage, link, is_product):
    port = stage.endpoints[1].rsplit(":", 1)[1]
    add = stage.add_python_worker if is_product else stage.add_worker
    link.workers.append(add(wrap=link.wrap, endpoint=f"tcp://{link.address}:{port}"))


@scenario(tasks=4000)
@needs_links
def poor_links(order):
    """workers behind links that are cut one way and both, pulled without a FIN, lossy, slow and narrow"""
    with linked_stage([net.Relay, net.Cable]) as (stage, links):
        for link in links:
            for is_product in (False, True):
                add_far_worker(stage, link, is_product)
        stage.add_worker()
        stage.await_workers(5)
        add_clients(stage, order, 2, rate=100)
        return finish(stage, [LinkCutter(stage, order.seed, 1.5, 0.3, 4.0, links)], bound(order))


class OneCutter(LinkCutter):
    """Cuts a link behind which a task runs, until it runs elsewhere; then mends it, and lets the far workers come
    back."""

    def strike(self):
        workers = [worker for worker in self.stage.ask("workers") or () if worker["state"] == "ready"]
        busy = {worker["pid"] for worker in workers if worker["busy"]}
        links = [link for link in self.links if busy & {worker.process.pid for worker in link.workers}]
        if links and len(workers) == len(self.stage.workers) and not any(link.is_cut() for link in self.links):
            link = self.dice.choice(links)
            link.cut(self.dice.choice([way for way in link.WAYS if way in ("full", "down", "deaf", "mute")]))
            self.ends.append((time.monotonic() + 6.0, link.mend))


@scenario(tasks=100)
@needs_links
def partition_latency(order):
    """how soon a task behind a silently cut link runs elsewhere, at default settings: at most 5 s"""
    with linked_stage([net.Relay, net.Cable], timers="") as (stage, links):
        for link in links:
            add_far_worker(stage, link, False)
        for _ in range(3):
            stage.add_worker()
        stage.await_workers(5)
        # Three at a time for five workers: slots stay free for those that return.
        stage.add_client(
            seed=order.seed, tasks=max(4, order.tasks // 4), mix="plain", ms=2000, window=3, extra=ENDURING,
            patience=PATIENCE,
        )  # fmt: skip
        outcome = finish(stage, [OneCutter(stage, order.seed, 1.0, 6, 6, links)], 60 + order.tasks)
        latencies = outcome.verdict.redispatch_cut
        worst = percentile(latencies, 1.0)
        outcome.facts += f"; {len(latencies)} redispatches, worst {worst:.0f} ms"
        outcome.demand(latencies, "no lease was lost")
        outcome.demand(worst <= PARTITION_BOUND_MS, f"worst {worst:.0f} ms")
        return outcome


@scenario(tasks=20000)
@needs_links
def storm(order):
    """kills, pauses and partitions of clients, workers and the broker, all at random"""
    with linked_stage([net.Relay, net.Cable]) as (stage, links):
        for link in links:
            add_far_worker(stage, link, False)
            add_far_worker(stage, link, True)
        for _ in range(2):
            stage.add_worker()
            stage.add_python_worker()
        stage.await_workers(8)
        # On a busy machine a broker may live too briefly for what all have offered: whoever comes last waits for long.
        add_clients(stage, order, 4, window=100, patience=300.0)
        injectors = [
            *mixed_kills(stage, order),
            LinkCutter(stage, order.seed, 2, 0.3, 3.0, links),
            ClientKiller(stage, order.seed, 5, 50, {"seed": order.seed, "tasks": 1000, "rate": 100, "extra": ENDURING}),
        ]
        return finish(stage, injectors, 120 + order.tasks / 100)
