"""The socket and its loop against a ROUTER in the test: batches, back-pressure, silence, a connection that ends."""

from __future__ import annotations

import pathlib
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

import snakepit
from conftest import BOUND_SECONDS, wait_until
from snakepit import dealer as dealer_module
from snakepit import message as m
from snakepit import wire
from snakepit.dealer import Dealer


class Router:
    """A ROUTER socket that plays a broker, one message at a time."""

    def __init__(self, folder: pathlib.Path, side: str = "client") -> None:
        self.endpoint = f"ipc://{folder}/router"
        self.side = side
        self._context = zmq.Context()
        self.open()

    def open(self) -> None:
        self.socket = self._context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, int(BOUND_SECONDS * 1000))
        self.socket.bind(self.endpoint)

    def receive(self) -> list[Any]:
        """Give the commands of the next message."""
        self.peer, control, *frames = self.socket.recv_multipart()
        return wire.decode(control, frames, side=self.side, to_broker=True)

    def send(self, *messages: Any) -> None:
        control = b"".join(wire.encode(message) for message in messages)
        self.socket.send_multipart([self.peer, control])

    def receive_until(self, kind: type) -> list[Any]:
        """Give all commands up to one of this kind."""
        commands: list[Any] = []
        while not any(isinstance(command, kind) for command in commands):
            commands += self.receive()
        return commands

    def welcome(self, **facts: Any) -> Any:
        """Take the HELLO and answer it; give the HELLO."""
        [hello, *_] = self.receive()
        self.send(m.Welcome(1, broker="test", **facts))
        return hello

    def close(self) -> None:
        self.socket.close()
        self._context.term()


@pytest.fixture
def router(folder: pathlib.Path) -> Iterator[Router]:
    made = Router(folder)
    yield made
    made.close()


@pytest.fixture
def dealer(router: Router) -> Iterator[Dealer]:
    made = Dealer(router.endpoint)
    while not made.link_events():
        made.wait(BOUND_SECONDS)
    yield made
    made.close(linger_ms=0)


def test_a_wrong_endpoint_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"cannot connect to 'nowhere': .*; an endpoint is tcp://HOST:PORT or"):
        Dealer("nowhere")


def test_commands_of_one_turn_are_one_message(router: Router, dealer: Dealer) -> None:
    outbox = deque((wire.encode(m.Seen(n)), ()) for n in range(100))
    dealer.send(outbox, m.CONTROL_BYTES_MAX)
    assert router.receive() == [m.Seen(n) for n in range(100)]
    assert not outbox


def test_a_message_has_no_more_bytes_and_frames_than_it_may(router: Router, dealer: Dealer) -> None:
    command = wire.encode(m.Submit(1, "p", "f", bytes(900)))
    dealer.send(deque((command, ()) for _ in range(100)), 10_000)
    sizes = []
    while sum(sizes) < 100:
        sizes.append(len(router.receive()))
    assert max(sizes) == 10
    frames = tuple(b"x" for _ in range(64))
    with_frames = wire.encode(m.Submit(1, "p", "f", frames))
    dealer.send(deque((with_frames, frames) for _ in range(100)), m.CONTROL_BYTES_MAX)
    assert len(router.receive()) == m.MESSAGE_FRAMES_MAX // 64
    assert len(router.receive()) == 36


def test_attachments_arrive_in_the_order_of_their_commands(router: Router, dealer: Dealer) -> None:
    large = bytes(dealer_module.ZERO_COPY_BYTES_MIN)
    submits = [m.Submit(1, "p", "f", (b"a", large)), m.Submit(2, "p", "f", b"inline"), m.Submit(3, "p", "f", (b"c",))]
    dealer.send(deque((wire.encode(s), wire.frames_of(s)) for s in submits), m.CONTROL_BYTES_MAX)
    assert router.receive() == submits


def test_what_the_other_side_does_not_take_waits(router: Router, dealer: Dealer) -> None:
    outbox = deque((wire.encode(m.Submit(n, "p", "f", bytes(70_000))), ()) for n in range(3000))
    dealer.send(outbox, m.CONTROL_BYTES_MAX)
    assert outbox
    assert dealer.has_unsent
    received: list[int] = []
    while len(received) < 3000:
        received += [submit.id for submit in router.receive()]
        dealer.send(outbox, m.CONTROL_BYTES_MAX)
    assert received == list(range(3000))


def test_wake_ends_a_wait_from_another_thread(dealer: Dealer) -> None:
    waker = threading.Thread(target=dealer.wake)
    waker.start()
    dealer.wait(BOUND_SECONDS)
    waker.join()
    dealer.wait(0)
    dealer.wake()
    dealer.wake()
    dealer.wait(BOUND_SECONDS)


