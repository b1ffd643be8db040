"""The queue in a folder never shows half a message."""

import json
from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError

from invoicing_site import broker


@pytest.fixture
def connection(tmp_path):
    broker.use()
    options = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path / "control"),
    }
    with Connection("filesystem://localhost", transport_options=options) as made:
        yield made


def test_what_is_put_is_got_in_order(connection):
    queue = connection.SimpleQueue("provider")

    for n in range(3):
        queue.put({"n": n})

    got = [queue.get(timeout=1) for _ in range(3)]
    assert [message.payload for message in got] == [{"n": 0}, {"n": 1}, {"n": 2}]


class Looker:
    """Looks into the folder at the moment it is written down."""

    def __init__(self, folder):
        self.folder = folder

    def __json__(self):
        return sorted(path.name for path in self.folder.glob("*.msg"))


def test_message_has_its_name_only_when_it_is_whole(connection, tmp_path):
    """Kombu's own opens the file first: a worker that takes it then finds nothing in it."""
    connection.channel()._put("provider", {"seen": Looker(tmp_path)})

    (kept,) = tmp_path.iterdir()
    assert kept.name.endswith(".provider.msg")
    assert json.loads(kept.read_text()) == {"seen": []}


def test_folder_that_is_gone_is_an_error_of_the_channel(connection, tmp_path):
    channel = connection.channel()
    channel.connection.client.transport_options["data_folder_out"] = str(tmp_path / "gone")

    with pytest.raises(ChannelError, match="gone"):
        channel._put("provider", {})

    assert list(Path(tmp_path).glob("*.msg")) == []
