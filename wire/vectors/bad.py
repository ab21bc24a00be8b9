"""Messages that are wrong, and what a decoder must say.

After each wrong command comes a HEARTBEAT, which must be understood.
"""

from dataclasses import dataclass, field

from good import (
    CLIENT_GETS,
    CLIENT_SENDS,
    FENCE,
    INSTANCE,
    TEN_YEARS_MS,
    WORKER_GETS,
    WORKER_SENDS,
    nested,
)
from pack import MISSING, Packer, Pairs, Raw, Wrong, pack

BEAT = [4]
BEAT_OUTCOME = {"command": {"verb": "HEARTBEAT"}}


@dataclass
class Bad:
    """One message and what is found in it."""

    name: str
    place: tuple
    control: bytes
    outcomes: list
    attachments: list = field(default_factory=list)
    delimiter: bool = False


BAD = []


def fault(code, offset, where=None, ref=None, verb=0, frames=0, unknown=None):
    """What is reported about a wrong command."""
    result = {"code": code, "field": where, "offset": offset, "ref": ref, "verb": verb, "frames": frames}
    return {**result, "unknown": unknown} if unknown else result


def bad(name, place, sent, code, where=None, **more):
    """Add a wrong command; `sent` holds one Wrong, unless the whole command is what is wrong."""
    packer = Packer()
    packer.add(sent)
    more.setdefault("verb", sent[0] if isinstance(sent, list) and sent and isinstance(sent[0], int) else 0)
    outcome = {"fault": fault(code, packer.wrong_at or 0, where, **more)}
    BAD.append(Bad(name, place, bytes(packer.data) + pack(BEAT), [outcome, BEAT_OUTCOME]))


def bad_submit(name, where, code="bad_field", **members):
    """Add a SUBMIT with one wrong field."""
    members = {"id": 1, "pool": "text", "function": "f", "payload": b"\x90", **members}
    more = {key: members.pop(key) for key in ("ref", "frames", "unknown") if key in members}
    more.setdefault("ref", 1)
    bad(f"SUBMIT {name}", CLIENT_SENDS, [8, *members.values()], code, where, **more)


def bad_option(name, where, value, **more):
    """Add a SUBMIT with one wrong option."""
    bad_submit(name, where, options={where: Wrong(value)}, **more)


def bad_facts(name, place, role, facts, where):
    """Add a HELLO with one wrong fact."""
    bad(f"HELLO {name}", place, [1, "SPIT/1", role, facts], "bad_field", where)


def broken(name, place, data, before=(), ref=None, verb=0, attachments=()):
    """Add bytes that are not MessagePack, behind commands that are."""
    start = b"".join(pack(sent) for sent, _ in before)
    outcomes = [{"command": understood} for _, understood in before]
    outcomes.append({"broken": fault("bad_message", len(start), None, ref, verb)})
    BAD.append(Bad(name, place, start + bytes(data), outcomes, list(attachments)))


def sequence(name, place, parts, attachments=()):
    """Add several commands, right and wrong; an outcome without an offset gets it from the Wrong value."""
    data, outcomes = b"", []
    for sent, outcome in parts:
        packer = Packer()
        packer.add(sent)
        if "fault" in outcome:
            outcome = {"fault": {**outcome["fault"], "offset": len(data) + (packer.wrong_at or 0)}}
        data += packer.data
        outcomes.append(outcome)
    BAD.append(Bad(name, place, data, outcomes, list(attachments)))


SUBMIT = ([8, 1, "text", "f", b"\x90"],
          {"verb": "SUBMIT", "id": 1, "pool": "text", "function": "f", "payload": b"\x90"})

# Not a command
for kind, value in (("number", 8), ("negative number", -1), ("nil", None), ("bool", True), ("str", "SUBMIT"),
                    ("bin", b"\x95\x08"), ("map", {"verb": 8}), ("float", 8.0), ("ext", Raw(b"\xd4\x01\x02"))):
    bad(f"a {kind} is not a command", CLIENT_SENDS, value, "bad_message")
bad("an empty array is not a command", CLIENT_SENDS, [MISSING], "bad_message", "verb")
for kind, value in (("str", "8"), ("negative", -8), ("nil", None), ("float", 8.0), ("array", [8])):
    bad(f"a verb that is a {kind}", CLIENT_SENDS, [Wrong(value), 1], "bad_message", "verb", verb=0)

