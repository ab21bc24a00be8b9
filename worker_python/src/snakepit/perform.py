"""Run one task and make its answer: find the function, decode, call, encode; every way to fail becomes an ERROR.

The same code serves the worker and `testing.LocalPit`. Nothing here knows sockets or sessions.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Generator
from typing import Any

from . import message as m
from .app import App
from .convert import decode_arguments, encode_value
from .encode import cut_text
from .errors import THREAD_UNSAFE, BadPayload, TaskCancelled
from .interrupt import Interruptible
from .message import Error, Result
from .task import Emit, RunningTask, TaskFunction, enter_task, leave_task

__all__ = ["perform"]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def perform(app: App, definition: TaskFunction | None, running: RunningTask, emit: Emit) -> Result | Error:
    """Run a task whose function is sync or a generator, in the calling thread. Raises nothing.

    Args:
        app: whose task it is.
        definition: its function; None: the app has none of that name, and that is the answer.
        running: the attempt.
        emit: takes the parts of a stream.

    Returns:
        The answer, whose `ref` is the fence.
    """
    if definition is None:
        return unknown_function(app, running)
    command = running.command
    content_type = "msgpack" if running.is_plain else running.content_type
    try:
        args, kwargs = decode_arguments(command.payload, content_type, allow_pickle=app.allow_pickle)
    except BadPayload as error:
        return error_answer(running, "bad_payload", str(error))
    open_stream(running, emit)
    token = enter_task(running)
    try:
        for hook in app.before_hooks:
            hook(running)
        try:
            value = _call(definition, running, args, kwargs)
        finally:
            for hook in app.after_hooks:
                hook(running)
        return result_of(running, value)
    except BaseException as error:  # SystemExit and KeyboardInterrupt of a task end the task, not the worker
        return failure(running, error)
    finally:
        leave_task(token)


def unknown_function(app: App, running: RunningTask) -> Error:
    """Answer that the app has no such task, with the names that come near."""
    text = f"no task is named {running.function!r}; {app.suggest(running.function)}"
    return error_answer(running, "no_such_function", text)


def thread_unsafe(running: RunningTask) -> Error:
    """Answer that the task must not run beside others in threads, as this pool would."""
    text = (
        f"the task {running.function!r} is declared not thread-safe, and this pool refuses such tasks in its threads: "
        'call it in a pool with the process profile, or let it run here one at a time, with thread_unsafe = "lock"'
    )
    return error_answer(running, "failed", text, {"type": THREAD_UNSAFE})


def _call(definition: TaskFunction, running: RunningTask, args: Any, kwargs: Any) -> Any:
    """Call the function. Only in here the task may be interrupted."""
    running.check_cancelled()  # asked to end before it began
    running.place = place = Interruptible()
    try:
        value = definition.function(*args, **kwargs)
        return _drain(value, running) if definition.kind == "generator" else value
    finally:
        place.leave()


def _drain(items: Generator[Any, Any, Any], running: RunningTask) -> Any:
    """Run a generator to its end: a list of its items, or for a stream each as a chunk and then its return value."""
    collected: list[Any] = []
    try:
        while True:
            running.check_cancelled()
            try:
                item = next(items)
            except StopIteration as stop:
                return stop.value if running.is_stream else collected
            if running.is_stream:
                emit_item(running, item)
            else:
                collected.append(item)
    finally:
        items.close()


def open_stream(running: RunningTask, emit: Emit) -> None:
    """Let the task send parts and progress, if somebody may have asked for them."""
    if not running.is_plain:
        running.opens_stream(emit, threading.Lock())


def emit_item(running: RunningTask, item: Any) -> None:
    """Send the next part of a stream. Blocks until there is room for it."""
    running.emit_part(*_encoded(running, item))


def result_of(running: RunningTask, value: Any) -> Result:
    """Answer with what the function returned. BadPayload: it cannot be sent."""
    if running.is_plain:  # the usual case, in which nothing else needs to be looked at
        return Result(running.command.fence, encode_value(value), m.NOTHING)
    payload, info = _encoded(running, value)
    if running.is_stream or running.wants_progress:
        info = {**info, "chunks": running.seq}
    return Result(running.fence, payload, info)


def _encoded(running: RunningTask, value: Any) -> tuple[m.Payload, m.Facts]:
    """Encode in the content type of the arguments; a `raw` task may also return what is not bytes."""
    content_type = running.content_type
    if content_type == "msgpack":
        return encode_value(value), m.NOTHING
    if content_type == "raw" and not isinstance(value, (bytes, bytearray, memoryview)):
        return encode_value(value), {"content_type": "msgpack"}
    return encode_value(value, content_type), {"content_type": content_type}


def failure(running: RunningTask, error: BaseException) -> Error:
    """Answer with what the function, or a hook, raised."""
    if isinstance(error, TaskCancelled):
        return cancelled(running, error)
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = str(error)
    except Exception as broken:  # a __str__ that raises must not cost the answer
        text = f"<str() of the exception raised {type(broken).__name__}>"
    details = {
        "type": cut_text(name, m.ERROR_TYPE_BYTES_MAX),
        "traceback": _cut_traceback(error),
    }
    return error_answer(running, "failed", text, details)


def cancelled(running: RunningTask, error: BaseException) -> Error:
    """Answer that the task ended because it was asked to; where it was, if it had to be interrupted."""
    details = {"traceback": _cut_traceback(error)} if running.is_interrupted else m.NOTHING
    return error_answer(running, "cancelled", str(error) or "the task was asked to end", details)


def _cut_traceback(error: BaseException) -> str:
    return cut_text(_traceback(error), m.TRACEBACK_BYTES_MAX, keep_tail=True)


def _traceback(error: BaseException) -> str:
    """Format where the error came from, without this package's own frames: they say nothing about the task."""
    try:
        formatted = traceback.TracebackException.from_exception(error)
        _cut_own_frames(formatted)
        return "".join(formatted.format())
    except Exception:  # formatting calls the exception's own code
        return "".join(traceback.format_tb(error.__traceback__))


def _cut_own_frames(formatted: traceback.TracebackException) -> None:
    """Cut them from an exception and all that it came from, or holds."""
    formatted.stack[:] = [frame for frame in formatted.stack if not frame.filename.startswith(_PACKAGE)]
    for inner in (formatted.__cause__, formatted.__context__, *(getattr(formatted, "exceptions", None) or ())):
        if inner is not None:
            _cut_own_frames(inner)


def error_answer(running: RunningTask, code: str, text: str, details: m.Facts = m.NOTHING) -> Error:
    """Make an ERROR of a task; the text is cut to what the protocol allows."""
    return Error(running.fence, code, cut_text(text, m.ERROR_TEXT_BYTES_MAX), details)
