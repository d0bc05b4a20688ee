"""Tables as the bytes of CSV and Parquet files, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pyarrow as pa

from swe_db.generate.files.columns import conform, schema_of
from swe_db.generate.verify.lines import array_literals

__all__ = ["FORMATS", "Format", "encode", "read"]

Format: TypeAlias = Literal["csv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("csv", "parquet")


def encode(name: str, table: pa.Table, file_format: Format) -> pa.Buffer:
    """Return the content of a file; the same rows give the same bytes, as far as PyArrow is the same.

    Args:
        name: The table that the rows belong to.
        table: The rows; columns may come in any order.
        file_format: `csv` or `parquet`.
    """
    rows = conform(name, table).combine_chunks()
    sink = pa.BufferOutputStream()
    if file_format == "csv":
        _write_csv(rows, sink)
    else:
        _write_parquet(rows, sink)
    return sink.getvalue()


def read(name: str, path: Path, file_format: Format) -> Iterator[pa.Table]:
    """Yield the rows of a file, a piece at a time; arrays in CSV stay texts, as PostgreSQL writes them."""
    return _read_csv(name, path) if file_format == "csv" else _read_parquet(name, path)


def _write_csv(rows: pa.Table, sink: pa.NativeFile) -> None:
    """Write a header and the rows: a text is in quotes, so that an empty one is no null; nulls are nothing at all."""
    from pyarrow import csv  # noqa: PLC0415 - only for this format

    for place, field in enumerate(rows.schema):
        if pa.types.is_list(field.type):
            literals = pa.chunked_array([array_literals(chunk) for chunk in rows[field.name].chunks], pa.string())
            rows = rows.set_column(place, field.name, literals)
    csv.write_csv(rows, sink)


def _read_csv(name: str, path: Path) -> Iterator[pa.Table]:
    from pyarrow import csv  # noqa: PLC0415 - only for this format

    types = {field.name: _csv_type(field.type) for field in schema_of(name)}
    options = csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    with csv.open_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=options) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _csv_type(wanted: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_list(wanted) else wanted


def _write_parquet(rows: pa.Table, sink: pa.NativeFile) -> None:
    from pyarrow import parquet  # noqa: PLC0415 - only for this format

    parquet.write_table(rows, sink, compression="zstd")


def _read_parquet(name: str, path: Path) -> Iterator[pa.Table]:
    from pyarrow import parquet  # noqa: PLC0415 - only for this format

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=schema_of(name).names):
            yield pa.Table.from_batches([batch])
