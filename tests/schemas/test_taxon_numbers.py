from __future__ import annotations

from schemas.taxon_numbers import FIRST_INVENTED_ID, LAST_INVENTED_ID, invented_taxon_id


def test_number_is_the_same_each_time_and_above_inaturalists() -> None:
    number = invented_taxon_id("genus", "Animalia/Coccinella", taken=set())
    assert number == invented_taxon_id("genus", "Animalia/Coccinella", taken=set())
    assert FIRST_INVENTED_ID <= number <= LAST_INVENTED_ID
    assert number < 2**31


def test_rank_and_name_both_tell_taxa_apart() -> None:
    numbers = {
        invented_taxon_id(rank, name, taken=set())
        for rank in ("genus", "family")
        for name in ("Animalia/Ficus", "Plantae/Ficus")
    }
    assert len(numbers) == 4


def test_taken_number_gives_the_next_free_one() -> None:
    first = invented_taxon_id("genus", "Ficus", taken=set())
    assert invented_taxon_id("genus", "Ficus", taken={first, first + 1}) == first + 2


def test_taken_numbers_up_to_the_last_give_the_first() -> None:
    numbers = {name: invented_taxon_id("genus", name, taken=()) for name in map(str, range(9999))}
    name = max(numbers, key=numbers.__getitem__)  # so that there are few to go through
    upper = range(numbers[name], LAST_INVENTED_ID + 1)

    assert invented_taxon_id("genus", name, taken=upper) == FIRST_INVENTED_ID
