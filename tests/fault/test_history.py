"""The checker itself: one hand-made history for each kind of finding, and one beside it that is right."""

import pytest

from history import CLIENT_SPAN, FINDINGS, MS, SECOND, History, Rules
from journal import Journal, digest, read

UID = CLIENT_SPAN  # client 1, task 0
GOOD = "d00d"


def submit(uid=UID, t=0, data=GOOD, pool="p", priority=5, delay=0, deadline=0, once=0, expected="ok"):
    return f"S {uid} {t} {data} work {pool} {priority} {delay} {deadline} {once} {expected}"


def accept(uid=UID, t=MS, number=1, connection=0):
    return f"A {uid} {t} {number} {connection}"


def begin(uid=UID, attempt=1, fence=10, pid=7, t=2 * MS, data=GOOD, function="work", pool="p"):
    return f"B {uid} {attempt} {fence} {pid} {t} {data} {function} {pool}"


def end(fence=10, pid=7, t=3 * MS):
    return f"E {fence} {pid} {t}"


def final(uid=UID, t=4 * MS, connection=0, code="ok", attempt=1, fence=10, data=GOOD):
    return f"F {uid} {t} {connection} {code} {attempt} {fence} {data}"


def words(lines):
    return [line.split() for line in lines]


def judge(client, workers=(), faults=(), rules=None, client_number=1):
    history = History(rules)
    history.add_faults(words(faults))
    history.add_client(client_number, words(client))
    history.add_workers(words(workers))
    return history.judge()


RUN = [begin(), end()]
RIGHT = [submit(), accept(), final()]


def test_a_task_that_ran_once_and_is_ok_is_right():
    verdict = judge(RIGHT, RUN)
    assert not verdict.findings
    assert (verdict.tasks, verdict.attempts, verdict.finals["ok"], verdict.reexecutions) == (1, 1, 1, 0)


def again(pid=8, t=2 * SECOND):
    """A second attempt, and the log of a task that ended with it."""
    return [begin(), begin(attempt=2, fence=11, pid=pid, t=t), end(11, pid, t + MS)]


ENDED_WITH_2 = [submit(), accept(), final(t=2 * SECOND + 2 * MS, attempt=2, fence=11)]
DATED = submit(deadline=100, expected="ok,expired")

SUPERSEDED = (
    [submit(), accept(), final(t=4 * SECOND)],
    [begin(), begin(attempt=2, fence=11, pid=8, t=2 * SECOND), end(t=3 * SECOND)],
)

