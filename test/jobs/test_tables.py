"""What the tables promise to whoever deletes rows from them."""

import pytest

from features.database import metadata
from jobs.table.tables import recognizers

#: The references to rows that are deleted some time; those of recognizers stay, so that one can be answered 410.
REFERENCES = sorted(
    (key for table in metadata.sorted_tables for key in table.foreign_keys if key.column.table is not recognizers),
    key=lambda key: (key.parent.table.name, key.parent.name),  # they come as a set, in any order
)


@pytest.mark.parametrize("key", REFERENCES, ids=lambda key: f"{key.parent.table.name}.{key.parent.name}")
def test_a_reference_is_found_by_an_index(key):
    # Whoever deletes a row is asked for what refers to it. Without an index that is a look at every row of the other
    # table, and to delete the faces of n people takes as their square.
    indexes = [index.columns.values() for index in key.parent.table.indexes]
    assert key.parent in [columns[0] for columns in (*indexes, key.parent.table.primary_key.columns.values())]
