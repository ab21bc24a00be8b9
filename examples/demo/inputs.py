"""The demo's real input: documents that every Debian has, and integers to factorise."""

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("/usr/share/common-licenses", "/usr/share/doc")
NAMES = ("copyright", "changelog*", "README*", "NEWS*", "*.txt", "*.md", "*.html")
DOCUMENT_BYTES_MAX = 1_000_000


def read_document(path: Path) -> str:
    """Read one document, unpacked if it is a .gz, at most 1 MB of it. Empty when it is no readable text."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(DOCUMENT_BYTES_MAX).decode("utf-8", errors="replace")
    except (OSError, EOFError, gzip.BadGzipFile):
        return ""


def find_paths() -> Iterator[Path]:
    """Find the documents in a fixed order, each file once, the licences first."""
    seen: set[Path] = set()
    yield from sorted(path for path in Path(FOLDERS[0]).glob("*") if path.is_file() and not path.is_symlink())
    for folder in sorted(Path(FOLDERS[1]).glob("*")):
        for name in NAMES:
            for path in sorted(folder.glob(name)):
                real = path.resolve()
                if real.is_file() and real not in seen:
                    seen.add(real)
                    yield path


def read_documents(count_max: int) -> list[str]:
    """Read at most count_max documents that are not empty."""
    documents: list[str] = []
    for path in find_paths():
        if len(documents) == count_max:
            break
        if document := read_document(path):
            documents.append(document)
    return documents


def make_integers(count: int, seed: int = 2026) -> list[int]:
    """Make integers of 20 to 56 bits, the same ones for the same seed."""
    generator = random.Random(seed)
    return [generator.getrandbits(generator.randint(20, 56)) + 2 for _ in range(count)]