# Verbs that nobody knows, or not here
for verb in (0, 7, 22, 23, 127, 128, 300, 2**32 - 1):
    bad(f"verb {verb} is unknown", CLIENT_SENDS, [Wrong(verb), 1, "x"], "unknown_verb", "verb", verb=verb)
bad("an unknown verb owns no attachments", WORKER_SENDS, [Wrong(22), FENCE, 1], "unknown_verb", "verb", verb=22)
bad("SUBMIT on the worker socket", WORKER_SENDS, [Wrong(8), 1, "text", "f", b"\x90"], "unknown_verb", "verb", verb=8,
    ref=1)
bad("TASK from a client keeps its claim on attachments", CLIENT_SENDS, [Wrong(16), FENCE, 1, "f", 2], "unknown_verb",
    "verb", verb=16, ref=FENCE, frames=2)
bad("RESULT from a client", CLIENT_SENDS, [Wrong(11), 1, b"\x06"], "unknown_verb", "verb", verb=11, ref=1)
bad("WELCOME to the broker", CLIENT_SENDS, [Wrong(2), 3, {}], "unknown_verb", "verb", verb=2)
bad("SEEN from a worker", WORKER_SENDS, [Wrong(14), 1], "unknown_verb", "verb", verb=14)
bad("CANCEL from a worker", WORKER_SENDS, [Wrong(10), FENCE], "unknown_verb", "verb", verb=10, ref=FENCE)
bad("HELLO from the broker", CLIENT_GETS, [Wrong(1), "SPIT/1", "client", {"instance": INSTANCE}], "unknown_verb",
    "verb", verb=1)
bad("TASK to a client", CLIENT_GETS, [Wrong(16), FENCE, 1, "f", b"\x90"], "unknown_verb", "verb", verb=16, ref=FENCE)
bad("ACCEPTED to a worker", WORKER_GETS, [Wrong(9), 1, 2], "unknown_verb", "verb", verb=9, ref=1)
bad("STARTED to a worker", WORKER_GETS, [Wrong(17), FENCE], "unknown_verb", "verb", verb=17, ref=FENCE)

# SUBMIT: missing fields
bad("SUBMIT without anything", CLIENT_SENDS, [8, MISSING], "bad_field", "id")
bad("SUBMIT without a pool", CLIENT_SENDS, [8, 1, MISSING], "bad_field", "pool", ref=1)
bad("SUBMIT without a function", CLIENT_SENDS, [8, 1, "text", MISSING], "bad_field", "function", ref=1)
bad("SUBMIT without a payload", CLIENT_SENDS, [8, 1, "text", "f", MISSING], "bad_field", "payload", ref=1)

# SUBMIT: id
for kind, value in (("nil", None), ("negative", -1), ("float", 1.0), ("bool", True), ("array", [1]), ("map", {}),
                    ("empty bin", b""), ("empty str", ""), ("bin of 17 bytes", bytes(17)),
                    ("str of 17 bytes", "x" * 17)):
    bad_submit(f"with an id that is a {kind}", "id", id=Wrong(value), ref=None)

# SUBMIT: pool
for kind, value in (("65 bytes long", "p" * 65), ("with a space", "my pool"), ("with a slash", "a/b"),
                    ("with a NUL", "a\0"), ("not ASCII", "zähler"), ("the broker with more", "$snakepit2"),
                    ("beginning with $", "$text"), ("a bin", b"text"), ("a number", 7), ("nil", None)):
    bad_submit(f"with a pool that is {kind}", "pool", pool=Wrong(value))

# SUBMIT: function
for kind, value in (("empty", ""), ("256 bytes long", "f" * 256), ("a bin", b"f"), ("nil", None), ("an array", ["f"])):
    bad_submit(f"with a function that is {kind}", "function", function=Wrong(value))

# SUBMIT: payload
for kind, value in (("nil", None), ("a str", "x"), ("negative", -1), ("an array", []), ("a float", 1.0)):
    bad_submit(f"with a payload that is {kind}", "payload", payload=Wrong(value))
bad_submit("with no attachment frames", "payload", payload=Wrong(0))
bad_submit("with 65 attachment frames", "payload", "bad_message", payload=Wrong(65), frames=65)
bad_submit("with more attachment frames than can be counted", "payload", "bad_message", payload=Wrong(2**40),
           frames=65535)
bad_submit("with an inline payload over the limit", "payload", "too_large", payload=Wrong(b"x" * 262145))

