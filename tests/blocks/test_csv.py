"""Tables survive the way through CSV; what cannot be read is named with its line."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.base import BlockError
from blocks.data import Csv, decode, read_table
from tests.blocks.context import FakeContext, FakeFiles, run

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
TITLES = st.lists(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5), min_size=2, max_size=4, unique=True
)


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return file.getvalue()


@given(st.data(), TITLES, st.sampled_from([",", ";", "\t", "|"]))
def test_cells_come_back_as_they_were_written(data: Any, titles: list[str], delimiter: str) -> None:
    row = st.lists(CELLS, min_size=len(titles), max_size=len(titles))
    rows = data.draw(st.lists(row, max_size=5))
    columns, read = read_table(written([titles, *rows], delimiter), delimiter, detect_types=False)
    assert columns == titles
    assert [list(one.values()) for one in read] == rows


@given(st.lists(st.one_of(st.integers().map(str), st.floats().map(str), st.booleans().map(str), CELLS), min_size=1))
def test_converting_a_column_loses_nothing(cells: list[str]) -> None:
    _, rows = read_table(written([["c", "x"], *([cell, "x"] for cell in cells)]))
    for cell, row in zip(cells, rows, strict=True):
        assert _written(row["c"], cell) == cell


def _written(value: Any, cell: str) -> str:
    """The value as it was written in the cell: 1.50 is one way to write 1.5."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value) if str(value).lower() == cell.lower() else f"not {cell}"
    if isinstance(value, float):
        return (
            cell
            if repr(value).rstrip("0") == cell.rstrip("0") or f"{value:.15f}".rstrip("0") == cell.rstrip("0")
            else ""
        )
    return str(value)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2", ""], [1, -2, None]),
        (["1", "2.5"], [1, 2.5]),
        (["1.50", "2.00"], [1.5, 2.0]),
        (["true", "FALSE", ""], [True, False, None]),
        (["007", "8"], ["007", "8"]),
        (["+1", "2"], ["+1", "2"]),
        (["1e5", "2"], ["1e5", "2"]),
        (["1,000", "2"], ["1,000", "2"]),
        ([" 1", "2"], [" 1", "2"]),
        (["1", "n/a"], ["1", "n/a"]),
        (["1", "true"], ["1", "true"]),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"]),
        (["0.1234567890123456789", "1"], ["0.1234567890123456789", "1"]),
        (["-0", "1"], ["-0", "1"]),
        (["NaN", "1"], ["NaN", "1"]),
        (["١", "1"], ["١", "1"]),
        (["", ""], ["", ""]),
        (["a", ""], ["a", ""]),
    ],
)
def test_types_of_columns(cells: list[str], values: list[Any]) -> None:
    _, rows = read_table(written([["c", "x"], *([cell, "x"] for cell in cells)]))
    assert [repr(row["c"]) for row in rows] == [repr(value) for value in values]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(ends: str) -> None:
    assert read_table(ends.join(["a,b", "1,2", "", "3,4", ""]))[1] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_other_separators_of_unicode_do_not_end_a_line() -> None:
    assert read_table("a,b\nx\u2028y\x0bz,2")[1] == [{"a": "x\u2028y\x0bz", "b": 2}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2,3", "Line 2 has 3 cells, but the table has 2 columns"),
        ('a,b\n"x\ny",2\n3', "Line 4 has 1 cell, but"),
        ('a,b\n1,"2\n3,4\n', "The quote opened in line 2 is never closed"),
        ('a,b\n"1"x,2', "Line 2 is no CSV"),
        ("a,b,a\n1,2,3", "“a” appears twice"),
    ],
)
def test_a_bad_row_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BlockError, match=message) as caught:
        read_table(text)
    assert not caught.value.retry


@pytest.mark.parametrize("text", ["", "\ufeff", "\n\n"])
def test_nothing_gives_no_columns_and_no_rows(text: str) -> None:
    assert read_table(text) == ([], [])


def test_a_header_alone_gives_columns() -> None:
    assert read_table("\ufeffa, b ,\n") == (["a", "b", "column_3"], [])


async def test_a_file_is_read_and_its_byte_order_mark_left_out() -> None:
    context = FakeContext(files=FakeFiles({"t.csv": "\ufeffä;b\n1;2".encode()}))
    outputs = await run(Csv, {"file": "t.csv", "delimiter": ";"}, context)
    assert outputs["rows"] == [{"ä": 1, "b": 2}]


async def test_tab_is_a_delimiter() -> None:
    assert (await run(Csv, {"text": "a\tb\n1\t2", "delimiter": "tab"}))["rows"] == [{"a": 1, "b": 2}]


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
async def test_a_delimiter_is_one_character(delimiter: str) -> None:
    with pytest.raises(BlockError, match="one character"):
        await run(Csv, {"text": "a", "delimiter": delimiter})


async def test_an_unknown_file_is_named() -> None:
    with pytest.raises(BlockError, match=r"no file gone\.csv"):
        await run(Csv, {"file": "gone.csv"})


def test_a_wrong_encoding_is_named_with_the_line() -> None:
    with pytest.raises(BlockError, match=r"“t\.csv” is not utf-8: wrong byte in line 2"):
        decode("a\nä".encode("windows-1252"), "utf-8", "t.csv")
    assert decode("ä".encode("windows-1252"), "windows-1252", "t.csv") == "ä"
    assert decode("ä".encode("utf-16"), "utf-16", "t.csv") == "ä"
