#!/usr/bin/env python3
"""Write the commands that the golden vectors send to the broker as a C table, for fuzz_session: `templates.py OUT`.

A vector that comes with a new verb, option or fact is a template by that alone. `--seeds FOLDER` writes all vectors,
good and bad, as inputs of fuzz_wire."""

import argparse
import itertools
import json
import pathlib
import sys
import zlib

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "wire" / "vectors"
COMMAND_BYTES_MAX = 400  # longer ones are about limits of the decoder, which fuzz_wire looks at
COMMANDS_MAX = 4  # of one vector: a batch is a hundred times the same
SEED_BYTES_MAX = 4000


def load(name):
    return json.loads((VECTORS / name).read_text())


def control_of(vector):
    control = vector["control"]
    pieces = [control] if isinstance(control, str) else control
    return b"".join(bytes.fromhex(piece) if isinstance(piece, str) else bytes.fromhex(piece["hex"]) * piece["times"]
                    for piece in pieces)


LONG_HEADS = {0xc4: (1, 1), 0xc5: (2, 1), 0xc6: (4, 1), 0xc7: (1, 1), 0xc8: (2, 1), 0xc9: (4, 1),
              0xd9: (1, 1), 0xda: (2, 1), 0xdb: (4, 1)}
FIXED = {0xca: 4, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8, 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8,
         0xd4: 2, 0xd5: 3, 0xd6: 5, 0xd7: 9, 0xd8: 17}


def skip(data, at):
    """The place behind the MessagePack value that begins at `at`."""
    head = data[at]
    at += 1
    if head <= 0x7f or head >= 0xe0 or head in (0xc0, 0xc2, 0xc3):
        return at
    if head <= 0x9f or 0xdc <= head <= 0xdf:
        size = 0 if head <= 0x9f else 2 if head in (0xdc, 0xde) else 4
        count = head & 0x0f if size == 0 else int.from_bytes(data[at:at + size], "big")
        at += size
        for _ in range(count * (2 if head <= 0x8f or head >= 0xde else 1)):
            at = skip(data, at)
        return at
    if head <= 0xbf:
        return at + (head & 0x1f)
    if head in FIXED:
        return at + FIXED[head]
    size, _ = LONG_HEADS[head]
    return at + size + int.from_bytes(data[at:at + size], "big") + (1 if 0xc7 <= head <= 0xc9 else 0)


def commands_of(data):
    at = 0
    while at < len(data):
        end = skip(data, at)
        yield data[at:end]
        at = end


def verb_of(command):
    """Verbs are below 128, so they are mostly the byte behind a short array's head; other forms are left out."""
    return command[1] if 0x91 <= command[0] <= 0x9f and command[1] <= 0x7f else None


def templates():
    """(side, verb, place on a ring, bytes), sorted. Places come from the bytes, so that a new vector moves few."""
    found = set()
    for vector in load("good.json"):
        if vector["direction"] != "to_broker":
            continue
        for command in itertools.islice(commands_of(control_of(vector)), COMMANDS_MAX):
            if len(command) <= COMMAND_BYTES_MAX and verb_of(command) is not None:
                found.add((vector["side"] == "worker", verb_of(command), zlib.crc32(command) & 0xff, command))
    return sorted(found)


def write_table(path):
    lines = ["/* Written by templates.py from wire/vectors/good.json. */", '#include "tests/fuzz/templates.h"', "",
             "const struct template template_list[] = {"]
    for side, verb, place, command in templates():
        octets = ", ".join(str(octet) for octet in command)
        lines.append(f"{{{'SIDE_WORKER' if side else 'SIDE_CLIENT'}, {verb}, {place}, {len(command)}, "
                     f"(const uint8_t[]){{{octets}}}}},")
    lines += ["};", "", "const size_t template_count = sizeof template_list / sizeof *template_list;"]
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


def write_seeds(folder):
    """The first byte of an input of fuzz_wire is the place: side and direction."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("good.json", "bad.json"):
        for index, vector in enumerate(load(name)):
            control = control_of(vector)
            place = (vector["side"] == "worker") | (vector["direction"] == "from_broker") << 1
            if len(control) < SEED_BYTES_MAX:
                (folder / f"{name[:-5]}-{index:03}").write_bytes(bytes([place]) + control)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", action="store_true")
    parser.add_argument("out")
    arguments = parser.parse_args()
    (write_seeds if arguments.seeds else write_table)(arguments.out)


if __name__ == "__main__":
    sys.exit(main())