# SUBMIT: options
for name, values in (("retries", (1001, "1", -1)), ("backoff_ms", (315360000001, 1.5)), ("kills_max", (0, 1001)),
                     ("dedup_key", ("", "k" * 129, 1)), ("dedup_ms", (315360000001,)), ("group", ("", "g" * 65)),
                     ("fair_key", ("", "f" * 65)), ("session", ("", "s" * 65)), ("session_mode", ("", "strict", 1)),
                     ("run_ms", (0, 315360000001)), ("credit", (0, 1000001)), ("again", (1,))):
    for value in values:
        bad_submit(f"with {name} of {str(value)[:12]!r}", name, options={name: Wrong(value)})
bad_submit("with retry_on that is a str", "retry_on", options={"retry_on": Wrong("ValueError")})
bad_submit("with 17 types in retry_on", "retry_on", options={"retry_on": Wrong(["E"] * 17)})
bad_submit("with an empty type in retry_on", "retry_on", options={"retry_on": ["E", Wrong("")]})
bad_submit("with a type of 129 bytes in retry_on", "retry_on", options={"retry_on": [Wrong("E" * 129)]})
bad_submit("with a number in retry_on", "retry_on", options={"retry_on": [Wrong(1)]})
for kind, value in (("nil", None), ("an array", []), ("a number", 1), ("a str", "ack")):
    bad_submit(f"with options that are {kind}", "options", options=Wrong(value))
bad_submit("with an unknown option", "options", "unsupported", options={Wrong("colour"): 1}, unknown="colour")
bad_submit("with an unknown option after a known one", "options", "unsupported",
           options={"ack": True, Wrong("Ack"): True}, unknown="Ack")
bad_submit("with an option whose name is not fit to be printed", "options", "unsupported",
           options={Wrong("\x1b[2J é"): 1}, unknown="?[2J???")
bad_submit("with an option whose name is long", "options", "unsupported", options={Wrong("o" * 100): 1},
           unknown="o" * 63)
bad_submit("with an option whose name is empty", "options", "unsupported", options={Wrong(""): 1})
bad_submit("with an option whose name is a number", "options", options=Pairs([(Wrong(1), 1)]))
bad_submit("with an option whose name is a bin", "options", options=Pairs([(Wrong(b"ack"), True)]))
bad_submit("with an option twice", "ack", options=Pairs([("ack", True), ("priority", 1), (Wrong("ack"), True)]))
bad_submit("with attachments and an unknown option", "options", "unsupported", payload=2, options={Wrong("colour"): 1},
           unknown="colour", frames=2)
for name, value in (("priority", 10), ("priority", -1), ("priority", "high"), ("priority", 1.0), ("priority", None),
                    ("delay_ms", TEN_YEARS_MS + 1), ("delay_ms", -1), ("delay_ms", "1s"),
                    ("deadline_ms", TEN_YEARS_MS + 1), ("deadline_ms", 1.5), ("deadline_ms", None),
                    ("max_attempts", 0), ("max_attempts", 1001), ("max_attempts", True),
                    ("on_loss", "drop"), ("on_loss", ""), ("on_loss", 1), ("on_loss", b"lost"),
                    ("ack", 1), ("ack", None), ("stream", "yes"), ("stream", 0), ("info", {}), ("info", None),
                    ("content_type", ""), ("content_type", "c" * 33), ("content_type", b"raw"), ("content_type", None),
                    ("headers", []), ("headers", None), ("headers", {"k": "v" * 4091})):
    shown = repr(value) if len(repr(value)) < 40 else "what is too long"
    bad_option(f"with {name} {shown}", name, value)
bad_submit("with a header that is a number", "headers", options={"headers": {"a": "b", "c": Wrong(1)}})
bad_submit("with a header that has a number for its name", "headers", options={"headers": Pairs([(Wrong(1), "b")])})
bad_submit("with a header that is a bin", "headers", options={"headers": {"a": Wrong(b"b")}})

# HELLO
bad("HELLO without anything", CLIENT_SENDS, [1, MISSING], "bad_field", "protocol")
bad("HELLO with a protocol that is a number", CLIENT_SENDS, [1, Wrong(1), "client", {}], "bad_field", "protocol")
bad("HELLO with an empty protocol", CLIENT_SENDS, [1, Wrong(""), "client", {}], "bad_field", "protocol")
bad("HELLO with a protocol of 65 bytes", CLIENT_SENDS, [1, Wrong("S" * 65)], "bad_field", "protocol")
bad("HELLO without a role", CLIENT_SENDS, [1, "SPIT/1", MISSING], "bad_field", "role")
bad("HELLO of a worker on the client socket", CLIENT_SENDS, [1, "SPIT/1", Wrong("worker"), {"pool": "text"}],
    "bad_field", "role")
