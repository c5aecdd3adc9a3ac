"""The picture: plots and tables agree with the register, the downloads stand alone, and small numbers stay hidden."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from lxml import etree, html

from desk.pages.picture import _weeks
from desk.plots import draw
from desk.routing import Role
from store import RegistrationFilter, RegistrationState
from tests.fixtures.desk import House

NAMES = ("weeks", "councils", "map", "activities", "sessions", "themes", "topics")
HOSTILE = """From: Ann Hostile <ann@example.com>
To: car@union.example
Subject: Research
Message-ID: <hostile@example.com>
Date: Mon, 10 Jan 2022 09:00:00 +0000

I teach at Glenmarnoch Primary School in Fife. I have done my own enquiry on the topic "<script>alert(1)</script> & spelling" and
would like colleagues to join me.
"""


def tree_of(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status
    return html.fromstring(answer.text)


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


def table(tree: Any, name: str) -> dict[str, str]:
    rows = tree.xpath(f'//section[@aria-labelledby="plot-{name}"]//tbody/tr')
    return {words(row.find("th")): words(row.find("td")) for row in rows}


def test_each_plot_is_there_for_both_widths_with_its_table_and_its_downloads(house: House) -> None:
    tree = tree_of(house.client(Role.VIEWER).get("/picture"))
    for name in NAMES:
        [section] = tree.xpath(f'//section[@aria-labelledby="plot-{name}"]')
        assert len(section.cssselect("svg.plot[role=img][aria-label]")) == 2
        assert table(tree, name)
        assert [link.get("href") for link in section.cssselect(".under a")] == [f"/picture/{name}.png", f"/picture/{name}.svg"]
    picture = house.store.picture()
    assert sum(map(int, table(tree, "weeks").values())) == picture.total == 29
    assert table(tree, "activities")["Your own enquiry, open to others"] == str({f.value: f.count for f in picture.activities}["existing_individual"])
    councils = table(tree, "councils")
    assert councils["South Ayrshire"] == "2" and list(councils)[-1] == "No council, or not known yet"
    sessions = [words.label for words in house.office.words.sessions]
    assert list(table(tree, "sessions")) == [*sessions, "None asked for"], "in the order of their dates"
    assert len(table(tree, "map")) == 33, "all 32, and those without"


def test_the_numbers_of_a_table_lead_to_their_entries(house: House) -> None:
    client = house.client()
    tree = tree_of(client.get("/picture?state=registered"))
    links = {words(link): link.get("href") for link in tree.xpath('//section[@aria-labelledby="plot-councils"]//tbody//a')}
    assert links["South Ayrshire"] == "/register?state=registered&council=South+Ayrshire"
    assert links["No council, or not known yet"] == "/register?state=registered&council=-"


def test_the_choice_is_that_of_the_register(house: House) -> None:
    tree = tree_of(house.client().get("/picture?state=ask_member&council=Fife&from=2020-01-01"))
    wanted = RegistrationFilter(states=(RegistrationState.ASK_MEMBER,), councils=("Fife",))
    assert words(tree.cssselect("#plots > p strong")[0]) == f"{house.store.picture(wanted).total} registration."
    assert [box.get("value") for box in tree.cssselect("input[name=state][checked]")] == ["ask_member"]
    assert tree.cssselect("input[name=from]")[0].get("value") == "2020-01-01"
    assert [box.get("value") for box in tree.cssselect("input[type=hidden][name=council]")] == ["Fife"]
    assert [words(chip) for chip in tree.cssselect(".chip")] == [
        "Waiting for the member ×, take away",
        "Council: Fife ×, take away",
        "From 1 Jan 2020 ×, take away",
    ]


def test_a_date_that_is_none_is_told_beside_its_field(house: House) -> None:
    client = house.client()
    tree = tree_of(client.get("/picture?from=31/31/2022&state=review"), 422)
    field = tree.cssselect("input[name=from]")[0]
    assert field.get("aria-invalid") == "true" and field.get("value") == "31/31/2022"
    assert words(tree.get_element_by_id(field.get("aria-describedby"))).startswith("Write the date as")
    assert tree.cssselect("input[name=state][checked]")[0].get("value") == "review", "what else was chosen stays"
    assert client.get("/picture/weeks.svg?from=31/31/2022").status_code == 422


def test_nothing_to_show_is_said(house: House) -> None:
    tree = tree_of(house.client().get("/picture?to=1999-01-01"))
    assert words(tree.cssselect("#plots > p strong")[0]) == "0 registrations."
    assert "Nothing to show for this choice." in words(tree.xpath('//section[@aria-labelledby="plot-weeks"]')[0])
    assert house.client().get("/picture/weeks.png?to=1999-01-01").content.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", NAMES)
def test_a_download_stands_alone(house: House, name: str) -> None:
    client = house.client(Role.VIEWER)
    svg = client.get(f"/picture/{name}.svg?state=registered&state=ask_member")
    assert svg.headers["content-type"] == "image/svg+xml" and svg.headers["cache-control"] == "no-store"
    assert re.fullmatch(rf'attachment; filename="registrations-{name}-\d{{4}}-\d\d-\d\d\.svg"', svg.headers["content-disposition"])
    tree = etree.fromstring(svg.content)
    said = " ".join("".join(text.itertext()) for text in tree.iter("{*}text"))
    assert "Source: the register of the Collaborative Action Research Programme, " in said
    assert "Waiting for the member or On the register." in said and " registrations in the weeks from " in said
    assert not [1 for element in tree.iter() for name in element.attrib if "href" in name or name == "style"]
    assert client.get(f"/picture/{name}.png").content.startswith(b"\x89PNG\r\n")


def test_there_are_no_other_downloads(house: House) -> None:
    client = house.client()
    for path in ("/picture/members.svg", "/picture/..%2fweeks.svg", "/picture/weeks.pdf"):
        assert client.get(path).status_code == 404


def test_small_counts_are_hidden_everywhere_when_asked(house: House) -> None:
    client = house.client()
    tree = tree_of(client.get("/picture?small=hide"))
    assert tree.cssselect("input[name=small][checked]")
    for name in NAMES:
        for shown in table(tree, name).values():
            assert shown in ("under 5", "hidden", "0") or int(shown) >= 5
        assert not tree.xpath(f'//section[@aria-labelledby="plot-{name}"]//tbody//tr[td="under 5"]//a'), "no link tells it either"
    assert table(tree, "topics") == {}, "a topic that few wrote may tell who they are"
    assert tree.cssselect(".under a")[0].get("href") == "/picture/weeks.png?small=hide"
    for name in NAMES:
        said = etree.fromstring(client.get(f"/picture/{name}.svg?small=hide").content)
        texts = ["".join(text.itertext()) for text in (*said.iter("{*}text"), *said.iter("{*}title"))]
        assert "Counts below 5 are hidden, and others where they could be worked out." in texts
        if name not in ("weeks", "topics"):  # their axis is no count
            numbers = [text for text in texts if text.isdigit() and 0 < int(text) < 5]
            assert numbers == []
        assert not re.search(r": [1-4](\D|$)", " ".join(texts))
        assert not re.search(r"\b[1-4] for ", said.get("aria-label"))


def test_a_small_total_is_hidden_too(house: House) -> None:
    tree = tree_of(house.client().get("/picture?small=hide&council=Fife"))
    assert words(tree.cssselect("#plots > p strong")[0]) == "under 5 registrations."


def test_what_a_member_wrote_stays_text_in_page_and_picture(house: House) -> None:
    house.deliver("hostile", HOSTILE.encode())
    house.poll()
    client = house.client()
    tree = tree_of(client.get("/picture"))
    topics = table(tree, "topics")
    assert not tree.cssselect("main script")
    hostile = [topic for topic in topics if "alert(1)" in topic]
    svg = etree.fromstring(client.get("/picture/topics.svg").content)
    assert not list(svg.iter("{*}script"))
    if hostile:
        assert "alert(1)" in " ".join("".join(text.itertext()) for text in svg.iter("{*}text"))


def test_years_of_weeks_are_told_by_month_and_none_is_lost() -> None:
    weeks = [(date(2020, 1, 6) + timedelta(weeks=n), n % 7) for n in range(400)]
    chart = _weeks(weeks)
    assert chart.title == "Registrations by month" and len(chart.values) == 92
    assert sum(value.count or 0 for value in chart.values) == sum(count for _, count in weeks)
    assert (chart.values[0].label, chart.values[-1].label) == ("January 2020", "August 2027")
    assert _weeks(weeks[:156]).title == "Registrations by week"
    svg = etree.fromstring(str(draw(chart, width=640)))
    eras = [text.text for text in svg.iter("{*}text") if (text.text or "").isdigit() and len(text.text or "") == 4]
    assert eras == sorted(set(eras)) and "2020" in eras, "each year once"
