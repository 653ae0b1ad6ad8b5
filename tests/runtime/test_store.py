from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.runtime.store import PartitionStore
from pipeline.runtime.store_port import Change, StoreFailed

FAR = 1 << 40
HEADS = (Change(b"1:1", b"head", None, 5),)


class Broken:
    """A database, or an index of it, that can only be closed."""

    def __init__(self, real: Any) -> None:
        self._real = real

    @staticmethod
    def _fail(*_: object, **__: object) -> None:
        message = "an input/output error"
        raise OSError(message)

    get = write = keys = _fail

    def close(self) -> None:
        self._real.close()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda store: store.get(b"1:1"), id="get"),
        pytest.param(lambda store: store.get_many([b"1:1"]), id="get many"),
        pytest.param(lambda store: store.has_customers(), id="has customers"),
        pytest.param(lambda store: next(store.due(FAR)), id="due"),
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

    with pytest.raises(StoreFailed, match="an input/output error; it is built anew") as kept:
        call(store)
    store.close()
    anew = PartitionStore(tmp_path / "0", "origin")

    assert (anew.position, anew.get(b"1:1"), list(anew.due(FAR))) == (0, None, [])
    anew.close()
    del kept
