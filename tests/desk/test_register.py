"""The register: what is found, told, ordered, shown in columns, kept as a view, and taken away as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from lxml import html

from desk.filtering import COLUMNS, asked_of, read_date
from desk.routing import Role
from mailroom.model import MessageState
from store import FieldValue, RegistrationDraft, RegistrationFilter, RegistrationState
from tests.fixtures.desk import House
from tests.fixtures.stores import arrival, reading


def page_of(answer: Any) -> html.HtmlElement:
    assert answer.status_code == 200, answer.text
    return html.fromstring(answer.text)


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def names(page: html.HtmlElement) -> list[str]:
    return [words(cell) for cell in page.xpath("//table//tbody//th")]


def add(house: House, uid: int, name: str, **values: str) -> str:
    """Somebody else on the register, of a message of their own."""
    store = house.store
    store.add_arrivals([arrival(uid, f"from {name}")], datetime(2022, 1, 18, 23, 45, tzinfo=UTC))
    (message,) = store.waiting()
    fields = tuple(FieldValue(field=field, value=value, person="test") for field, value in values.items())
    draft = RegistrationDraft(member_name=name, member_address=f"{uid}@example.com", state=RegistrationState.REGISTERED, values=fields)
    assert store.record(message.id, reading(f"m{uid}"), MessageState.REGISTERED, draft, now=datetime(2022, 1, 18, 23, 45, tzinfo=UTC))
    return next(line.id for line in store.each_registration() if line.member_address == f"{uid}@example.com")


def test_everybody_is_listed_newest_first_with_a_way_to_each(house: House) -> None:
    page = page_of(house.client().get("/register"))
    everybody = house.store.find_registrations()
    assert words(page.xpath("//*[@data-fresh='total']")[0]) == f"{everybody.total} entries in all"
    assert page.xpath("//table//tbody//th/a/@href") == [f"/item/{line.id}" for line in everybody.lines]
    heads = [words(head).rstrip(" ▼▲") for head in page.xpath("//thead//th")]
    assert heads == [column.label for column in COLUMNS.values() if column.usual]
    assert page.xpath("//th[@aria-sort]/@aria-sort") == ["descending"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("q=shona", RegistrationFilter(text="shona")),
        ("q=oral+story", RegistrationFilter(text="oral story")),
        ("council=Fife&council=Moray", RegistrationFilter(councils=("Fife", "Moray"))),
        ("council=-", RegistrationFilter(councils=("",))),
        ("state=review&state=ask_member", RegistrationFilter(states=(RegistrationState.REVIEW, RegistrationState.ASK_MEMBER))),
        ("activity=existing_individual", RegistrationFilter(activities=("existing_individual",))),
        ("session=2022-01-19&activity=existing_collaborative", RegistrationFilter(sessions=("2022-01-19",), activities=("existing_collaborative",))),
        ("school=Glenmarnoch+Academy", RegistrationFilter(institutions=("Glenmarnoch Academy",))),
        ("topic=reading", RegistrationFilter(topic="reading")),
        ("theme=reading", RegistrationFilter(themes=("reading",))),
    ],
)
def test_choice_finds_exactly_what_matches_and_says_what_it_is(house: House, query: str, wanted: RegistrationFilter) -> None:
    found = house.store.find_registrations(wanted)
    assert 0 < found.total < house.store.find_registrations().total
    page = page_of(house.client().get(f"/register?{query}"))
    assert page.xpath("//table//tbody//th/a/@href") == [f"/item/{line.id}" for line in found.lines]
    assert words(page.xpath("//*[@data-fresh='total']")[0]) == ("1 entry found" if found.total == 1 else f"{found.total} entries found")
    chips = page.xpath("//a[@class='chip']/@href")
    assert len(chips) == query.count("=")
    assert page_of(house.client().get(chips[0])) is not None


def test_chip_leads_to_the_view_without_that_choice(house: House) -> None:
    client = house.client()
    page = page_of(client.get("/register?council=Fife&council=Moray&q=e"))
    (fife,) = [chip for chip in page.xpath("//a[@class='chip']") if "Fife" in words(chip)]
    again = page_of(client.get(fife.get("href")))
    assert again.xpath("//input[@name='council'][@checked]/@value") == ["Moray"]
    assert again.xpath("//input[@type='search']/@value") == ["e"]


def test_counts_beside_choices_are_those_of_the_register(house: House) -> None:
    page = page_of(house.client().get("/register?council=Fife"))
    for facet in house.store.facets(RegistrationFilter(councils=("Fife",))).councils:
        if facet.value:
            assert words(page.xpath(f"//*[@data-fresh='council={facet.value}']")[0]) == str(facet.count)
    assert words(page.xpath("//*[@data-fresh='council=Angus']")[0]) == "0"
    assert page.xpath("//input[@name='council']/@value")[0] == "Fife"  # what is chosen is in sight


@pytest.mark.parametrize(
    ("label", "first_way", "then"),
    [("School or college", "ascending", "descending"), ("Name", "ascending", "descending"), ("First written", "descending", "ascending")],
)
def test_heading_sorts_and_turns_round(house: House, label: str, first_way: str, then: str) -> None:
    client = house.client()

    def pressed(page: html.HtmlElement) -> html.HtmlElement:
        (link,) = [link for link in page.xpath("//thead//th/a") if words(link).startswith(label)]
        return page_of(client.get(link.get("href")))

    one = pressed(page_of(client.get("/register?state=registered&sort=council")))
    assert one.xpath("//th[@aria-sort]/@aria-sort") == [first_way]
    other = pressed(one)
    assert other.xpath("//th[@aria-sort]/@aria-sort") == [then]
    assert other.xpath("//tbody//th/a/@href") == one.xpath("//tbody//th/a/@href")[::-1]
    assert other.xpath("//input[@name='state'][@checked]/@value") == ["registered"]
    assert other.xpath("//select[@name='sort']/option[@selected]")


def test_columns_are_chosen_and_kept(house: House) -> None:
    client = house.client()
    page = page_of(client.get("/register?q=a&col=id&col=address&col=name"))
    assert [words(head) for head in page.xpath("//thead//th")] == ["Name", "Email address", "Reference"]
    assert page.xpath("//form[@role='search']//input[@type='hidden'][@name='col']/@value") == ["name", "address", "id"]
    line = house.store.find_registrations(RegistrationFilter(text="a")).lines[0]
    assert [words(cell) for cell in page.xpath("//tbody/tr[1]/td[@data-label]")] == [line.member_address, line.id]
    usual = page_of(client.get("/register?" + "&".join(f"col={key}" for key, column in COLUMNS.items() if column.usual)))
    assert usual.xpath("//nav[@class='views']//a[@aria-current]/text()") == ["Everybody"]  # a choice of what is usual is none


def test_pages_lead_through_all_and_back(make_house: Callable[[], House]) -> None:
    house = make_house()
    for number in range(40):
        add(house, 100 + number, f"Member {number:02}", institution="Whinhill Academy")
    client = house.client()
    total = house.store.find_registrations().total
    assert total > 50
    first = page_of(client.get("/register?sort=name"))
    (onward,) = first.xpath("//a[@rel='next']/@href")
    second = page_of(client.get(onward))
    assert len(names(first)) == 50
    assert len({*first.xpath("//tbody//th/a/@href"), *second.xpath("//tbody//th/a/@href")}) == total
    (back,) = second.xpath("//a[@rel='prev']/@href")
    assert names(page_of(client.get(back))) == names(first)


def test_days_are_those_of_the_programmes_clock(house: House) -> None:
    house.store.add_arrivals([arrival(7, "summer")], datetime(2022, 7, 1, tzinfo=UTC))
    (message,) = house.store.waiting()
    late = RegistrationDraft(member_name="Summer Late", member_address="late@example.com", state=RegistrationState.REGISTERED, values=())
    assert house.store.record(message.id, reading("late"), MessageState.REGISTERED, late, now=datetime(2022, 7, 1, tzinfo=UTC))
    client = house.client()
    # Its mail arrived on 10 January 2022 at 09:37 (tests.fixtures.stores).
    assert names(page_of(client.get("/register?from=2022-01-10&to=10/1/2022"))) == ["Summer Late"]
    assert "Nobody matches" in client.get("/register?from=2022-01-11&to=2022-01-11").text


@pytest.mark.parametrize("query", ["from=soon", "to=31/2/2022", "from=2022-01-20&to=2022-01-10", "from=0001-01-01", "to=9999-12-31"])
def test_day_that_is_none_is_said_beside_its_field(house: House, query: str) -> None:
    answer = house.client().get(f"/register?{query}")
    assert answer.status_code == 422
    page = html.fromstring(answer.text)
    (wrong,) = page.xpath("//input[@aria-invalid='true']")
    assert page.get_element_by_id(wrong.get("aria-describedby")).text_content()
    assert house.client().get(f"/register.csv?{query}").status_code == 422


def test_address_that_makes_no_sense_is_still_a_page(house: House) -> None:
    for query in ("state=nothing", "sort=up", "col=secret", "after=R-NOBODY", "q=%00%ff", "council=" + "x" * 3000, "theme=-", "q=&from=&to="):
        assert house.client().get(f"/register?{query}").status_code == 200, query


def test_same_choice_is_the_same_address() -> None:
    zone = ZoneInfo("Europe/London")
    one, other = (asked_of(query, zone).query() for query in ("council=Moray&q= a  b &council=Fife&sort=-received&x=1", "q=a+b&council=Fife&council=Moray"))
    assert one == other == "q=a+b&council=Fife&council=Moray"
    assert asked_of(one, zone).query() == one
    assert read_date("1.2.2022") == read_date("2022-02-01")


def test_nobody_yet_says_so(make_house: Callable[[], House]) -> None:
    page = page_of(make_house().client().get("/register?q=nobodyiscalledthis"))
    assert "Nobody matches all of this." in words(page.xpath("//*[@id='results']")[0])


# --- files


def test_csv_is_exactly_what_is_shown(house: House) -> None:
    client = house.client()
    query = "council=Fife&council=Moray&council=Falkirk&sort=name&col=name&col=council&col=session&col=received&col=messages"
    page = page_of(client.get(f"/register?{query}"))
    (link,) = [link.get("href") for link in page.xpath("//a[@download]") if "csv" in link.get("href")]
    answer = client.get(link)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="register-')
    assert answer.content.startswith(b"\xef\xbb\xbf")
    heading, *rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert heading == [words(head).rstrip(" ▼▲") for head in page.xpath("//thead//th")]
    assert [row[0] for row in rows] == names(page)
    lines = house.store.find_registrations(RegistrationFilter(councils=("Fife", "Moray", "Falkirk"))).lines
    assert {row[1] for row in rows} == {council for line in lines for council in line.councils}
    assert all(datetime.strptime(row[heading.index("First written")], "%Y-%m-%d %H:%M") for row in rows)


def test_spreadsheet_is_exactly_what_is_shown(house: House) -> None:
    client = house.client()
    query = "sort=name&col=name&col=school&col=received&col=messages&col=session&state=registered"
    page = page_of(client.get(f"/register?{query}"))
    answer = client.get(f"/register.xlsx?{query}")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    heading, *rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert heading == [words(head).rstrip(" ▼▲") for head in page.xpath("//thead//th")]
    assert [row[0] for row in rows] == names(page)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:E{len(rows) + 1}"
    assert sheet.column_dimensions["B"].width == COLUMNS["school"].width
    received = heading.index("First written")
    line = house.store.find_registrations(RegistrationFilter(states=(RegistrationState.REGISTERED,))).lines[0]
    shown = [row[received] for row in rows if row[0] == line.member_name]
    assert isinstance(shown[0], datetime)
    assert abs(shown[0] - line.received_at.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None)) < timedelta(seconds=1)
    assert all(isinstance(row[heading.index("Messages")], int) for row in rows)


@pytest.mark.parametrize("evil", ['=HYPERLINK("http://x")', "+1", "-1+2", "@sum(a1)", "\t=1", "＝1"])
def test_formula_of_a_member_is_text_in_both(house: House, evil: str) -> None:
    add(house, 9, f"Zoë {evil}", topic=evil)
    query = "q=zoë&col=name&col=topic"
    client = house.client()
    rows = list(csv.reader(io.StringIO(client.get(f"/register.csv?{query}").content.decode("utf-8-sig"))))
    assert rows[1][1].startswith("'")
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"/register.xlsx?{query}").content)).active
    assert sheet is not None
    cell = sheet["B2"]
    assert (cell.data_type, str(cell.value).strip()) == ("s", evil.strip())
    assert cell.quotePrefix


def test_export_is_noted_with_who_how_many_and_which(house: House) -> None:
    client = house.client()
    total = house.store.find_registrations(RegistrationFilter(councils=("Fife",))).total
    for _ in range(2):  # each time
        assert client.get("/register.csv?council=Fife&col=name&col=address").status_code == 200
    noted = [event for event in house.store.people.audit() if event.event == "register.exported"]
    assert len(noted) == 2
    assert noted[0].actor == "moira"
    assert noted[0].after == {"kind": "csv", "count": total, "filter": "Council: Fife", "columns": ["name", "address"]}


def test_viewer_looks_and_takes_nothing_away(house: House) -> None:
    client = house.client(Role.VIEWER)
    page = page_of(client.get("/register"))
    assert not page.xpath("//a[@download] | //input[@name='id'] | //select[@name='do']")
    for path in ("/register.csv", "/register.xlsx"):
        assert client.get(path).status_code == 403


def test_look_is_noted_once_with_what_was_asked(house: House) -> None:
    client = house.client()
    for _ in range(2):
        client.get("/register?council=Fife")
    for typed in ("a", "al", "ala"):
        client.get(f"/register?q={typed}", headers={"X-Desk": "auto"})
    looks = [event.after for event in house.store.people.audit(looks=True)]
    assert looks == [{"what": "register"}, {"what": "register", "filter": "Council: Fife"}]


# --- saved views


def test_view_is_saved_shown_shared_and_put_away(house: House) -> None:
    client, colleague = house.client(), house.client(Role.VIEWER)
    page = page_of(client.get("/register?council=Fife&sort=name"))
    (link,) = page.xpath("//nav[@class='views']//a[text()='Save this view']/@href")
    form = page_of(client.get(link)).xpath("//form[contains(@action, 'save')]")[0]
    fields = {name: form.fields[name] for name in ("query",)}
    answer = client.post(form.action, data={**fields, "name": "  Fife  people ", "shared": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/register?council=Fife&sort=name")
    page = page_of(client.get(answer.headers["location"]))
    assert words(page.xpath("//nav[@class='views']//a[@aria-current]")[0]) == "Fife people shared"
    theirs = page_of(colleague.get("/register"))
    assert theirs.xpath("//nav[@class='views']//a[contains(., 'Fife people')]/@href") == ["/register?council=Fife&sort=name"]
    (away,) = page_of(client.get("/register/views")).xpath("//form[contains(@action, 'put-away')]/@action")
    assert client.post(away).status_code == 303
    assert not page_of(colleague.get("/register")).xpath("//nav[@class='views']//a[contains(., 'Fife people')]")
    assert client.post(away).status_code == 404


@pytest.mark.parametrize(("name", "query"), [(" ", "q=a"), ("x" * 61, "q=a"), ("All", "")])
def test_view_that_cannot_be_saved_keeps_what_was_typed(house: House, name: str, query: str) -> None:
    answer = house.client().post("/register/views/save", data={"name": name, "query": query})
    assert answer.status_code == 422
    page = html.fromstring(answer.text)
    assert page.xpath("//*[@class='wrong' or @role='alert']")
    if query:
        assert page.xpath("//input[@name='name']/@value") == [" ".join(name.split())]
    assert house.store.people.saved_views("moira") == ()


def test_viewer_keeps_views_of_their_own_and_shares_none(house: House) -> None:
    client = house.client(Role.VIEWER)
    assert client.post("/register/views/save", data={"name": "Mine", "query": "q=a", "shared": "1"}).status_code == 303
    (view,) = house.store.people.saved_views("moira-viewer")
    assert (view.name, view.query, view.shared) == ("Mine", "q=a", False)
    assert house.store.people.saved_views("moira") == ()
