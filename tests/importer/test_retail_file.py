"""Retail files: plain, gzip and xz read alike, and what cannot be read is named."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipeline.importer.retail import HEADER, Malformed, WrongHeader
from pipeline.importer.retail_file import Unreadable, read_files
from tests.naive.retail_rows import retail_rows

ROWS = retail_rows(3, date(2011, 1, 1), days=30)


def as_csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode()


def ignore(_: float) -> None:
    """Progress that nobody watches."""


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress], ids=["csv", "gz", "xz"])
def test_packed_files_read_like_plain_ones(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "shop"
    path.write_bytes(pack(as_csv(ROWS)))

    assert read_files([path], ignore).report.lines == len(ROWS)


def test_several_files_are_one_import(tmp_path: Path) -> None:
    whole, one, two = tmp_path / "whole.csv", tmp_path / "one.csv.gz", tmp_path / "two.csv"
    whole.write_bytes(as_csv(ROWS))
    one.write_bytes(gzip.compress(as_csv(ROWS[:77])))
    two.write_bytes(as_csv(ROWS[77:]))

    together = read_files([one, two], ignore)

    assert together.in_order() == read_files([whole], ignore).in_order()
    assert together.report.lines == len(ROWS)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_bytes(as_csv(ROWS * 40))
    seen: list[float] = []

    read_files([path, path], seen.append)

    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == 1.0


def test_a_byte_order_mark_and_foreign_letters_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_bytes(b"\xef\xbb\xbf" + as_csv(ROWS).replace(b"A thing", b"A \xa35 thing"))

    assert read_files([path], ignore).report.lines == len(ROWS)


def test_a_line_that_is_no_csv_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_bytes(as_csv(ROWS[:1]) + b"x" * 200_000 + b"\r\n" + as_csv(ROWS[1:2]).split(b"\r\n", 1)[1])

    report = read_files([path], ignore).report

    assert report.lines == 3
    assert report.malformed == [Malformed("shop.csv", 3, "1 columns instead of 8")]


@pytest.mark.parametrize(
    "content",
    [
        lzma.compress(as_csv(ROWS))[:-40],
        gzip.compress(as_csv(ROWS))[:-40],
        b"\xfd7zXZ\x00nonsense",
        b"\x1f\x8bnonsense",
    ],
    ids=["torn xz", "torn gz", "no xz", "no gz"],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shop.csv.xz"
    path.write_bytes(content)

    with pytest.raises(Unreadable, match=r"cannot read .*shop\.csv\.xz: "):
        read_files([path], ignore)


def test_a_workbook_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "Online Retail.xlsx"
    with zipfile.ZipFile(path, "w") as workbook:
        workbook.writestr("[Content_Types].xml", "<Types/>")

    with pytest.raises(Unreadable, match=r"Online Retail\.xlsx is a workbook .*save it as CSV, and give that file"):
        read_files([path], ignore)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"cannot read .*nowhere\.csv: No such file"):
        read_files([tmp_path / "nowhere.csv"], ignore)


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()

    with pytest.raises(WrongHeader, match=r"empty\.csv begins with 'nothing'"):
        read_files([path], ignore)
