"""Scenarios in which processes are killed and stopped."""

import contextlib
import json
import os
import signal
import sys
import time

from faults import BrokerKiller, BrokerPauser, ClientKiller, Injector, Pauser, WorkerKiller, WorkerPauser
from history import Rules
from journal import now
from judge import judge
from scenario import Outcome, percentile, scenario
from stage import HERE, Config, Stage

# So short that what stands still is given up within the seconds that a scenario lasts.
QUICK_TIMERS = 'worker_grace = "200ms"; heartbeat = "500ms"; link_heartbeat = "300ms"; link_timeout = "1s";'
# Where nothing stands still: a busy machine must not look as if something did.
BRIEF_TIMERS = 'worker_grace = "200ms"; heartbeat = "500ms";'
# Poison is another promise: here tasks are killed with their workers again and again.
ENDURING = {"kills_max": 1000}
PATIENCE = 30.0


def add_clients(stage, order, count, **settings):
    for _ in range(count):
        stage.add_client(
            **{"seed": order.seed, "tasks": order.tasks // count, "extra": ENDURING, "patience": PATIENCE, **settings}
        )


def finish(stage, injectors, seconds, rules=None, facts=""):
    """Run to the end, judge."""
    stage.run(seconds, injectors)
    verdict = judge(stage, rules)
    strikes = ", ".join(f"{injector.strikes} {type(injector).__name__}" for injector in injectors)
    return Outcome(verdict, stage.problems, "; ".join(filter(None, (strikes, facts))))


def bound(order):
    return 60 + order.tasks / 300


@scenario(tasks=3000, quick=True)
def calm(order):
    """no fault at all"""
    with Stage(Config(pools='{ name = "p"; }, { name = "line"; }')) as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_worker()
        stage.add_worker("line")
        stage.await_workers(2)
        add_clients(stage, order, 2, pools=["p", "line"])
        outcome = finish(stage, [], bound(order), Rules(ordered_pools=("line",)))
        outcome.demand(outcome.verdict.reexecutions == 0, "something was run again")
        return outcome


@scenario(tasks=3000, quick=True)
def worker_kills(order):
    """workers, the product's and the suite's, killed with -9 at random"""
    with Stage(Config(timers=BRIEF_TIMERS)) as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_worker()
            stage.add_python_worker()
        stage.await_workers(4)
        add_clients(stage, order, 2, rate=700)
        return finish(stage, [WorkerKiller(stage, order.seed, 0.4)], bound(order))


@scenario(tasks=2000, quick=True)
def worker_steps(order):
    """workers killed right after a TASK came, before they begin, before and after the RESULT is sent"""
    with Stage(Config(timers=BRIEF_TIMERS)) as stage:
        stage.start_broker()
        for step in ("received", "begun", "before_result", "after_result"):
            stage.add_worker(bomb=(step, 60, "self"))
        stage.await_workers(4)
        add_clients(stage, order, 2)
        return finish(stage, [], bound(order))


@scenario(tasks=4000)
def worker_pauses(order):
    """workers stopped for up to 4 s and continued: late results, lost and kept leases"""
    with Stage(Config(timers=QUICK_TIMERS)) as stage:
        stage.start_broker()
        for _ in range(3):
            stage.add_worker()
            stage.add_python_worker()
        stage.await_workers(6)
        add_clients(stage, order, 2, rate=200)
        return finish(stage, [WorkerPauser(stage, order.seed, 0.7, 0.2, 4.0)], bound(order))


@scenario(tasks=3000, quick=True)
def broker_kills(order):
    """the broker killed with -9 every 2 s under load, and started again"""
    with Stage(Config(timers=BRIEF_TIMERS)) as stage:
        stage.start_broker()
        for _ in range(2):
            stage.add_worker()
        stage.add_python_worker()
        stage.await_workers(3)
        add_clients(stage, order, 2, rate=500)
        return finish(stage, [BrokerKiller(stage, order.seed, 1.5)], bound(order))


@scenario(tasks=60, seconds=20)
def adoption(order):
    """the broker killed every 3 s while long tasks run on live workers: none of them runs twice"""
    with Stage(Config()) as stage:
        stage.start_broker()
        for _ in range(6):
            stage.add_python_worker()
        stage.await_workers(6)
        stage.add_client(seed=order.seed, tasks=100_000, mix="plain", ms=4300, window=8, seconds=order.seconds,
                         patience=PATIENCE)  # fmt: skip
        stage.add_client(seed=order.seed, tasks=100_000, rate=100, seconds=order.seconds, patience=PATIENCE)
        return finish(stage, [BrokerKiller(stage, order.seed, 3)], order.seconds + 60, Rules(is_adopting=True))


@scenario(tasks=6000)
def broker_steps(order):
    """the broker killed right after SUBMIT, ACCEPTED, RESULT, TASK, and when a worker has and has not answered"""
    with Stage(Config(timers=BRIEF_TIMERS)) as stage:
        stage.start_broker()
        for step in ("received", "before_result", "after_result"):
            stage.add_worker(bomb=(step, order.tasks // 8, "broker"))
        stage.add_worker()
        stage.await_workers(4)
        for step, every in (("submitted", 9), ("accepted", order.tasks // 9), ("final", order.tasks // 7)):
            stage.add_client(
                seed=order.seed, tasks=order.tasks // 3, extra=ENDURING, patience=PATIENCE, rate=400, bomb=[step, every]
            )
        outcome = finish(stage, [], bound(order))
        outcome.facts = f"{stage.broker_starts} brokers"
        outcome.demand(stage.broker_starts > 3, "the broker was hardly killed")
        return outcome


@scenario(tasks=3000)
def broker_pauses(order):
    """the broker stopped for up to 4 s and continued: it must not expire the world"""
    with Stage(Config(timers=QUICK_TIMERS)) as stage:
        stage.start_broker()
        for _ in range(3):
            stage.add_python_worker()
        stage.await_workers(3)
        add_clients(stage, order, 2, rate=150)
        return finish(stage, [BrokerPauser(stage, order.seed, 3, 0.5, 4.0)], bound(order))


@scenario(tasks=5000)
def client_kills(order):
    """clients killed with -9 and stopped, their tasks go on; others are not disturbed"""
    with Stage(Config(timers=QUICK_TIMERS + ' client_retention = "2s";')) as stage:
        stage.start_broker()
        for _ in range(3):
            stage.add_worker()
        stage.await_workers(3)
        add_clients(stage, order, 4, rate=200)
        stage.add_product_client(seed=order.seed, tasks=order.tasks // 10, patience=PATIENCE)
        victim = {"seed": order.seed, "tasks": order.tasks // 5, "rate": 300, "extra": ENDURING, "patience": PATIENCE}
        killer = ClientKiller(stage, order.seed, 0.7, 6, victim)
        outcome = finish(stage, [killer], bound(order))
        until = time.monotonic() + 30
        while (stage.ask("status") or {"tasks": 1})["tasks"] > 0 and time.monotonic() < until:
            time.sleep(0.1)
        outcome.demand(stage.ask("status")["tasks"] == 0, "tasks of vanished clients are still held")
        return outcome


class LocalKiller(Injector):
    """Kills local workers, and their agent."""

    def __init__(self, stage, seed, every):
        super().__init__(stage, seed, every)
        self.pids = set()

    def strike(self):
        workers = [worker["pid"] for worker in self.stage.ask("workers") or ()]
        agents = [agent["pid"] for agent in self.stage.ask("agents") or ()]
        self.pids.update(workers + agents)
        if not workers:
            return  # an agent that never lives long is started again less and less often
        if self.strikes % 5 or not agents:
            self.kill(self.dice.choice(workers), [])
        else:
            self.kill(agents[0], workers)

    def kill(self, pid, followers):
        """The followers end with it: each has a pipe to it."""
        for each in (pid, *followers):
            self.stage.faults.write("kill", each, now())
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@contextlib.contextmanager
def local_stage(timers):
    """A stage with three local workers, and their agent."""
    pool = (
        f'{{ name = "p"; workers = 3; app = "pit_faults:app"; python = {json.dumps(sys.executable)}; '
        f"directory = {json.dumps(str(HERE))}; }}"
    )
    with Stage(Config(pools=pool, timers=timers, agent='restart_delay = "50ms";'), environment={}) as stage:
        stage.environment = {**stage.worker_environment(), "PYTHONPATH": str(HERE)}
        stage.start_broker(())
        stage.await_workers(3)
        yield stage


def demand_all_ended(outcome, pids):
    until = time.monotonic() + 10
    while (left := [pid for pid in pids if os.path.exists(f"/proc/{pid}")]) and time.monotonic() < until:
        time.sleep(0.05)
    outcome.demand(not left, f"processes are left over: {left}")


@scenario(tasks=4000)
def agent_kills(order):
    """local workers and their agent killed with -9; the broker starts the agent again; nobody is left over"""
    with local_stage(BRIEF_TIMERS) as stage:
        add_clients(stage, order, 2, rate=300)
        killer = LocalKiller(stage, order.seed, 1.2)
        outcome = finish(stage, [killer], bound(order))
    demand_all_ended(outcome, killer.pids)
    return outcome


class AgentPauser(Pauser):
    """Stops the agent, and most times kills one of its workers, which nobody replaces until it goes on."""

    def __init__(self, stage, seed, every, shortest, longest):
        super().__init__(stage, seed, every, shortest, longest)
        self.agent = stage.ask("agents")[0]["pid"]
        self.pids = {self.agent}

    def strike(self):
        workers = [worker["pid"] for worker in self.stage.ask("workers") or ()]
        self.pids.update(workers)
        if self.ends:
            return
        os.kill(self.agent, signal.SIGSTOP)
        self.ends.append((self.lasts(), lambda: os.kill(self.agent, signal.SIGCONT)))
        if self.dice.random() < 0.7 and len(workers) == 3:
            victim = self.dice.choice(workers)
            self.stage.faults.write("kill", victim, now())
            os.kill(victim, signal.SIGKILL)


@scenario(tasks=4000)
def agent_pauses(order):
    """the agent stopped for up to 4 s, longer than its silence may last, and continued: its workers go on meanwhile"""
    with local_stage(BRIEF_TIMERS) as stage:
        add_clients(stage, order, 2, rate=200)
        pauser = AgentPauser(stage, order.seed, 2.5, 1.0, 4.0)
        outcome = finish(stage, [pauser], bound(order))
        stage.await_workers(3)
        present = stage.ask("workers")
        agents = stage.ask("agents")
        pauser.pids.update(worker["pid"] for worker in present)
        outcome.demand(len(present) == 3, f"there are {len(present)} workers, of 3")
        outcome.demand([agent["pid"] for agent in agents] == [pauser.agent], f"the agent was not kept: {agents}")
        log = (stage.folder / "broker.log").read_text()
        outcome.demand("agent.lost" in log, "the agent's silence was not noticed")
    demand_all_ended(outcome, pauser.pids)
    return outcome


class OneKiller(WorkerKiller):
    """Kills a worker that has a task, and only when all are ready, so that another one has a free slot."""

    def strike(self):
        workers = [worker for worker in self.stage.ask("workers") or () if worker["state"] == "ready"]
        busy = [worker["pid"] for worker in workers if worker["busy"]]
        if len(workers) == len(self.stage.workers) and busy:
            pid = self.dice.choice(busy)
            self.stage.kill_worker(next(worker for worker in self.stage.workers if worker.process.pid == pid))


@scenario(tasks=1500, seconds=20)
def kill_latency(order):
    """how soon the task of a killed worker runs elsewhere, at default settings: p99 at most 1 s"""
    with Stage() as stage:
        stage.start_broker()
        for _ in range(4):
            stage.add_worker()
        stage.await_workers(4)
        # Two at a time for four workers: a slot is free when a task comes back.
        stage.add_client(
            seed=order.seed, tasks=order.tasks, mix="plain", ms=40, window=2, extra=ENDURING, patience=PATIENCE
        )
        outcome = finish(stage, [OneKiller(stage, order.seed, 0.25)], bound(order) + order.tasks * 0.04)
        latencies = outcome.verdict.redispatch
        p99 = percentile(latencies, 0.99)
        outcome.facts += f"; {len(latencies)} redispatches, p50 {percentile(latencies, 0.5):.0f} ms, p99 {p99:.0f} ms"
        outcome.demand(latencies, "no lease was lost")
        outcome.demand(p99 <= 1000, f"p99 {p99:.0f} ms")
        return outcome


def mixed_kills(stage, order):
    """The injectors of the storm that need no network."""
    return [
        WorkerKiller(stage, order.seed, 0.5),
        WorkerPauser(stage, order.seed, 1.5, 0.1, 3.0),
        BrokerKiller(stage, order.seed, 5),
        BrokerPauser(stage, order.seed, 9, 0.2, 2.0),
    ]
