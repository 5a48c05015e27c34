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
    named = re.search(r'<a href="(/forecast\?[^"]+)">Oslo: 1 today, none on [^<]+</a>', page)
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


def test_who_renews_what_ends(scene: Scene) -> None:
    """Each outlook is a number that leads to its rows; who waits for nothing has no course."""
    page = _main(scene, "/forecast")
    assert "Kari Nord" in page
    assert "Ola Vest" not in page
    assert "Ola Vest" in _main(scene, "/forecast", who="admin")
    assert '<a href="/forecast?outlook=nothing_planned">1<' in page
    assert 'href="/courses/new"' in page
    assert 'href="/forecast"' in _main(scene, "/overview")
    assert "No results." in _main(scene, "/forecast?outlook=expected")

    course = plan(scene, 10)
    assert '<a href="/forecast?outlook=possible">1<' in _main(scene, "/forecast")
    post(scene.client(), f"/courses/{course}/people", {"id": [f"{scene.kari}"]})
    page = _main(scene, f"/forecast?outlook=expected&months=12&chapter={scene.organisation.chapter}")
    assert f'href="/mentors/{scene.kari}"' in page
    assert f'href="/courses/{course}"' in page
    assert "A course is expected to renew it" in page
    assert "Ventes fornyet av et kurs" in _main(scene, "/forecast", language="nb")


def test_what_cannot_be_read(scene: Scene) -> None:
    for asked in ("months=7", "outlook=maybe", "chapter=x"):
        assert scene.client().get(f"/forecast?{asked}").status_code == 422
    assert scene.client("peer_mentor").get("/forecast").status_code == 403


def _main(scene: Scene, path: str, *, who: str = "coordinator", language: str = "en") -> str:
    answer = scene.client(who, language).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text.partition("<main")[2]
