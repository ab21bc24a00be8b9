"""Messages that are right, and what they say. Each command is given twice: as it is sent and as it is understood."""

from dataclasses import dataclass, field

from pack import Pairs, Raw, pack

CLIENT_SENDS = ("client", "to_broker")
CLIENT_GETS = ("client", "from_broker")
WORKER_SENDS = ("worker", "to_broker")
WORKER_GETS = ("worker", "from_broker")
U64_MAX = 2**64 - 1
TEN_YEARS_MS = 315360000000
INSTANCE = bytes(range(16))
FENCE = 0x6553F10000000001  # epoch 1700000000, first lease


@dataclass
class Good:
    """One message; `sent` and `commands` have the same length."""

    name: str
    place: tuple
    sent: list
    commands: list
    canonical: bool = True
    attachments: list = field(default_factory=list)
    delimiter: bool = False

    @property
    def control(self):
        """The control frame."""
        return b"".join(pack(command) for command in self.sent)


GOOD = []


def good(name, place, sent, command, **more):
    """Add a message of one command."""
    GOOD.append(Good(name, place, [sent], [command], **more))


def batch(name, place, pairs, **more):
    """Add a message of several commands."""
    GOOD.append(Good(name, place, [sent for sent, _ in pairs], [command for _, command in pairs], **more))


def submit(**members):
    """A readable SUBMIT that differs from the smallest one in some members."""
    return {"verb": "SUBMIT", "id": 1, "pool": "text", "function": "f", "payload": b"\x90", **members}


def submit_with(name, options, understood=None, **more):
    """A SUBMIT with options."""
    good(f"SUBMIT {name}", CLIENT_SENDS, [8, 1, "text", "f", b"\x90", options],
         submit(options=options if understood is None else understood), **more)


# HELLO of a client
good("HELLO of a client, only what is required", CLIENT_SENDS, [1, "SPIT/1", "client", {"instance": INSTANCE}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "client", "facts": {"instance": INSTANCE}})
good("HELLO of a client with all facts", CLIENT_SENDS,
     [1, "SPIT/1", "client", {"instance": INSTANCE, "name": "nightly load", "on_disconnect": "cancel"}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "client",
      "facts": {"instance": INSTANCE, "name": "nightly load", "on_disconnect": "cancel"}})
good("HELLO of a client, defaults said, keys in another order", CLIENT_SENDS,
     [1, "SPIT/1", "client", {"on_disconnect": "continue", "name": "", "instance": INSTANCE}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "client", "facts": {"instance": INSTANCE}}, canonical=False)
good("HELLO passes over unknown facts, however deep", CLIENT_SENDS,
     [1, "SPIT/1", "client", {"shoe_size": [42, {"left": [None, 1.5, True, -3, b"x"]}], "instance": INSTANCE}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "client", "facts": {"instance": INSTANCE}}, canonical=False)
good("HELLO of another protocol version is understood as far as its name", CLIENT_SENDS, [1, "SPIT/2", 17],
     {"verb": "HELLO", "protocol": "SPIT/2", "role": "client", "facts": {}}, canonical=False)
good("HELLO with the longest label", CLIENT_SENDS, [1, "SPIT/1", "client", {"instance": INSTANCE, "name": "n" * 64}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "client", "facts": {"instance": INSTANCE, "name": "n" * 64}})