bad("HELLO of a client on the worker socket", WORKER_SENDS, [1, "SPIT/1", Wrong("client"), {"instance": INSTANCE}],
    "bad_field", "role")
bad("HELLO of nobody knows whom", CLIENT_SENDS, [1, "SPIT/1", Wrong("broker"), {}], "bad_field", "role")
bad("HELLO of a client without facts", CLIENT_SENDS, [1, "SPIT/1", "client", MISSING], "bad_field", "instance")
bad("HELLO of a worker without facts", WORKER_SENDS, [1, "SPIT/1", "worker", MISSING], "bad_field", "pool")
bad("HELLO with facts that are an array", CLIENT_SENDS, [1, "SPIT/1", "client", Wrong([])], "bad_field", "facts")
bad_facts("of a client without an instance", CLIENT_SENDS, "client", {"name": "x", MISSING: MISSING}, "instance")
bad_facts("with an instance of 15 bytes", CLIENT_SENDS, "client", {"instance": Wrong(bytes(15))}, "instance")
bad_facts("with an instance of 17 bytes", CLIENT_SENDS, "client", {"instance": Wrong(bytes(17))}, "instance")
bad_facts("with an instance that is a str", CLIENT_SENDS, "client", {"instance": Wrong("0123456789abcdef")}, "instance")
bad_facts("with the instance twice", CLIENT_SENDS, "client",
          Pairs([("instance", INSTANCE), (Wrong("instance"), INSTANCE)]), "instance")
bad_facts("with a label of 65 bytes", CLIENT_SENDS, "client", {"instance": INSTANCE, "name": Wrong("n" * 65)}, "name")
bad_facts("with another on_disconnect", CLIENT_SENDS, "client", {"instance": INSTANCE, "on_disconnect": Wrong("wait")},
          "on_disconnect")
bad_facts("with a fact that has a number for its name", CLIENT_SENDS, "client",
          Pairs([("instance", INSTANCE), (Wrong(7), 1)]), "facts")
bad_facts("of a worker without a pool", WORKER_SENDS, "worker", {"slots": 1, MISSING: MISSING}, "pool")
bad_facts("of a worker for the broker's own pool", WORKER_SENDS, "worker", {"pool": Wrong("$snakepit")}, "pool")
for name, value in (("slots", 0), ("slots", 4097), ("slots", "1"), ("profile", "fiber"), ("profile", 0),
                    ("name", "n" * 65),
                    ("host", 1), ("host", "h" * 65), ("pid", -1), ("pid", "4711"), ("python", None),
                    ("python", "3" * 65),
                    ("gil_enabled", None), ("gil_enabled", 1), ("session", -1), ("session", b"\1"), ("leases", 1),
                    ("leases", [0] * 4097)):
    shown = repr(value) if len(repr(value)) < 40 else "what is too long"
    bad_facts(f"of a worker with {name} {shown}", WORKER_SENDS, "worker", {"pool": "text", name: Wrong(value)}, name)
bad_facts("of a worker with a lease that is a str", WORKER_SENDS, "worker",
          {"pool": "text", "leases": [FENCE, Wrong("x")]}, "leases")

# What both sides send
bad("HEARTBEAT with facts that are nil", WORKER_SENDS, [4, Wrong(None)], "bad_field", "facts")
bad("HEARTBEAT with negative memory", WORKER_SENDS, [4, {"rss_bytes": Wrong(-1)}], "bad_field", "rss_bytes")
bad("HEARTBEAT with running that is a number", WORKER_SENDS, [4, {"running": Wrong(1)}], "bad_field", "running")
bad("HEARTBEAT with gil_enabled 2", WORKER_SENDS, [4, {"gil_enabled": Wrong(2)}], "bad_field", "gil_enabled")
bad("BYE with a reason that is a number", CLIENT_SENDS, [5, Wrong(1)], "bad_field", "reason")
bad("CREDIT without a count", CLIENT_SENDS, [15, 1, MISSING], "bad_field", "count", ref=1)
bad("CREDIT without a ref", CLIENT_SENDS, [15, MISSING], "bad_field", "ref")
bad("CREDIT with a negative count", CLIENT_SENDS, [15, 1, Wrong(-1)], "bad_field", "count", ref=1)
bad("CREDIT with attempt 0", CLIENT_SENDS, [15, 1, 9, {"attempt": Wrong(0)}], "bad_field", "attempt", ref=1)
bad("CREDIT with facts that are no map", CLIENT_SENDS, [15, 1, 9, Wrong(2)], "bad_field", "facts", ref=1)
bad("CREDIT from a worker", WORKER_SENDS, [Wrong(15), FENCE, 1], "unknown_verb", "verb", verb=15, ref=FENCE)
bad("CANCEL to a worker with facts that are no map", WORKER_GETS, [10, FENCE, Wrong(1)], "bad_field", "facts",
    ref=FENCE)
