from __future__ import annotations

from specs.templatetags.navigation import current


def test_the_page_itself_is_the_current_one() -> None:
    assert current("/p/rte/queues/", "/p/rte/queues/") == "page"


def test_a_page_below_belongs_to_its_room() -> None:
    assert current("/p/rte/queues/7/", "/p/rte/queues/") == "true"


def test_a_page_with_a_longer_name_does_not() -> None:
    assert current("/p/rte/queues-of-old/", "/p/rte/queues") == ""


def test_nothing_lies_below_the_inbox() -> None:
    assert current("/p/rte/queues/", "/") == ""
    assert current("/", "/") == "page"
