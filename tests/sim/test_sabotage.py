#!/usr/bin/env python3
"""The simulator finds what is wrong: each sabotage of the broker's actions must end in a finding within some seeds."""

import re
import subprocess
import sys

SEEDS = "1..300"


def find(sim, name):
    """The promise that was found broken, or None."""
    run = subprocess.run([sim, "--sabotage", name, "--seeds", SEEDS], capture_output=True, text=True, timeout=60)
    match = re.search(r"seed (\d+), step (\d+): (\S+) is broken: (.*)", run.stdout)
    if run.returncode != 1 or not match:
        return None
    return f"{match[3]}: {match[4]} (seed {match[1]}, step {match[2]})"


def main():
    sim = sys.argv[1]
    names = subprocess.run([sim, "--list-sabotage"], check=True, capture_output=True, text=True).stdout.split()
    missed = 0
    for name in names:
        found = find(sim, name)
        missed += found is None
        print(f"{name:18} {found or 'NOT FOUND'}")
    print(f"{len(names)} kinds of sabotage, {missed} not found")
    return 1 if missed or len(names) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
