"""Carries packets between two TUN devices, one here and one in a network namespace: relay.py HERE THERE NAMESPACE.

Each line on stdin sets the terms, until the next: DELAY_S LOSS_TO LOSS_FROM JITTER_S BYTES_PER_S (0: no limit). To is
towards the namespace. Packets that are delayed by chance overtake each other. It ends with its stdin."""

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
QUEUE_SECONDS = 2.0  # a narrow link holds so much and drops the rest


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def open_inside(name, namespace):
    """A TUN device belongs to the network namespace of the thread that makes it."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(other, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    fd = open_tun(name)
    libc.setns(own, CLONE_NEWNET)
    os.close(own)
    os.close(other)
    return fd


class Direction:
    """Packets from one device to the other, each with the time at which it arrives."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.waiting = []
        self.count = 0
        self.free_at = 0.0  # when a narrow link has sent what it has

    def take(self, now, terms, loss, dice):
        for _ in range(64):
            try:
                packet = os.read(self.source, 65536)
            except BlockingIOError:
                return
            if loss and dice.random() < loss:
                continue
            due = now + terms["delay"] + dice.random() * terms["jitter"]
            if terms["rate"]:
                self.free_at = max(self.free_at, now) + len(packet) / terms["rate"]
                if self.free_at > now + QUEUE_SECONDS:
                    self.free_at -= len(packet) / terms["rate"]
                    continue
                due += self.free_at - now
            self.count += 1
            heapq.heappush(self.waiting, (due, self.count, packet))

    def deliver(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            packet = heapq.heappop(self.waiting)[2]
            try:
                os.write(self.target, packet)
            except OSError:
                pass  # the device is down: lost


def parse(line):
    delay, loss_to, loss_from, jitter, rate = map(float, line.split())
    return {"delay": delay, "loss_to": loss_to, "loss_from": loss_from, "jitter": jitter, "rate": rate}


def main():
    here, there = open_tun(sys.argv[1]), open_inside(sys.argv[2], sys.argv[3])
    to, back = Direction(here, there), Direction(there, here)
    terms = parse("0 0 0 0 0")
    dice = random.Random(1)
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        due = min([entry.waiting[0][0] for entry in (to, back) if entry.waiting], default=now + 60)
        ready = select.select([here, there, 0], [], [], max(0.0, due - now))[0]
        if 0 in ready:
            lines = os.read(0, 4096).decode().splitlines()
            if not lines:
                return
            terms = parse(lines[-1])
        now = time.monotonic()
        to.take(now, terms, terms["loss_to"], dice)
        back.take(now, terms, terms["loss_from"], dice)
        to.deliver(now)
        back.deliver(now)


if __name__ == "__main__":
    main()
