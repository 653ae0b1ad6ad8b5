from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.engine.clock import PartitionClock
from pipeline.runtime.state.marker import MARKER_KEY, Marker, encode_marker
from pipeline.runtime.state.store import PartitionStore
from pipeline.runtime.state.store_port import Change, StoreFailed

FAR = 1 << 40
HEADS = (Change(b"1:1", b"head", None, 5),)


class Broken:
    """A database, or an index of it, on a disk that is full: even closing it, which works, ends in an error."""

    def __init__(self, real: Any) -> None:
        self._real = real

    @staticmethod
    def _fail(*_: object, **__: object) -> None:
        message = "an input/output error"
        raise OSError(message)

    get = write = keys = _fail

    def close(self) -> None:
        self._real.close()
        self._fail()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda store: store.get(b"1:1"), id="get"),
        pytest.param(lambda store: store.get_many([b"1:1"]), id="get many"),
        pytest.param(lambda store: store.has_customers(), id="has customers"),
        pytest.param(lambda store: next(store.due(FAR)), id="due"),
        pytest.param(lambda store: next(store.customers(b"1:", b"1;")), id="customers"),
        pytest.param(lambda store: next(store.forgotten(FAR)), id="forgotten"),
        pytest.param(lambda store: store.write(HEADS, (), (), b"marker"), id="write"),
        pytest.param(lambda store: store.restore(HEADS, (), (), 1, whole=False), id="restore"),
        pytest.param(lambda store: store.note(1), id="note"),
    ],
)
def test_store_that_fails_is_begun_anew_even_while_its_error_is_kept(
    tmp_path: Path, call: Callable[[PartitionStore], object]
) -> None:
    store = PartitionStore(tmp_path / "0", "origin")
    store.restore(HEADS, (), (), 1, whole=False)
    files = store._files
    store._files = files._replace(
        database=Broken(files.database), due=Broken(files.due), forgotten=Broken(files.forgotten)
    )
    del files

    with pytest.raises(StoreFailed, match="an input/output error; it will be rebuilt") as kept:
        call(store)
    store.close()
    anew = PartitionStore(tmp_path / "0", "origin")

    assert (anew.position, anew.get(b"1:1"), list(anew.due(FAR))) == (0, None, [])
    anew.close()
    del kept


def test_store_that_cannot_be_closed_on_a_full_disk_has_everything_when_it_is_opened_again(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "0", "origin")
    store.write(HEADS, (), (), encode_marker(MARKER))
    store.note(1)
    store._files = store._files._replace(database=Broken(store._files.database))

    store.close()
    again = PartitionStore(tmp_path / "0", "origin")

    assert (again.position, again.get(b"1:1")) == (1, b"head")
    again.close()


def test_store_whose_process_dies_while_it_is_thrown_away_is_begun_anew(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "0", "origin")
    store.restore(HEADS, (), (), 1, whole=False)
    store.close()
    (tmp_path / "0" / "CURRENT").unlink()

    anew = PartitionStore(tmp_path / "0", "origin")

    assert (anew.position, anew.get(b"1:1"), list(anew.due(FAR))) == (0, None, [])
    anew.close()


