"""Corrections teach, from end to end: a person puts a school right once, and the next member who writes it so needs nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.office import Offer
from mailroom.assemble import assemble, read_programme
from mailroom.config import Config, load_config
from mailroom.errors import MailroomError
from mailroom.model import MessageState
from mailroom.office import HouseOffice
from mailroom.programme import Programme
from mailroom.remembering import Remembering, RememberingReader, offer_words
from parse.reader import Reader
from store import FieldValue, Registration, RegistrationState, RegistrationUpdate, Store
from tests.fixtures.stores import NOW

EDINBURGH, PORTOBELLO = "City of Edinburgh", "Portobello High School"
SETTINGS = """
programme: {{schools: ["{schools}"]}}
mailboxes: [{{name: programme, folder: box}}]
replies: {{mode: hold, from: "Action Research <car@union.example>"}}
store: {{url: "{url}"}}
"""
SCHOOLS = """name,authority,sector
Portobello High School,City of Edinburgh,secondary
Pentland High School,City of Edinburgh,secondary
Perth High School,Perth and Kinross,secondary
Wick High School,Highland,secondary
"""
LETTER = """From: {name} <{name}@{domain}>
To: car@union.example
Subject: Action research
Message-ID: <{name}-{number}@{domain}>
{more}Date: Mon, 10 Jan 2022 09:0{number}:00 +0000

{text}
"""
WE = "We are a group of colleagues already doing research together on reading for pleasure. I would like to register."
UNKNOWN = "I teach at PHS in Edinburgh"  # two schools there have these initials


class House:
    """An installation whose mailbox is a folder, its pipeline running on between the letters as «mailroom run» would."""

    def __init__(self, folder: Path, url: str, reader: Reader) -> None:
        self.box, self.count = folder / "box", 0
        self.box.mkdir()
        (folder / "schools.csv").write_text(SCHOOLS, encoding="utf-8")
        (folder / "config.yaml").write_text(SETTINGS.format(url=url, schools=folder / "schools.csv"), encoding="utf-8")
        self.config = load_config(folder / "config.yaml")
        self.store = Store(url)
        self.pipeline = assemble(self.config, self.store, knowledge=(programme_of(self.config), reader))
        self.remembering = Remembering(self.store, lambda: reader, own_domains=("union.example",), now=lambda: NOW)

    def write(self, name: str, text: str, domain: str = "mail.example", more: str = "") -> Registration:
        """A member's letter, and the registration that the next round makes of it."""
        self.count += 1
        letter = LETTER.format(name=name, text=text, domain=domain, number=self.count, more=more)
        (self.box / f"{self.count:03}.eml").write_text(letter, encoding="utf-8")
        with self.store.exclusive():
            assert not self.pipeline.round().errors
        found = self.store.find_registration(f"{name}@{domain}")
        assert found is not None
        return found

    def correct(self, registration: Registration, **values: str) -> Registration:
        kept = tuple(value for value in registration.values if value.field not in values)
        given = tuple(FieldValue(field=field, value=value, person="m.reid") for field, value in values.items())
        update = RegistrationUpdate(
            registration_id=registration.id,
            revision=registration.revision,
            state=RegistrationState.REGISTERED,
            values=(*kept, *given),
        )
        assert self.store.correct(update, NOW, actor="m.reid")
        after = self.store.registration(registration.id)
        assert after is not None
        return after


_programmes: dict[str, Programme] = {}


