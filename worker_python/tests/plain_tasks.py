"""An app that does not allow pickle."""

from __future__ import annotations

from typing import Any

import snakepit

app = snakepit.App()


@app.task
def echo(value: Any) -> Any:
    return value
