from __future__ import annotations

import pytest

from schemas.licence_terms import (
    forbids_adaptation,
    forbids_commerce,
    licence_code,
    licence_url,
)


@pytest.mark.parametrize(
    ("text", "code", "url"),
    [
        ("CC0", "CC0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("PD", "PD", "https://creativecommons.org/publicdomain/mark/1.0/"),
        ("CC-BY", "CC-BY", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC-BY-NC-SA", "CC-BY-NC-SA", "https://creativecommons.org/licenses/by-nc-sa/4.0/"),
        ("cc_by nd", "CC-BY-ND", "https://creativecommons.org/licenses/by-nd/4.0/"),
        ("CC-BY-NC 3.0", "CC-BY-NC-3.0", "https://creativecommons.org/licenses/by-nc/3.0/"),
    ],
)
def test_codes_lead_to_the_licence(text: str, code: str, url: str) -> None:
    assert (licence_code(text), licence_url(text)) == (code, url)


@pytest.mark.parametrize("text", [None, "", "  ", "C", "All rights reserved", "©"])
def test_all_rights_reserved_is_no_licence(text: str | None) -> None:
    assert (licence_code(text), licence_url(text)) == (None, None)


@pytest.mark.parametrize("text", ["GFDL", "CC-BY-ND-SA", "my <own> licence"])
def test_unknown_licence_is_kept_as_it_is_without_an_address(text: str) -> None:
    assert (licence_code(text), licence_url(text)) == (text, None)


def test_clauses_that_forbid() -> None:
    assert [forbids_commerce(text) for text in ("CC-BY-NC", "cc by-nc-nd", "CC-BY", "CC0")] == [
        True,
        True,
        False,
        False,
    ]
    assert [forbids_adaptation(text) for text in ("CC-BY-NC", "cc by-nc-nd", "CC-BY-ND")] == [
        False,
        True,
        True,
    ]
    assert not forbids_commerce(None)
    assert not forbids_adaptation("no NC-ND licence")
