#!/usr/bin/env python3
"""Compare the byte examples of docs/protocol.md, section 13, with the golden vectors that they name."""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES_MIN = 8
HEX_GROUP = re.compile(r"((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:  +(\S.*))?$")
QUOTED = re.compile(r'^[^"]*"([^"]*)"[^"]*$')


def examples(text):
    """Yield the vector's name and the lines of each block that begins with `vector:`."""
    for block in re.findall(r"^```\n(vector: .*?)^```$", text, re.DOTALL | re.MULTILINE):
        first, *lines = block.splitlines()
        yield first.removeprefix("vector: "), lines


def frames_of(lines):
    """The frames that a block spells out, and complaints about lines that say what is not there."""
    frames, complaints = [], []
    for line in lines:
        if line.startswith("frame"):
            frames.append(b"")
            continue
        match = HEX_GROUP.match(line)
        if not match:
            complaints.append(f"neither a frame nor bytes: {line}")
            continue
        data = bytes.fromhex(match.group(1))
        frames[-1] += data
        said = QUOTED.match(match.group(2) or "")
        if said and said.group(1).encode() not in data:
            complaints.append(f"the bytes do not hold what is said of them: {line}")
    return frames, complaints


def expected_frames(vector):
    """The frames of a golden vector whose control frame is written out."""
    delimiter = [b""] if vector["delimiter"] else []
    return delimiter + [bytes.fromhex(frame) for frame in [vector["control"], *vector["attachments"]]]


def main():
    """Check all examples; exit with complaints."""
    vectors = {vector["name"]: vector for vector in json.loads((ROOT / "wire/vectors/good.json").read_text())}
    section = (ROOT / "docs/protocol.md").read_text().split("\n## 13.")[1]
    complaints, count = [], 0
    for name, lines in examples(section):
        count += 1
        frames, wrong = frames_of(lines)
        complaints += [f"{name}: {complaint}" for complaint in wrong]
        if name not in vectors:
            complaints.append(f"{name}: there is no such vector")
        elif frames != expected_frames(vectors[name]):
            complaints.append(f"{name}: not the bytes of the vector")
    if count < EXAMPLES_MIN:
        complaints.append(f"only {count} examples found")
    if complaints:
        sys.exit("\n".join(complaints))
    print(f"{count} examples are the golden vectors")


if __name__ == "__main__":
    main()