def programme_of(config: Config) -> Programme:
    if "one" not in _programmes:
        _programmes["one"] = read_programme(config)[0]
    return _programmes["one"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("knowledge")
    (folder / "schools.csv").write_text(SCHOOLS, encoding="utf-8")
    (folder / "config.yaml").write_text(SETTINGS.format(url="sqlite:///none.db", schools=folder / "schools.csv"), encoding="utf-8")
    config = load_config(folder / "config.yaml")
    programme, made = read_programme(config)
    _programmes["one"] = programme
    return made


@pytest.fixture
def house(tmp_path: Path, current_url: str, reader: Reader) -> Iterator[House]:
    made = House(tmp_path, current_url, reader)
    yield made
    made.store.close()


def test_the_next_member_who_writes_it_so_needs_nobody(house: House) -> None:
    """Asked; put right and remembered; the same initials of another member are registered, without a restart, with evidence that says why."""
    first = house.write("ailsa", f"{UNKNOWN}. {WE}")
    assert (first.state, first.values_of("institution")) == (RegistrationState.ASK_MEMBER, ())
    second = house.write("before", f"{UNKNOWN}. {WE}")
    assert second.state == RegistrationState.ASK_MEMBER, "nothing is learnt without a person"
    [offer, *_] = house.remembering.offers(first, house.correct(first, institution=PORTOBELLO, authority=EDINBURGH))
    assert (offer.written, offer.means, offer.council, offer.kind) == ("PHS", PORTOBELLO, EDINBURGH, "institution")
    assert "Pentland High School" in offer.caution
    said = house.remembering.remember(offer, registration_id=first.id, who="m.reid").said
    assert said == "Remembered: «PHS» in City of Edinburgh means Portobello High School."
    third = house.write("rory", f"{UNKNOWN}, Scotland. {WE}")
    assert (third.state, third.values_of("institution"), third.values_of("authority")) == (RegistrationState.REGISTERED, (PORTOBELLO,), (EDINBURGH,))
    [value] = [value for value in third.values if value.field == "institution"]
    assert {(evidence.text, evidence.rule) for evidence in value.evidence} == {("PHS", "remembered.1")}
    record = house.store.message(third.messages[0])
    assert record is not None
    assert record.message.state == MessageState.REGISTERED
    [alias] = house.remembering.aliases()
    assert (alias.hits, alias.made_by, alias.registration_id) == (1, "m.reid", first.id)


def test_what_is_forgotten_is_asked_about_again(house: House) -> None:
    offer = Offer(written="PHS", means=PORTOBELLO, council=EDINBURGH, stands_in=EDINBURGH)
    house.remembering.remember(offer, registration_id=None, who="m.reid")
    with_it = house.write("ailsa", f"{UNKNOWN}. {WE}")
    assert house.remembering.forget(1, who="a.bell").said.startswith("Forgotten: «PHS»")
    without = house.write("rory", f"{UNKNOWN}. {WE}")
    assert (with_it.state, without.state) == (RegistrationState.REGISTERED, RegistrationState.ASK_MEMBER)
    versions = {house.store.message(one.messages[0]).readings[-1].reading.rules_version for one in (with_it, without)}  # type: ignore[union-attr]
    assert len(versions) == 2
    with pytest.raises(MailroomError, match="forgotten already"):
        house.remembering.forget(1, who="a.bell")


def test_an_answer_to_our_question_is_read_with_the_council_told_before(house: House) -> None:
    """«PHS», in reply: which council it is was said in the first message."""
    first = house.write("ailsa", f"I teach in Edinburgh. {WE}")
    assert (first.state, first.values_of("authority")) == (RegistrationState.ASK_MEMBER, (EDINBURGH,))
    house.remembering.remember(Offer(written="PHS", means=PORTOBELLO, council=EDINBURGH, stands_in=EDINBURGH), registration_id=None, who="m.reid")
    after = house.write("ailsa", "I am at PHS.", more="In-Reply-To: <ailsa-1@mail.example>\n")
    assert (after.id, after.state, after.values_of("institution")) == (first.id, RegistrationState.REGISTERED, (PORTOBELLO,))


def test_a_local_name_for_the_council_answers_too(house: House) -> None:
    first = house.write("ailsa", f"I teach at Ashwood Academy. {WE}")
    assert first.missing == ("authority",)
    house.remembering.remember(Offer(written="the Lang Toun", means="Fife", council="", kind="authority"), registration_id=None, who="m.reid")
    after = house.write("ailsa", "The Lang Toun", more="In-Reply-To: <ailsa-1@mail.example>\n")
    assert (after.id, after.state, after.values_of("authority")) == (first.id, RegistrationState.REGISTERED, ("Fife",))


def test_a_school_that_no_list_has_is_known_once_a_person_says_so(house: House) -> None:
    first = house.write("ailsa", f"I teach at Ashwood Academy. {WE}")
    offers = house.remembering.offers(first, house.correct(first, authority="Fife"))
    assert [(one.written, one.means, one.council, one.stands_in) for one in offers] == [("Ashwood Academy", "Ashwood Academy", "", "Fife")]
    said = house.remembering.remember(offers[0], registration_id=first.id, who="m.reid").said
    assert said == "Remembered: Ashwood Academy (Fife) is a school."
    second = house.write("rory", f"I teach at Ashwood Academy. {WE}")
    assert (second.state, second.values_of("authority")) == (RegistrationState.REGISTERED, ("Fife",))


def test_trying_out_names_the_others_and_writes_nothing(house: House) -> None:
    first = house.write("ailsa", f"{UNKNOWN}. {WE}")
    second = house.write("rory", f"{UNKNOWN}. {WE}")
    house.write("anne", f"I teach at Wick High School. {WE}")
    offer = Offer(written="PHS", means=PORTOBELLO, council=EDINBURGH, stands_in=EDINBURGH)
    trial = house.remembering.try_out(offer, registration_id=first.id)
    assert (trial.looked_at, [effect.registration_id for effect in trial.effects], trial.spoils) == (2, [second.id], ())
    [effect] = trial.effects
    assert (effect.sender, effect.subject, effect.settles) == ("rory", "Action research", True)
    assert (effect.before, effect.after) == ({"institution": ()}, {"institution": (PORTOBELLO,)})
    assert trial.said == "It would also change 1 other of 2, of which 1 would need nobody any more."
    assert house.remembering.aliases() == ()
    assert house.store.registration(second.id) == second
    assert house.remembering.try_out(Offer(written="Lang Toun", means="Fife", council="", kind="authority"), registration_id=None).effects == ()


def test_trying_out_says_what_it_would_spoil(house: House) -> None:
    """A person confirmed Pentland for these very words: whoever would now remember Portobello is told."""
    first = house.write("ailsa", f"I teach at Bello in Edinburgh. {WE}")
    house.correct(first, institution="Pentland High School", authority=EDINBURGH)
    house.remembering.remember(Offer(written="Bello", means="Pentland High School", council="", stands_in=EDINBURGH), registration_id=None, who="x")
    assert house.remembering.measure_cases()[0].wrong == {}
    trial = house.remembering.try_out(Offer(written="Bello", means=PORTOBELLO, council=EDINBURGH, stands_in=EDINBURGH), registration_id=None)
    assert trial.spoils == (first.id,)
    assert f"1 that a person confirmed would then be read wrongly: {first.id}." in trial.said


def test_what_may_not_be_remembered_is_refused_by_every_verb(house: House) -> None:
    for offer, why in (
        (Offer(written="HS", means=PORTOBELLO, council=EDINBURGH), "too short"),
        (Offer(written="PHS", means=PORTOBELLO, council=""), "Perth High School"),
        (Offer(written="union.example", means=PORTOBELLO, council="", kind="domain"), "our own"),
        (Offer(written="PHS", means=PORTOBELLO, council=EDINBURGH, kind="topic"), "nothing to remember"),
    ):
        with pytest.raises(MailroomError, match=why):
            house.remembering.try_out(offer, registration_id=None)
        with pytest.raises(MailroomError, match=why):
            house.remembering.remember(offer, registration_id=None, who="m.reid")
    assert house.remembering.aliases() == ()


def test_a_domain_that_others_write_from_is_no_schools(house: House) -> None:
    """Offered where nothing else tells of the school, and refused once somebody of another school writes from there."""
    first = house.write("ailsa", WE, domain="bello.sch.uk")
    [offer] = house.remembering.offers(first, house.correct(first, institution=PORTOBELLO, authority=EDINBURGH))
    assert (offer.kind, offer.written, offer.means) == ("domain", "bello.sch.uk", PORTOBELLO)
    house.write("rory", f"I teach at Wick High School. {WE}", domain="bello.sch.uk")
    with pytest.raises(MailroomError, match=r"members of Wick High School write from bello\.sch\.uk too"):
        house.remembering.remember(offer, registration_id=first.id, who="m.reid")


def test_corrections_are_cases_that_the_rules_are_measured_by(house: House) -> None:
    """Wrong until it is remembered, right from then on; what a follow-up adds is read with it."""
    first = house.write("ailsa", f"{UNKNOWN}. {WE}")
    house.correct(first, institution=PORTOBELLO, authority=EDINBURGH)
    [case] = house.remembering.cases()
    assert (case.registration_id, case.wrong, case.measured_at) == (first.id, None, None)
    assert set(case.corrected) >= {"institution"}
    [case] = house.remembering.measure_cases()
    assert case.wrong is not None
    assert set(case.wrong) == {"institution"}
    assert case.wrong["institution"][1] == ()
    old = case.rules_version
    house.remembering.remember(Offer(written="PHS", means=PORTOBELLO, council=EDINBURGH, stands_in=EDINBURGH), registration_id=first.id, who="m.reid")
    [case] = house.remembering.measure_cases()
    assert (case.wrong, case.measured_at) == ({}, NOW)
    assert case.rules_version != old


def test_a_case_of_several_messages_is_read_as_one(house: House) -> None:
    first = house.write("ailsa", f"I teach at Ashwood Academy. {WE}")
    second = house.write("ailsa", "It is in Fife.", more="In-Reply-To: <ailsa-1@mail.example>\n")
    assert second.id == first.id
    house.correct(second, topic="fractions")
    [case] = house.remembering.measure_cases()
    assert len(case.messages) == 2
    assert case.wrong is not None
    assert "authority" not in case.wrong


def test_nothing_is_offered_for_what_is_remembered_already(house: House) -> None:
    first = house.write("ailsa", f"{UNKNOWN}. {WE}")
    after = house.correct(first, institution=PORTOBELLO, authority=EDINBURGH)
    [offer, *_] = house.remembering.offers(first, after)
    house.remembering.remember(offer, registration_id=first.id, who="m.reid")
    assert offer.written not in {one.written for one in house.remembering.offers(first, after)}
    assert house.remembering.remember(offer, registration_id=first.id, who="m.reid").said.startswith("That is remembered already")


def test_a_running_reader_asks_one_small_question_where_nothing_changed(house: House, reader: Reader) -> None:
    told: list[int] = []
    running = RememberingReader(reader, house.store, changed=lambda aliases: told.append(len(aliases)))
    running.refresh()
    same = running.current
    running.refresh()
    assert running.current is same
    house.remembering.remember(Offer(written="PHS", means=PORTOBELLO, council=EDINBURGH, stands_in=EDINBURGH), registration_id=None, who="m.reid")
    running.refresh()
    running.refresh()
    assert told == [0, 1]
    assert running.current is not same


def test_two_persons_at_once_and_one_meaning(house: House) -> None:
    """Both teach «PHS» another school at the same moment: one is told so, whichever database it is."""
    house.remembering.reader()
    start, said = threading.Barrier(2), dict[str, str]()

    def teach(name: str) -> None:
        offer = Offer(written="PHS", means=name, council=EDINBURGH, stands_in=EDINBURGH)
        start.wait()
        try:
            said[name] = house.remembering.remember(offer, registration_id=None, who="m.reid").said
        except MailroomError as error:
            said[name] = f"refused: {error}"

    threads = [threading.Thread(target=teach, args=(name,)) for name in (PORTOBELLO, "Pentland High School")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [alias] = house.remembering.aliases()
    assert said[alias.means].startswith("Remembered: «PHS»")
    [refused] = [words for name, words in said.items() if name != alias.means]
    assert "forget that first" in refused or "somebody else remembered these words" in refused


def test_where_a_school_is_follows_from_the_list_or_the_council_that_was_named(house: House) -> None:
    for offer, place in (
        (Offer(written="WKHS", means="Wick High School", council=""), "Highland"),
        (Offer(written="Ashwood Academy", means="Ashwood Academy", council="Fife"), "Fife"),
        (Offer(written="bello.sch.uk", means=PORTOBELLO, council="", kind="domain"), EDINBURGH),
        (Offer(written="Bridge Academy", means="Bridge Academy", council=""), ""),
    ):
        house.remembering.remember(offer, registration_id=None, who="m.reid")
        assert house.remembering.aliases()[0].stands_in == place, offer


def test_offers_in_words() -> None:
    domain = Offer(written="bello.sch.uk", means=PORTOBELLO, council="", kind="domain")
    assert offer_words(domain) == "who writes from bello.sch.uk is at Portobello High School"
    assert offer_words(Offer(written="the Lang Toun", means="Fife", council="", kind="authority")) == "«the Lang Toun» means Fife"


def test_the_office_offers_what_each_deed_could_teach(house: House) -> None:
    """A correction, an acceptance and an entry; what is remembered is found by its own words from then on; undone, it is no case."""
    office = HouseOffice(house.config, house.store, now=lambda: NOW)
    first = house.write("ailsa", f"{UNKNOWN}. {WE}")
    done = office.correct(first.id, first.revision, {"institution": [PORTOBELLO]}, who="m.reid")
    assert [(one.written, one.means, one.council) for one in done.offers][:1] == [("PHS", PORTOBELLO, EDINBURGH)]
    assert [case.registration_id for case in office.cases()] == [first.id]
    assert done.deed is not None
    office.undo(done.deed, who="m.reid")
    assert office.cases() == ()
    known = house.write("rory", f"I teach at Ashwood Academy in Fife. {WE} Could you tell me whether supply cover is paid?")
    assert known.state == RegistrationState.REVIEW
    accepted = office.accept(known.id, known.revision, who="m.reid")
    assert [(one.written, one.stands_in) for one in accepted.offers] == [("Ashwood Academy", "Fife")]
    assert not [place for place in office.places("Ashwood") if place.name == "Ashwood Academy"]
    office.remember(accepted.offers[0], registration_id=known.id, who="m.reid")
    [place] = [place for place in office.places("ashwood fi") if place.name == "Ashwood Academy"]
    assert (place.kind, place.council) == ("school", "Fife")
    office.remember(done.offers[0], registration_id=first.id, who="m.reid")
    assert office.places("PHS")[0].name == PORTOBELLO, "before all that have these initials by chance"
    assert office.places("") == ()


def test_what_a_person_entered_is_a_case(house: House) -> None:
    office = HouseOffice(house.config, house.store, now=lambda: NOW)
    (house.box / "q.eml").write_text(LETTER.format(name="anne", text="Is there a bus from PHS?", domain="mail.example", number=9, more=""), encoding="utf-8")
    with house.store.exclusive():
        assert not house.pipeline.round().errors
    [message] = [one for one in house.store.messages(limit=5) if one.sender_address == "anne@mail.example"]
    values = {"institution": [PORTOBELLO], "authority": [EDINBURGH], "activity": ["learning_collaborative"]}
    done = office.enter(message.id, values, who="m.reid")
    assert ("PHS", PORTOBELLO) in [(one.written, one.means) for one in done.offers]
    [case] = office.cases()
    assert (case.messages, case.confirmed["institution"], case.corrected) == ((message.id,), (PORTOBELLO,), ("institution", "authority", "activity"))
    assert done.deed is not None
    office.undo(done.deed, who="m.reid")
    assert office.cases() == ()
