"""Reading tables and other data."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from blocks.base import (
    Block,
    BlockContext,
    BlockError,
    BlockInput,
    BlockOutput,
    Example,
    RunsIn,
    Stream,
    SyncOutputs,
)
from blocks.forms import SETTING, TEXTAREA

Encoding = Literal["utf-8", "utf-16", "windows-1252", "iso-8859-1"]

MAX_ROWS = 1_000_000
MAX_COLUMNS = 10_000
#: One cell may hold this many characters; Python's own limit of 131,072 is too small for exported texts.
MAX_CELL = 10_000_000
csv.field_size_limit(MAX_CELL)

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_FLOAT = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)
#: As many significant digits survive the way into a float and back.
_EXACT_DIGITS = 15
_DELIMITERS = {"tab": "\t", "\\t": "\t"}


class Csv(Block):
    """Read a table in CSV: one dict a row, keyed by the column titles.

    Columns whose cells are all numbers, or all true and false, are converted when that loses nothing: a column with
    007 in it stays text. In converted columns an empty cell is null.
    """

    id = "data.csv"
    title = "Read CSV"
    category = "Data"
    icon = "table"
    runs_in = RunsIn.THREAD

    class Input(BlockInput):
        text: str | None = Field(None, description="The table as text; or name a file.", json_schema_extra=TEXTAREA)
        file: str | None = Field(None, description="Name of a file, such as examples/sales.csv.")
        delimiter: str = Field(
            ",", description="What separates the cells: one character, or the word tab.", json_schema_extra=SETTING
        )
        header: bool = Field(
            default=True, description="The first row has the column titles.", json_schema_extra=SETTING
        )
        detect_types: bool = Field(
            default=True, description="Convert columns of numbers and of true and false.", json_schema_extra=SETTING
        )
        encoding: Encoding = Field("utf-8", description="Of the file; text needs none.")

        @field_validator("delimiter")
        @classmethod
        def _check_delimiter(cls, delimiter: str) -> str:
            character = _DELIMITERS.get(delimiter, delimiter)
            if len(character) != 1 or character in '"\r\n':
                raise ValueError("must be one character (not a quote), or the word tab")
            return character

        @model_validator(mode="after")
        def _check_source(self) -> "Csv.Input":
            if (self.text is None) is (not self.file):
                raise ValueError("give either the text or the name of a file")
            return self

    class Output(BlockOutput):
        rows: list[dict[str, Any]]
        row: Stream[dict[str, Any]]
        count: int
        columns: list[str]

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        if input.text is None:
            text = decode(context.files.read(input.file or ""), input.encoding, input.file or "")
        else:
            text = input.text
        columns, rows = read_table(text, input.delimiter, header=input.header, detect_types=input.detect_types)
        yield "columns", columns
        yield "count", len(rows)
        yield "rows", rows
        for row in rows:
            yield "row", row

    examples: ClassVar[list[Example]] = [
        Example(
            {"text": 'product,units\n"Tea, green",12\nCoffee,-1\n'},
            {
                "columns": ["product", "units"],
                "count": 2,
                "rows": [{"product": "Tea, green", "units": 12}, {"product": "Coffee", "units": -1}],
                "row": [{"product": "Tea, green", "units": 12}, {"product": "Coffee", "units": -1}],
            },
        ),
        Example(
            {"text": "\ufeff007;1.50\n8;", "delimiter": ";", "header": False},
            {
                "columns": ["column_1", "column_2"],
                "count": 2,
                "rows": [{"column_1": "007", "column_2": 1.5}, {"column_1": "8", "column_2": None}],
                "row": [{"column_1": "007", "column_2": 1.5}, {"column_1": "8", "column_2": None}],
            },
            title="Nothing is lost by converting",
        ),
        Example({"text": "a,b\n1,2\n3\n"}, error="Line 3 has 1 cell, but the table has 2 columns"),
        Example({"text": 'a\n"x'}, error="The quote opened in line 2 is never closed"),
        Example({"text": "a,a\n1,2"}, error="The column title “a” appears twice"),
        Example({"text": "a", "file": "b"}, error="either the text or the name of a file"),
    ]


def decode(data: bytes, encoding: Encoding, name: str) -> str:
    """The file's text.

    Raises:
        BlockError: the bytes are not in that encoding; the message names the line.
    """
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BlockError(
            f"“{name}” is not {encoding}: wrong byte in line {line}. Choose another encoding, such as windows-1252.",
            retry=False,
        ) from None


def read_table(
    text: str, delimiter: str = ",", *, header: bool = True, detect_types: bool = True
) -> tuple[list[str], list[dict[str, Any]]]:
    """Column titles and rows of a CSV text (RFC 4180; empty lines are left out).

    Raises:
        BlockError: a row with too few or too many cells, an open quote, a title twice; the message names the line.
    """
    lines = _records(text.removeprefix("\ufeff"), delimiter)
    first = next(lines, None)
    if first is None:
        return [], []
    columns = _titles(first[1]) if header else [f"column_{number + 1}" for number in range(len(first[1]))]
    if len(columns) > MAX_COLUMNS:
        raise BlockError(f"The table has more than {MAX_COLUMNS:,} columns.", retry=False)
    table = [] if header else [first[1]]
    for line, cells in lines:
        if len(cells) != len(columns):
            raise _uneven(line, len(cells), len(columns))
        table.append(cells)
        if len(table) > MAX_ROWS:
            raise BlockError(f"The table has more than {MAX_ROWS:,} rows.", retry=False)
    values = [_converted(cells) if detect_types else cells for cells in zip(*table, strict=True)]
    return columns, [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line that it starts in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _unreadable(start, error) from None
        if cells is None:
            return
        if cells:
            yield start, cells


def _unreadable(line: int, error: csv.Error) -> BlockError:
    if "unexpected end of data" in str(error):
        return BlockError(f"The quote opened in line {line} is never closed.", retry=False)
    if "field limit" in str(error):
        return BlockError(f"A cell in line {line} is longer than {MAX_CELL:,} characters.", retry=False)
    return BlockError(f"Line {line} is no CSV: {error}.", retry=False)


def _uneven(line: int, cells: int, columns: int) -> BlockError:
    noun = "cell" if cells == 1 else "cells"
    return BlockError(
        f"Line {line} has {cells} {noun}, but the table has {columns} columns. Is the delimiter right?", retry=False
    )


def _titles(cells: Sequence[str]) -> list[str]:
    titles = [cell.strip() or f"column_{number + 1}" for number, cell in enumerate(cells)]
    seen: set[str] = set()
    for title in titles:
        if title in seen:
            raise BlockError(f"The column title “{title}” appears twice.", retry=False)
        seen.add(title)
    return titles


def _converted(cells: Sequence[str]) -> Sequence[Any]:
    """A column as numbers or booleans when every filled cell is one, exactly; else as it is."""
    filled = [cell for cell in cells if cell != ""]
    if not filled:
        return cells
    for kind in (_integer, _number, _boolean):
        if kind(filled[0]) is not None and all(kind(cell) is not None for cell in islice(filled, 1, None)):
            return [None if cell == "" else kind(cell) for cell in cells]
    return cells


def _integer(cell: str) -> int | None:
    return int(cell) if _INTEGER.fullmatch(cell) and cell != "-0" else None


def _number(cell: str) -> int | float | None:
    if not _FLOAT.fullmatch(cell):
        return _integer(cell)
    return float(cell) if len(cell.lstrip("-0.").replace(".", "")) <= _EXACT_DIGITS else None


def _boolean(cell: str) -> bool | None:
    return {"true": True, "false": False}.get(cell.lower())
