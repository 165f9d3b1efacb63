from __future__ import annotations

import pytest

from schemas.errors import ConfigError, DataError, FieldmarkError, did_you_mean
from schemas.ranks import LEVEL_OF_RANK, RANK_OF_LEVEL, level_of


def test_a_data_error_names_its_place() -> None:
    error = DataError("t.csv", row=7, column="id", problem="is bad.", remedy="Mend it.")
    assert str(error) == "t.csv, row 7, column id: is bad. Mend it."
    assert (error.path, error.row, error.column) == ("t.csv", 7, "id")
    assert (
        str(DataError("t.csv", problem="is bad.", remedy="Mend it.")) == "t.csv: is bad. Mend it."
    )
    assert isinstance(error, FieldmarkError)


def test_did_you_mean_offers_only_what_is_close() -> None:
    assert did_you_mean("epoch", ["epochs", "batch"]) == " Did you mean 'epochs'?"
    assert did_you_mean("zzz", ["epochs", "batch"]) == ""


def test_levels_of_ranks() -> None:
    assert (level_of("genus"), level_of("zoosubsection")) == (20.0, 33.5)
    assert (RANK_OF_LEVEL[20.0], RANK_OF_LEVEL[10.0], RANK_OF_LEVEL[5.0]) == (
        "genus",
        "species",
        "subspecies",
    )
    assert set(RANK_OF_LEVEL) == set(LEVEL_OF_RANK.values())


def test_an_unknown_rank() -> None:
    with pytest.raises(ConfigError) as caught:
        level_of("famly")
    assert str(caught.value).startswith("Unknown rank. Allowed: stateofmatter, kingdom, ")
    assert str(caught.value).endswith(" Received: 'famly'. Did you mean 'family'?")
