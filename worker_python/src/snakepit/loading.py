"""Import the app that a worker runs."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from .app import App

__all__ = ["NoApp", "load_app"]


class NoApp(Exception):
    """MODULE:APP names nothing, or no App; the text says what is wrong, and where it was looked for."""


def load_app(path: str) -> App:
    """Import `module:attribute` (attribute default `app`), looking in the working directory first.

    Raises:
        NoApp: the module or the attribute is not there, or is no App.
        Exception: whatever the import raises.
    """
    module_name, _, attribute = path.partition(":")
    attribute = attribute or "app"
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module = import_module(module_name)
    found: Any = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            apps = ", ".join(key for key, value in vars(module).items() if isinstance(value, App))
            raise NoApp(f"{module_name} has no {attribute}" + (f"; it has the App {apps}" if apps else ""))
        found = getattr(found, name)
    if not isinstance(found, App):
        raise NoApp(f"{attribute} is a {type(found).__name__}, not a snakepit.App")
    return found


def import_module(name: str) -> Any:
    """Import a module. NoApp: there is none; an import that fails within it is its own error."""
    if not name or name.endswith(".py"):
        raise NoApp("write the module's name without .py and the App's, for instance tasks:app")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise NoApp(f"{sys.executable} finds no module {error.name} in {os.getcwd()} or elsewhere") from None