bad("CANCEL to a worker with a raise that is no bool", WORKER_GETS, [10, FENCE, {"raise": Wrong(1)}], "bad_field",
    "raise", ref=FENCE)
bad("SEEN without a count", CLIENT_SENDS, [14, MISSING], "bad_field", "count")
bad("SEEN with a negative count", CLIENT_SENDS, [14, Wrong(-1)], "bad_field", "count")
bad("CANCEL without a ref", CLIENT_SENDS, [10, MISSING], "bad_field", "ref")
bad("CANCEL of nil", CLIENT_SENDS, [10, Wrong(None)], "bad_field", "ref")
bad("CANCEL with an id of 17 bytes", CLIENT_SENDS, [10, Wrong(bytes(17))], "bad_field", "ref")

# What workers send
bad("RESULT of a worker without a fence", WORKER_SENDS, [11, MISSING], "bad_field", "ref")
bad("RESULT of a worker for nil", WORKER_SENDS, [11, Wrong(None), b"\x06"], "bad_field", "ref")
bad("RESULT of a worker for an id of bytes", WORKER_SENDS, [11, Wrong(b"job-7"), 2], "bad_field", "ref", frames=2)
bad("RESULT of a worker without a payload", WORKER_SENDS, [11, FENCE, MISSING], "bad_field", "payload", ref=FENCE)
bad("RESULT of a worker over the inline limit", WORKER_SENDS, [11, FENCE, Wrong(b"x" * 262145)], "too_large", "payload",
    ref=FENCE)
bad("RESULT of a worker with info that is nil", WORKER_SENDS, [11, FENCE, 3, Wrong(None)], "bad_field", "info",
    ref=FENCE, frames=3)
bad("RESULT of a worker with attempt 0", WORKER_SENDS, [11, FENCE, b"", {"attempt": Wrong(0)}], "bad_field", "attempt",
    ref=FENCE)
bad("ERROR of a worker without a code", WORKER_SENDS, [12, FENCE, MISSING], "bad_field", "code", ref=FENCE)
bad("ERROR of a worker with an empty code", WORKER_SENDS, [12, FENCE, Wrong("")], "bad_field", "code", ref=FENCE)
bad("ERROR of a worker with a code that is a number", WORKER_SENDS, [12, FENCE, Wrong(500), "x"], "bad_field", "code",
    ref=FENCE)
bad("ERROR of a worker with a message that is a bin", WORKER_SENDS, [12, FENCE, "failed", Wrong(b"no")], "bad_field",
    "message", ref=FENCE)
bad("ERROR of a worker with a type that is a number", WORKER_SENDS, [12, FENCE, "failed", "no", {"type": Wrong(1)}],
    "bad_field", "type", ref=FENCE)
bad("CHUNK with seq 0", WORKER_SENDS, [13, FENCE, Wrong(0), b""], "bad_field", "seq", ref=FENCE)
bad("CHUNK without a payload", WORKER_SENDS, [13, FENCE, 1, MISSING], "bad_field", "payload", ref=FENCE)
bad("CHUNK with a str for seq owns its attachments", WORKER_SENDS, [13, FENCE, Wrong("1"), 2], "bad_field", "seq",
    ref=FENCE, frames=2)
bad("STARTED without a fence", WORKER_SENDS, [17, MISSING], "bad_field", "fence")
bad("STARTED with a fence that is a str", WORKER_SENDS, [17, Wrong("1")], "bad_field", "fence")
bad("NACK with a negative fence", WORKER_SENDS, [19, Wrong(-1)], "bad_field", "fence")
bad("NACK with a reason that is nil", WORKER_SENDS, [19, FENCE, Wrong(None)], "bad_field", "reason", ref=FENCE)

# What agents send, and telemetry
bad("HELLO of an agent on the client socket", CLIENT_SENDS, [1, "SPIT/1", Wrong("agent"), {"agent": 1}], "bad_field",
    "role")
