"""Whether the GIL is on, and which import switched it on. No I/O."""

from __future__ import annotations

import os
import sys

from .encode import cut_text
from .message import LABEL_BYTES_MAX

__all__ = ["GilWatch", "gil_is_enabled"]


def gil_is_enabled() -> bool:
    """Tell whether the GIL is on now; an import can switch it on in a free-threaded build."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class GilWatch:
    """Notices when the GIL of a free-threaded build is switched on. It is never switched off again.

    `is_enabled` and `module` are what was last seen; `look` looks anew.
    """

    def __init__(self) -> None:
        self.is_enabled = False
        self.module = ""
        self.look()

    def look(self) -> bool:
        """Look anew; True when it has been switched on since the last look."""
        if self.is_enabled or not gil_is_enabled():
            return False
        self.is_enabled = True
        if is_free_threaded_build():
            self.module = cut_text(_blame(), LABEL_BYTES_MAX)
        return True

    @property
    def reason(self) -> str:
        """Why it is on, in words for people."""
        if not is_free_threaded_build():
            return "this Python was built with a GIL"
        if os.environ.get("PYTHON_GIL") == "1":
            return "PYTHON_GIL=1 switched it on"
        if not self.module:
            return "an import switched it on"
        return f"importing {self.module} switched it on, since it does not declare that it is safe without"


def is_free_threaded_build() -> bool:
    """Whether this interpreter was built to run without the GIL, be it on or off now."""
    return "t" in getattr(sys, "abiflags", "")


def _blame() -> str:
    from .extensions import first_undeclared  # ctypes is only imported where it has something to say

    return first_undeclared()
