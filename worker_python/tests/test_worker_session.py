"""The worker's session, with time as a number and no socket."""

from __future__ import annotations

from typing import Any

import pytest

from snakepit import message as m
from snakepit import wire
from snakepit.session import GREETING_SECONDS, State
from snakepit.worker_session import (
    ANSWERS_MAX,
    LAST_ANSWERS_SECONDS,
    RECENT_BYTES_MAX,
    RECENT_MAX,
    RECENT_SECONDS,
    WorkerSession,
)


def sent(session: WorkerSession) -> list[Any]:
    """Take what stands in the outbox, as the broker would decode it."""
    control, frames = b"", []
    while session.outbox:
        command, attached = session.outbox.popleft()
        control += command
        frames += attached
    return wire.decode(control, frames, side="worker", to_broker=True) if control else []


def task(fence: int, **options: Any) -> m.Task:
    return m.Task(fence, 1, "f", b"\x90", options)


def result(fence: int) -> tuple[int, bytes, tuple[Any, ...]]:
    return fence, wire.encode_result(fence, b"\xc0"), ()


@pytest.fixture
def session() -> WorkerSession:
    return WorkerSession(m.WorkerHello("p", slots=2), lambda: {"rss_bytes": 5})


@pytest.fixture
def ready(session: WorkerSession) -> WorkerSession:
    session.link_up(0.0)
    session.receive([m.Welcome(7, heartbeat_ms=1000)], 0.0)
    sent(session)
    return session


def begin_all(session: WorkerSession) -> list[int]:
    fences = [running.fence for running in session.to_run if session.begin(running.fence)]
    session.to_run.clear()
    return fences


def test_a_connection_is_greeted_before_anything_else(session: WorkerSession) -> None:
    assert session.state is State.DOWN
    session.link_up(1.0)
    assert sent(session) == [m.WorkerHello("p", slots=2)]
    assert session.next_due == 1.0 + GREETING_SECONDS
    session.receive([m.Welcome(7)], 1.1)
    assert (session.state, session.session) == (State.READY, 7)


def test_a_greeting_without_answer_makes_a_new_connection(session: WorkerSession) -> None:
    session.link_up(0.0)
    session.tick(GREETING_SECONDS - 0.1)
    assert not session.wants_reconnect
    session.tick(GREETING_SECONDS)
    assert session.wants_reconnect
    assert (session.state, list(session.outbox)) == (State.DOWN, [])


def test_a_task_runs_once_and_its_answer_is_sent(ready: WorkerSession) -> None:
    ready.receive([task(1), task(1)], 0.0)
    assert begin_all(ready) == [1]
    assert not ready.begin(1)
    ready.answer(*result(1), now=0.1)
    ready.answer(*result(1), now=0.1)
    assert sent(ready) == [m.Result(1, b"\xc0")]
    assert (ready.leases, ready.tasks_done) == ({}, 1)


def origin(number: int) -> bytes:
    return bytes(16) + bytes((1, number))


def restart(session: WorkerSession, now: float, leases: tuple[int, ...]) -> tuple[Any, list[Any]]:
    """Another broker takes the place of the one before; give the HELLO, and what is said after its WELCOME."""
    session.link_down(now)
    session.link_up(now + 0.1)
    [hello] = sent(session)
    session.receive([m.Welcome(70, leases=leases)], now + 0.2)
    return hello, sent(session)


def test_a_hello_names_what_another_broker_can_adopt(ready: WorkerSession) -> None:
    ready.receive([task(1, origin=origin(1)), task(2), task(3, origin=origin(3))], 0.0)
    assert begin_all(ready) == [1, 2, 3]
    hello, _ = restart(ready, 0.5, leases=(1,))
    assert hello.holds == ((1, 1, origin(1)), (3, 1, origin(3))), "the second belongs to nobody who could ask again"
    assert hello.leases == (1, 2, 3)
    assert set(ready.leases) == {1}
    assert {running.fence for running in ready.to_cancel} == {2, 3}


def test_a_first_hello_names_nothing(session: WorkerSession) -> None:
    session.link_up(0.0)
    assert sent(session)[0].holds == ()


def test_the_answers_of_the_last_seconds_are_given_again_to_another_broker(ready: WorkerSession) -> None:
    ready.receive([task(fence, origin=origin(fence)) for fence in (1, 2, 3)], 0.0)
    ready.answer(*result(1), now=1.0)
    ready.answer(*result(2), now=4.0)
    ready.tick(4.1)
    ready.receive([m.Heartbeat()], 4.2)  # the broker had both
    sent(ready)
    hello, said = restart(ready, 1.0 + RECENT_SECONDS + 0.1, leases=(2, 3))
    assert hello.holds == ((3, 1, origin(3)), (2, 1, origin(2))), "what runs, then the answers; the first is too old"
    assert hello.leases == (3,), "for this broker, the second is done"
    assert said == [m.Result(2, b"\xc0")]