bad("HELLO of an agent without facts", WORKER_SENDS, [1, "SPIT/1", "agent", MISSING], "bad_field", "agent")
bad_facts("of an agent without its number", WORKER_SENDS, "agent", {"name": "node7", MISSING: MISSING}, "agent")
bad_facts("of an agent with number 0", WORKER_SENDS, "agent", {"agent": Wrong(0)}, "agent")
for kind, value in (("nil", None), ("a map", {"text": 1}), ("too long", [["p", 1]] * 257)):
    bad_facts(f"of an agent with pools that are {kind}", WORKER_SENDS, "agent", {"agent": 1, "pools": Wrong(value)},
              "pools")
for kind, value in (("a name", "text"), ("short", ["text"]), ("without a name", [1, 1]),
                    ("of a wrong name", ["my pool", 1]),
                    ("with a str for a number", ["text", "4"]), ("over the number", ["text", 2**32])):
    bad_facts(f"of an agent with a pool that is {kind}", WORKER_SENDS, "agent",
              {"agent": 1, "pools": [["ok", 1], Wrong(value)]}, "pools")
for name, value in (("agent", -1), ("replaces", "9"), ("free_threaded", 1), ("gil_module", "m" * 65), ("report", []),
                    ("report", {"k": "v" * 16379})):
    shown = repr(value) if len(repr(value)) < 40 else "what is too long"
    bad_facts(f"of a worker with {name} {shown}", WORKER_SENDS, "worker", {"pool": "text", name: Wrong(value)}, name)
bad("HEARTBEAT with a report that has a number for a key", WORKER_SENDS,
    [4, {"report": Pairs([("a", 1), (Wrong(1), 2)])}], "bad_field", "report")
bad("PROCESSES without a list", WORKER_SENDS, [26, MISSING], "bad_field", "processes")
bad("PROCESSES with a map", WORKER_SENDS, [26, Wrong({})], "bad_field", "processes")
bad("PROCESSES of too many", WORKER_SENDS, [26, Wrong([[1, 2, 3]] * 4097)], "bad_field", "processes")
for kind, value in (("a number", 1), ("short", [1, 2]), ("negative", [1, -2, 3]), ("of str", ["1", 2, 3])):
    bad(f"PROCESSES with one that is {kind}", WORKER_SENDS, [26, [[1, 2, 3], Wrong(value)]], "bad_field", "processes")
bad("EXITED without a pid", WORKER_SENDS, [27, "text", MISSING], "bad_field", "pid")
bad("EXITED of no pool", WORKER_SENDS, [27, Wrong(""), 1], "bad_field", "pool")
bad("EXITED of an unknown cause", WORKER_SENDS, [27, "text", 1, {"cause": Wrong("boredom")}], "bad_field", "cause")
bad("EXITED with a negative status", WORKER_SENDS, [27, "text", 1, {"status": Wrong(-9)}], "bad_field", "status")
bad("POOL without a name", WORKER_SENDS, [28, MISSING], "bad_field", "pool")
bad("POOL in an unknown state", WORKER_SENDS, [28, "text", {"state": Wrong("fine")}], "bad_field", "state")
bad("POOL that wants too many", WORKER_SENDS, [28, "text", {"wanted": Wrong(2**32)}], "bad_field", "wanted")
for kind, value in (("empty", ""), ("without the prefix", "epoch"), ("one of the broker's", "worker.lost"),
                    ("only the prefix", "app."), ("65 bytes long", "app." + "e" * 61), ("with a space", "app.my epoch"),
                    ("a bin", b"app.x")):
    bad(f"EVENT with a name that is {kind}", WORKER_SENDS, [29, Wrong(value)], "bad_field", "name")
bad("EVENT with fields that are an array", WORKER_SENDS, [29, "app.x", Wrong([])], "bad_field", "fields")
bad("EVENT with too many fields", WORKER_SENDS, [29, "app.x", Wrong({"k": "v" * 8187})], "bad_field", "fields")
bad("EVENT of a client", CLIENT_SENDS, [Wrong(29), "app.x"], "unknown_verb", "verb", verb=29)
bad("REPLACE to the broker", WORKER_SENDS, [Wrong(24), 9, 1, "text"], "unknown_verb", "verb", verb=24)
bad("PROCESSES from the broker", WORKER_GETS, [Wrong(26), []], "unknown_verb", "verb", verb=26)

