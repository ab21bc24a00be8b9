"""What an interpreter is, told as one line of JSON. `snakepit doctor` runs it in each interpreter that it finds.

Stands alone, and uses nothing newer than Python 3.6: it must also run, to say so, where the package or a library is
missing or the interpreter is too old. With an argument MODULE:APP it imports that app as a worker would.
"""

import importlib
import json
import os
import platform
import sys
import sysconfig
import threading
import time
from typing import Any

LIBRARIES = ("zmq", "msgpack", "snakepit")
TEXT_MAX = 500


def gil_enabled() -> bool:
    """Whether the GIL is on now; builds before 3.13 have no choice."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class GilWatch:
    """Imports modules, and remembers which one switched the GIL on."""

    def __init__(self) -> None:
        self.module: str | None = None

    def load(self, name: str) -> "tuple[Any, str | None]":
        """Import a module; (module, None), or (None, what went wrong)."""
        before = gil_enabled()
        try:
            return importlib.import_module(name), None
        except BaseException as error:  # also SystemExit of a script that was meant to be run
            return None, f"{type(error).__name__}: {error}"[:TEXT_MAX]
        finally:
            if not before and gil_enabled() and self.module is None:
                self.module = name


def describe_libraries(watch: GilWatch) -> "dict[str, Any]":
    """Version, or what is wrong, of each library that a worker needs."""
    found: dict[str, Any] = {}
    for name in LIBRARIES:
        module, error = watch.load(name)
        entry: dict[str, Any] = {"version": None if module is None else str(getattr(module, "__version__", "?"))}
        if error is not None:
            entry["error"] = error
        elif name == "zmq":
            entry["libzmq"] = module.zmq_version()
        elif name == "msgpack":
            entry["extension"] = module.Packer.__module__ != "msgpack.fallback"
        found[name] = entry
    return found


def list_installed() -> "dict[str, str]":
    """Name and version of what is installed, without importing it."""
    try:
        from importlib.metadata import distributions
    except ImportError:
        return {}
    pairs = ((item.metadata["Name"], item.version) for item in distributions())
    return {name.lower().replace("_", "-"): version for name, version in pairs if name}


def import_app(target: str, watch: GilWatch) -> "dict[str, Any]":
    """Import MODULE:APP as a worker would, and tell what came of it."""
    name, _, attribute = target.partition(":")
    began = time.time()
    module, error = watch.load(name)
    for part in attribute.split(".") if module is not None else ():
        module = getattr(module, part, None)
        if module is None:
            error = f"module {name} has no attribute {attribute}"
            break
    return {
        "name": target,
        "error": error,
        "seconds": round(time.time() - began, 3),
        "threads": threading.active_count() - 1,
    }


def describe(target: "str | None") -> "dict[str, Any]":
    """All there is to tell, in the order in which a worker would do it."""
    sys.path.insert(0, os.getcwd())
    watch = GilWatch()
    record: dict[str, Any] = {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "is_virtual": sys.prefix != getattr(sys, "base_prefix", sys.prefix),
        "version": platform.python_version(),
        "version_info": list(sys.version_info[:3]),
        "implementation": platform.python_implementation(),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_at_start": gil_enabled(),
    }
    record["libraries"] = describe_libraries(watch)
    if target is not None:
        record["app"] = import_app(target, watch)
    record["installed"] = list_installed()
    record["gil_enabled"] = gil_enabled()
    record["gil_module"] = watch.module
    return record


def main() -> None:
    """Print the record on the standard output, which nothing that is imported may use."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    json.dump(describe(sys.argv[1] if len(sys.argv) > 1 else None), output)
    output.write("\n")
    output.flush()
    os._exit(0)  # threads of an imported app, or its exit handlers, are no business of ours


if __name__ == "__main__":
    main()
