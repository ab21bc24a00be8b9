"""The client of docs/protocol.md, section 9: five lines of REQ, no library."""

import re
from pathlib import Path

import msgpack

from broker_process import BrokerProcess
from raw_peer import ERROR, RESULT, TASK, RawWorker

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"


def five_lines():
    """The program as it stands in the text."""
    section = PROTOCOL.read_text().split("## 9. ")[1]
    return re.search(r"```python\n(.*?)```", section, re.S).group(1)


def run_client(endpoint, answer):
    """Run the five lines against `endpoint`, with a worker's part between the send and the receive."""
    program = five_lines().replace("tcp://127.0.0.1:5570", endpoint)
    sending, receiving = program.split("verb, task_id, *rest =")
    said = []
    scope = {"print": said.append}
    exec(sending, scope)
    answer()
    exec("verb, task_id, *rest =" + receiving, scope)
    scope["sock"].close(linger=0)
    return said[0]


def test_the_five_line_client_gets_its_result(folder):
    with BrokerProcess(folder, pools=("text",)) as broker, RawWorker(broker.workers) as worker:
        worker.hello(pool="text")

        def answer():
            task = worker.expect(TASK)
            assert task[3] == "count_words"
            args = msgpack.unpackb(task[4])[0]
            worker.send([RESULT, task[1], msgpack.packb(len(args[0].split()))])

        assert run_client(broker.clients, answer) == 6


def test_the_five_line_client_gets_an_error_as_it_is(folder):
    with BrokerProcess(folder, pools=("text",)) as broker, RawWorker(broker.workers) as worker:
        worker.hello(pool="text")

        def answer():
            task = worker.expect(TASK)
            worker.send([ERROR, task[1], "failed", "no words", {"type": "ValueError"}])

        code, message, details = run_client(broker.clients, answer)
        assert (code, message, details["type"]) == ("failed", "no words", "ValueError")