def test_store_whose_list_of_files_lost_its_end_holds_everything_or_is_begun_anew(tmp_path: Path) -> None:
    def marker(at: int) -> bytes:
        return encode_marker(Marker(at, at, PartitionClock(), ()))

    store = PartitionStore(tmp_path / "0", "origin")
    store.write([Change(b"1:1", b"old", None, 5), Change(b"1:2", b"old", None, 5)], (), (), marker(1), 1)
    store.restore([Change(b"1:1", b"new", 5, 6)], (), (), 2, whole=False)
    store.restore((), (), [Change(MARKER_KEY, marker(3))], 3, whole=True)
    store.write([Change(b"1:2", b"new", 5, 6)], (), (), marker(4), 4)
    manifest = (tmp_path / "0" / "CURRENT").read_text().strip()
    whole = (tmp_path / "0" / manifest).stat().st_size
    kept = []
    for number, size in enumerate([*range(0, whole, whole // 40), whole], 1):
        torn = tmp_path / str(number)
        shutil.copytree(tmp_path / "0", torn)  # as a process that is killed leaves it
        os.truncate(torn / manifest, size)
        found = PartitionStore(torn, "origin")
        if found.marker is not None and found.marker.mark.round == 4:
            kept.append(size)
            assert (found.get(b"1:1"), found.get(b"1:2")) == (b"new", b"new")
        found.close()
    store.close()
    assert kept == [whole]


def test_customers_of_an_org_are_in_the_order_of_their_keys_and_their_entries_are_none(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "store", "origin")
    keys = (b"1:10", b"1:9", b"1:1", b"10:1", b"2:1")
    store.write(
        [Change(key, b"head", None, None) for key in keys],
        [Change(b"1:1#bill:B1", b"entry", None, 5), Change(b"1:10#bill:B2", b"entry", None, 5)],
        [Change(b"$program:1:1:1", b"{}")],
        encode_marker(MARKER),
    )

    assert list(store.customers(b"1:", b"1;")) == [b"1:1", b"1:10", b"1:9"]
    assert list(store.customers(b"1:10", b"1;")) == [b"1:10", b"1:9"]
    store.close()


STEPS = 200
"""More than two write buffers hold, so that some of it is on disk."""


MARKER = Marker(3, 2, PartitionClock())


class Held(NamedTuple):
    """What a store holds."""

    values: dict[bytes, bytes]
    due: list[tuple[int, bytes]]
    forgotten: list[tuple[int, bytes]]


def step(number: int) -> tuple[list[Change], list[Change]]:
    """New customers with a bill each, and later timers of those of the step before."""
    chance = random.Random(number)
    new = [b"1:%d" % one for one in range(number * 100, number * 100 + 100)]
    old = [b"1:%d" % one for one in range(max(0, number - 1) * 100, number * 100)]
    heads = [Change(key, chance.randbytes(1_000), None, number) for key in new]
    heads += [Change(key, chance.randbytes(1_000), number - 1, number + STEPS) for key in old]
    return heads, [Change(key + b"#bill:1", chance.randbytes(100), None, number) for key in new]


def held_after(steps: int) -> Held:
    values: dict[bytes, bytes] = {}
    due: set[tuple[int, bytes]] = set()
    forgotten: set[tuple[int, bytes]] = set()
    for number in range(steps):
        for index, changes in zip((due, forgotten), step(number), strict=True):
            for key, value, was_at, now_at in changes:
                values[key] = value or b""
                if was_at is not None:
                    index.remove((was_at, key))
                index.add((now_at or 0, key))
    return Held(values, sorted(due), sorted(forgotten))


def held_by(store: PartitionStore) -> Held:
    keys = list(held_after(STEPS).values)
    values = {key: value for key, value in zip(keys, store.get_many(keys), strict=True) if value is not None}
    return Held(values, list(store.due(FAR)), list(store.forgotten(FAR)))


def restoring(folder: Path) -> PartitionStore:
    store = PartitionStore(folder, "origin")
    for number in range(STEPS):
        store.restore(*step(number), (), number + 1, whole=False)
    return store


class Dying:
    """A database in which the process dies before the values are brought to disk; the indexes are there."""

    def __init__(self, real: Any) -> None:
        self.write = real.write

    @staticmethod
    def flush() -> None:
        os._exit(0)


def die(_still_open: PartitionStore) -> None:
    os._exit(0)


def die_while_restoring(folder: str) -> None:
    die(restoring(Path(folder)))


def die_while_keeping(folder: str) -> None:
    store = restoring(Path(folder))
    store._files = store._files._replace(database=Dying(store._files.database))
    store.close()


def die_when_restored(folder: str) -> None:
    store = restoring(Path(folder))
    store.restore((), (), (Change(MARKER_KEY, encode_marker(MARKER)),), STEPS + 1, whole=True)
    die(store)


def run_to_its_death(what: Callable[[str], None], folder: Path) -> None:
    code = f"from {__name__} import {what.__name__} as die; die({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60.0)


def test_store_whose_process_dies_while_it_is_restored_holds_all_of_an_earlier_position(tmp_path: Path) -> None:
    run_to_its_death(die_while_restoring, tmp_path / "0")

    store = PartitionStore(tmp_path / "0", "origin")

    assert 0 < store.position < STEPS
    assert store.marker is None
    assert held_by(store) == held_after(store.position)
    store.close()


def test_store_that_is_closed_while_it_is_restored_goes_on_from_there(tmp_path: Path) -> None:
    restoring(tmp_path / "0").close()

    store = PartitionStore(tmp_path / "0", "origin")

    assert store.position == STEPS
    assert held_by(store) == held_after(STEPS)
    store.close()


def test_store_whose_process_dies_while_it_brings_values_and_indexes_to_disk_is_begun_anew(tmp_path: Path) -> None:
    run_to_its_death(die_while_keeping, tmp_path / "0")

    store = PartitionStore(tmp_path / "0", "origin")

    assert (store.position, held_by(store)) == (0, Held({}, [], []))
    store.close()


def test_store_is_whole_on_disk_as_soon_as_it_is_restored(tmp_path: Path) -> None:
    run_to_its_death(die_when_restored, tmp_path / "0")

    store = PartitionStore(tmp_path / "0", "origin")

    assert (store.position, store.marker) == (STEPS + 1, MARKER)
    assert held_by(store) == held_after(STEPS)
    store.close()
