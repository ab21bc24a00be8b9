#!/usr/bin/env python3
"""The simulator finds what is wrong: each sabotage of the broker's actions must end in a finding within some seeds."""

import re
import subprocess
import sys

SEEDS = "1..300"
# Of these, the shortest script is looked for, too: from a few dozens and from thousands of events.
SHORTENED = ("drop-task", "swap-tasks", "wrong-verdict")
EVENTS_MAX = 12


def find(sim, name):
    """The promise that was found broken, or None."""
    run = subprocess.run([sim, "--sabotage", name, "--seeds", SEEDS], capture_output=True, text=True, timeout=60)
    match = re.search(r"seed (\d+), step (\d+): (\S+) is broken: (.*)", run.stdout)
    if run.returncode != 1 or not match:
        return None
    return f"{match[3]}: {match[4]} (seed {match[1]}, step {match[2]})"


def shorten(sim, name):
    """What is wrong with the shortest script for this sabotage; "" when it is short and breaks the same promise."""
    command = [sim, "--sabotage", name, "--seeds", SEEDS, "--shrink"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    size = re.search(r"shortest script that was found, (\d+) of (\d+) events", run.stdout)
    broken = re.findall(r"(\S+) is broken: ", run.stdout)
    if not size:
        return "no script: " + run.stdout[-300:]
    if int(size[1]) > EVENTS_MAX or int(size[1]) >= int(size[2]):
        return f"{size[1]} of {size[2]} events are left"
    return "" if len(broken) == 2 and broken[0] == broken[1] else f"it breaks {broken}"


def main():
    sim = sys.argv[1]
    names = subprocess.run([sim, "--list-sabotage"], check=True, capture_output=True, text=True).stdout.split()
    missed = 0
    for name in names:
        found = find(sim, name)
        missed += found is None
        print(f"{name:18} {found or 'NOT FOUND'}")
    for name in SHORTENED:
        fault = shorten(sim, name)
        missed += fault != ""
        print(f"{name:18} {'shortened' if not fault else 'NOT SHORTENED: ' + fault}")
    print(f"{len(names)} kinds of sabotage, {missed} not found or not shortened")
    return 1 if missed or len(names) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
