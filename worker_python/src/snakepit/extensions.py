"""Which loaded extension modules declare that they are safe without the GIL: the truth at run time. CPython only.

A module says so in one of two ways: by the slot `Py_mod_gil` of its definition (multi-phase initialisation), or by
calling `PyUnstable_Module_SetGIL` (single-phase), which leaves its mark in the module object. The slots are public, in
a struct that is the same since Python 3.5. The mark is not, so its place is believed only where it agrees with the
slots of all the modules that have them.

Only a free-threaded build is asked: in a build with a GIL the declaration is usually compiled out.
https://docs.python.org/3/howto/free-threading-extensions.html
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from .gil import is_free_threaded_build

__all__ = ["declarations", "first_undeclared"]

_SLOT_GIL = 4  # Py_mod_gil
_NOT_USED = 1  # Py_MOD_GIL_NOT_USED
_SLOTS_MAX = 64
_WORD = ctypes.sizeof(ctypes.c_void_p)
# PyModuleDef: PyObject_HEAD, m_init, m_index, m_copy, m_name, m_doc, m_size, m_methods, m_slots.
_SLOTS_AT = object.__basicsize__ + 7 * _WORD
# PyModuleObject of 3.13 and 3.14: PyObject_HEAD, md_dict, md_def, md_state, md_weaklist, md_name, md_gil.
_MARK_AT = object.__basicsize__ + 5 * _WORD
_MARKED_VERSIONS = ((3, 13), (3, 14))


def declarations(modules: Mapping[str, Any] | None = None) -> dict[str, bool]:
    """Tell which of the loaded extension modules outside of the standard library declare free-threading.

    Args:
        modules: by name, in the order of their import; default `sys.modules`.

    Returns:
        Module name to whether it declares it, in that order; empty in a build with a GIL. Modules of which it cannot be
        told are left out.
    """
    if not is_free_threaded_build():
        return {}
    loaded = sys.modules.copy() if modules is None else modules
    extensions = {name: module for name, module in loaded.items() if _is_extension(module)}
    by_slot = {name: _slot_of(module) for name, module in extensions.items()}
    marks = _marks(extensions, by_slot)
    found: dict[str, bool] = {}
    for name, slot in by_slot.items():
        declared = slot if slot is not None else marks.get(name)
        if declared is not None:
            found[name] = declared
    return found


def first_undeclared() -> str:
    """Name the loaded extension module that was imported first of those without a declaration; empty: there is none.

    That is the one whose import switched the GIL on: `sys.modules` keeps the order.
    """
    return next((name for name, is_declared in declarations().items() if not is_declared), "")


def _is_extension(module: object) -> bool:
    if not isinstance(module, ModuleType):
        return False
    facts = object.__getattribute__(module, "__dict__")  # a lazy module must not be loaded by being looked at
    file = facts.get("__file__")
    return isinstance(file, str) and file.endswith(".so") and "lib-dynload" not in file


def _definition_of(module: ModuleType) -> int:
    """Give the address of a module's PyModuleDef; 0: it has none."""
    get_definition = ctypes.pythonapi.PyModule_GetDef
    get_definition.restype, get_definition.argtypes = ctypes.c_void_p, (ctypes.py_object,)
    return get_definition(module) or 0


def _slot_of(module: ModuleType) -> bool | None:
    """Read the declaration of a module with multi-phase initialisation; None: it has the single-phase one."""
    definition = _definition_of(module)
    slots = _word(definition + _SLOTS_AT) if definition else 0
    if not slots:
        return None
    for at in range(_SLOTS_MAX):
        number = ctypes.c_int.from_address(slots + 2 * _WORD * at).value
        if number == 0:
            break
        if number == _SLOT_GIL:
            return _word(slots + 2 * _WORD * at + _WORD) == _NOT_USED
    return False


def _marks(extensions: Mapping[str, ModuleType], by_slot: Mapping[str, bool | None]) -> dict[str, bool]:
    """Read the marks in the module objects; nothing at all where one of them contradicts its module's slots."""
    if sys.version_info[:2] not in _MARKED_VERSIONS or sys.implementation.name != "cpython":
        return {}
    words = {name: _word(id(module) + _MARK_AT) for name, module in extensions.items()}
    for name, word in words.items():
        slot = by_slot[name]
        if word not in (0, _NOT_USED) or (slot is not None and slot != (word == _NOT_USED)):
            return {}
    return {name: word == _NOT_USED for name, word in words.items()}


def _word(address: int) -> int:
    return ctypes.c_size_t.from_address(address).value
