"""The floors of the house as tables. Only data: what may include what, and allowed exceptions with reasons."""

# A module is a path without its suffix; its floor is the first entry that matches. A file includes from its own floor
# (without a circle) and from below, never from above. The last entries are what a folder's unnamed modules get.
FLOORS = [
    ("wire/body", 0),
    ("wire/stock", 0),
    ("wire/err", 0),
    ("wire/message", 0),
    ("wire/text", 0),
    ("broker/core/heap", 0),
    ("broker/core/hash", 0),
    ("broker/core/label", 0),
    ("broker/core/pool_settings", 0),
    ("broker/core/schedule_settings", 0),
    ("broker/core/lifecycle", 0),
    ("broker/core/lease", 1),
    ("broker/core/orphan", 1),
    ("broker/core/agent", 1),
    ("broker/core/recycle", 1),
    ("wire/", 1),
    ("broker/core/attempts", 0),
    ("broker/core/task_extra", 0),
    ("broker/core/task", 1),
    ("broker/core/worker", 1),
    ("broker/core/client", 1),
    ("broker/core/event", 2),
    ("broker/core/outbox", 2),
    ("broker/core/broker", 4),
    *((f"broker/core/broker_{part}", 4) for part in
      "state reply client submit dispatch final worker answer operator inspect check load pools say explain "
      "lifecycle agent hello lifespan recycle replace circuit dedup offer schedule order ladder stream running "
      "adopt quarantine retry dead patience ahead".split()),
    ("broker/core/", 3),
    ("broker/io/log", 4),
    ("broker/io/clock", 4),
    ("broker/io/loop", 6),
    ("broker/io/agent_process", 6),
    ("broker/io/reload", 6),
    ("broker/io/", 5),
    ("broker/main", 7),
    ("agent/main", 7),
    ("agent/", 6),
    ("client/include/", 4),
    ("client/lib/", 5),
    ("client/", 7),
    ("bench/", 8),
    ("tests/", 8),
]

# C11's own headers, and those of POSIX and Linux that programs may use.
C_LIBRARY = """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg
    stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath time uchar wchar wctype""".split()
C_LIBRARY = {name + ".h" for name in C_LIBRARY}
# What the pure parts may use of it: no input, no output, no clock, no signals, no threads.
PURE_LIBRARY = {name + ".h" for name in "assert inttypes limits stdalign stdbool stddef stdint stdlib string".split()}
SYSTEM = """argp arpa/inet dirent fcntl getopt glob grp libgen limits.h linux/ malloc netdb netinet/ poll pthread pwd
    sched spawn strings sys/ sysexits syslog termios unistd""".split()
SYSTEM = tuple(name if name.endswith(("/", ".h")) else name + ".h" for name in SYSTEM)

# Folder (the longest prefix wins) -> (project paths that it may include, library headers that it may include).
# A project path that ends in "/" is a whole folder. Library headers: exact, or a prefix that ends in "/".
UTHASH = {"uthash.h", "utlist.h"}
PROGRAM = C_LIBRARY | set(SYSTEM) | UTHASH
FOLDERS = {
    "wire/": (["wire/"], C_LIBRARY | {"msgpack.h", "msgpack/"}),
    "wire/body": (["wire/body.h", "wire/stock.h"], PURE_LIBRARY),
    "wire/stock": (["wire/stock.h"], PURE_LIBRARY),
    "wire/err": (["wire/err.h"], PURE_LIBRARY),
    "wire/message": (["wire/message.h", "wire/body.h", "wire/err.h"], PURE_LIBRARY),
    "wire/text": (["wire/text.h", "wire/message.h"], PURE_LIBRARY),
    "broker/core/": (["broker/core/", "wire/message.h", "wire/body.h", "wire/err.h", "wire/stock.h", "wire/text.h"],
                     PURE_LIBRARY | UTHASH),
    "broker/io/": (["broker/io/", "broker/core/broker.h", "broker/core/event.h", "broker/core/outbox.h", "wire/"],
                   PROGRAM | {"zmq.h"}),
    "broker/io/config": (["broker/io/", "broker/core/broker.h", "wire/"], PROGRAM | {"libconfig.h"}),
    "broker/io/event": (["broker/io/", "broker/core/outbox.h", "wire/"], PROGRAM | {"zmq.h"}),
    "broker/": (["broker/", "wire/"], PROGRAM | {"zmq.h"}),
    "agent/": (["agent/", "broker/io/config.h", "broker/io/log.h", "broker/io/clock.h", "wire/"], PROGRAM),
    "agent/link": (["agent/", "wire/"], PROGRAM | {"zmq.h"}),
    "client/include/": (["client/include/"], C_LIBRARY),
    "client/lib/": (["client/include/", "client/lib/", "wire/"], PROGRAM | {"zmq.h"}),
    "client/cli/": (["client/include/", "client/cli/", "wire/"], PROGRAM | {"zmq.h", "jansson.h"}),
    # The doctor reads the configuration of the broker, and asks libzmq what it is.
    "client/cli/doctor": (["client/include/", "client/cli/", "wire/", "broker/io/config.h",
                           "broker/io/config_endpoint.h", "broker/io/clock.h"], PROGRAM | {"zmq.h", "jansson.h"}),
    "client/cli/child": (["client/cli/child.h", "wire/err.h", "broker/io/clock.h"], PROGRAM),
    "client/examples/": (["client/include/"], C_LIBRARY | set(SYSTEM) | {"snakepit.h"}),
}
# bench and tests may include anything; the compiler is their only limit.
FREE_FOLDERS = ("bench/", "tests/")

# What the core library may leave undefined: memory, string and assert functions of the C library, and what compilers
# add for themselves. Everything else must be defined in the core or in wire's modules below.
PURE_SYMBOLS = set("""malloc calloc realloc free abort __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    memcpy memmove memset memcmp memchr strlen strcmp strncmp strchr strnlen snprintf __snprintf_chk
    __memcpy_chk __memset_chk __memmove_chk""".split())
COMPILER_PREFIXES = ("__asan_", "__ubsan_", "__sanitizer_", "__gcov_", "__llvm_", "__sancov_")
PURE_WIRE_OBJECTS = ("body.c.o", "stock.c.o", "err.c.o", "message.c.o", "text.c.o", "fences.c.o", "records.c.o",
                     "reader.c.o")

FILE_LINES_MAX = 500
FUNCTION_LINES_WANTED = 40
FUNCTION_LINES_MAX = 80
LONG_SHARE_MAX = 0.06
UNMEASURED = ("tests/", "bench/", "worker_python/tests/")

# Functions that may be longer than 40 lines: "path:function" -> why. Each must still exist and be long.
LONG_FUNCTIONS = {
    "broker/io/report_explain.c:say_cause": "one flat switch: a sentence for each cause",
    "wire/keys_decode.c:take_value": "one flat switch: a line or two for each kind of value",
    "wire/keys_encode.c:write_value": "one flat switch: a line or two for each kind of value",
}

# Python modules of worker_python/src/snakepit: the one that may import zmq, and those that are pure.
PYTHON_PACKAGE = "worker_python/src/snakepit"
PYTHON_ZMQ = {"dealer"}
PYTHON_PURE = {"app", "task", "message", "wire", "encode", "decode", "fields", "options", "errors", "convert", "values",
               "arrays", "progress", "admin", "caller", "session", "client_session", "worker_session"}
PYTHON_IO_IMPORTS = {"zmq", "socket", "select", "selectors", "asyncio", "threading", "multiprocessing", "subprocess"}
