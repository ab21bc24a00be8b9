"""The client's session, with time as a number and no socket."""

from __future__ import annotations

from typing import Any

import pytest

from snakepit import errors, wire
from snakepit import message as m
from snakepit.client_session import SEEN_SECONDS, ClientSession, Limits, Offer
from snakepit.encode import mark_again
from snakepit.session import State

INSTANCE = bytes(16)


def offer(number: int, **more: Any) -> Offer:
    return Offer(number, wire.encode_submit(number, "p", "f", b"\x90"), (), None, **more)


def sent(session: ClientSession) -> list[Any]:
    control = b"".join(command for command, _ in session.outbox)
    session.outbox.clear()
    return wire.decode(control, side="client", to_broker=True) if control else []


def ids(messages: list[Any]) -> list[int]:
    return [message.id for message in messages if type(message) is m.Submit]


def outcomes(session: ClientSession) -> list[tuple[int | bytes, Any]]:
    taken = [(offer.id, outcome) for offer, outcome in session.outcomes]
    session.outcomes.clear()
    return taken


@pytest.fixture
def session() -> ClientSession:
    return ClientSession(m.ClientHello(INSTANCE), 0.0, Limits(busy_seconds=5.0, connect_seconds=10.0))


@pytest.fixture
def ready(session: ClientSession) -> ClientSession:
    session.link_up(0.0)
    session.receive([m.Welcome(7, heartbeat_ms=5000)], 0.0)
    sent(session)
    return session


def test_offers_wait_for_the_welcome(session: ClientSession) -> None:
    session.offer(offer(1), 0.0)
    session.link_up(0.1)
    assert sent(session) == [m.ClientHello(INSTANCE)]
    session.receive([m.Welcome(7)], 0.2)
    assert ids(sent(session)) == [1]


def again(messages: list[Any]) -> list[int]:
    return [message.id for message in messages if type(message) is m.Submit and message.options.get("again")]


