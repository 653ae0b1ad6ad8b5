"""ClickHouse: rows, the writer, migrations and views."""
