"""Links that can be made bad: a network namespace, joined to this one either by a pair of virtual Ethernet devices or
by a pair of TUN devices with a relay between them that delays, loses and holds back packets as it is told.

The relay stands in for tc's netem, which many kernels are built without; it needs /dev/net/tun only. Both need root."""

import os
import subprocess
import sys
import time
import uuid

from journal import now
from stage import HERE, end_with_parent


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def why_not():
    """Why there can be no links on this machine; "": there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Cable():
            pass
        with Relay():
            pass
    except (OSError, subprocess.CalledProcessError, TimeoutError) as error:
        return f"no network namespaces here: {error}"
    return ""


class Link:
    """A namespace with an address on each side. `workers` are those behind it: a cut is written down for each
    process that they were while it lasted, as they may be killed meanwhile."""

    WAYS = ()

    def __init__(self):
        unique = uuid.uuid4().hex[:6]
        self.namespace, self.here, self.there = f"spit{unique}", f"spa{unique}", f"spb{unique}"
        net = int(unique, 16) % (64 * 256)
        self.address, self.peer = f"100.{64 + net // 256}.{net % 256}.1", f"100.{64 + net // 256}.{net % 256}.2"
        self.wrap = ("ip", "netns", "exec", self.namespace)
        self.stage = None
        self.workers = []
        self.since = None
        self.cut_pids = []  # for each worker, how many processes it had been when the cut began, without the last
        self.way = ""

    def __enter__(self):
        run("ip", "netns", "add", self.namespace)
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        subprocess.run(("ip", "netns", "del", self.namespace), capture_output=True)

    def inside(self, *command):
        run("ip", "-n", self.namespace, *command)

    def is_cut(self):
        return self.since is not None

    def cut(self, way=None):
        self.way = way or self.WAYS[0]
        self.since = now()
        self.cut_pids = [len(worker.pids) - 1 for worker in self.workers]
        self.begin(self.way)

    def mend(self):
        if self.since is None:
            return
        self.end(self.way)
        # What was under way in TCP comes when it is sent again, with a pause that had doubled meanwhile.
        until = now() + (now() - self.since)
        for worker, first in zip(self.workers, self.cut_pids, strict=True):
            for pid in worker.pids[first:]:
                self.stage.faults.write("cut", pid, self.since, until)
        self.since = None


class Cable(Link):
    """Two Ethernet devices. `down` pulls the plug at the other end, without a FIN; `deaf` and `mute` let packets go
    one way."""

    WAYS = ("down", "deaf", "mute")

    def make(self):
        run("ip", "link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", self.namespace)
        run("ip", "addr", "add", f"{self.address}/30", "dev", self.here)
        run("ip", "link", "set", self.here, "up")
        self.inside("addr", "add", f"{self.peer}/30", "dev", self.there)
        self.inside("link", "set", self.there, "up")

    def begin(self, way):
        if way == "down":
            self.inside("link", "set", self.there, "down")
        elif way == "deaf":  # nothing reaches the workers
            run("ip", "route", "add", "blackhole", f"{self.peer}/32")
        else:
            self.inside("route", "add", "blackhole", f"{self.address}/32")

    def end(self, way):
        if way == "down":
            self.inside("link", "set", self.there, "up")
        elif way == "deaf":
            run("ip", "route", "del", "blackhole", f"{self.peer}/32")
        else:
            self.inside("route", "del", "blackhole", f"{self.address}/32")

    def __exit__(self, *_):
        if self.since is not None and self.way == "deaf":
            self.mend()
        super().__exit__()


class Relay(Link):
    """Two TUN devices and relay.py. `poor`: 40 ms more each way, a tenth of the packets lost; `narrow`: 64 KiB/s;
    `full`, `deaf`, `mute`: nothing goes both ways, towards the workers, from the workers."""

    WAYS = ("full", "deaf", "mute", "poor", "narrow")
    TERMS = {
        "well": "0 0 0 0 0",
        "full": "0 1 1 0 0",
        "deaf": "0 1 0 0 0",
        "mute": "0 0 1 0 0",
        "poor": "0.04 0.1 0.1 0.02 0",
        "narrow": "0.002 0 0 0 65536",
    }

    def make(self):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "relay.py"), self.here, self.there, self.namespace],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent,
        )
        if self.process.stdout.readline() != "ready\n":
            raise OSError("no TUN devices")
        run("ip", "addr", "add", self.address, "peer", self.peer, "dev", self.here)
        run("ip", "link", "set", self.here, "up")
        self.inside("addr", "add", self.peer, "peer", self.address, "dev", self.there)
        self.inside("link", "set", self.there, "up")

    def begin(self, way):
        self.process.stdin.write(self.TERMS[way] + "\n")
        self.process.stdin.flush()

    def end(self, _):
        self.begin("well")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        super().__exit__()


def await_link(link, seconds=5.0):
    """Until a packet gets through: TUN and veth devices take a moment."""
    until = time.monotonic() + seconds
    while subprocess.run((*link.wrap, "ip", "route", "get", link.address), capture_output=True).returncode != 0:
        if time.monotonic() > until:
            raise TimeoutError("the link does not come up")
        time.sleep(0.02)
