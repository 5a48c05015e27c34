"""What lies ahead on the overview: chapters that will lack mentors, and what the planned courses change."""

import re

from tests.web.conftest import post
from tests.web.coordinator.conftest import Scene
from tests.web.coordinator.test_courses import plan


def test_a_chapter_that_will_lack_mentors(scene: Scene) -> None:
    """It is named with how many there are and when none is left, until a planned course keeps somebody."""
    page = scene.client().get("/overview").text
    assert (
        "1 chapter will have nobody with every required certification within six months: plan a course"
        in page
    )
    named = re.search(r'<a href="(/certifications\?[^"]+)">Oslo: 1 today, none on [^<]+</a>', page)
    assert named
    assert "Kari Nord" in scene.client().get(named[1].replace("&amp;", "&")).text
    assert "with the courses planned</a>" not in page
    assert "1 lag får ingen med" in scene.client("coordinator", "nb").get("/overview").text

    course = plan(scene, 10)
    post(scene.client(), f"/courses/{course}/people", {"id": [f"{scene.kari}"]})
    page = scene.client().get("/overview").text
    assert "will have nobody" not in page
    assert "Oslo, with the courses planned</a>" in page
    assert re.search(r"from 1 today to 0, and with the courses planned to [01]\.", page)