def test_a_client_greets_first_and_says_bye_last(router: Router) -> None:
    with snakepit.Client(router.endpoint, name="n" * 100) as client:
        future = client.submit("p", "f", 1)
        hello = router.welcome()
        assert (len(hello.instance), hello.name) == (16, "n" * 64)
        [submit] = router.receive_until(m.Submit)
        router.send(m.Result(submit.id, b"\x07"))
        assert future.result(BOUND_SECONDS) == 7
    assert isinstance(router.receive_until(m.Bye)[-1], m.Bye)


def test_a_broker_that_falls_silent_is_left_and_asked_again(router: Router) -> None:
    with snakepit.Client(router.endpoint) as client:
        future = client.submit("p", "f", 1)
        first = router.welcome(heartbeat_ms=20)
        router.receive_until(m.Submit)
        # It answers no heartbeat: the client makes a new connection, and greets as the same instance.
        hello = next(command for command in router.receive_until(m.ClientHello) if isinstance(command, m.ClientHello))
        assert hello.instance == first.instance
        router.send(m.Welcome(2, broker="test", heartbeat_ms=60_000))
        [submit] = [command for command in router.receive_until(m.Submit) if isinstance(command, m.Submit)]
        router.send(m.Result(submit.id, b"\x07"))
        assert future.result(BOUND_SECONDS) == 7


def test_a_broker_that_went_and_came_hears_hello_before_anything_else(router: Router) -> None:
    with snakepit.Client(router.endpoint) as client:
        client.submit("p", "f", 1)
        router.welcome()
        router.receive_until(m.Submit)
        router.socket.close()
        wait_until(lambda: not client.is_connected, "the end of the connection")
        waiting = client.submit("p", "f", 2)
        router.open()
        commands = router.receive()
        assert isinstance(commands[0], m.ClientHello)
        router.send(m.Welcome(2, broker="test"))
        submits = [c for c in router.receive_until(m.Submit) if isinstance(c, m.Submit)]
        assert len(submits) == 2
        router.send(*(m.Result(submit.id, b"\x07") for submit in submits))
        assert waiting.result(BOUND_SECONDS) == 7


def test_nonsense_of_a_broker_does_not_end_a_client(router: Router, caplog: pytest.LogCaptureFixture) -> None:
    with snakepit.Client(router.endpoint) as client:
        future = client.submit("p", "f", 1)
        router.welcome()
        [submit] = router.receive_until(m.Submit)
        for nonsense in (b"\xc1", b"", b"\x91\x63", b"\x93\x0b\x01\x03"):
            router.socket.send_multipart([router.peer, nonsense])
        router.send(m.Chunk(submit.id, 1, b"x"), m.Result(999, b"x"), m.Error(None, "internal", "oops"))
        router.send(m.Result(submit.id, b"\xc1"))
        with pytest.raises(snakepit.BadPayload):
            future.result(BOUND_SECONDS)
    assert "was not understood" in caplog.text
    assert "internal: oops" in caplog.text


def test_a_pickled_result_that_nobody_asked_for_is_refused(router: Router) -> None:
    with snakepit.Client(router.endpoint) as client:
        future = client.submit("p", "f", 1)
        router.welcome()
        [submit] = router.receive_until(m.Submit)
        router.send(m.Result(submit.id, b"\x80\x05N.", {"content_type": "pickle5"}))
        with pytest.raises(snakepit.BadPayload, match="not allowed"):
            future.result(BOUND_SECONDS)


def test_a_callback_that_raises_harms_no_other_task(router: Router, caplog: pytest.LogCaptureFixture) -> None:
    with snakepit.Client(router.endpoint) as client:
        futures = [client.submit("p", "f", n) for n in range(2)]
        futures[0].add_done_callback(lambda _: 1 / 0)
        router.welcome()
        submits: list[Any] = []
        while len(submits) < 2:
            submits += [command for command in router.receive() if isinstance(command, m.Submit)]
        router.send(*(m.Result(submit.id, b"\x07") for submit in submits))
        assert [future.result(BOUND_SECONDS) for future in futures] == [7, 7]
        wait_until(lambda: client.outstanding == 0, "room for both")


def test_a_full_client_is_busy_in_its_own_callbacks_and_does_not_stand_still(router: Router) -> None:
    errors: list[BaseException] = []

    with snakepit.Client(router.endpoint, outstanding_max=2) as client:

        def submit_more(_: Any) -> None:
            try:
                for _ in range(3):
                    client.submit("p", "f")
            except snakepit.SnakepitError as error:
                errors.append(error)

        future = client.submit("p", "f")
        future.add_done_callback(submit_more)
        router.welcome()
        [submit] = router.receive_until(m.Submit)
        router.send(m.Result(submit.id, b"\x07"))
        wait_until(lambda: errors, "Busy in the callback")
    assert isinstance(errors[0], snakepit.Busy)