def test_an_answer_that_another_broker_does_not_want_is_dropped(ready: WorkerSession) -> None:
    ready.receive([task(1, origin=origin(1))], 0.0)
    ready.answer(*result(1), now=0.1)
    sent(ready)
    hello, said = restart(ready, 0.5, leases=())
    assert hello.holds == ((1, 1, origin(1)),)
    assert said == []
    assert ready.notes == []


def test_an_answer_given_again_may_be_given_a_third_time(ready: WorkerSession) -> None:
    ready.receive([task(1, origin=origin(1))], 0.0)
    ready.answer(*result(1), now=0.1)
    restart(ready, 0.5, leases=(1,))
    hello, said = restart(ready, 1.0, leases=(1,))
    assert hello.holds == ((1, 1, origin(1)),)
    assert said == [m.Result(1, b"\xc0")]


def test_recent_answers_are_bounded(ready: WorkerSession) -> None:
    for fence in range(1, RECENT_MAX + 100):
        ready.receive([task(fence, origin=b"o" * 18)], 0.0)
        ready.answer(*result(fence), now=0.1)
    ready.tick(0.1)
    ready.receive([m.Heartbeat()], 0.2)
    hello, _ = restart(ready, 0.5, leases=())
    assert len(hello.holds) == RECENT_MAX
    assert hello.holds[0][0] == RECENT_MAX + 99, "the latest first"


