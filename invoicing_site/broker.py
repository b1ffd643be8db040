"""The queue in a folder, for one machine: kombu's, with messages that are whole or not there."""

from __future__ import annotations

from pathlib import Path
from time import monotonic_ns
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes each message beside the queue first, and then moves it in.

    Kombu opens a message under its own name before there is anything in it. A worker that looks
    at that moment takes an empty one, and dies of it.
    """

    # Kombu's own two do not agree on what a message is called.
    def _put(self, queue: str, payload: Any, **_more: Any) -> None:  # type: ignore[override]
        # The name is as kombu reads it: in the order of time, the queue after the first dot.
        name = f"{monotonic_ns()}_{uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        aside = folder / f"{name}.part"
        try:
            aside.write_text(dumps(payload))
            aside.rename(folder / name)
        except OSError as error:
            raise ChannelError(f"Cannot add {name} to {folder}: {error}") from error


class Transport(filesystem.Transport):
    """What `filesystem://` means here."""

    Channel = Channel


def use() -> None:
    """Let `filesystem://` mean this one, in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"
