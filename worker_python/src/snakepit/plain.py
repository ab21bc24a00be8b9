"""The short way of plain tasks, which most are: a plain function, no options, no hooks.

It does what `perform` does with them, in half of the time; what is not plain, it leaves to that.
"""

from __future__ import annotations

import msgpack  # type: ignore[import-untyped]

from .answers import Answers
from .app import App
from .convert import ValueEncoder, decode_arguments
from .errors import BadPayload
from .interrupt import Interruptible
from .message import RESULT, Result
from .perform import failure
from .task import RunningTask, enter_task, leave_task

__all__ = ["PlainTasks"]


class PlainTasks:
    """Runs plain tasks in one thread, which has to make it.

    Args:
        app: whose tasks they are.
        answers: takes the answers.
    """

    def __init__(self, app: App, answers: Answers) -> None:
        self._tasks = app.tasks
        self._before_hooks, self._after_hooks = app.before_hooks, app.after_hooks
        self._answers = answers
        self._encode = ValueEncoder().encode
        self._pack = msgpack.Packer().pack

    def run(self, running: RunningTask, is_last: bool) -> bool:
        """Run and answer a task that was claimed; False: it is not plain, or will fail, and nothing has been done."""
        fence, _, function, payload, _ = running.command
        definition = self._tasks.get(function)
        if not running.is_plain or definition is None or definition.kind != "sync" or running.cancelled:
            return False
        if self._before_hooks or self._after_hooks:
            return False
        try:
            args, kwargs = decode_arguments(payload)
        except BadPayload:
            return False
        token = enter_task(running)
        try:
            running.place = place = Interruptible()
            try:
                value = definition.function(*args, **kwargs) if kwargs else definition.function(*args)
            finally:
                place.leave()
            result = self._encode(value)
        except BaseException as error:  # SystemExit and KeyboardInterrupt of a task end the task, not the worker
            self._answers.answer(failure(running, error), is_last=is_last)
            return True
        finally:
            leave_task(token)
        if type(result) is bytes:
            self._answers.add(fence, self._pack((RESULT, fence, result)), is_last=is_last)
        else:
            self._answers.answer(Result(fence, result), is_last=is_last)
        return True