def test_recent_answers_are_bounded_in_bytes(ready: WorkerSession) -> None:
    for fence in (1, 2, 3):
        ready.receive([task(fence, origin=origin(fence))], 0.0)
        ready.answer(fence, b"x", (bytes(RECENT_BYTES_MAX // 2 - 100),), now=0.1)
    ready.tick(0.1)
    ready.receive([m.Heartbeat()], 0.2)
    hello, _ = restart(ready, 0.5, leases=())
    assert [hold[0] for hold in hello.holds] == [3, 2]


def test_a_recall_gets_a_task_back_only_before_it_begins(ready: WorkerSession) -> None:
    ready.receive([task(1), task(2)], 0.0)
    assert ready.begin(1)
    ready.receive([m.Recall(1), m.Recall(2), m.Recall(3)], 0.0)
    assert sent(ready) == [m.Nack(2, "recalled")]
    assert not ready.begin(2)
    assert set(ready.leases) == {1}


def test_a_cancel_reaches_the_task_and_an_unknown_one_is_nothing(ready: WorkerSession) -> None:
    ready.receive([task(1)], 0.0)
    assert ready.begin(1)
    ready.receive([m.Cancel(1), m.Cancel(9)], 0.0)
    assert [running.fence for running in ready.to_cancel] == [1]
    assert ready.to_interrupt == []
    ready.receive([m.Cancel(1, raise_=True)], 0.0)
    assert [running.fence for running in ready.to_interrupt] == [1]


def test_a_task_that_is_cancelled_before_it_begins_is_given_back(ready: WorkerSession) -> None:
    ready.receive([task(1), m.Cancel(1)], 0.0)
    assert sent(ready) == [m.Nack(1, "cancelled before it began")]
    assert not ready.begin(1)
    assert (ready.to_cancel, ready.leases) == ([], {})


def test_heartbeats_carry_facts_and_what_runs(ready: WorkerSession) -> None:
    ready.tick(0.0)
    facts = {"rss_bytes": 5, "gil_enabled": True, "tasks_done": 0, "running": ()}
    assert sent(ready) == [m.Heartbeat(facts)], "the first one at once"
    ready.receive([task(1), task(2)], 0.0)
    assert ready.begin(1)
    ready.tick(0.9)
    assert sent(ready) == []
    ready.tick(1.0)
    assert sent(ready) == [m.Heartbeat({**facts, "running": (1,)})]
    assert ready.next_due == 2.0


def test_a_fact_that_changes_is_told_at_once_and_once_and_in_every_later_hello(ready: WorkerSession) -> None:
    ready.tick(0.0)
    sent(ready)
    ready.update(0.1, gil_enabled=True, gil_module="")
    assert ready.next_due == 1.0, "what is as before is not told"
    ready.update(0.2, gil_enabled=True, gil_module="lxml.etree", report={"n": 1})
    ready.tick(0.2)
    [beat] = sent(ready)
    assert beat.facts["gil_module"] == "lxml.etree"
    assert beat.facts["report"] == {"n": 1}
    ready.receive([m.Heartbeat()], 0.3)
    ready.tick(1.0)
    [beat] = sent(ready)
    assert "gil_module" not in beat.facts
    ready.receive([m.Rehello()], 1.1)
    [hello] = sent(ready)
    assert (hello.gil_module, hello.report, hello.session) == ("lxml.etree", {"n": 1}, 7)


def test_a_fact_that_changes_before_there_is_a_connection_is_in_the_hello(session: WorkerSession) -> None:
    session.update(0.0, gil_module="lxml.etree")
    session.link_up(1.0)
    assert sent(session) == [m.WorkerHello("p", slots=2, gil_module="lxml.etree")]


def test_silence_for_three_heartbeats_makes_a_new_connection(ready: WorkerSession) -> None:
    for now in (1.0, 2.0, 3.0, 4.0):
        ready.tick(now)
        assert not ready.wants_reconnect
    ready.tick(5.0)
    assert ready.wants_reconnect


def test_a_session_that_was_held_up_does_not_take_its_own_pause_for_silence(ready: WorkerSession) -> None:
    ready.tick(1.0)
    ready.receive([m.Heartbeat()], 100.0)
    ready.tick(100.0)
    assert not ready.wants_reconnect


def test_an_answer_whose_connection_ended_is_offered_and_sent_again(ready: WorkerSession) -> None:
    ready.receive([task(1), task(2), task(3)], 0.0)
    begin_all(ready)
    ready.answer(*result(1), now=0.1)
    ready.link_down(0.2)
    assert list(ready.outbox) == []
    ready.answer(*result(2), now=0.3)
    ready.link_up(0.4)
    assert sent(ready) == [m.WorkerHello("p", slots=2, session=7, leases=(1, 2, 3))]
    ready.receive([m.Welcome(7, resumed=True, leases=(2, 3))], 0.5)
    assert sent(ready) == [m.Result(2, b"\xc0")]
    assert set(ready.leases) == {3}
    assert ready.to_cancel == []


def test_an_answer_that_a_heartbeat_has_confirmed_is_not_offered(ready: WorkerSession) -> None:
    ready.receive([task(1), task(2)], 0.0)
    begin_all(ready)
    ready.answer(*result(1), now=0.1)
    ready.tick(1.0)
    ready.answer(*result(2), now=1.1)
    ready.receive([m.Heartbeat()], 1.2)
    ready.link_down(1.3)
    ready.link_up(1.4)
    assert sent(ready)[0].leases == (2,)


def test_kept_answers_are_bounded(ready: WorkerSession) -> None:
    for fence in range(1, ANSWERS_MAX + 100):
        ready.receive([task(fence)], 0.0)
        begin_all(ready)
        ready.answer(*result(fence), now=0.1)
    ready.link_down(0.2)
    ready.link_up(0.3)
    assert sent(ready)[0].leases == tuple(range(100, ANSWERS_MAX + 100))


def test_leases_that_the_broker_has_ended_are_given_up(ready: WorkerSession) -> None:
    ready.receive([task(1), task(2)], 0.0)
    assert ready.begin(1)
    ready.link_down(0.1)
    ready.link_up(0.2)
    ready.receive([m.Welcome(8, leases=())], 0.3)
    sent(ready)
    assert ready.leases == {}
    assert not ready.begin(2)
    assert [running.fence for running in ready.to_cancel] == [1]
    ready.answer(*result(1), now=0.4)
    assert sent(ready) == []


def test_rehello_is_answered_by_hello_once(ready: WorkerSession) -> None:
    ready.receive([m.Rehello(), m.Rehello()], 0.0)
    assert [type(message) for message in sent(ready)] == [m.WorkerHello]


def test_a_refusal_ends_the_session(session: WorkerSession) -> None:
    session.link_up(0.0)
    session.receive([m.Refuse("no_such_pool", "no pool p")], 0.1)
    assert session.is_over
    assert session.refusal == m.Refuse("no_such_pool", "no pool p")


def test_a_drain_gives_back_what_has_not_begun_and_ends_with_bye(ready: WorkerSession) -> None:
    ready.receive([task(1), task(2)], 0.0)
    assert ready.begin(1)
    ready.drain(1.0)
    assert sent(ready) == [m.Draining(), m.Nack(2, "the worker is draining")]
    ready.receive([task(3)], 1.1)
    assert sent(ready) == [m.Nack(3, "the worker is draining")]
    assert not ready.is_over
    ready.answer(*result(1), now=2.0)
    assert sent(ready) == [m.Result(1, b"\xc0"), m.Bye("drained")]
    assert ready.is_over


def test_a_stop_is_a_drain_with_an_end(ready: WorkerSession) -> None:
    ready.receive([task(1)], 0.0)
    assert ready.begin(1)
    ready.receive([m.Stop("shutdown", grace_ms=3000)], 1.0)
    assert sent(ready) == [m.Draining()]
    ready.tick(3.9)
    assert not ready.is_over
    ready.tick(4.0)
    assert sent(ready)[-1] == m.Bye("its time was up")
    assert ready.is_over
    assert set(ready.leases) == {1}


def test_a_drain_without_connection_waits_a_little_to_bring_the_last_answers(ready: WorkerSession) -> None:
    ready.receive([task(1)], 0.0)
    begin_all(ready)
    ready.link_down(0.1)
    ready.drain(0.2)
    ready.answer(*result(1), now=1.0)
    assert not ready.is_over
    ready.tick(1.0 + LAST_ANSWERS_SECONDS)
    assert ready.is_over


def test_a_drain_before_any_connection_ends_at_once(session: WorkerSession) -> None:
    session.drain(0.0)
    assert session.is_over


def test_chunks_go_out_only_for_open_leases(ready: WorkerSession) -> None:
    ready.receive([task(1, stream=True)], 0.0)
    chunk = wire.encode(m.Chunk(1, 1, b"x"))
    ready.chunk(1, chunk, ())
    ready.chunk(2, chunk, ())
    assert sent(ready) == [m.Chunk(1, 1, b"x")]
    ready.link_down(0.1)
    ready.chunk(1, chunk, ())
    assert sent(ready) == []


def test_errors_and_faults_become_notes_and_stale_does_not(ready: WorkerSession) -> None:
    ready.receive([m.Error(1, "stale"), m.Error(None, "bad_message", "x"), m.Fault("bad_field")], 0.0)
    assert len(ready.notes) == 2


def test_a_result_over_the_frame_limit_fails_its_task_and_not_the_connection(ready: WorkerSession) -> None:
    ready.receive([task(1)], 0.0)
    begin_all(ready)
    frames = (bytes(m.FRAME_BYTES_MAX + 1),)
    ready.answer(1, wire.encode_result(1, frames), frames, 0.1)
    [answer] = sent(ready)
    assert (answer.code, answer.details) == ("failed", {"type": "TooLarge"})


def many(*fences: int) -> list[tuple[int, bytes, tuple[Any, ...], bool]]:
    return [(*result(fence), True) for fence in fences]


def test_answers_that_come_together_leave_together_and_in_order(ready: WorkerSession) -> None:
    ready.receive([task(fence) for fence in range(1, 9)], 0.0)
    begin_all(ready)
    assert ready.answer_many(many(3, 1, 2), 0.1) == 0
    assert len(ready.outbox) == 1
    assert [message.ref for message in sent(ready)] == [3, 1, 2]
    assert ready.tasks_done == 3 and sorted(ready.leases) == [4, 5, 6, 7, 8]


def test_parts_of_streams_and_large_results_keep_their_place_among_answers(ready: WorkerSession) -> None:
    ready.receive([task(fence) for fence in range(1, 5)], 0.0)
    begin_all(ready)
    chunk = (4, wire.encode(m.Chunk(4, 1, b"\x01")), (), False)
    large = (2, wire.encode_result(2, (bytes(9000),)), (bytes(9000),), True)
    assert ready.answer_many([*many(1), large, chunk, *many(4, 3)], 0.1) == 1
    assert [(type(message).__name__, message.ref) for message in sent(ready)] == [
        ("Result", 1), ("Result", 2), ("Chunk", 4), ("Result", 4), ("Result", 3),
    ]  # fmt: skip


def test_answers_together_stay_below_what_a_message_may_have(ready: WorkerSession) -> None:
    ready.receive([task(fence) for fence in range(1, 101)], 0.0)
    begin_all(ready)
    ready.control_bytes_max = 64
    ready.answer_many(many(*range(1, 101)), 0.1)
    assert all(len(command) <= 64 for command, _ in ready.outbox)
    assert [message.ref for message in sent(ready)] == list(range(1, 101))


def test_answers_given_together_are_offered_again_after_a_broken_link(ready: WorkerSession) -> None:
    ready.receive([task(1), task(2), task(3)], 0.0)
    begin_all(ready)
    ready.answer_many(many(1, 2, 9), 0.1)  # of 9 there is no lease: it was given up
    assert [message.ref for message in sent(ready)] == [1, 2]
    ready.link_down(0.2)
    ready.link_up(0.3)
    [hello] = sent(ready)
    assert set(hello.leases) == {1, 2, 3}
    ready.receive([m.Welcome(7, resumed=True, leases=(2, 3))], 0.4)
    assert [message.ref for message in sent(ready) if type(message) is m.Result] == [2]


def test_a_drain_ends_with_the_last_of_the_answers_that_come_together(ready: WorkerSession) -> None:
    ready.receive([task(1), task(2)], 0.0)
    begin_all(ready)
    ready.drain(0.1)
    assert not ready.is_over
    ready.answer_many(many(1, 2), 0.2)
    assert ready.is_over
    assert [type(message).__name__ for message in sent(ready)] == ["Draining", "Result", "Result", "Bye"]
