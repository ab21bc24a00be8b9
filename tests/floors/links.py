#!/usr/bin/env python3
"""Check that what the Markdown files link to exists: files, folders, and headings (by GitHub's rule for anchors).
Prints each dead link as `path:line: what`; exit 1 when there is one. Addresses of the Internet are not asked."""

import argparse
import re
import sys
from pathlib import Path

FENCE = re.compile(r"^\s*(```|~~~)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)")
CODE = re.compile(r"`[^`]*`")
OUTSIDE = re.compile(r"^[a-z][a-z0-9+.-]*:")


def find_documents(root):
    """The Markdown files below root, without what is hidden, built or installed."""
    for path in sorted(root.rglob("*.md")):
        folders = path.relative_to(root).parts[:-1]
        if not any(folder.startswith((".", "build")) or folder in ("node_modules", "venv") for folder in folders):
            yield path


def read_prose(path):
    """(line number, line) of what is not in a fenced block."""
    is_code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code:
            yield number, line


def make_anchor(heading):
    """The anchor of a heading: its text in lower case without punctuation, blanks as hyphens."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def read_anchors(path):
    anchors, counts = set(), {}
    for _, line in read_prose(path):
        if match := HEADING.match(line):
            anchor = make_anchor(match[1])
            count = counts.setdefault(anchor, 0)
            counts[anchor] += 1
            anchors.add(f"{anchor}-{count}" if count else anchor)
    return anchors


def check_link(root, path, target):
    """What is wrong with a link, or None."""
    name, _, anchor = target.partition("#")
    there = (path.parent / name).resolve() if name else path
    if not there.is_relative_to(root):
        return "leads out of the repository"
    if not there.exists():
        return "no such file"
    if anchor and there.suffix == ".md" and anchor not in read_anchors(there):
        return "no such heading"
    return None


def check_links(root):
    for path in find_documents(root):
        for number, line in read_prose(path):
            for target in LINK.findall(CODE.sub("", line)):
                if not OUTSIDE.match(target) and (fault := check_link(root, path, target)):
                    yield f"{path.relative_to(root).as_posix()}:{number}: ({target}) {fault}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    root = parser.parse_args().root.resolve()
    found = list(check_links(root))
    for fault in found:
        print(fault)
    print(f"links: {len(found)} dead")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
