"""The fault library: injectors that do something to a stage now and then, by the dice of their seed, and heal it at
the end.

The choices (who, when, how long, in seconds of the run) follow from the seed alone; what they hit depends on the
machine."""

import random
import time


class Injector:
    """`strike` is called at random times, `every` seconds apart on average."""

    def __init__(self, stage, seed, every):
        self.stage = stage
        self.dice = random.Random(f"{seed} {type(self).__name__}")
        self.every = every
        self.strikes = 0
        self.due = time.monotonic() + self.wait()

    def wait(self):
        return self.dice.uniform(0.5, 1.5) * self.every

    def turn(self):
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + self.wait()
            self.strikes += 1
            self.strike()
        self.tick()

    def strike(self):
        raise NotImplementedError

    def tick(self):
        """At each turn: end what lasts."""

    def heal(self):
        """Nothing of it may be left."""


class WorkerKiller(Injector):
    """Leaves one alive: on a busy machine workers could be killed faster than they start."""

    def strike(self):
        worker = self.dice.choice(self.stage.workers)
        if self.stage.count_ready() > 1:
            self.stage.kill_worker(worker)


class BrokerKiller(Injector):
    def strike(self):
        self.stage.kill_broker()


class Pauser(Injector):
    """Stops processes with SIGSTOP for a time between the two."""

    def __init__(self, stage, seed, every, shortest, longest):
        super().__init__(stage, seed, every)
        self.span = shortest, longest
        self.ends = []  # (when, what ends it)

    def lasts(self):
        return time.monotonic() + self.dice.uniform(*self.span)

    def tick(self):
        for when, end in list(self.ends):
            if time.monotonic() >= when:
                self.ends.remove((when, end))
                end()

    def heal(self):
        for _, end in self.ends:
            end()
        self.ends.clear()


class WorkerPauser(Pauser):
    def strike(self):
        worker = self.dice.choice(self.stage.workers)
        self.stage.pause(worker)
        self.ends.append((self.lasts(), lambda: self.stage.end_pause(worker)))


class BrokerPauser(Pauser):
    def strike(self):
        if self.stage.broker_paused is None and self.stage.broker.poll() is None:
            self.stage.pause_broker()
            self.ends.append((self.lasts(), self.stage.end_broker_pause))


class ClientKiller(Injector):
    """Has a client of its own, kills it in the middle of its work and starts the next one: at most so many, and as long
    as there are others."""

    def __init__(self, stage, seed, every, most, settings):
        super().__init__(stage, seed, every)
        self.most = most
        self.settings = settings
        self.own = {stage.add_client(**settings)}

    def strike(self):
        if self.most == 0:
            return
        self.most -= 1
        self.stage.kill_client(max(self.own))
        others = [process for number, process in self.stage.clients.items() if number not in self.own]
        if any(process.poll() is None for process in others):
            self.own.add(self.stage.add_client(**self.settings))
        else:
            self.most = 0


class LinkCutter(Pauser):
    """Cuts links (net.Link), in one of their ways."""

    def __init__(self, stage, seed, every, shortest, longest, links):
        super().__init__(stage, seed, every, shortest, longest)
        self.links = links

    def strike(self):
        link = self.dice.choice(self.links)
        way = self.dice.choice(link.WAYS)
        if not link.is_cut():
            link.cut(way)
            self.ends.append((self.lasts(), link.mend))