# HELLO of a worker
good("HELLO of a worker, only what is required", WORKER_SENDS, [1, "SPIT/1", "worker", {"pool": "text"}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": {"pool": "text"}})
WORKER_FACTS = {"pool": "numbers-2.fast_lane", "slots": 4096, "profile": "thread", "name": "w 1", "host": "node7",
                "pid": 4711, "python": "3.14.0t", "gil_enabled": False, "session": 9, "leases": [FENCE, FENCE + 1],
                "holds": [[FENCE, 2, bytes(range(24))], [U64_MAX, 1, b"o" * 48]]}
good("HELLO of a worker with all facts", WORKER_SENDS, [1, "SPIT/1", "worker", WORKER_FACTS],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": WORKER_FACTS})
good("HELLO of a worker, defaults said", WORKER_SENDS,
     [1, "SPIT/1", "worker", {"pool": "text", "slots": 1, "profile": "process", "name": "", "host": "", "pid": 0,
                              "python": "", "gil_enabled": True, "leases": []}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": {"pool": "text"}}, canonical=False)
good("HELLO of a worker that offers the most leases", WORKER_SENDS,
     [1, "SPIT/1", "worker", {"pool": "p" * 64, "leases": [0] * 4096}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": {"pool": "p" * 64, "leases": [0] * 4096}})

REPORT = {"executable": "/usr/bin/python3",
          "libraries": {"numpy": "2.1.0", "zmq": "27.1.0"}, "threads": ["OMP", 1, True]}
MORE_FACTS = {"agent": 2**62 + 1, "replaces": 17, "free_threaded": True, "gil_module": "numpy.core", "report": REPORT}
good("HELLO of a worker that an agent started in another one's place", WORKER_SENDS,
     [1, "SPIT/1", "worker", {"pool": "text", **MORE_FACTS}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": {"pool": "text", **MORE_FACTS}})
good("HELLO of a worker with every fact there is", WORKER_SENDS,
     [1, "SPIT/1", "worker", {**WORKER_FACTS, **MORE_FACTS}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": {**WORKER_FACTS, **MORE_FACTS}})
good("HELLO of a worker with the longest report", WORKER_SENDS,
     [1, "SPIT/1", "worker", {"pool": "text", "report": {"k": "v" * 16378}}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": {"pool": "text", "report": {"k": "v" * 16378}}})
good("HELLO of a worker with an empty report", WORKER_SENDS, [1, "SPIT/1", "worker", {"pool": "text", "report": {}}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker", "facts": {"pool": "text"}}, canonical=False)

good("HELLO of a worker with a later field in a hold", WORKER_SENDS,
     [1, "SPIT/1", "worker", {"pool": "text", "holds": [[FENCE, 1, b"o", {"x": [1]}]]}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "worker",
      "facts": {"pool": "text", "holds": [[FENCE, 1, b"o"]]}}, canonical=False)

# HELLO of an agent
good("HELLO of an agent, only what is required", WORKER_SENDS, [1, "SPIT/1", "agent", {"agent": 1}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "agent", "facts": {"agent": 1}})
AGENT_FACTS = {"agent": 2**63 - 1, "name": "node7", "host": "node7", "pid": 4700,
               "pools": [["text", 4], ["numbers", 0]]}
good("HELLO of an agent with all facts", WORKER_SENDS, [1, "SPIT/1", "agent", AGENT_FACTS],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "agent", "facts": AGENT_FACTS})
good("HELLO of an agent with a later field in a pool and an unknown fact", WORKER_SENDS,
     [1, "SPIT/1", "agent", {"agent": 1, "cores": 2, "pools": [["text", 4, {"x": [1]}], ["p" * 64, 2**32 - 1, None]]}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "agent",
      "facts": {"agent": 1, "pools": [["text", 4], ["p" * 64, 2**32 - 1]]}}, canonical=False)
good("HELLO of an agent with the most pools", WORKER_SENDS,
     [1, "SPIT/1", "agent", {"agent": 1, "pools": [[f"p{i}", 1] for i in range(256)]}],
     {"verb": "HELLO", "protocol": "SPIT/1", "role": "agent",
      "facts": {"agent": 1, "pools": [[f"p{i}", 1] for i in range(256)]}})

# WELCOME, REFUSE, REHELLO
CLIENT_WELCOME = {"broker": "snakepitd 0.1.0", "epoch": 1700000000, "resumed": True, "heartbeat_ms": 5000,
                  "inline_max": 262144, "control_max": 8388608, "frame_max": 67108864, "attachments_max": 64}
good("WELCOME to a client", CLIENT_GETS, [2, 3, CLIENT_WELCOME],
     {"verb": "WELCOME", "session": 3, "facts": CLIENT_WELCOME})
good("WELCOME to a worker with the leases that are still open", WORKER_GETS,
     [2, 9, {**CLIENT_WELCOME, "leases": [FENCE]}],
     {"verb": "WELCOME", "session": 9, "facts": {**CLIENT_WELCOME, "leases": [FENCE]}})
good("WELCOME to a worker with the endpoint of the clients", WORKER_GETS,
     [2, 9, {**CLIENT_WELCOME, "clients": "tcp://127.0.0.1:5570"}],
     {"verb": "WELCOME", "session": 9, "facts": {**CLIENT_WELCOME, "clients": "tcp://127.0.0.1:5570"}})
good("REFUSE of a worker whose GIL is on", WORKER_GETS, [3, "gil_enabled", "the pool requires free threading"],
     {"verb": "REFUSE", "code": "gil_enabled", "message": "the pool requires free threading"})
good("WELCOME with largest numbers and unknown facts", WORKER_GETS,
     [2, U64_MAX, {"epoch": U64_MAX, "resumed": False, "colour": "green"}],
     {"verb": "WELCOME", "session": U64_MAX, "facts": {"epoch": U64_MAX}}, canonical=False)
good("REFUSE of another protocol version", CLIENT_GETS,
     [3, "unsupported", "this broker speaks SPIT/1", {"protocols": ["SPIT/1"]}],
     {"verb": "REFUSE", "code": "unsupported", "message": "this broker speaks SPIT/1",
      "details": {"protocols": ["SPIT/1"]}})
good("REFUSE when there are too many workers", WORKER_GETS, [3, "unavailable", "10000 workers are connected"],
     {"verb": "REFUSE", "code": "unavailable", "message": "10000 workers are connected"})
good("REHELLO to a client", CLIENT_GETS, [6], {"verb": "REHELLO"})
good("REHELLO to a worker", WORKER_GETS, [6], {"verb": "REHELLO"})

# HEARTBEAT, BYE
good("HEARTBEAT, the short form, from the broker", CLIENT_GETS, [4], {"verb": "HEARTBEAT"})
good("HEARTBEAT to a worker", WORKER_GETS, [4], {"verb": "HEARTBEAT"})
good("HEARTBEAT of a client", CLIENT_SENDS, [4], {"verb": "HEARTBEAT"})
BEAT = {"rss_bytes": 52428800, "cpu_us": 1234567, "tasks_done": 99, "running": [FENCE], "gil_enabled": False}
good("HEARTBEAT of a worker with all facts", WORKER_SENDS, [4, BEAT], {"verb": "HEARTBEAT", "facts": BEAT})
good("HEARTBEAT of a worker whose GIL came on later", WORKER_SENDS,
     [4, {"gil_enabled": True, "gil_module": "lxml.etree", "report": {"n": 1}}],
     {"verb": "HEARTBEAT", "facts": {"gil_enabled": True, "gil_module": "lxml.etree", "report": {"n": 1}}})
good("HEARTBEAT of a worker that runs nothing", WORKER_SENDS, [4, {"running": [], "gil_enabled": True}],
     {"verb": "HEARTBEAT", "facts": {"running": [], "gil_enabled": True}})
good("HEARTBEAT with unknown facts and a later field", WORKER_SENDS, [4, {"load": 0.5}, "later"],
     {"verb": "HEARTBEAT", "facts": {}}, canonical=False)
good("BYE", CLIENT_SENDS, [5], {"verb": "BYE"})
good("BYE with a reason", WORKER_SENDS, [5, "drained"], {"verb": "BYE", "reason": "drained"})
good("BYE with an empty reason", WORKER_SENDS, [5, ""], {"verb": "BYE"}, canonical=False)

# SUBMIT: ids, pools, functions, payloads
good("SUBMIT, the smallest", CLIENT_SENDS, [8, 1, "text", "f", b"\x90"], submit())
good("SUBMIT with id 0 and an empty payload", CLIENT_SENDS, [8, 0, "text", "f", b""], submit(id=0, payload=b""))
good("SUBMIT with the largest numeric id", CLIENT_SENDS, [8, U64_MAX, "text", "f", b"\x90"], submit(id=U64_MAX))
for bits in (7, 8, 16, 32):
    good(f"SUBMIT with id 2^{bits}, the first that needs the next form", CLIENT_SENDS,
         [8, 2**bits, "text", "f", b"\x90"], submit(id=2**bits))
good("SUBMIT with an id of 1 byte", CLIENT_SENDS, [8, b"\x00", "text", "f", b"\x90"], submit(id=b"\x00"))
good("SUBMIT with an id of 16 bytes", CLIENT_SENDS, [8, INSTANCE, "text", "f", b"\x90"], submit(id=INSTANCE))
good("SUBMIT with an id sent as str is the same id as bytes", CLIENT_SENDS, [8, "job-7", "text", "f", b"\x90"],
     submit(id=b"job-7"), canonical=False)
good("SUBMIT to the broker itself", CLIENT_SENDS, [8, 1, "$snakepit", "ping", b"\x90"],
     submit(pool="$snakepit", function="ping"))
good("SUBMIT to the default pool", CLIENT_SENDS, [8, 1, "", "f", b"\x90"], submit(pool=""))
good("SUBMIT with the longest names", CLIENT_SENDS, [8, 1, "p" * 64, "f" * 255, b"\x90"],
     submit(pool="p" * 64, function="f" * 255))
good("SUBMIT with every kind of character that a name may have", CLIENT_SENDS, [8, 1, "AZaz09_.-", "f", b"\x90"],
     submit(pool="AZaz09_.-"))
good("SUBMIT with a function that is UTF-8", CLIENT_SENDS, [8, 1, "text", "zähle_wörter", b"\x90"],
     submit(function="zähle_wörter"))
good("SUBMIT with a function that is not UTF-8 is passed on unread", CLIENT_SENDS,
     [8, 1, "text", Raw(b"\xa2\xff\xfe"), b"\x90"], submit(function=b"\xff\xfe"))
good("SUBMIT with 64 bytes", CLIENT_SENDS, [8, 1, "text", "f", bytes(range(64))], submit(payload=bytes(range(64))))
good("SUBMIT with 256 bytes, a bin of the next form", CLIENT_SENDS, [8, 1, "text", "f", b"x" * 256],
     submit(payload=b"x" * 256))
good("SUBMIT with the largest inline payload", CLIENT_SENDS, [8, 1, "text", "f", b"x" * 262144],
     submit(payload=b"x" * 262144))
good("SUBMIT with one attachment", CLIENT_SENDS, [8, 1, "text", "f", 1], submit(payload={"frames": 1}),
     attachments=[b"\x91\x91\xa1x"])
good("SUBMIT with the most attachments", CLIENT_SENDS, [8, 1, "text", "f", 64], submit(payload={"frames": 64}),
     attachments=[bytes([i]) for i in range(64)])
good("SUBMIT with an empty attachment", CLIENT_SENDS, [8, 1, "text", "f", 2], submit(payload={"frames": 2}),
     attachments=[b"\x90", b""])
good("SUBMIT of a REQ socket", CLIENT_SENDS, [8, 1, "text", "count_words", pack([["to be or not to be"]])],
     submit(function="count_words", payload=pack([["to be or not to be"]])), delimiter=True)
good("SUBMIT in the widest forms of every type", CLIENT_SENDS,
     Raw(b"\xdd\0\0\0\x06" b"\xcf\0\0\0\0\0\0\0\x08" b"\xcf\0\0\0\0\0\0\0\x01" b"\xdb\0\0\0\x04text"
         b"\xdb\0\0\0\x01f" b"\xc6\0\0\0\x01\x90" b"\xdf\0\0\0\x01" b"\xdb\0\0\0\x08priority" b"\xce\0\0\0\x09"),
     submit(options={"priority": 9}), canonical=False)
good("SUBMIT with numbers in signed forms", CLIENT_SENDS,
     Raw(b"\x95\xd0\x08\xd3\0\0\0\0\0\0\0\x01\xa4text\xa1f\xd1\0\x02"), submit(payload={"frames": 2}),
     canonical=False, attachments=[b"\x90", b""])
good("SUBMIT with fields of a later version", CLIENT_SENDS, [8, 1, "text", "f", b"\x90", {}, None, {"x": [1]}, 2.5],
     submit(), canonical=False)

# SUBMIT: options
submit_with("with priority 0", {"priority": 0})
submit_with("with priority 9", {"priority": 9})
submit_with("with a delay", {"delay_ms": 1500})
submit_with("with the longest delay", {"delay_ms": TEN_YEARS_MS})
submit_with("with a deadline", {"deadline_ms": 30000})
submit_with("with a deadline of nothing is not one without", {"deadline_ms": 0})
submit_with("with the longest deadline", {"deadline_ms": TEN_YEARS_MS})
submit_with("with one attempt, lost at most once", {"max_attempts": 1, "on_loss": "lost"})
submit_with("with most attempts", {"max_attempts": 1000})
submit_with("with ack, stream and info", {"ack": True, "stream": True, "info": True})
submit_with("with progress", {"progress": True})
submit_with("with a content type", {"content_type": "json"})
submit_with("with the longest content type", {"content_type": "c" * 32})
submit_with("with headers", {"headers": {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}})
submit_with("with the longest headers", {"headers": {"k": "v" * 4090}})
ALL_OPTIONS = {"priority": 1, "delay_ms": 2, "deadline_ms": 3, "max_attempts": 4, "on_loss": "lost", "ack": True,
               "stream": True, "progress": True, "info": True, "content_type": "pickle5",
               "headers": {"a": "b", "c": ""}, "retries": 5, "retry_on": ["ValueError", "app.errors.Odd"],
               "backoff_ms": 6, "kills_max": 7, "dedup_key": "order-17", "dedup_ms": 8, "group": "g", "fair_key": "k",
               "session": "s", "session_mode": "strict_queue", "run_ms": 9, "credit": 10, "again": True}
submit_with("with no retries, which is not the default", {"retries": 0, "backoff_ms": 0, "dedup_ms": 0})
submit_with("with the longest keys", {"retry_on": ["E" * 128] * 16, "dedup_key": "d" * 128, "group": "g" * 64,
                                      "fair_key": "f" * 64, "session": "s" * 64, "session_mode": "strict_fail_fast"})
submit_with("with the largest numbers of retries, kills and credit",
            {"retries": 1000, "backoff_ms": TEN_YEARS_MS, "kills_max": 1000, "run_ms": TEN_YEARS_MS, "credit": 1000000})
submit_with("with fifteen options", dict(list(ALL_OPTIONS.items())[:15]))
submit_with("with every option", ALL_OPTIONS)
submit_with("with every option, in the other order", dict(reversed(ALL_OPTIONS.items())), ALL_OPTIONS, canonical=False)
DEFAULTS = {"priority": 5, "delay_ms": 0, "on_loss": "requeue", "ack": False, "stream": False, "progress": False,
            "info": False, "content_type": "msgpack", "headers": {}, "retry_on": [], "session_mode": "hint",
            "again": False}
good("SUBMIT with every default said", CLIENT_SENDS, [8, 1, "text", "f", b"\x90", DEFAULTS], submit(), canonical=False)

# ACCEPTED, CANCEL, SEEN
good("ACCEPTED", CLIENT_GETS, [9, 1, 1001], {"verb": "ACCEPTED", "id": 1, "task": 1001})
good("ACCEPTED with an id of bytes", CLIENT_GETS, [9, b"job-7", U64_MAX],
     {"verb": "ACCEPTED", "id": b"job-7", "task": U64_MAX})
good("CANCEL of a client", CLIENT_SENDS, [10, 1], {"verb": "CANCEL", "ref": 1})
good("CANCEL with an id of bytes", CLIENT_SENDS, [10, INSTANCE], {"verb": "CANCEL", "ref": INSTANCE})
good("CANCEL to a worker names the fence", WORKER_GETS, [10, FENCE], {"verb": "CANCEL", "ref": FENCE})
good("CANCEL of a client with a later field", CLIENT_SENDS, [10, 1, 5], {"verb": "CANCEL", "ref": 1}, canonical=False)
good("CANCEL to a worker that raises", WORKER_GETS, [10, FENCE, {"raise": True}],
     {"verb": "CANCEL", "ref": FENCE, "facts": {"raise": True}})
good("CANCEL to a worker with the default said", WORKER_GETS, [10, FENCE, {"raise": False, "x": 1}],
     {"verb": "CANCEL", "ref": FENCE}, canonical=False)
good("CREDIT of a client", CLIENT_SENDS, [15, b"job-7", 64], {"verb": "CREDIT", "ref": b"job-7", "count": 64})
good("CREDIT of a client for its second attempt", CLIENT_SENDS, [15, b"job-7", 64, {"attempt": 2}],
     {"verb": "CREDIT", "ref": b"job-7", "count": 64, "facts": {"attempt": 2}})
good("CREDIT to a worker", WORKER_GETS, [15, FENCE, U64_MAX], {"verb": "CREDIT", "ref": FENCE, "count": U64_MAX})
good("SEEN", CLIENT_SENDS, [14, 1000], {"verb": "SEEN", "count": 1000})

# RESULT
good("RESULT to a client", CLIENT_GETS, [11, 1, b"\x06"], {"verb": "RESULT", "ref": 1, "payload": b"\x06"})
good("RESULT of a worker", WORKER_SENDS, [11, FENCE, b"\x06"], {"verb": "RESULT", "ref": FENCE, "payload": b"\x06"})
INFO = {"content_type": "raw", "attempt": 2, "chunks": 3, "worker": 9, "queue_us": 150, "run_us": 1200}
good("RESULT with all of info", CLIENT_GETS, [11, b"job-7", b"\x06", INFO],
     {"verb": "RESULT", "ref": b"job-7", "payload": b"\x06", "info": INFO})
good("RESULT with times of zero", CLIENT_GETS, [11, 1, b"", {"worker": 0, "queue_us": 0, "run_us": 0}],
     {"verb": "RESULT", "ref": 1, "payload": b"", "info": {"worker": 0, "queue_us": 0, "run_us": 0}})
good("RESULT with attachments and another content type", WORKER_SENDS, [11, FENCE, 2, {"content_type": "pickle5"}],
     {"verb": "RESULT", "ref": FENCE, "payload": {"frames": 2}, "info": {"content_type": "pickle5"}},
     attachments=[b"body", b"buffer"])
good("RESULT from a broker that allows more inline", CLIENT_GETS, [11, 1, b"y" * 300000],
     {"verb": "RESULT", "ref": 1, "payload": b"y" * 300000})
good("RESULT with empty info and unknown keys", CLIENT_GETS, [11, 1, b"\x06", {"mood": "good", "attempt": 1}],
     {"verb": "RESULT", "ref": 1, "payload": b"\x06", "info": {"attempt": 1}}, canonical=False)
good("RESULT to a REQ socket", CLIENT_GETS, [11, 1, b"\x06"], {"verb": "RESULT", "ref": 1, "payload": b"\x06"},
     delimiter=True)

# ERROR
FAILED = {"type": "ValueError", "traceback": "Traceback (most recent call last):\n  ...\nValueError: no", "attempt": 2}
good("ERROR failed", CLIENT_GETS, [12, 1, "failed", "no", FAILED],
     {"verb": "ERROR", "ref": 1, "code": "failed", "message": "no", "details": FAILED})
good("ERROR failed of a worker", WORKER_SENDS, [12, FENCE, "failed", "no", {"type": "ValueError", "traceback": "T"}],
     {"verb": "ERROR", "ref": FENCE, "code": "failed", "message": "no",
      "details": {"type": "ValueError", "traceback": "T"}})
for code in ("no_such_function", "bad_payload", "cancelled"):
    good(f"ERROR {code} of a worker", WORKER_SENDS, [12, FENCE, code, "why"],
         {"verb": "ERROR", "ref": FENCE, "code": code, "message": "why"})
for code in ("cancelled", "expired", "dead", "lost", "draining", "shutdown", "no_such_pool", "pool_failed",
             "session_lost", "timed_out", "not_found", "internal"):
    good(f"ERROR {code}", CLIENT_GETS, [12, 1, code, "why"],
         {"verb": "ERROR", "ref": 1, "code": code, "message": "why"})
good("ERROR busy", CLIENT_GETS,
     [12, b"job-7", "busy", "the queue is full", {"retry_after_ms": 100, "limit": "queued_max"}],
     {"verb": "ERROR", "ref": b"job-7", "code": "busy", "message": "the queue is full",
      "details": {"retry_after_ms": 100, "limit": "queued_max"}})
for code in ("session_busy", "circuit_open"):
    good(f"ERROR {code}", CLIENT_GETS, [12, 1, code, "why", {"retry_after_ms": 250}],
         {"verb": "ERROR", "ref": 1, "code": code, "message": "why", "details": {"retry_after_ms": 250}})
good("ERROR too_large", CLIENT_GETS, [12, 1, "too_large", "too large", {"limit": "inline_max", "limit_bytes": 262144}],
     {"verb": "ERROR", "ref": 1, "code": "too_large", "message": "too large",
      "details": {"limit": "inline_max", "limit_bytes": 262144}})
good("ERROR too_late", CLIENT_GETS, [12, 1, "too_late", "it is final", {"final": "ok"}],
     {"verb": "ERROR", "ref": 1, "code": "too_late", "message": "it is final", "details": {"final": "ok"}})
good("ERROR bad_message about no task", CLIENT_GETS, [12, None, "bad_message", "cut short", {"offset": 0}],
     {"verb": "ERROR", "ref": None, "code": "bad_message", "message": "cut short", "details": {"offset": 0}})
good("ERROR bad_field", CLIENT_GETS, [12, 1, "bad_field", "out of range", {"field": "priority", "offset": 30}],
     {"verb": "ERROR", "ref": 1, "code": "bad_field", "message": "out of range",
      "details": {"field": "priority", "offset": 30}})
good("ERROR unknown_verb to a worker", WORKER_GETS, [12, None, "unknown_verb", "verb 99"],
     {"verb": "ERROR", "ref": None, "code": "unknown_verb", "message": "verb 99"})
good("ERROR stale", WORKER_GETS, [12, FENCE, "stale", ""],
     {"verb": "ERROR", "ref": FENCE, "code": "stale"})
good("ERROR without a message", WORKER_SENDS, [12, FENCE, "failed"],
     {"verb": "ERROR", "ref": FENCE, "code": "failed"}, canonical=False)
good("ERROR with the longest texts", WORKER_SENDS,
     [12, FENCE, "failed", "m" * 4096, {"type": "t" * 128, "traceback": "b" * 16384}],
     {"verb": "ERROR", "ref": FENCE, "code": "failed", "message": "m" * 4096,
      "details": {"type": "t" * 128, "traceback": "b" * 16384}})

# CHUNK
good("CHUNK of a worker", WORKER_SENDS, [13, FENCE, 1, b"\x01"],
     {"verb": "CHUNK", "ref": FENCE, "seq": 1, "payload": b"\x01"})
good("CHUNK to a client with attachments", CLIENT_GETS, [13, b"job-7", U64_MAX, 1, {"content_type": "raw"}],
     {"verb": "CHUNK", "ref": b"job-7", "seq": U64_MAX, "payload": {"frames": 1}, "info": {"content_type": "raw"}},
     attachments=[b"part"])
good("CHUNK that is progress", WORKER_SENDS, [13, FENCE, 1, b"\x93\x01\x02\xa0", {"content_type": "progress"}],
     {"verb": "CHUNK", "ref": FENCE, "seq": 1, "payload": b"\x93\x01\x02\xa0", "info": {"content_type": "progress"}})

# Worker's commands
TASK = {"verb": "TASK", "fence": FENCE, "attempt": 1, "function": "f", "payload": b"\x90"}
good("TASK", WORKER_GETS, [16, FENCE, 1, "f", b"\x90"], TASK)
TASK_OPTIONS = {"content_type": "json", "headers": {"traceparent": "00"}, "stream": True, "progress": True,
                "deadline_ms": 250, "origin": bytes(range(48)), "session": "s" * 64, "credit": 1000000, "run_ms": 9}
good("TASK with every option", WORKER_GETS, [16, FENCE, 2, "f", b"[]", TASK_OPTIONS],
     {**TASK, "attempt": 2, "payload": b"[]", "options": TASK_OPTIONS})
good("TASK with progress", WORKER_GETS, [16, FENCE, 1, "f", b"\x90", {"progress": True}],
     {**TASK, "options": {"progress": True}})
good("TASK with attachments", WORKER_GETS, [16, FENCE, 2**32 - 1, "f", 2],
     {**TASK, "attempt": 2**32 - 1, "payload": {"frames": 2}}, attachments=[b"\x90", b"buffer"])
good("TASK with an option of a later version", WORKER_GETS, [16, FENCE, 1, "f", b"\x90", {"cpu": 3, "stream": False}],
     TASK, canonical=False)
good("STARTED", WORKER_SENDS, [17, FENCE], {"verb": "STARTED", "fence": FENCE})
good("RECALL", WORKER_GETS, [18, FENCE], {"verb": "RECALL", "fence": FENCE})
good("NACK", WORKER_SENDS, [19, FENCE], {"verb": "NACK", "fence": FENCE})
good("NACK with a reason", WORKER_SENDS, [19, U64_MAX, "recalled"],
     {"verb": "NACK", "fence": U64_MAX, "reason": "recalled"})
good("DRAINING", WORKER_SENDS, [20], {"verb": "DRAINING"})
good("STOP", WORKER_GETS, [21], {"verb": "STOP"})
good("STOP with facts", WORKER_GETS, [21, {"reason": "shutdown", "grace_ms": 30000}],
     {"verb": "STOP", "facts": {"reason": "shutdown", "grace_ms": 30000}})

# Agents and telemetry
good("REPLACE", WORKER_GETS, [24, 9, 4711, "text"], {"verb": "REPLACE", "session": 9, "pid": 4711, "pool": "text"})
good("REPLACE with facts", WORKER_GETS, [24, U64_MAX, 4711, "text", {"reason": "memory", "first": True}],
     {"verb": "REPLACE", "session": U64_MAX, "pid": 4711, "pool": "text", "facts": {"reason": "memory", "first": True}})
good("RETIRE", WORKER_GETS, [25, 4711], {"verb": "RETIRE", "pid": 4711})
good("RETIRE with facts", WORKER_GETS, [25, 4711, {"kill": True, "grace_ms": 5000, "reason": "stalled"}],
     {"verb": "RETIRE", "pid": 4711, "facts": {"kill": True, "grace_ms": 5000, "reason": "stalled"}})
good("PROCESSES", WORKER_SENDS, [26, [[4711, 52428800, 1234567], [4712, 0, 0]]],
     {"verb": "PROCESSES", "processes": [[4711, 52428800, 1234567], [4712, 0, 0]]})
good("PROCESSES of an agent without workers", WORKER_SENDS, [26, []], {"verb": "PROCESSES", "processes": []})
good("PROCESSES with later fields", WORKER_SENDS, [26, [[1, 2, 3, 4, {"x": 5}], [U64_MAX, U64_MAX, U64_MAX]]],
     {"verb": "PROCESSES", "processes": [[1, 2, 3], [U64_MAX, U64_MAX, U64_MAX]]}, canonical=False)
good("PROCESSES with the most workers", WORKER_SENDS, [26, [[i, 0, 0] for i in range(4096)]],
     {"verb": "PROCESSES", "processes": [[i, 0, 0] for i in range(4096)]})
good("EXITED", WORKER_SENDS, [27, "text", 4711], {"verb": "EXITED", "pool": "text", "pid": 4711})
for cause in ("signal", "oom", "start_failed", "no_memory"):
    good(f"EXITED because of {cause}", WORKER_SENDS,
         [27, "text", 0, {"cause": cause, "status": 9, "replaces": 17, "text": "ImportError: no"}],
         {"verb": "EXITED", "pool": "text", "pid": 0,
          "facts": {"cause": cause, "status": 9, "replaces": 17, "text": "ImportError: no"}})
good("EXITED with its default said", WORKER_SENDS, [27, "text", 1, {"cause": "exit", "status": 3}],
     {"verb": "EXITED", "pool": "text", "pid": 1, "facts": {"status": 3}}, canonical=False)
good("POOL", WORKER_SENDS, [28, "text"], {"verb": "POOL", "pool": "text"})
good("POOL that failed", WORKER_SENDS,
     [28, "text", {"state": "failed", "wanted": 4, "reason": "5 starts failed in 60 s"}],
     {"verb": "POOL", "pool": "text", "facts": {"state": "failed", "wanted": 4, "reason": "5 starts failed in 60 s"}})
good("POOL with a changed configuration and no worker wanted", WORKER_SENDS,
     [28, "text", {"wanted": 0, "changed": True}],
     {"verb": "POOL", "pool": "text", "facts": {"wanted": 0, "changed": True}})
good("EVENT", WORKER_SENDS, [29, "app.epoch"], {"verb": "EVENT", "name": "app.epoch"})
good("EVENT with fields", WORKER_SENDS, [29, "app.epoch.done", {"loss": 3, "tags": ["a", {"b": True}]}],
     {"verb": "EVENT", "name": "app.epoch.done", "fields": {"loss": 3, "tags": ["a", {"b": True}]}})
good("EVENT with the most fields", WORKER_SENDS, [29, "app." + "e" * 60, {"k": "v" * 8186}],
     {"verb": "EVENT", "name": "app." + "e" * 60, "fields": {"k": "v" * 8186}})

# The deepest nesting: the command is 1, so what lies in it may have 15
def nested(depth):
    """An array in an array, `depth` of them."""
    return Raw(b"\x91" * (depth - 1) + b"\x90")


def described_nest(depth):
    """The same as it is understood."""
    return [] if depth == 1 else [described_nest(depth - 1)]


good("a later field with the deepest nesting", WORKER_SENDS, [4, {}, nested(15)],
     {"verb": "HEARTBEAT", "facts": {}}, canonical=False)
good("a report with the deepest nesting", WORKER_SENDS, [4, {"report": {"x": nested(13)}}],
     {"verb": "HEARTBEAT", "facts": {"report": {"x": described_nest(13)}}})
good("an unknown fact with the deepest nesting", WORKER_SENDS, [4, {"x": nested(14)}],
     {"verb": "HEARTBEAT", "facts": {}}, canonical=False)

# Batches
batch("HELLO and SUBMIT in one message", CLIENT_SENDS,
      [([1, "SPIT/1", "client", {"instance": INSTANCE}],
        {"verb": "HELLO", "protocol": "SPIT/1", "role": "client", "facts": {"instance": INSTANCE}}),
       ([8, 1, "text", "count_words", pack([["to be"]])],
        submit(function="count_words", payload=pack([["to be"]])))])
batch("two SUBMITs in one message", CLIENT_SENDS,
      [([8, 1, "text", "f", b"\x90"], submit()), ([8, 2, "text", "f", b"\x90"], submit(id=2))])
batch("a hundred SUBMITs in one message", CLIENT_SENDS,
      [([8, i, "numbers", "square", pack([[i]])],
        submit(id=i, pool="numbers", function="square", payload=pack([[i]]))) for i in range(100)])
batch("three SUBMITs own their attachments in order", CLIENT_SENDS,
      [([8, 1, "text", "f", 2], submit(payload={"frames": 2})), ([8, 2, "text", "f", b"\x90"], submit(id=2)),
       ([8, 3, "text", "f", 1], submit(id=3, payload={"frames": 1}))], attachments=[b"1 body", b"1 buffer", b"3 body"])
batch("SEEN goes out with the next SUBMIT", CLIENT_SENDS,
      [([14, 7], {"verb": "SEEN", "count": 7}), ([8, 1, "text", "f", b"\x90"], submit())])
batch("WELCOME, ACCEPTED and RESULT for a client", CLIENT_GETS,
      [([2, 3], {"verb": "WELCOME", "session": 3}), ([9, 1, 1001], {"verb": "ACCEPTED", "id": 1, "task": 1001}),
       ([11, 1, b"\x06"], {"verb": "RESULT", "ref": 1, "payload": b"\x06"})])
batch("a worker answers two tasks and beats", WORKER_SENDS,
      [([11, FENCE, b"\x06"], {"verb": "RESULT", "ref": FENCE, "payload": b"\x06"}),
       ([12, FENCE + 1, "failed", "no"], {"verb": "ERROR", "ref": FENCE + 1, "code": "failed", "message": "no"}),
       ([4], {"verb": "HEARTBEAT"})])
batch("tasks, a recall and a heartbeat for a worker", WORKER_GETS,
      [([16, FENCE, 1, "f", b"\x90"], TASK), ([16, FENCE + 1, 1, "f", 1],
                                             {**TASK, "fence": FENCE + 1, "payload": {"frames": 1}}),
       ([18, FENCE], {"verb": "RECALL", "fence": FENCE}), ([4], {"verb": "HEARTBEAT"})], attachments=[b"\x90"])
batch("an unknown key that is there twice is passed over twice", WORKER_SENDS,
      [([4, Pairs([("load", 1), ("load", 2)])], {"verb": "HEARTBEAT", "facts": {}})], canonical=False)
