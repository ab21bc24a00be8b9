#!/usr/bin/env python3
"""Write good.json and bad.json, the golden vectors of SPIT/1; README.md describes the format."""

import json
import pathlib
import re
import sys

from bad import BAD
from good import GOOD

HERE = pathlib.Path(__file__).resolve().parent
RUN_MIN = 64  # bytes; a shorter run of one byte is written out


def hex_pieces(data):
    """Hex of `data`, or, where one byte is repeated many times, a list of pieces."""
    pieces = []
    start = 0
    for run in re.finditer(rb"(.)\1{%d,}" % (RUN_MIN - 1), data, re.DOTALL):
        if run.start() > start:
            pieces.append(data[start : run.start()].hex())
        pieces.append({"hex": run.group(1).hex(), "times": len(run.group())})
        start = run.end()
    if start < len(data) or not data:
        pieces.append(data[start:].hex())
    return pieces[0] if len(pieces) == 1 and isinstance(pieces[0], str) else pieces


def readable(value):
    """A Python value as the README's JSON."""
    if isinstance(value, bytes):
        if len(value) >= RUN_MIN and len(set(value)) == 1:
            return {"hex": value[:1].hex(), "times": len(value)}
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {key: readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [readable(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 63:
        return {"uint": str(value)}
    return value


def entry(message, **more):
    """The members that good and bad entries have in common, then the others."""
    side, direction = message.place
    common = {
        "name": message.name,
        "side": side,
        "direction": direction,
        "delimiter": message.delimiter,
        "control": hex_pieces(message.control),
        "attachments": [frame.hex() for frame in message.attachments],
    }
    return {**common, **more}


def render(entries):
    """One member per line, and commands one per line: fit to be read and to be compared."""
    blocks = []
    for item in entries:
        lines = []
        for key, value in item.items():
            if key in ("commands", "outcomes"):
                inner = ",\n".join("      " + json.dumps(element) for element in value)
                lines.append(f'    "{key}": [\n{inner}\n    ]' if value else f'    "{key}": []')
            else:
                lines.append(f'    "{key}": {json.dumps(value)}')
        blocks.append("  {\n" + ",\n".join(lines) + "\n  }")
    return "[\n" + ",\n".join(blocks) + "\n]\n"


def files():
    """The text of each file by its name."""
    good = [entry(message, canonical=message.canonical, commands=readable(message.commands)) for message in GOOD]
    bad = [entry(message, outcomes=readable(message.outcomes)) for message in BAD]
    for entries in (good, bad):
        names = [item["name"] for item in entries]
        assert len(names) == len(set(names)), "a name is there twice"
    return {"good.json": render(good), "bad.json": render(bad)}


def main():
    """Write the files; with --check only compare."""
    stale = []
    for name, text in files().items():
        if "--check" in sys.argv[1:]:
            if (HERE / name).read_text() != text:
                stale.append(name)
        else:
            (HERE / name).write_text(text)
    if stale:
        sys.exit(f"not what make.py makes: {', '.join(stale)}; run python3 wire/vectors/make.py")


if __name__ == "__main__":
    main()
