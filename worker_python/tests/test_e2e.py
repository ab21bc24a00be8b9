"""Worker and client against the real snakepitd: what tasks do, and what their callers see."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import pathlib
import pickle
import signal
from typing import Any

import pytest

import pit_tasks
import snakepit
from conftest import wait_until
from pit import Broker, Worker
from snakepit import Options


def test_a_call_gives_the_value(client: snakepit.Client, worker: Worker) -> None:
    assert client.call("p", "square", 12) == 144
    assert client.call("p", pit_tasks.echo, {"a": [1, None, "ü", b"\0", 2.5]}) == {"a": [1, None, "ü", b"\0", 2.5]}
    assert client.call("p", "square", number=5) == 25


def test_generators_arrive_as_one_list_or_as_a_stream(client: snakepit.Client, worker: Worker) -> None:
    assert client.call("p", "count", 5) == [0, 1, 2, 3, 4]
    assert client.call("p", "acount", 5) == [0, 1, 2, 3, 4]
    assert list(client.stream("p", "count", 500)) == list(range(500))
    assert list(client.stream("p", "acount", 500)) == list(range(500))
    assert list(client.stream("p", "count", 0)) == []


def test_coroutines_run(client: snakepit.Client, worker: Worker) -> None:
    assert client.call("p", "later", "x", 0.01) == "x"


def test_an_exception_arrives_with_type_message_and_traceback(client: snakepit.Client, worker: Worker) -> None:
    with pytest.raises(snakepit.TaskError) as caught:
        client.call("p", "fail", "bad number")
    assert (caught.value.remote_type, caught.value.message) == ("ValueError", "bad number")
    assert caught.value.attempt == 1
    assert "raise ValueError(text)" in caught.value.traceback
    assert "perform.py" not in caught.value.traceback
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.remote_type, str(copy)) == ("ValueError", str(caught.value))


def test_wrong_arguments_are_told_without_frames_of_the_worker(client: snakepit.Client, worker: Worker) -> None:
    with pytest.raises(snakepit.TaskError, match=r"square\(\) takes 1 positional argument but 2 were given") as caught:
        client.call("p", "square", 1, 2)
    assert "File" not in caught.value.traceback
    assert caught.value.traceback.rstrip().endswith("but 2 were given")


def test_a_chain_of_errors_is_told_without_frames_of_the_worker(client: snakepit.Client, worker: Worker) -> None:
    with pytest.raises(snakepit.TaskError, match="NestedCallWouldHang") as caught:
        client.call("p", "relay", "p", "square", 1)
    assert "home.py" not in caught.value.traceback
    assert "pit_tasks.py" in caught.value.traceback


def test_exit_and_interrupt_end_the_task_and_not_the_worker(client: snakepit.Client, worker: Worker) -> None:
    for function, arguments, name in (("leave", (3,), "SystemExit"), ("interrupt", (), "KeyboardInterrupt")):
        with pytest.raises(snakepit.TaskError) as caught:
            client.call("p", function, *arguments)
        assert caught.value.remote_type == name
    assert client.call("p", "square", 2) == 4


def test_wrong_calls_have_errors_of_their_own(client: snakepit.Client, worker: Worker) -> None:
    with pytest.raises(snakepit.NoSuchFunction, match="did you mean square"):
        client.call("p", "squares")
    with pytest.raises(snakepit.NoSuchPool):
        client.call("pp", "square", 1)
    with pytest.raises(snakepit.TaskError, match="TypeError"):
        client.call("p", "square")
    with pytest.raises(TypeError, match="not a task"):
        client.call("p", len, [])


def test_a_task_knows_its_attempt_headers_and_deadline(client: snakepit.Client, worker: Worker) -> None:
    options = Options(headers={"traceparent": "00-1"}, deadline_seconds=60, info=True)
    future = client.submit("p", "describe", options=options)
    assert future.result(30) == {
        "attempt": 1,
        "headers": {"traceparent": "00-1"},
        "has_deadline": True,
        "function": "describe",
        "fence_is_large": True,
    }
    assert future.info["attempt"] == 1
    assert set(future.info) >= {"worker", "queue_us", "run_us"}


def test_the_pool_handle_carries_options(client: snakepit.Client, worker: Worker) -> None:
    pool = client.pool("p").options(headers={"a": "b"}, priority=9)
    assert pool.call("describe")["headers"] == {"a": "b"}
    assert pool.submit("square", 3).result(30) == 9
    assert list(pool.map("square", range(5))) == [0, 1, 4, 9, 16]
    assert list(pool.stream("count", 3)) == [0, 1, 2]
    assert [future.result(30) for future in pool.submit_many("square", [(1,), (2,)])] == [1, 4]


def test_many_tasks_in_order_and_as_completed(client: snakepit.Client, broker: Broker, worker: Worker) -> None:
    with Worker(broker.workers, "--slots", "64"):
        futures = client.submit_many("p", "square", [(n,) for n in range(3000)])
        assert [future.result(60) for future in futures] == [n * n for n in range(3000)]
        assert list(client.map("p", "square", range(3000), window=100)) == [n * n for n in range(3000)]
        some = [client.submit("p", "square", n) for n in range(200)]
        assert sorted(f.result() for f in concurrent.futures.as_completed(some, 60)) == [n * n for n in range(200)]
        assert client.outstanding == 0


def test_a_map_ends_with_the_first_error(client: snakepit.Client, worker: Worker) -> None:
    results = client.map("p", "square", [1, 2, "x", 4])
    assert [next(results), next(results)] == [1, 4]
    with pytest.raises(snakepit.TaskError, match="TypeError"):
        next(results)


def test_payloads_of_5_mb_travel_as_attachments(client: snakepit.Client, worker: Worker) -> None:
    data = os.urandom(5_000_000)
    assert client.call("p", "echo", data) == data
    assert client.call("p", "reverse", data, options=Options(content_type="raw")) == data[::-1]
    futures = [client.submit("p", "echo", data[: n * 1000]) for n in range(50)]
    assert [len(future.result(60)) for future in futures] == [n * 1000 for n in range(50)]


def test_pickle5_carries_buffers_out_of_band(client: snakepit.Client, worker: Worker) -> None:
    options = Options(content_type="pickle5")
    buffer = bytearray(os.urandom(1_000_000))
    result = client.call("p", "grow", pickle.PickleBuffer(buffer), options=options)
    assert bytes(result) == bytes(buffer) + b"!"
    assert client.call("p", "echo", {1, (2, 3)}, options=options) == {1, (2, 3)}


def test_pickle_is_refused_unless_the_app_allows_it(client: snakepit.Client, broker: Broker) -> None:
    with Worker(broker.workers, app="plain_tasks:app", pool="q"), pytest.raises(snakepit.BadPayload, match="pickle5"):
        client.call("q", "echo", 1, options=Options(content_type="pickle5"))


def test_json_arguments_give_a_json_result(client: snakepit.Client, worker: Worker) -> None:
    assert client.call("p", "echo", {"a": 1}, options=Options(content_type="json")) == {"a": 1}


def test_cancel_ends_a_queued_task(client: snakepit.Client, broker: Broker) -> None:
    future = client.submit("p", "square", 1)
    assert future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(30)
    assert future.cancelled()
    # A moment later: as with any executor, a cancelled future tells its waiters last.
    assert concurrent.futures.wait([future], 30).done == {future}


@pytest.mark.parametrize("function", ["wait_for_cancel", "wait_for_ever"])
def test_cancel_ends_a_running_task(
    client: snakepit.Client, worker: Worker, folder: pathlib.Path, function: str
) -> None:
    begun = folder / "begun"
    future = client.submit("p", function, str(begun))
    wait_until(begun.exists, "the task's begin")
    assert future.cancel()
    with pytest.raises(snakepit.TaskCancelled):
        future.result(30)
    assert client.call("p", "square", 3) == 9


def test_a_timeout_asks_the_task_to_end(client: snakepit.Client, worker: Worker, folder: pathlib.Path) -> None:
    with pytest.raises(snakepit.Timeout):
        client.call("p", "wait_for_cancel", str(folder / "begun"), timeout=0.2)
    assert client.call("p", "square", 3, timeout=30) == 9


def test_leaving_a_stream_early_ends_the_generator(client: snakepit.Client, worker: Worker) -> None:
    numbers = client.stream("p", "endless")
    assert [next(numbers) for _ in range(100)] == list(range(100))
    numbers.close()
    assert client.call("p", "square", 3, timeout=30) == 9


def test_deadlines_and_lost_attempts_have_their_errors(client: snakepit.Client, broker: Broker) -> None:
    with pytest.raises(snakepit.TaskExpired):
        client.call("p", "square", 1, options=Options(deadline_seconds=0.05))
    with pytest.raises(snakepit.TaskDead), Worker(broker.workers) as first:
        future = client.submit("p", "wait_for_cancel", "/dev/null", options=Options(max_attempts=1))
        wait_until(lambda: any(w["busy"] for w in client.admin("workers")), "the dispatch")
        first.kill()
        future.result(30)


def test_at_most_once_ends_as_lost(client: snakepit.Client, broker: Broker) -> None:
    with Worker(broker.workers) as first:
        options = Options(on_loss="lost")
        future = client.submit("p", "wait_for_cancel", "/dev/null", options=options)
        wait_until(lambda: any(w["busy"] for w in client.admin("workers")), "the dispatch")
        first.kill()
        with pytest.raises(snakepit.TaskLost):
            future.result(30)


def test_four_threads_run_four_tasks_at_one_time(
    client: snakepit.Client, broker: Broker, tmp_path: pathlib.Path
) -> None:
    with Worker(broker.workers, "--profile", "thread", "--slots", "4"):
        futures = [client.submit("p", "meet", str(tmp_path), 4) for _ in range(4)]
        assert len({future.result(30) for future in futures}) == 4
        assert sorted(client.call("p", "starts")) == ["process", "thread", "thread", "thread", "thread"]


def test_coroutines_of_one_process_run_side_by_side(client: snakepit.Client, broker: Broker) -> None:
    with Worker(broker.workers, "--slots", "20"):
        futures = [client.submit("p", "later", n, 0.5) for n in range(20)]
        begun = asyncio.new_event_loop()
        began = begun.time()
        assert [future.result(30) for future in futures] == list(range(20))
        assert begun.time() - began < 5  # one after the other it would be 10 s
        begun.close()
        assert client.call("p", "square", 4) == 16
        assert list(client.stream("p", "acount", 200)) == list(range(200))


def test_an_executor_is_one(broker: Broker, worker: Worker) -> None:
    with snakepit.Executor("p", broker.clients) as executor:
        assert isinstance(executor, concurrent.futures.Executor)
        assert executor.submit(pit_tasks.square, 7).result(30) == 49
        assert list(executor.map(pit_tasks.square, range(50))) == [n * n for n in range(50)]
        futures = {executor.submit("square", n) for n in range(20)}
        done, pending = concurrent.futures.wait(futures, 30)
        assert (len(done), len(pending)) == (20, 0)
    with pytest.raises(RuntimeError):
        executor.submit(pit_tasks.square, 1)


def test_asyncio(broker: Broker, worker: Worker) -> None:
    async def main() -> None:
        async with snakepit.aio.Client(broker.clients) as client:
            assert await client.call("p", "square", 6) == 36
            handle = await client.submit("p", "square", 7)
            assert await handle == 49
            many = await client.submit_many("p", "square", [(n,) for n in range(300)])
            assert await asyncio.gather(*many) == [n * n for n in range(300)]
            assert [value async for value in client.map("p", "square", range(50), window=7)] == [
                n * n for n in range(50)
            ]
            assert [item async for item in client.stream("p", "count", 300)] == list(range(300))
            with pytest.raises(snakepit.TaskError):
                await client.call("p", "fail", "x")
            with pytest.raises(snakepit.Timeout):
                await client.call("p", "wait_for_cancel", "/dev/null", timeout=0.2)
            waiting = asyncio.create_task(client.call("p", "wait_for_cancel", "/dev/null"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await client.call("p", "square", 8, timeout=30) == 64
            assert (await client.admin("ping"))["protocol"] == "SPIT/1"

    asyncio.run(main())


def test_asyncio_waits_for_room(broker: Broker, worker: Worker) -> None:
    async def main() -> None:
        async with snakepit.aio.Client(broker.clients, outstanding_max=5) as client:
            handles = await client.submit_many("p", "square", [(n,) for n in range(100)])
            assert await asyncio.gather(*handles) == [n * n for n in range(100)]

    asyncio.run(main())


def test_at_the_limit_submit_raises_busy_or_waits(broker: Broker) -> None:
    with snakepit.Client(broker.clients, outstanding_max=2, block=False) as client:
        futures = client.submit_many("p", "square", [(1,), (2,)])
        with pytest.raises(snakepit.Busy):
            client.submit("p", "square", 3)
        with Worker(broker.workers):
            assert [future.result(30) for future in futures] == [1, 4]
            assert client.call("p", "square", 3) == 9
    with snakepit.Client(broker.clients, outstanding_max=2) as client, Worker(broker.workers):
        assert len([f.result(30) for f in client.submit_many("p", "square", [(n,) for n in range(50)])]) == 50


def test_a_busy_broker_is_asked_again_until_patience_ends(folder: pathlib.Path) -> None:
    with Broker(folder, pool="queued_max = 10;") as broker:
        with snakepit.Client(broker.clients, busy_seconds=0) as client:
            futures = client.submit_many("p", "square", [(n,) for n in range(30)])
            wait_until(lambda: sum(future.done() for future in futures) >= 20, "the refusals")
            errors = [future for future in futures if future.done()]
            assert len(errors) == 20
            with pytest.raises(snakepit.Busy) as caught:
                errors[0].result(0)
            assert caught.value.retry_after_seconds > 0
            for future in futures:
                future.cancel()
        with snakepit.Client(broker.clients) as client, Worker(broker.workers):
            futures = client.submit_many("p", "square", [(n,) for n in range(300)])
            assert [future.result(60) for future in futures] == [n * n for n in range(300)]


def test_a_broker_with_low_limits_gets_what_it_can_take(folder: pathlib.Path) -> None:
    with (
        Broker(folder, limits='inline_max = "1KiB"; control_max = "64KiB"; frame_max = "64KiB";') as broker,
        Worker(broker.workers, "--slots", "16"),
        snakepit.Client(broker.clients) as client,
    ):
        texts = ["x" * 5000] * 200
        assert list(client.map("p", "echo", texts)) == texts
        assert list(client.stream("p", "count", 10)) == list(range(10))
        with pytest.raises(snakepit.TooLarge):
            client.call("p", "echo", b"x" * 100_000)
        with pytest.raises(
            snakepit.ResultTooLarge, match=r"100,\d{3} bytes.*65,536 .limits.frame_max.*in parts"
        ) as error:
            client.call("p", "swell", 100_000)
        assert isinstance(error.value, snakepit.TaskError)
        assert isinstance(error.value, snakepit.TooLarge)
        assert client.call("p", "square", 3) == 9


def test_nobody_answers_is_unreachable(folder: pathlib.Path) -> None:
    with snakepit.Client(f"ipc://{folder}/nobody", connect_timeout_seconds=0.2) as client:
        with pytest.raises(snakepit.Unreachable, match=f"no broker answered at ipc://{folder}/nobody within 0.2 s"):
            client.call("p", "square", 1)
        with pytest.raises(snakepit.Unreachable):
            client.call("p", "square", 1)


def test_a_fork_is_told_to_make_its_own_client(client: snakepit.Client, broker: Broker, worker: Worker) -> None:
    assert client.call("p", "square", 2) == 4
    child = os.fork()
    if child == 0:
        status = 1
        try:
            client.call("p", "square", 3)
        except snakepit.UsedAfterFork:
            client.close()
            with snakepit.Client(broker.clients) as own:
                status = 0 if own.call("p", "square", 5, timeout=30) == 25 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.call("p", "square", 4) == 16


def test_a_closed_client_says_so(broker: Broker) -> None:
    client = snakepit.Client(broker.clients)
    future = client.submit("p", "square", 1)
    client.close()
    with pytest.raises(snakepit.ClientClosed):
        future.result(0)
    with pytest.raises(snakepit.ClientClosed):
        client.submit("p", "square", 1)
    client.close()


def test_what_was_submitted_before_a_close_runs(broker: Broker, folder: pathlib.Path) -> None:
    with snakepit.Client(broker.clients) as client:
        client.submit("p", "wait_for_file", str(folder / "begun"), str(folder / "snakepit.conf"))
    with Worker(broker.workers):
        wait_until((folder / "begun").exists, "the task of the closed client")


def test_kill_9_of_workers_loses_no_task(client: snakepit.Client, broker: Broker, worker: Worker) -> None:
    with Worker(broker.workers, "--slots", "8") as victim, Worker(broker.workers, "--slots", "8") as second:
        options = snakepit.Options(kills_max=1000)  # both may die over the same task
        futures = client.submit_many("p", "square", [(n,) for n in range(2000)], options=options)
        concurrent.futures.wait(futures[:200], 60)
        victim.kill()
        concurrent.futures.wait(futures[:1000], 60)
        second.kill()
        assert [future.result(60) for future in futures] == [n * n for n in range(2000)]


def test_kill_9_of_the_broker_loses_no_task(folder: pathlib.Path) -> None:
    with Broker(folder) as first, Worker(first.workers, "--slots", "16"), snakepit.Client(first.clients) as client:
        futures = client.submit_many("p", "square", [(n,) for n in range(3000)])
        concurrent.futures.wait(futures[:300], 60)
        first.kill()
        with Broker(folder):
            assert [future.result(60) for future in futures] == [n * n for n in range(3000)]
            assert client.call("p", "square", 3, timeout=30) == 9


def test_a_task_that_runs_through_a_restart_of_the_broker_has_its_result(folder: pathlib.Path) -> None:
    begun, gate = folder / "begun", folder / "gate"
    with Broker(folder) as first, Worker(first.workers) as worker, snakepit.Client(first.clients) as client:
        future = client.submit("p", "wait_for_file", str(begun), str(gate))
        wait_until(begun.exists, "the task's begin")
        first.kill()
        with Broker(folder) as second:
            wait_until(lambda: "client.connected" in str(second.lines), "the client")
            wait_until(lambda: "worker.started" in str(second.lines), "the worker")
            gate.touch()
            assert future.result(60) == "done"
            assert worker.stop() == 0


def test_a_drained_broker_hands_its_tasks_to_the_next(folder: pathlib.Path) -> None:
    with Broker(folder) as first, snakepit.Client(first.clients) as client:
        futures = client.submit_many("p", "square", [(n,) for n in range(50)])
        assert client.admin("ping")["protocol"] == "SPIT/1"
        first.signal(signal.SIGINT)
        assert first.wait() == 0
        with Broker(folder) as second, Worker(second.workers):
            assert [future.result(60) for future in futures] == [n * n for n in range(50)]


def status_of(client: snakepit.Client) -> Any:
    return {pool["name"]: pool for pool in client.admin("pools")}["p"]


def test_admin_calls(client: snakepit.Client, worker: Worker) -> None:
    assert client.admin("await_ready", pool="p", workers=1)["ready"] is True
    assert status_of(client)["workers"] == 1
    facts = client.admin("workers")[0]
    assert (facts["pid"], facts["pool"], facts["profile"], facts["slots"]) == (worker.pid, "p", "process", 1)
    assert facts["python"].startswith("CPython 3.")
    with pytest.raises(snakepit.NoSuchFunction):
        client.admin("no_such_call")


def test_a_host_that_nobody_knows_is_named_in_the_error() -> None:
    with (
        snakepit.Client("tcp://no-such-host.invalid:5570", connect_timeout_seconds=0.2) as client,
        pytest.raises(snakepit.Unreachable, match=r"the host 'no-such-host\.invalid' cannot be found"),
    ):
        client.call("p", "square", 2)
    with (
        snakepit.Client("tcp://127.0.0.1:9", connect_timeout_seconds=0.2) as client,
        pytest.raises(snakepit.Unreachable, match=r"within 0\.2 s$"),
    ):
        client.call("p", "square", 2)


def test_a_worker_of_a_broker_that_nobody_knows_says_so() -> None:
    with Worker("tcp://no-such-host.invalid:5571") as worker:
        worker.wait_for_line("the host 'no-such-host.invalid' cannot be found")
