"""What a worker reports about itself, for people who wonder: the interpreter, its libraries, its thread variables."""

from __future__ import annotations

import os
import platform
import sys
from types import ModuleType
from typing import Any

from .encode import cut_text
from .gil import is_free_threaded_build

__all__ = ["THREAD_VARIABLES", "make_report"]

# What the numeric libraries read when they are loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "TBB_NUM_THREADS", "PYTHON_GIL",
)  # fmt: skip
# Together they stay within the 16 KiB that a report may have.
LIBRARIES_MAX, EXTENSIONS_MAX, NAME_BYTES_MAX, VERSION_BYTES_MAX, PATH_BYTES_MAX = 80, 150, 48, 24, 1024


def make_report() -> dict[str, Any]:
    """Tell what this process runs on: `implementation`, `executable`, `libraries`, `extensions`, `thread_variables`.

    `extensions` says of loaded extension modules whether they declare free-threading, those first that do not; it is
    there in a free-threaded build only, since wheels for others have the declaration compiled out.
    """
    report: dict[str, Any] = {
        "implementation": f"{platform.python_implementation()} {platform.python_version()}",
        "executable": cut_text(sys.executable or "", PATH_BYTES_MAX),
        "libraries": _libraries(),
        "thread_variables": {name: cut_text(os.environ[name], VERSION_BYTES_MAX)
                             for name in THREAD_VARIABLES if name in os.environ},
    }  # fmt: skip
    if is_free_threaded_build():
        report["extensions"] = _extensions()
    return report


def _libraries() -> dict[str, str]:
    """Give the versions of the loaded packages that are not Python's own and say one."""
    found: dict[str, str] = {}
    for name, module in sorted(sys.modules.copy().items()):
        version = None if "." in name or name.startswith("_") else _version_of(module)
        if version and len(found) < LIBRARIES_MAX:
            found[cut_text(name, NAME_BYTES_MAX)] = cut_text(version, VERSION_BYTES_MAX)
    return found


def _version_of(module: object) -> str | None:
    if not isinstance(module, ModuleType):
        return None
    facts = object.__getattribute__(module, "__dict__")  # a lazy module must not be loaded by being looked at
    file, version = facts.get("__file__"), facts.get("__version__")
    if not isinstance(file, str) or not isinstance(version, str) or _is_standard(file):
        return None
    return version


def _is_standard(file: str) -> bool:
    return file.startswith(_STANDARD) and "site-packages" not in file and "dist-packages" not in file


def _extensions() -> dict[str, bool]:
    from .extensions import declarations

    declared = sorted(declarations().items(), key=lambda item: item[1])  # stable: each kind stays in import order
    return {cut_text(name, NAME_BYTES_MAX): is_declared for name, is_declared in declared[:EXTENSIONS_MAX]}


_STANDARD = os.path.dirname(os.__file__) + os.sep