FOUND = {
    "accepted, and then nothing": ("lost", [submit(), accept()], RUN, ()),
    "never answered": ("lost", [submit()], (), ()),
    "two finals on one connection": ("duplicated", [*RIGHT, final(t=5 * MS)], RUN, ()),
    "another final on another connection": (
        "duplicated",
        [*RIGHT, f"O {UID} {5 * MS} 1", final(t=6 * MS, connection=1, code="failed", fence="-", data="-")],
        RUN,
        (),
    ),
    "refused, and then final": ("duplicated", [submit(), f"R {UID} {MS} no_such_pool 0", final()], RUN, ()),
    "a superseded attempt counted": (
        "stale_accepted",
        *SUPERSEDED,
        (f"pause 7 {3 * MS} {2 * SECOND}",),
    ),
    "a superseded attempt counted, and a broker was killed before that": (
        "stale_accepted",
        SUPERSEDED[0],
        SUPERSEDED[1],
        (f"pause 7 {3 * MS} {2 * SECOND}", f"broker_kill 1 {900 * MS}"),
    ),
    "a worker got other bytes": ("wrong_payload", RIGHT, [begin(data="bad"), end()], ()),
    "a client got other bytes": ("wrong_payload", [submit(), accept(), final(data="bad")], RUN, ()),
    "begun after the deadline": (
        "late_dispatched",
        [DATED, accept(), final(t=2 * SECOND)],
        [begin(t=SECOND), end(t=SECOND + MS)],
        (),
    ),
    "begun before the delay has passed": ("early_dispatched", [submit(delay=1000), accept(), final()], RUN, ()),
    "expired without a deadline": (
        "expired_wrongly",
        [submit(expected="ok,expired"), accept(), final(code="expired", fence="-", data="-")],
        (),
        (),
    ),
    "expired too early": (
        "expired_wrongly",
        [submit(deadline=1000, expected="expired"), accept(), final(t=100 * MS, code="expired", fence="-", data="-")],
        (),
        (),
    ),
    "expired long after the deadline": (
        "expired_wrongly",
        [DATED, accept(), final(t=3 * SECOND, code="expired", fence="-", data="-")],
        (),
        (),
    ),
    "a state that it cannot have": (
        "wrong_final",
        [submit(), accept(), final(code="dead", fence="-", data="-")],
        RUN,
        (),
    ),
    "run again for no reason": ("unexplained", ENDED_WITH_2, again(), ()),
    "run again, and another worker was killed": ("unexplained", ENDED_WITH_2, again(), (f"kill 9 {SECOND}",)),
    "counted anew, and the broker was killed long before the cut": (
        "attempt_numbers",
        [submit(), accept(), final(t=10 * SECOND, attempt=1, fence=11)],
        [begin(t=8 * SECOND), end(t=8001 * MS), begin(attempt=1, fence=11, pid=8, t=9 * SECOND), end(11, 8, 9001 * MS)],
        (f"cut 7 {6 * SECOND} {8 * SECOND}", f"broker_kill 1 {4 * SECOND}"),
    ),
    "run again before the kill": ("unexplained", ENDED_WITH_2, again(), (f"kill 7 {3 * SECOND}",)),
    "begun after its final state": (
        "run_after_final",
        [*RIGHT],
        [*RUN, begin(attempt=2, fence=11, pid=8, t=2 * SECOND)],
        (f"kill 7 {4 * MS}",),
    ),
    "run twice instead of at most once": (
        "run_twice",
        [submit(once=1, expected="ok,lost"), accept(), final(t=2 * SECOND + 2 * MS, attempt=2, fence=11)],
        again(),
        (f"kill 7 {SECOND}",),
    ),
    "run and never submitted": ("invented", RIGHT, [*RUN, begin(uid=UID + 1, fence=12)], ()),
    "a result of an attempt that never was": ("invented", [submit(), accept(), final(fence=99)], RUN, ()),
    "a result that another task made": ("invented", [*RIGHT, submit(UID + 1), final(UID + 1)], RUN, ()),
    "attempts counted backwards": (
        "attempt_numbers",
        ENDED_WITH_2,
        [begin(attempt=2), begin(attempt=1, fence=11, pid=8, t=2 * SECOND), end(11, 8, 2 * SECOND + MS)],
        (f"kill 7 {SECOND}",),
    ),
    "one fence twice": ("attempt_numbers", RIGHT, [*RUN, begin(pid=8)], ()),
    "run in another pool": ("wrong_pool", RIGHT, [begin(pool="q"), end()], ()),
    "run as another function": ("wrong_pool", RIGHT, [begin(function="other"), end()], ()),
    "a task without a slot": ("over_slots", RIGHT, [*RUN, f"V 11 7 {2 * MS}"], ()),
    "a message about the task of another client": ("stray", [*RIGHT, final(uid=2 * CLIENT_SPAN)], RUN, ()),
    "refused with an unknown code": ("untyped", [submit(), f"R {UID} {MS} nonsense 0"], (), ()),
    "busy without a time": ("untyped", [submit(), f"R {UID} {MS} busy 0"], (), ()),
    "accepted under two numbers": ("renumbered", [submit(), accept(), accept(number=2), final()], RUN, ()),
    "two tasks under one number": (
        "renumbered",
        [*RIGHT, submit(UID + 1), accept(UID + 1), final(UID + 1, fence=12)],
        [*RUN, begin(UID + 1, fence=12, t=5 * MS), end(12, t=6 * MS)],
        (),
    ),
}


@pytest.mark.parametrize("story", FOUND)
def test_it_finds(story):
    kind, client, workers, faults = FOUND[story]
    verdict = judge(client, workers, faults)
    assert set(verdict.findings) == {kind}
    assert verdict.examples[kind]


def test_it_finds_tasks_out_of_order_where_order_is_promised():
    client = [submit(), submit(UID + 1), accept(), accept(UID + 1, number=2), final(t=9 * MS), final(UID + 1, fence=11)]
    workers = [begin(t=5 * MS), end(t=6 * MS), begin(UID + 1, fence=11), end(11)]
    assert judge(client, workers, rules=Rules(ordered_pools=("p",))).findings == {"misordered": 1}
    assert not judge(client, workers).findings


def test_there_is_a_story_for_each_kind_of_finding():
    assert {kind for kind, *_ in FOUND.values()} | {"misordered"} == set(FINDINGS)