# What the broker sends
bad("REPLACE without a pid", WORKER_GETS, [24, 9, MISSING], "bad_field", "pid")
bad("REPLACE with first 1", WORKER_GETS, [24, 9, 1, "text", {"first": Wrong(1)}], "bad_field", "first")
bad("RETIRE of a name", WORKER_GETS, [25, Wrong("w1")], "bad_field", "pid")
bad("RETIRE with kill 1", WORKER_GETS, [25, 1, {"kill": Wrong(1)}], "bad_field", "kill")
bad("WELCOME with an endpoint that is too long", WORKER_GETS, [2, 3, {"clients": Wrong("e" * 257)}], "bad_field",
    "clients")
bad("WELCOME without a session", CLIENT_GETS, [2, MISSING], "bad_field", "session")
bad("WELCOME with facts that are nil", CLIENT_GETS, [2, 3, Wrong(None)], "bad_field", "facts")
bad("WELCOME with an interval that is a str", WORKER_GETS, [2, 3, {"heartbeat_ms": Wrong("5s")}], "bad_field",
    "heartbeat_ms")
bad("REFUSE with a code that is a number", CLIENT_GETS, [3, Wrong(1), "x"], "bad_field", "code")
bad("REFUSE with protocols that are no array", CLIENT_GETS, [3, "unsupported", "", {"protocols": Wrong("SPIT/1")}],
    "bad_field", "protocols")
bad("ACCEPTED without a task", CLIENT_GETS, [9, 1, MISSING], "bad_field", "task", ref=1)
bad("ACCEPTED of nil", CLIENT_GETS, [9, Wrong(None), 1], "bad_field", "id")
bad("RESULT to a client with no attachment frames", CLIENT_GETS, [11, 1, Wrong(0)], "bad_field", "payload", ref=1)
bad("ERROR with a negative ref", CLIENT_GETS, [12, Wrong(-1), "failed", "no"], "bad_field", "ref")
bad("ERROR with details that are nil", CLIENT_GETS, [12, 1, "failed", "no", Wrong(None)], "bad_field", "details", ref=1)
bad("ERROR with a retry_after_ms that is a float", CLIENT_GETS, [12, 1, "busy", "", {"retry_after_ms": Wrong(0.5)}],
    "bad_field", "retry_after_ms", ref=1)
bad("TASK without a payload", WORKER_GETS, [16, FENCE, 1, "f", MISSING], "bad_field", "payload", ref=FENCE)
bad("TASK with attempt 0", WORKER_GETS, [16, FENCE, Wrong(0), "f", 1], "bad_field", "attempt", ref=FENCE, frames=1)
bad("TASK with attempt 2^32", WORKER_GETS, [16, FENCE, Wrong(2**32), "f", b""], "bad_field", "attempt", ref=FENCE)
bad("TASK with 65 attachment frames", WORKER_GETS, [16, FENCE, 1, "f", Wrong(65)], "bad_message", "payload", ref=FENCE,
    frames=65)
bad("TASK with stream 1", WORKER_GETS, [16, FENCE, 1, "f", b"", {"stream": Wrong(1)}], "bad_field", "stream", ref=FENCE)
bad("RECALL without a fence", WORKER_GETS, [18, MISSING], "bad_field", "fence")
bad("CANCEL to a worker with an id of bytes", WORKER_GETS, [10, Wrong(b"job-7")], "bad_field", "ref")
bad("STOP with facts that are a number", WORKER_GETS, [21, Wrong(30)], "bad_field", "facts")
bad("STOP with a reason that is nil", WORKER_GETS, [21, {"reason": Wrong(None)}], "bad_field", "reason")

# Right and wrong in one message
sequence("wrong commands do not harm right ones, before or behind", CLIENT_SENDS, [
    (SUBMIT[0], {"command": SUBMIT[1]}),
    ([8, 2, Wrong("my pool"), "f", b""], {"fault": fault("bad_field", 0, "pool", ref=2, verb=8)}),
    (7, {"fault": fault("bad_message", 0)}),
    ([Wrong(99)], {"fault": fault("unknown_verb", 0, "verb", verb=99)}),
    (SUBMIT[0], {"command": SUBMIT[1]}),
])
sequence("a wrong command consumes its attachments, so the next finds its own", CLIENT_SENDS, [
    ([8, 1, "text", "f", 2, {Wrong("colour"): 1}],
     {"fault": fault("unsupported", 0, "options", ref=1, verb=8, frames=2, unknown="colour")}),
    ([8, 2, "text", "f", 1], {"command": {**SUBMIT[1], "id": 2, "payload": {"frames": 1}}}),
], [b"1 body", b"1 buffer", b"2 body"])

