from __future__ import annotations

import pytest
from django.test import RequestFactory

from specs.templatetags.access import may


def test_a_page_offers_what_the_member_may_do() -> None:
    request = RequestFactory().get("/")
    request.permissions = frozenset({"queue.read"})  # type: ignore[attr-defined]
    assert may(request, "queue.read")
    assert not may(request, "queue.manage")


def test_outside_a_project_nobody_may_anything() -> None:
    assert not may(RequestFactory().get("/"), "queue.read")


def test_a_permission_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"queue\.raed"):
        may(RequestFactory().get("/"), "queue.raed")
