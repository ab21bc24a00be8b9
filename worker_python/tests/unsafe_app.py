"""An app that is declared not thread-safe as a whole, but for one task."""

from __future__ import annotations

import snakepit

app = snakepit.App(thread_safe=False)


@app.task
def careful() -> str:
    return "careful"


@app.task(thread_safe=True)
def easy() -> str:
    return "easy"