# Not MessagePack
broken("an empty control frame", CLIENT_SENDS, b"")
broken("the byte that MessagePack never uses", CLIENT_SENDS, b"\xc1")
broken("the byte that MessagePack never uses, behind a SUBMIT", CLIENT_SENDS, b"\xc1", [SUBMIT])
broken("the byte that MessagePack never uses, as an id", CLIENT_SENDS, b"\x92\x08\xc1", verb=8)
broken("the byte that MessagePack never uses, in an unknown fact", WORKER_SENDS, b"\x92\x04\x81\xa1x\x91\xc1", verb=4)
broken("the byte that MessagePack never uses, in a later field", WORKER_SENDS, b"\x93\x04\x80\xc1", verb=4)
WHOLE = pack([8, 7, "text", "count_words", pack([["to be"]]), {"priority": 9}])
for size in range(1, len(WHOLE), 3):
    readable = size > 6  # else its array has more elements than bytes are left
    broken(f"a SUBMIT cut after {size} bytes", CLIENT_SENDS, WHOLE[:size], ref=7 if readable else None,
           verb=8 * readable)
broken("a second SUBMIT cut short", CLIENT_SENDS, WHOLE[:-1], [SUBMIT], ref=7, verb=8)
broken("an array of 16 bits without its length", CLIENT_SENDS, b"\xdc\x00")
broken("a command that claims 2^32 - 1 fields", CLIENT_SENDS, b"\xdd\xff\xff\xff\xff\x08\x01")
broken("a command that claims one field more than there is", CLIENT_SENDS, b"\x96" + pack(SUBMIT[0])[1:], ref=1, verb=8)
broken("a pool that claims 1 GiB", CLIENT_SENDS, b"\x95\x08\x01\xdb\x40\x00\x00\x00text", ref=1, verb=8)
broken("a payload that claims 4 GiB", CLIENT_SENDS, b"\x95\x08\x01\xa4text\xa1f\xc6\xff\xff\xff\xff\x90", ref=1, verb=8)
broken("options that claim 2^31 pairs", CLIENT_SENDS, b"\x96\x08\x01\xa4text\xa1f\xc4\x00\xdf\x80\x00\x00\x00", ref=1,
       verb=8)
broken("an unknown fact with an array that claims 2^32 - 1 elements", WORKER_SENDS,
       b"\x92\x04\x81\xa1x\xdd\xff\xff\xff\xff\x00", verb=4)
broken("an unknown fact with a map that claims 2^32 - 1 pairs", WORKER_SENDS,
       b"\x92\x04\x81\xa1x\xdf\xff\xff\xff\xff\x00\x00", verb=4)
broken("an ext that claims 4 GiB", WORKER_SENDS, b"\x92\x04\xc9\xff\xff\xff\xff\x01\x00", verb=4)
broken("a fixext cut short", WORKER_SENDS, b"\x92\x04\xd8\x01\x00", verb=4)
broken("leases that claim 2^32 - 1 fences", WORKER_SENDS,
       b"\x94\x01\xa6SPIT/1\xa6worker\x81\xa6leases\xdd\xff\xff\xff\xff\x01", verb=1)
broken("a float cut short", WORKER_SENDS, b"\x92\x04\xcb\x00\x00", verb=4)
broken("a later field nested one too deep", WORKER_SENDS, pack([4, {}, nested(16)]), verb=4)
broken("an unknown fact nested one too deep", WORKER_SENDS, pack([4, {"x": nested(15)}]), verb=4)
broken("a report nested one too deep", WORKER_SENDS, pack([4, {"report": {"x": nested(14)}}]), verb=4)
broken("fields of an EVENT nested one too deep", WORKER_SENDS, pack([29, "app.x", {"x": nested(15)}]), verb=29)
broken("options nested too deep, however short", CLIENT_SENDS, pack([8, 1, "text", "f", b"", {"x": nested(15)}]), ref=1,
       verb=8)
broken("a bomb of 100,000 arrays", CLIENT_SENDS, b"\x91" * 100000)
broken("a bomb of maps in a field", WORKER_SENDS, b"\x92\x04" + b"\x81\xa0" * 1000 + b"\xc0", verb=4)
broken("text that is not MessagePack: a request of HTTP", CLIENT_SENDS, b"\xdcGET / HTTP/1.1\r\n\r\n")
broken("attachments do not save a broken message", CLIENT_SENDS, b"\x95\x08\x01\xa4text\xa1f", [SUBMIT], ref=1, verb=8,
       attachments=[b"x"])
