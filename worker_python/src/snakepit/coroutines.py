"""Run coroutine tasks side by side in the main thread (process profile, several slots). Imported when needed."""

from __future__ import annotations

import asyncio

from .perform_async import perform_async
from .runner import Runner
from .task import RunningTask, TaskFunction

__all__ = ["serve"]


async def serve(runner: Runner) -> None:
    """Run what the runner's inbox brings until its end; tasks that are no coroutines run between two steps of these."""
    inbox, active = runner.inbox, set[asyncio.Task[None]]()
    loop, wake = asyncio.get_running_loop(), asyncio.Event()
    runner.on_put(lambda: None if loop.is_closed() else loop.call_soon_threadsafe(wake.set))
    wake.set()  # what came before there was a notify
    is_open = True
    while is_open:
        await wake.wait()
        wake.clear()
        while is_open and not inbox.empty():
            tasks = inbox.get_nowait()
            is_open = tasks is not None
            for running in tasks or ():
                if runner.begin(running.fence):
                    _start(runner, running, active)
                    if active:
                        await asyncio.sleep(0)  # coroutines go on between two tasks that are none
    if active:
        await asyncio.wait(active)


def _start(runner: Runner, running: RunningTask, active: set[asyncio.Task[None]]) -> None:
    definition = runner.app.tasks.get(running.function)
    if definition is None or not definition.is_async:
        runner.answers.answer(runner.perform(definition, running), is_last=runner.inbox.empty())
        return
    task = asyncio.get_running_loop().create_task(_run(runner, definition, running))
    active.add(task)
    task.add_done_callback(active.discard)


async def _run(runner: Runner, definition: TaskFunction, running: RunningTask) -> None:
    runner.answers.answer(await perform_async(runner.app, definition, running, runner.answers.chunk))
