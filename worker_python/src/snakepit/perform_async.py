"""Run one coroutine task and make its answer: as `perform` does, in an event loop. Imported when an app has such tasks.

asyncio is a third of what the package would import, and most apps have no use for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from .app import App
from .convert import decode_arguments
from .errors import BadPayload
from .message import Error, Result
from .perform import cancelled, emit_item, error_answer, failure, open_stream, result_of, unknown_function
from .task import Emit, RunningTask, TaskFunction, enter_task, leave_task

__all__ = ["perform_async"]


async def perform_async(app: App, definition: TaskFunction | None, running: RunningTask, emit: Emit) -> Result | Error:
    """Run a task whose function is a coroutine function or an async generator, in the running loop. Raises nothing.

    A cancel cancels the coroutine. Chunks are emitted from a helper thread, since that may block.
    """
    if definition is None:
        return unknown_function(app, running)
    try:
        args, kwargs = decode_arguments(running.command.payload, running.content_type, allow_pickle=app.allow_pickle)
    except BadPayload as error:
        return error_answer(running, "bad_payload", str(error))
    open_stream(running, emit)
    token = enter_task(running)
    try:
        _cancel_with(running)
        for hook in app.before_hooks:
            hook(running)
        try:
            called = definition.function(*args, **kwargs)
            value = await (called if definition.kind == "async" else _drain_async(called, running))
        finally:
            for hook in app.after_hooks:
                hook(running)
        return result_of(running, value)
    except asyncio.CancelledError as error:
        return cancelled(running, error) if running.cancelled else failure(running, error)
    except BaseException as error:
        return failure(running, error)
    finally:
        leave_task(token)


def _cancel_with(running: RunningTask) -> None:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is not None:
        running.on_cancel(lambda: None if loop.is_closed() else loop.call_soon_threadsafe(task.cancel))


async def _drain_async(items: AsyncGenerator[Any, Any], running: RunningTask) -> Any:
    collected: list[Any] = []
    try:
        async for item in items:
            if running.is_stream:
                if not running.has_credit:
                    await _await_credit(running)
                await asyncio.to_thread(emit_item, running, item)
            else:
                collected.append(item)
            running.check_cancelled()
    finally:
        await items.aclose()
    return None if running.is_stream else collected


async def _await_credit(running: RunningTask) -> None:
    """Wait until the reader allows the next part, and keep no thread for it: others need those to send theirs."""
    loop, room = asyncio.get_running_loop(), asyncio.Event()
    assert running.credit is not None
    running.credit.hook = lambda: None if loop.is_closed() else loop.call_soon_threadsafe(room.set)
    while not running.has_credit:
        await room.wait()
        room.clear()