EXCUSED = {
    "its client was killed": ([submit(), accept()], RUN, (f"client_kill 1 {2 * MS}",)),
    "it was refused for good": ([submit(), f"R {UID} {MS} too_large 0"], (), ()),
    "it was refused, offered again and run": (
        [submit(), f"R {UID} {MS} busy 50", f"O {UID} {SECOND} 0", accept(t=SECOND), final(t=SECOND + 3 * MS)],
        [begin(t=SECOND + MS), end(t=SECOND + 2 * MS)],
        (),
    ),
    "its final came again to a client that came again": (
        [*RIGHT[:2], "H 0 0 0", final(), f"O {UID} {5 * MS} 1", f"H {5 * MS} 1 1", final(t=6 * MS, connection=1)],
        RUN,
        (),
    ),
    "its worker was killed": (ENDED_WITH_2, again(), (f"kill 7 {SECOND}",)),
    "its worker stood still": (ENDED_WITH_2, again(), (f"pause 7 {10 * MS} {3 * SECOND}",)),
    "its worker was cut off": (ENDED_WITH_2, again(), (f"cut 7 {10 * MS} {3 * SECOND}",)),
    "the broker was killed": (ENDED_WITH_2, again(), (f"broker_kill 1 {SECOND}",)),
    "it began late in a worker that stood still": (
        [DATED, accept(), final(t=3 * SECOND + 2 * MS)],
        [begin(t=3 * SECOND), end(t=3 * SECOND + MS)],
        (f"pause 7 {50 * MS} {3 * SECOND - MS}",),
    ),
    "the broker that superseded it was killed": (
        *SUPERSEDED,
        (f"pause 7 {3 * MS} {2500 * MS}", f"broker_kill 1 {2100 * MS}"),
    ),
    "a broker sent it into a cut, and was killed": (
        [submit(), accept(), final(t=10 * SECOND, attempt=1, fence=11)],
        [begin(t=8 * SECOND), end(t=8001 * MS), begin(attempt=1, fence=11, pid=8, t=9 * SECOND), end(11, 8, 9001 * MS)],
        (f"cut 7 {3 * SECOND} {8 * SECOND}", f"broker_kill 1 {4 * SECOND}"),
    ),
    "a new broker counted its deadline anew": (
        [DATED, accept(), f"O {UID} {2 * SECOND} 1", accept(t=2 * SECOND, connection=1), final(t=2 * SECOND + 90 * MS)],
        [begin(t=2 * SECOND + 80 * MS), end(t=2 * SECOND + 81 * MS)],
        (f"broker_kill 1 {SECOND}",),
    ),
}


@pytest.mark.parametrize("story", EXCUSED)
def test_it_lets_pass(story):
    verdict = judge(*EXCUSED[story])
    assert not verdict.findings, verdict.examples


def test_with_adoption_a_killed_broker_is_no_reason_to_run_again_what_goes_on():
    went_on = [begin(), end(t=5 * SECOND), begin(attempt=2, fence=11, pid=8, t=4 * SECOND), end(11, 8, 4 * SECOND + MS)]
    kill = (f"broker_kill 1 {2 * SECOND}",)
    client = [submit(), accept(), final(t=6 * SECOND, attempt=2, fence=11)]
    assert judge(client, went_on, kill, Rules(is_adopting=True)).findings == {"unexplained": 1}
    ended = [begin(), end(t=1990 * MS), begin(attempt=1, fence=11, pid=8, t=4 * SECOND), end(11, 8, 4 * SECOND + MS)]
    assert judge(client, ended, kill, Rules(is_adopting=True)).explained == {"answer lost with the broker": 1}


def test_it_measures_how_soon_a_task_runs_elsewhere():
    assert judge(ENDED_WITH_2, again(), (f"kill 7 {SECOND}",)).redispatch == [SECOND]
    assert judge(ENDED_WITH_2, again(), (f"cut 7 {500 * MS} {3 * SECOND}",)).redispatch_cut == [1500 * MS]


def test_a_line_that_a_kill_cut_off_is_no_record(tmp_path):
    log = tmp_path / "log"
    journal = Journal(log)
    journal.write("B", 1, 2)
    journal.close()
    with open(log, "a") as file:
        file.write("B 1")
    assert list(read(log)) == [["B", "1", "2"]]
    assert digest(b"a") != digest(b"b")