def test_a_task_is_offered_again_as_such_on_the_next_connection_only(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    assert again(sent(ready)) == []
    ready.receive([m.Error(1, "busy", "", {"retry_after_ms": 100})], 0.1)
    ready.tick(0.3)
    assert again(sent(ready)) == [], "it was refused before"
    ready.link_down(0.4)
    ready.offer(offer(2), 0.4)
    ready.link_up(0.5)
    ready.receive([m.Welcome(8)], 0.5)
    messages = sent(ready)
    assert (ids(messages), again(messages)) == ([1, 2], [1])
    ready.link_down(0.6)
    ready.link_up(0.7)
    ready.receive([m.Welcome(9)], 0.7)
    assert again(sent(ready)) == [1, 2]


def test_a_task_that_was_refused_last_is_offered_as_a_new_one(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    ready.receive([m.Error(1, "busy", "", {"retry_after_ms": 100})], 0.1)
    ready.link_down(0.15)
    ready.link_up(0.2)
    ready.receive([m.Welcome(8)], 0.2)
    messages = sent(ready)
    assert (ids(messages), again(messages)) == ([1], [])


def test_an_option_more_leaves_the_others_as_they_are() -> None:
    options = {"priority": 9, "headers": {"a": "b"}, "group": "g"}
    command = wire.encode(m.Submit(b"id", "p", "f\udc80", b"\x90\xc4", options))
    [plain] = wire.decode(command, side="client", to_broker=True)
    [marked] = wire.decode(mark_again(command), side="client", to_broker=True)
    assert marked == plain._replace(options={**options, "again": True})


def times(messages: list[Any]) -> list[tuple[int, int]]:
    found = [message.options for message in messages if type(message) is m.Submit]
    return [(options["delay_ms"], options["deadline_ms"]) for options in found]


def test_what_is_offered_again_says_what_is_left_of_its_times(ready: ClientSession) -> None:
    timed = wire.encode(m.Submit(1, "p", "f", b"\x90", {"delay_ms": 1000, "deadline_ms": 5000}))
    ready.offer(Offer(1, timed, (), None), 0.0)
    assert times(sent(ready)) == [(1000, 5000)]
    ready.receive([m.Error(1, "busy", "", {"retry_after_ms": 100})], 0.1)
    ready.tick(0.5)  # only now a broker takes it
    assert times(sent(ready)) == [(1000, 5000)]
    for now, left in ((1.0, (500, 4500)), (2.0, (0, 3500)), (9.0, (0, 0))):
        ready.link_down(now - 0.1)
        ready.link_up(now)
        ready.receive([m.Welcome(8)], now)
        assert times(sent(ready)) == [left]


def test_a_result_and_an_error_end_their_offers(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    ready.offer(offer(2), 0.0)
    ready.receive([m.Result(1, b"x"), m.Error(2, "failed", "no", {"type": "T"}), m.Result(1, b"x")], 0.1)
    (first, result), (second, error) = outcomes(ready)
    assert (first, result) == (1, m.Result(1, b"x"))
    assert (second, type(error), error.details) == (2, errors.TaskError, {"type": "T"})
    assert ready.offers == {}


def test_a_connection_that_comes_back_is_offered_what_is_not_final(ready: ClientSession) -> None:
    for number in (1, 2, 3):
        ready.offer(offer(number), 0.0)
    ready.cancel(3, 0.0)
    ready.receive([m.Result(1, b"x")], 0.1)
    ready.link_down(0.2)
    ready.link_up(0.3)
    ready.receive([m.Welcome(8)], 0.4)
    assert [type(message).__name__ for message in sent(ready)] == ["ClientHello", "Submit", "Submit", "Cancel"]


def test_rehello_means_hello_and_all_offers_again(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    sent(ready)
    ready.receive([m.Rehello()], 0.1)
    assert [type(message) for message in sent(ready)] == [m.ClientHello]
    ready.receive([m.Welcome(8)], 0.2)
    assert ids(sent(ready)) == [1]


def test_shutdown_is_not_final(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    ready.receive([m.Error(1, "shutdown")], 0.1)
    assert outcomes(ready) == []
    ready.link_down(0.2)
    ready.link_up(0.3)
    ready.receive([m.Welcome(8)], 0.4)
    assert 1 in ids(sent(ready))


def test_too_late_and_not_found_say_nothing_about_the_task(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    ready.cancel(1, 0.0)
    ready.receive([m.Error(1, "too_late"), m.Error(1, "not_found")], 0.1)
    assert (outcomes(ready), list(ready.offers)) == ([], [1])


def test_a_busy_task_is_offered_again_when_the_broker_said(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    sent(ready)
    ready.receive([m.Error(1, "busy", "", {"retry_after_ms": 200})], 1.0)
    assert (outcomes(ready), ready.next_due) == ([], 1.2)
    ready.tick(1.1)
    assert sent(ready) == []
    ready.tick(1.2)
    assert ids(sent(ready)) == [1]


def test_patience_with_a_busy_broker_ends(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    now = 0.0
    for _ in range(100):
        ready.receive([m.Error(1, "busy", "", {"retry_after_ms": 500})], now)
        if ready.outcomes:
            break
        now += 0.5
        ready.tick(now)
        ready.receive([m.Heartbeat()], now)
    assert 4.0 < now <= 5.0
    assert type(outcomes(ready)[0][1]) is errors.Busy


def test_a_busy_task_that_is_cancelled_ends_here(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    ready.receive([m.Error(1, "busy", "", {"retry_after_ms": 500})], 0.0)
    sent(ready)
    ready.cancel(1, 0.1)
    assert type(outcomes(ready)[0][1]) is errors.TaskCancelled
    assert sent(ready) == []


def test_seen_counts_final_messages_and_goes_out_with_the_next_message_or_within_a_second(ready: ClientSession) -> None:
    for number in (1, 2):
        ready.offer(offer(number), 0.0)
    ready.offer(offer(3, is_admin=True), 0.0)
    ready.offer(offer(4), 0.0)
    sent(ready)
    ready.receive(
        [m.Result(1, b""), m.Error(2, "cancelled"), m.Result(3, b""), m.Error(4, "busy"), m.Result(1, b"")], 1.0
    )
    ready.tick(1.0)
    assert sent(ready) == []
    assert ready.next_due <= 1.0 + SEEN_SECONDS
    ready.tick(1.0 + SEEN_SECONDS)
    assert m.Seen(3) in sent(ready)
    ready.receive([m.Result(9, b"")], 2.5)
    ready.offer(offer(5), 2.6)
    ready.tick(2.6)
    assert sent(ready)[-1] == m.Seen(4)


def test_seen_begins_anew_with_each_welcome(ready: ClientSession) -> None:
    ready.receive([m.Result(1, b"")], 0.1)
    ready.link_down(0.2)
    ready.link_up(0.3)
    ready.receive([m.Welcome(8), m.Result(2, b"")], 0.4)
    ready.tick(5.0)
    assert m.Seen(1) in sent(ready)


def test_without_contact_offers_fail_as_unreachable(session: ClientSession) -> None:
    session.offer(offer(1), 3.0)
    assert session.next_due == 13.0
    session.tick(12.9)
    assert outcomes(session) == []
    session.tick(13.0)
    assert type(outcomes(session)[0][1]) is errors.Unreachable
    assert session.state is State.DOWN


def test_after_the_first_contact_offers_wait_without_a_limit(ready: ClientSession) -> None:
    ready.link_down(0.1)
    ready.offer(offer(1), 0.2)
    ready.tick(1e6)
    assert outcomes(ready) == []


def test_a_refusal_for_now_is_tried_again_and_any_other_is_final(session: ClientSession) -> None:
    session.offer(offer(1), 0.0)
    session.link_up(0.0)
    session.receive([m.Refuse("unavailable", "full")], 0.1)
    session.tick(1.2)
    assert (session.wants_reconnect, outcomes(session)) == (True, [])
    session.link_up(1.5)
    session.receive([m.Refuse("unsupported", "SPIT/2 only")], 1.6)
    assert session.is_over
    assert type(outcomes(session)[0][1]) is errors.BadRequest
    session.offer(offer(2), 1.7)
    assert type(outcomes(session)[0][1]) is errors.BadRequest


def test_leaving_says_bye_after_all_offers(session: ClientSession) -> None:
    session.offer(offer(1), 0.0)
    session.leave(0.1)
    assert not session.is_over
    session.link_up(0.2)
    session.receive([m.Welcome(7)], 0.3)
    assert [type(message).__name__ for message in sent(session)] == ["ClientHello", "Submit", "Bye"]
    assert session.is_over


def test_leaving_with_nothing_to_bring_ends_at_once(session: ClientSession) -> None:
    session.leave(0.0)
    assert session.is_over


def test_chunks_go_to_their_offer(ready: ClientSession) -> None:
    ready.offer(offer(1), 0.0)
    ready.receive([m.Chunk(1, 1, b"a"), m.Chunk(2, 1, b"b")], 0.1)
    assert outcomes(ready) == [(1, m.Chunk(1, 1, b"a"))]


def test_an_offer_over_the_frame_limit_fails_and_does_not_end_the_connection(session: ClientSession) -> None:
    frames = (bytes(2000),)
    session.offer(Offer(1, wire.encode_submit(1, "p", "f", frames), frames, None), 0.0)
    session.link_up(0.1)
    session.receive([m.Welcome(7, frame_max=1000)], 0.2)
    session.offer(Offer(2, wire.encode_submit(2, "p", "f", frames), frames, None), 0.3)
    assert [(number, type(error)) for number, error in outcomes(session)] == [
        (1, errors.TooLarge),
        (2, errors.TooLarge),
    ]
    assert ids(sent(session)) == []
