"""*Registreren organisatie*, as the manual has it: from the request to the administrator's first log-in (ORG-1 to ORG-7)."""

from __future__ import annotations

import pytest

from browsing import story
from browsing.world import World

pytestmark = pytest.mark.blackbox


def test_org_7_the_administrator_logs_in_with_the_phone_that_was_linked(
    world: World, registered: story.Registered
) -> None:
    with world.person() as person:
        page = person.context.new_page()
        story.log_in_by_phone(page, registered)
        assert page.url.endswith("/manage/cards")
