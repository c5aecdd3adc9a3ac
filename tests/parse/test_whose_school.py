"""Which of the schools that a letter names take part: told together, left, another's, taken back, or not told at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.model import Outcome
from parse.reader import Reader, Reading
from parse.schoolnames import School

SCHOOLS = [
    School(name=f"{name} School", authority=authority)
    for authority, names in {
        "Scottish Borders": ("Kelso High", "Hawick High", "Selkirk High", "Edenside Primary"),
        "East Lothian": ("Gullane Primary", "Aberlady Primary", "Dirleton Primary", "North Berwick High"),
        "Renfrewshire": ("Trinity High",),
        "South Lanarkshire": ("Trinity High",),
    }.items()
    for name in names
]
TOGETHER = "We've kept a joint log on homework since August."


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Path(__file__).parents[2] / "programme", SCHOOLS)


HEAD = "From: Ann Reid <ann@example.org>\nTo: care@union.example\nSubject: Research\nMessage-ID: <a@example.org>\nDate: Mon, 10 Jan 2022 09:00:00 +0000\n"


def read(reader: Reader, words: str) -> Reading:
    return reader.read(f"{HEAD}\nHi,\n\n{words} {TOGETHER}\n\nAnn\n".encode())


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("Me (Kelso High) and Anne-Marie (Hawick High) have been keeping a joint log on homework since August.", "hawick kelso"),
        (
            "There are three of us: myself at Kelso High, Dougie at Hawick High and Priya from Selkirk High.",
            "hawick kelso selkirk",
        ),
        (
            "I'm at Kelso High, Dougie's at Hawick High. The two of us have been running the same observation sheet since August and meet every fortnight.",
            "hawick kelso",
        ),
        (
            "Dougie Rae of Hawick High and I (Kelso High) have a project under way on homework, half a year old by now, weekly notes kept by both of us.",
            "hawick kelso",
        ),
        (
            "I teach maths at Kelso High. My partner in crime is Dougie, who's at Hawick High, and he should be on the form too. We've both logged homework.",
            "hawick kelso",
        ),
        ("Kelso High here. Us and Hawick High want to team up after Easter to look at homework, nothing begun yet.", "hawick kelso"),
        ("Two schools in this: ourselves (Kelso High) and Hawick High.", "hawick kelso"),
        ("Kelso High (not the primary) and Hawick High.", "hawick kelso"),
        ("School: Kelso High\nSecondaries taking part: Hawick, Selkirk.\nNot taking part: Edenside Primary\n", "hawick kelso selkirk"),
        ("IN: Kelso High, Hawick High\nOUT: Selkirk High\n", "hawick kelso"),
        ("Kelso High and Hawick High both employ me, though it is only Hawick High that I am signing up.", "hawick"),
        ("I'm at Kelso High. My brother, who is at Hawick High, is in this with me.", "hawick kelso"),
        ("I'm at Kelso High. My brother, who is at Hawick High, is no part of this.", "kelso"),
        ("I'm at Kelso High and we meet in Hawick High's library.", "kelso"),
        ("I'm a parent of two at Kelso High and teach at Hawick High.", "hawick"),
        ("I don't belong to a school: Kelso High on Mondays, Hawick High midweek.", ""),
        ("I am peripatetic, not attached to any one school: Kelso High, Hawick High and so on.", ""),
        ("Kelso High and the primary next door to it.", ""),
        (
            "I'm two days at Kelso High and three at Hawick High and this is about both.",
            "hawick kelso",
        ),
        ("I do 0.6 at Kelso High and 0.4 at Hawick High, and the enquiry runs in both. On my own so far; others welcome to join.", "hawick kelso"),
        ("Kelso High. Could you also put down Hawick High, since Fiona there does a full half of it?", "hawick kelso"),
        ("I teach at Kelso High. The other half of the project is Hawick High.", "hawick kelso"),
        ("We are a partnership between Kelso High and the folk at Hawick High. Since August we've kept a joint log.", "hawick kelso"),
        ("Please register Kelso High. And Hawick High.", "hawick kelso"),
        ("Please register Kelso High (me, maths) as well as Hawick High (Dougie, maths too).", "hawick kelso"),
        ("The cluster is putting in together: Kelso High, Hawick High, Selkirk High.", "hawick kelso selkirk"),
        ("Kelso High, with Hawick High and Selkirk High. All three have kept the same log since August as one group.", "hawick kelso selkirk"),
        ("Kelso High (lead), Hawick High (partner).", "hawick kelso"),
        ("Kelso High, maths. Hawick High tried something of the sort in 2018.", "kelso"),
        ("Before Kelso High I had eleven years at Hawick High. Here, four of us have kept a joint log on homework since August.", "kelso"),
        ("I was eleven years at Hawick High and moved last August, by my own choice, to Kelso High.", "kelso"),
        ("I'm at Hawick High till Friday, then it's Kelso High for good, so Kelso is the one to write down.", "kelso"),
        (
            "From Monday I take up a new post at Kelso High (I'm in Hawick High until then), so please put Kelso High.",
            "kelso",
        ),
        ("I start at Kelso High on the 17th, leaving Hawick High behind me.", "kelso"),
        ("School: Hawick High, no, sorry, that's where I was till June: Kelso High.", "kelso"),
        ("Hawick High... scrap that, old habits. Kelso High!", "kelso"),
        ("I'm an itinerant brass teacher: Hawick High on Mondays, Selkirk High on Tuesdays, but my base and the one I'd take part for is Kelso High.", "kelso"),
        ("I teach in Hawick High, Selkirk High and Kelso High, though for this please count me with Kelso High only.", "kelso"),
        ("I cover Hawick High and Selkirk High too but I'm employed by Kelso High, and it's Kelso High that would be taking part.", "kelso"),
        (
            "Kelso High. It was me and a lad from Hawick High who had the idea but he's off to Australia, so it's just us now.",
            "kelso",
        ),
        ("Kelso High. Hawick High were in it with us at the start but they've pulled out.", "kelso"),
        ("Kelso High. We did ask Hawick High and never heard back.", "kelso"),
        ("Kelso High. Hawick High said no thanks.", "kelso"),
        ("We're at Kelso High, the rival of Hawick High at rugby.", "kelso"),
        ("My own children attend Hawick High but I teach at Kelso High.", "kelso"),
        ("I was a pupil at Hawick High, did my probation at Selkirk High and have been in Kelso High for good since 2009.", "kelso"),
        ("Kelso High. The training for the last thing was in Hawick High and the parking was dreadful.", "kelso"),
        ("A colleague who was at Hawick High before us brought the idea here to Kelso High.", "kelso"),
        ("Kelso High. Please don't muddle us with Hawick High, who wrote last week.", "kelso"),
        ("You have me down under Hawick High. It should be Kelso High.", "kelso"),
        ("You've got Hawick High against my name, which is out of date: Kelso High since August.", "kelso"),
        ("Cheers to whoever at Hawick High put this on the staffroom board. I'm Kelso High myself.", "kelso"),
        ("Kelso High. Mrs Tait, late of Hawick High, is our fourth.", "kelso"),
        ("Kelso High. Next year we'd love to rope in Hawick High. For now there's four of us with a joint log since August.", "kelso"),
        ("Kelso High. I've heard through a pal in Hawick High that you still have places.", "kelso"),
        ("I applied from Hawick High two years ago and it came to nothing; I'm now in Kelso High.", "kelso"),
        (
            "I'm P4 at Gullane Primary and my other half of the pairing, Sue, is P4 at Aberlady Primary. We've run it since August.",
            "aberlady gullane",
        ),
        ("I'm head at Gullane Primary, and was acting head at Aberlady Primary till Christmas.", "gullane"),
        ("We share a head with Aberlady Primary but this is Gullane Primary only.", "gullane"),
        (
            "Gullane Primary. Our learning community also has Aberlady Primary, Dirleton Primary and North Berwick High, none of whom are part of this.",
            "gullane",
        ),
        ("Kelso High. Hawick High and Selkirk High came to see it. They aren't part of this.", "kelso"),
        ("Kelso High. Hawick High lies next door, I'm not including them.", "kelso"),
        ("Who's in?\nKelso High - yes\nHawick High - no\nSelkirk High - yes (two of us)\n", "kelso selkirk"),
        ("Kelso High. Hawick High sends us its school-link pupils.", "kelso"),
        ("Kelso High. Hawick High and Selkirk High have shown an interest in the signs.", "kelso"),
        ("My opposite numbers at Kelso High (she's a cousin) and at Hawick High are in this with me, the three of us.", "hawick kelso"),
        ("North Berwick High, Gullane and Aberlady. East Lothian.", "aberlady gullane north"),
        ("I began it at Hawick High, where I was for six years. I've been at Kelso High since August.", "kelso"),
        ("Kelso High. Hawick High's depute has asked how they could come in.", "kelso"),
        ("I'm PT at Kelso High and would do this jointly with Duncan Ure, who holds the same post at Hawick High.", "hawick kelso"),
        ("I'm PT at Kelso High. The form came from Duncan Ure, who holds the same post at Hawick High.", "kelso"),
        ("A note from me (Music, Kelso High) and Ewan Spence (P7, Edenside Primary, which is up the hill from us).", "edenside kelso"),
        ("We are two teachers in different schools, one in Kelso High, me, and my sister in law in Hawick High.", "hawick kelso"),
        ("I'm at Kelso High and my oppo is at Hawick High. Our two departments have been at it since August.", "hawick kelso"),
        ("I teach at Kelso High. I've kept a jar in every class, in Gullane, Aberlady and here.", "kelso"),
        ("Oh and it's Edenside.", "edenside"),
        ("Oh and it's Easter.", ""),
        ("Hello from the Edenside P3s.", "edenside"),
        ("We played the Edenside P3s at football.", ""),
        # years that are over, and schools that are left or begun at
        ("I've taught at Kelso High (1989-97), Selkirk High (97-2008) and Hawick High, where I still am.", "hawick"),
        ("I've been at Kelso High (1998 to 2004) and now Hawick High.", "hawick"),
        ("Hawick High (2021-22 session).", "hawick"),
        ("I started at Kelso High in 1989 and for the last six years I have been PT at Hawick High.", "hawick"),
        ("I joined Kelso High in 2013.", "kelso"),
        ("I taught at Kelso High for nineteen years and then at Selkirk High, and am at Hawick High these days.", "hawick"),
        ("Stairted in Kelso High, noo at Hawick High.", "hawick"),
        ("On Friday I finish at Kelso High, on Monday I begin at Hawick High.", "hawick"),
        ("From Monday I leave Kelso High and begin at Hawick High.", "hawick"),
        ("Kelso High?? NO!! That was last year. Hawick High.", "hawick"),
        ("You'll find me under Kelso High, where I have never worked in my life.", ""),
        # two that take part
        ("I split my week: Kelso High Mondays to Wednesdays and Hawick High the rest. Put down both schools.", "hawick kelso"),
        ("I teach drama at Kelso High three days and at Hawick High the other two.", "hawick kelso"),
        ("Gullane three days and Aberlady Primary two. Aberlady aren't part of this.", ""),
        ("I'm at Kelso High until June. It is in Hawick High, not Kelso, that I'd take part.", "hawick"),
        ("My opposite number Gus (Kelso High) and I (Hawick High) met on a course. Both schools should go down.", "hawick kelso"),
        ("My other half and I teach in two schools as one joint group: he's at Kelso High, I'm at Hawick High.", "hawick kelso"),
        ("Me at Kelso High, my brither-in-law at Hawick High.", "hawick kelso"),
        ("Edenside, P3. Me and the P3 teacher at Gullane Primary have been at it since August.", "edenside gullane"),
        ("Gullane Primary is in the east, Dirleton Primary in the west. The teachers at Gullane and at Dirleton have kept it up.", "dirleton gullane"),
        ("Please add Hawick High as well. Kelso High's form went in last week: my registration for Kelso High.", "hawick kelso"),
        # taken for the member's own in different breaths, and nothing says that two take part: asked
        ("I'm at Kelso High on paper. I'm at Hawick High in my head.", ""),
        # what was over before «then», counterparts, colleagues, and how many take part
        ("Five years in Kelso High, then Selkirk High, then a spell out. I'm at Hawick High now.", "hawick"),
        ("We tried it at Kelso High, where I then was. I'm now at Hawick High.", "hawick"),
        ("I came in 2008 after eleven years at Kelso High, where I'm told that they use my sheets still. I teach at Hawick High.", "hawick"),
        ("You have me under Kelso High. I left there in 2019! I've been at Hawick High ever since.", "hawick"),
        ("I write as librarian at Kelso High. My counterparts at Hawick High and Selkirk High and I are in it, the three of us.", "hawick kelso selkirk"),
        ("I and four colleagues at Kelso High wish to be entered.", "kelso"),
        ("Two of us at Kelso High and a colleague at Hawick High have been at it since August.", "hawick kelso"),
        ("There's myself at Kelso High, Jo who is at Hawick High, and Ann and Jen who are both at Selkirk High. A joint project.", "hawick kelso selkirk"),
        ("I teach in Gullane Primary. Dirleton Primary shares our head. Between the two primaries we have a joint project.", "dirleton gullane"),
        (
            "I go round four schools but only two of them come in: Gullane Primary and Dirleton Primary. The other two, Aberlady and Edenside, don't.",
            "dirleton gullane",
        ),
        ("My husband teaches at Kelso High and spotted this. I'm at Hawick High, where four of us ran a joint enquiry.", "hawick"),
        ("Teaches in: Kelso High, Scottish Borders\nBefore that: Hawick High, 2011 to 2018\n", "kelso"),
        ("Kelso High. Three schools here (us, Hawick and Selkirk) learn together, and the other two heads are doing their own.", "kelso"),
        # others who are only told of
        ("Kelso High. Visiting speakers (one from Hawick High) have come.", "kelso"),
        ("I look after the library at Kelso High. Colleagues at Selkirk High and at Hawick High have written to ask how it is done.", "kelso"),
        ("Kelso High. Hawick High might want to send us four more.", "kelso"),
        ("I'm the librarian (yes, we can be members, before anyone asks) at Kelso High.", "kelso"),
        ("Where do you teach: Kelso High\nSchools in last five years: Hawick High, Selkirk High\n", "kelso"),
        ("School: Kelso High\nNearest other school: Hawick High\n", "kelso"),
        ("Nothing has changed at Kelso High.", "kelso"),
        ("A few of us learn together. I stay in Gullane and teach in East Lothian.", ""),
    ],
)
def test_schools_that_take_part(reader: Reader, words: str, names: str) -> None:
    found = read(reader, words).extraction.institutions
    assert sorted(name.split()[0].lower() for name in found) == names.split()


@pytest.mark.parametrize(
    ("words", "untold"),
    [
        ("Kelso High. Fiona's at Hawick High and does as much of it as I do.", True),
        ("Kelso High is the lead school and Hawick High follows.", True),
        ("Ours is Kelso High. Hawick High lies forty minutes off.", True),
        ("I teach at Kelso. Hawick and Edenside would do this well.", False),  # towns
        ("I teach at Gullane. Aberlady and Edenside like the idea.", True),
        ("Kelso High. We liked Hawick High's survey.", False),
        ("Kelso High. Hawick High said no thanks.", False),
        ("School: Kelso High. Hawick High lies forty minutes off.", False),
        ("Hawick High and Selkirk High lie too far off: please count me as Kelso High.", False),
        ("Kelso High. The little ones go to Aberlady.", False),
    ],
)
def test_a_school_of_which_nothing_is_said_is_shown_to_a_person(reader: Reader, words: str, untold: bool) -> None:
    reading = read(reader, words)
    assert ("school_untold" in {reason.code for reason in reading.extraction.reasons}) is untold
    assert ("decided_contradiction" in {reason.code for reason in reading.decision.reasons}) is untold


@pytest.mark.parametrize(
    ("words", "contradicts"),
    [
        ("Kelso High. The German assistant (well, she's from Fife) is in on it.", False),
        ("We are at Kelso High. I met your predecessor at a do in Falkirk.", False),
        ("Kelso High. We come under Fife Council.", True),
        ("Kelso High in Fife.", True),
        ("Kelso High.\nCouncil: Fife\n", True),
    ],
)
def test_a_council_that_is_only_spoken_of_gainsays_no_school(reader: Reader, words: str, contradicts: bool) -> None:
    reading = read(reader, words)
    assert ("authority_conflict" in {reason.code for reason in reading.extraction.reasons}) is contradicts
    assert contradicts or reading.extraction.authorities == ("Scottish Borders",)


@pytest.mark.parametrize(
    "words",
    [
        "I teach French and such Spanish as is left over at Kelso High. Four years ago at Hawick, where I then was, there was none.",
        "I used to be at Hawick. My class (P2) is now at Kelso High.",
        "Our pupils mostly end up at Hawick High. We are at Kelso High.",
        "Kelso High. We've built up our knowledge of BSL grammar.",
    ],
)
def test_one_school_is_told_among_others_and_among_what_is_none(reader: Reader, words: str) -> None:
    reading = read(reader, words)
    assert reading.extraction.institutions == ("Kelso High School",)
    assert reading.decision.outcome is Outcome.REGISTERED


def test_a_list_of_names_in_short_is_taken_whole_where_one_of_it_is(reader: Reader) -> None:
    """Only where it is told as a list of places of work, in one council."""
    names = ("Ashmuir Primary School", "Elmbrae Primary School", "Fairlaw Primary School")
    other = Reader(Path(__file__).parents[2] / "programme", [School(name=name, authority="Fife") for name in names])
    assert set(read(other, "The Primary 3 teachers of Ashmuir, Elmbrae and Fairlaw (Fife) are in this.").extraction.institutions) == set(names)
    assert not set(names) <= set(read(other, "Ashmuir, Elmbrae and Fairlaw have read together. This reply is for Ashmuir only.").extraction.institutions)


def test_the_council_behind_a_school_in_small_letters_is_no_school(reader: Reader) -> None:
    school = [School(name="Moray Primary School", authority="Falkirk"), School(name="Cullen Primary School", authority="Moray")]
    other = Reader(Path(__file__).parents[2] / "programme", school)
    assert read(other, "im the p2 teacher at cullen primary (Moray) and for my masters im doin a project.").extraction.institutions == (
        "Cullen Primary School",
    )


def test_of_namesakes_told_apart_the_one_that_is_signed_with_counts() -> None:
    places = ("Paisley", "Renfrew")
    other = Reader(Path(__file__).parents[2] / "programme", [School(name=f"St James' Primary School - {place}", authority="Renfrewshire") for place in places])
    told = "There's a St James' Primary in Paisley and a St James' Primary in Renfrew, so brace yourself."
    for place in places:
        reading = other.read(f"{HEAD}\nHi,\n\n{told} {TOGETHER}\n\nAnn\n-- \nAnn Reid, P3\nSt James' Primary School, {place}\n".encode())
        assert reading.extraction.institutions == (f"St James' Primary School - {place}",)
