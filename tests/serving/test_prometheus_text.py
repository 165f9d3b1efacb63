from __future__ import annotations

import pytest

from serving.server.metrics import Counter, Gauge, Histogram, exposition


def test_exposition_of_each_kind() -> None:
    requests = Counter("requests_total", "Requests.", ("route", "status"))
    requests.add(route="/classify", status="200")
    requests.add(2, route="/classify", status="200")
    seconds = Histogram("seconds", "Time.", (0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        seconds.observe(value)
    inside = Gauge("inside", "Photos.", lambda: [((), 3.0)])

    assert exposition([requests, seconds, inside]) == (
        "# HELP requests_total Requests.\n"
        "# TYPE requests_total counter\n"
        'requests_total{route="/classify",status="200"} 3\n'
        "# HELP seconds Time.\n"
        "# TYPE seconds histogram\n"
        'seconds_bucket{le="0.1"} 2\n'
        'seconds_bucket{le="1"} 3\n'
        'seconds_bucket{le="+Inf"} 4\n'
        "seconds_sum 7.65\n"
        "seconds_count 4\n"
        "# HELP inside Photos.\n"
        "# TYPE inside gauge\n"
        "inside 3\n"
    )


def test_what_would_break_a_line_is_escaped() -> None:
    odd = Counter("odd_total", "One\nline, a \\ too.", ("path",))
    odd.add(path='a"b\\c\nd')

    assert exposition([odd]) == (
        "# HELP odd_total One\\nline, a \\\\ too.\n"
        "# TYPE odd_total counter\n"
        'odd_total{path="a\\"b\\\\c\\nd"} 1\n'
    )


def test_counter_without_labels_starts_at_nought() -> None:
    assert exposition([Counter("c_total", "C.")]).endswith("c_total 0\n")


def test_labels_must_be_the_metrics_own() -> None:
    with pytest.raises(AssertionError):
        Counter("c_total", "C.", ("route",)).add(status="200")
