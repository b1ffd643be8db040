"""The rendering process: limits, loss, turns."""

import os
import signal
import threading
import time

import pytest

from invoices.rendering import child, pdf
from invoices.rendering.child import Renderer, RenderFailed

# What a merchant could do if their text were not escaped: columns beyond all memory and time.
BOMB = '<table><tr><td colspan="100000000">x</td></tr></table>'
PAGE = "<html lang=en><title>t</title><p>hello"
ID = b"0" * 32


@pytest.fixture
def renderer():
    made = Renderer(pdf.stylesheet())
    yield made
    made.stop()


def pid_of(renderer: Renderer) -> int:
    assert renderer.child is not None
    return renderer.child.process.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_process_is_kept_from_document_to_document(renderer):
    renderer.render(PAGE, ID)
    first = pid_of(renderer)

    renderer.render(PAGE, ID)

    assert pid_of(renderer) == first


def test_hanging_process_is_killed_and_the_next_document_renders(renderer):
    renderer.render(PAGE, ID)
    hung, started = pid_of(renderer), time.monotonic()
    os.kill(hung, signal.SIGSTOP)

    with pytest.raises(RenderFailed, match="took too long"):
        renderer.render(PAGE, ID, seconds=0.5)

    assert time.monotonic() - started < 5
    assert not is_alive(hung)
    assert renderer.render(PAGE, ID).startswith(b"%PDF-1.7")


def test_page_that_never_ends_is_stopped_by_time_or_memory(renderer):
    renderer.render(PAGE, ID)
    started = time.monotonic()

    with pytest.raises(RenderFailed):
        renderer.render(BOMB, ID, seconds=5.0)

    assert time.monotonic() - started < 8
    assert renderer.render(PAGE, ID).startswith(b"%PDF")


def test_crashed_process_is_replaced_within_the_same_request(renderer):
    expected = renderer.render(PAGE, ID)
    crashed = pid_of(renderer)
    os.kill(crashed, 11)
    time.sleep(0.1)

    assert renderer.render(PAGE, ID) == expected
    assert pid_of(renderer) != crashed


def test_page_that_eats_memory_is_refused_and_the_machine_is_spared(renderer):
    renderer.render(PAGE, ID)
    picture = "<svg xmlns='http://www.w3.org/2000/svg' width='90000' height='90000'></svg>"
    hungry = PAGE + f"<div style='width:1px'>{'<b>' * 20000}{picture}"

    with pytest.raises(RenderFailed):
        renderer.render(hungry, ID)

    assert renderer.render(PAGE, ID).startswith(b"%PDF")


def test_page_beyond_the_largest_size_is_refused_before_it_is_sent(renderer):
    with pytest.raises(RenderFailed, match="too large"):
        renderer.render("x" * (child.LARGEST_PAGE + 1), ID)

    assert renderer.child is None


def test_worn_out_process_is_replaced(renderer, monkeypatch):
    monkeypatch.setattr(child, "DOCUMENTS_PER_CHILD", 2)
    renderer.render(PAGE, ID)
    first = pid_of(renderer)
    renderer.render(PAGE, ID)

    renderer.render(PAGE, ID)

    assert pid_of(renderer) != first
    assert not is_alive(first)


def test_threads_take_turns_and_get_their_own_document(renderer):
    alone = {n: renderer.render(PAGE + str(n), ID) for n in range(6)}
    got: dict[int, bytes] = {}

    def ask(n: int) -> None:
        got[n] = renderer.render(PAGE + str(n), ID)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == alone


def test_who_waits_too_long_for_a_turn_is_told(renderer):
    renderer.lock.acquire()

    with pytest.raises(RenderFailed, match="Other documents"):
        renderer.render(PAGE, ID, wait=0.05)

    renderer.lock.release()


def test_forked_process_starts_its_own_and_leaves_the_parents_alone(renderer):
    renderer.render(PAGE, ID)
    parents = pid_of(renderer)

    forked = os.fork()
    if forked == 0:  # pragma: no cover - runs in the fork
        ok = renderer.render(PAGE, ID).startswith(b"%PDF") and pid_of(renderer) != parents
        renderer.stop()
        os._exit(0 if ok else 1)
    _pid, status = os.waitpid(forked, 0)

    assert status == 0
    assert pid_of(renderer) == parents
    assert is_alive(parents)
    assert renderer.render(PAGE, ID).startswith(b"%PDF")


def test_process_knows_none_of_our_secrets(renderer, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "do-not-hand-this-on")
    renderer.render(PAGE, ID)

    with open(f"/proc/{pid_of(renderer)}/environ", "rb") as environment:
        names = {each.split(b"=")[0].decode() for each in environment.read().split(b"\0") if each}

    assert names <= {*child.KEPT_ENVIRONMENT, "PYTHONHASHSEED", "LANG"} | {
        name for name in names if name.startswith("FONTCONFIG")
    }


def test_process_ends_with_the_one_that_started_it():
    """The pipe closes when its owner is gone, however it went."""
    renderer = Renderer(pdf.stylesheet())
    renderer.render(PAGE, ID)
    assert renderer.child is not None
    process = renderer.child.process
    assert process.stdin is not None

    process.stdin.close()

    assert process.wait(timeout=5) == 0
    renderer.child.forget()
