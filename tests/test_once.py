"""What is made once for all processes of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.once import once


def test_what_one_has_made_is_read_by_the_others(tmp_path: Path) -> None:
    assert [once(tmp_path, "number", lambda made=made: made) for made in (1, 2)] == [1, 1]


def test_each_name_is_made_by_itself(tmp_path: Path) -> None:
    assert [once(tmp_path, name, lambda name=name: name) for name in ("a", "b")] == ["a", "b"]


def test_after_a_failure_the_next_tries_again(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        once(tmp_path, "number", lambda: 1 // 0)

    assert once(tmp_path, "number", lambda: 2) == 2
