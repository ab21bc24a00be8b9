"""Fixtures of the end-to-end tests: a broker on ipc, or the same test over both transports."""

import pytest

from broker_process import BrokerProcess


@pytest.fixture
def folder(tmp_path_factory):
    # Short: an ipc path may have 107 bytes only.
    return tmp_path_factory.mktemp("pit")


@pytest.fixture
def broker(folder):
    with BrokerProcess(folder) as process:
        yield process


@pytest.fixture(params=["tcp", "ipc"])
def any_broker(request, folder):
    """The same test over both transports."""
    with BrokerProcess(folder, transport=request.param) as process:
        yield process


@pytest.fixture
def tcp_broker(folder):
    with BrokerProcess(folder, transport="tcp") as process:
        yield process
