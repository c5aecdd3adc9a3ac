"""The forms in which members name a session: day, weekday, time of day, ordinal, «tomorrow», «Burns Day».

Each mention is resolved against the programme's sessions and the message's own date to the sessions that it
may mean, none of them included: «Wednesday, 12 January» is a mention of another day.

Promise: no date of any session stands here; a relative day is read in UK time against the day it is given and
never against a clock. Linear in the text.

What it does badly: a bare number («the 19») is only read as a day where nothing else can be meant, and a
month is not asked for: «the 19th» is taken for the session's month.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

__all__ = ["STRENGTH", "Mention", "MentionFinder", "Session", "is_itemised"]

STRENGTH = {
    "date": 0.95,
    "day": 0.9,
    "named": 0.85,
    "called": 0.8,
    "slip": 0.8,
    "slot": 0.85,
    "weekday": 0.8,
    "ordinal": 0.8,
    "relative": 0.8,
    "time": 0.6,
    "weekly": 0.1,
}
_ABOUT_NOW = 75  # days before and after a letter in which a day without a month is looked for
_SATURDAY = 5
_NEW_YEAR = 60  # days in which the year before is still written
_MOST_MENTIONS = 100  # beyond them no member is speaking


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A facilitator session of the programme; times are UK time."""

    id: str
    start: datetime
    end: datetime


@dataclass(slots=True)
class Mention:
    start: int  # in the sentence
    end: int
    sessions: frozenset[str]  # which it may be; empty for a day that is no session
    form: str
    stance: str = ""
    rule: str = ""
    owner: str = "me"  # or «other», «outsider»
    bare: bool = False  # hardly anything else stands in its sentence
    linked: bool = False  # goes on from one that is chosen in the same sentence: «I'm on the 19th and Ros on the 25th»
    own: bool = False  # the writer says «I» of it
    whole: bool = False  # one of several named at once («both sessions»)
    shared: bool = False  # ... of which only one is the writer's: «one for me and one for my PT»


_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_GAELIC_MONTHS = {
    "faoilleach": 1,
    "fhaoilleach": 1,
    "faoillich": 1,
    "fhaoillich": 1,
    "gearran": 2,
    "ghearrain": 2,
    "màrt": 3,
    "mhàrt": 3,
    "giblean": 4,
    "dùbhlachd": 12,
    "samhain": 11,
}
_MONTH = "(?P<{}>" + "|".join(f"{m[:3]}(?:{m[3:]})?" for m in _MONTHS) + "|sept|janauary|januray|janury|" + "|".join(_GAELIC_MONTHS) + r")\b\.?"
_WEEKDAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6, "diluain": 0, "dimàirt": 1, "dimairt": 1, "diciadain": 2}
# As a first tongue slips in.
_ABROAD = {"mardi": 1, "mercredi": 2, "martes": 1, "miércoles": 2, "dienstag": 1, "mittwoch": 2, "wtorek": 1, "środa": 2}
_WEEKDAYS |= _ABROAD
_WEEKDAY = (
    r"(?P<{}>mon(?:day)?|t(?:ue|eu|eus|use)s?(?:day|dy|dee)?|tuseday|tuesady|we(?:d|dn|dnes|ns|dens|nes)s?(?:day|dy)?|weds|w(?:e[dns]|[ai]d)[ednsai]{{1,5}}(?:d(?:ay|y)|ay)|t(?:ue|eu|us)[euis]{{0,2}}d?s?(?:d(?:ay|y)|ay)|"
    r"th(?:u|ur|urs|rus)(?:day)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?|diluain|dim[àa]irt|diciadain|" + "|".join(_ABROAD) + r")\b(?! gras)"
)
_SUFFIX = "(?:st|nd|rd|th|mh|ht|yh|thh|tth|t)"  # also as it is mistyped: «19ht»
_WE_WOULD = "like|love|be|rather|all|want|have|need|also|both|welcome|prefer|appreciate|never|just|really|only|hope|get|no|still"  # «wed like to»
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNTS = "|".join((*_NUMBERS, r"\d\d?"))
_HINTS = (  # how the words begin that a mention may begin with
    "a fortnight|week after|week before|"
    "early|late|mon|tue|teu|tus|wed|wen|wes|wad|wid|thu|thr|fri|sat|sun|dil|dim|dic|mer|mié|die|mit|wto|śro|next|this|coming|last|week|"
    "a week|five|six|seven|eight|nine|ten|eleven|twelve|today|to-day|w/|tom|tm|2mo|yest|the morn|the day|day after|"
    "the morr|the mora|the streen|one the|one week|one after|one before|one prior|one later|one fol|following|dtstart|earlier|later|latter|"
    "one with|one wi|one that|"
    "one which|one at|one @|one prec|one foll|one com|one bef|one afo|one aft|one eft|yin|wan|"
    "one left|one to|one yet|one still|one rem|number|no|begin|start|kick|remaining|leftover|alternative|tidder|tither|idder|"
    "latest|tonight|session|sess|training|date|slot|option|choice|workshop|earliest|former|initial|sooner|soonest|secc|other|ither|t'other|link|half|two|three|four|twa|which|"
    "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
)
_UNITS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_TEENS = ("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth")
_SPELT_OUT = (*_UNITS, "tenth", *_TEENS, "twentieth", *(f"twenty-{unit}" for unit in _UNITS), "thirtieth", "thirty-first")
_ORDINAL_WORDS = {word: number for number, word in enumerate(_SPELT_OUT, start=1)}
_ORDINAL_WORDS |= {"ninteenth": 19, "nineteeth": 19, "ninteeth": 19, "nintenth": 19, "twenty-fith": 25, "twenty-fift": 25, "twelth": 12}  # as they are misspelt
_ORDINAL_WORDS |= {"nineteent": 19, "twinty-fifth": 25, "twinty-fift": 25, "twintie-fift": 25}  # in Scots
# A line may have ended after the hyphen: «the twenty- fifth».
_SPELT = "|".join(word.replace("-", "-?[ ]?") for word in sorted(_ORDINAL_WORDS, key=len, reverse=True) if _ORDINAL_WORDS[word] > 12)
_THING = (
    r"(?:facilitators?'?s?|training|trainin|traning|session|sesh|sesion|date|day|one|wan|yin|ane|1|slot|course|option|afternoon|event|meeting|workshop|"
    r"webinar|call|een|link|list|start(?!s))s?(?![ ](?:on|from|in|of)[ ](?:your|the)[ ]list\b)"
)
_OTHER = r"other|ither|idder|tidder|tither|t'other|alternative"
_FIRST, _SECOND, _LAST = "first|1st|earlier|earliest|former|initial|sooner|soonest", "second|2nd|twoth|seccond", "later|latter|latest"


def _span(session: Session) -> str:
    """An expression for the hours that a session lasts: «2 till half 3», «14:00-15:30»; its group gives them."""

    def written(time: datetime) -> str:
        hour, minute = time.hour, time.minute
        ways = [rf"(?:{hour}|{hour % 12 or 12})[:.]?{minute:02}"]
        said = f"(?:{hour % 12 or 12}|{_HOURS[hour % 12]})"
        if minute == 0:
            ways += [rf"(?:{hour}|{said})"]
        if minute == 30:
            ways += [rf"half[ -](?:past[ ])?{said}"]
        return rf"(?:{'|'.join(ways)})(?:[ ]?(?:p\.?m\.?|hrs|o'?clock))?"

    return rf"(?!\d\d?[ ]?-[ ]?\d\d?(?![\w:.])){written(session.start)}[ ]?(?:-|to|till?|until|tae|and)[ ]?{written(session.end)}(?![\w:/]|[.,]\d)"


def _pattern(names: Sequence[str], times: Sequence[str], sessions: Sequence[Session]) -> re.Pattern[str]:
    """One expression for every form; ``names`` are the days that have a name, ``times`` «1400» and the like."""
    spans = "|".join(map(_span, sessions)) or "(?!)"
    named = "|".join("[ ]".join(map(re.escape, name.split())) for name in sorted(names, key=len, reverse=True)) or "(?!)"
    return re.compile(
        rf"""\b(?:
          (?P<digits>{"|".join(f"{session.start:%d%m%y}" for session in sessions) or "(?!)"})\b
        | (?P<iso>20\d\d)-(?P<isom>\d\d)-(?P<isod>\d\d)
        | DTSTART[^:\n]{{0,40}}:(?P<isoc>20\d\d)(?P<isocm>\d\d)(?P<isocd>\d\d)T\d{{6}}Z?
        | (?P<m6>0?[1-9]|1[0-2])/(?P<d6>1[3-9]|2\d|3[01])(?:/(?P<y6>\d\d(?:\d\d)?))?(?![\d/%])
        | (?P<nameday>{named})\b
        | (?P<span>{spans})
        | (?:{_WEEKDAY.format("w1")}[ ,.(]*(?:(?:the|da|tha)[ ])?)?(?:
              (?P<d1>\d{{1,2}})[ ]?(?P<sign>[/.\-])[ ]?(?P<m1>0?[1-9]|1[0-2])(?:(?P=sign)(?P<y1>\d\d(?:\d\d)?))?(?![\d/%]|[.:]\d\d\b)(?![ ]?[ap]\.?m\b)
            | (?P<d2>\d{{1,2}})[ ]?{_SUFFIX}?[ -]?(?:of[ ])?(?:the[ ]|(?:am|an|a')[ ](?=[fgmsd]))?{_MONTH.format("m2")}
                (?:,?[ ](?P<y2>20\d\d\b|[2-9]\d\b(?![.:]\d|[ ]*[A-Za-z])))?
            | {_MONTH.format("m3")}[ ,]*(?:the[ ])?(?P<d3>\d{{1,2}})(?:[ ]?{_SUFFIX})?\b(?![:/]?\d|%|[ ]{_MONTH.format("m8")})
            | (?!(?:1st|2nd)[ ](?:{_THING}|choice|preference|pick|option|pls|plz|please)\b)(?P<d4>\d{{1,2}})[ ]?{_SUFFIX}\b
            | (?P<spelt>{_SPELT})\b(?:[ ](?:of[ ])?{_MONTH.format("m5")})?
            | (?P<bare>\d{{1,2}})\b(?![./:]?\d|[/%]|[ ]*(?:o'?clock|am|pm|hrs)\b)
          )
        | not[ ](?:this[ ](?:coming[ ])?{_WEEKDAY.format("w9")}|tomorrow)[ ]?,?[ ](?:but[ ])?the
            [ ](?:one|week|{_WEEKDAY.format("w10")})[ ](?P<skips>after|following)
        | (?P<next>next[ ]|this[ ](?:coming[ ])?|coming[ ]|last[ ]|(?:a[ ])?week[ ]on[ ])?(?!wed[ ](?:{_WE_WOULD})\b)
          {_WEEKDAY.format("w6")}(?P<week>[ ]week\b)?
        | (?P<plural>tues|wednes)days(?=[ ](?:1|one|wan|yin|session|training|slot|course|workshop|call
              |(?:is[ ])?(?:fine|good|ok|okay|grand|great|perfect|ideal|best|better)(?:[ ](?:for|wi|with|by|thanks|ta)\b|[.,!;]|$))(?:\b|(?=\W|$)))
        | (?P<weekly>tues|wednes)days\b
        | (?:week[ ]?(?:of|beginning|commencing|starting|that[ ](?:begins|starts))|w/[cb])[ ](?:on[ ])?(?:mon(?:day)?,?[ ])?(?:the[ ])?
            (?P<weekof>\d{{1,2}})(?:[ ]?{_SUFFIX})?(?:[ ](?:of[ ])?{_MONTH.format("m7")})?\b(?!:)
        | (?P<rel>(?!\w+'s[ ](?:e-?mail|message|letter|note|bulletin|mail|reply|reminder|post|circular)\b)(?:
                (?:the[ ])?day[ ]after[ ]tom+or+ow|(?:a[ ]week|a[ ]fortnight|(?:two|three|2|3)[ ]weeks)[ ](?:from[ ])?(?:today|tom+or+ow)|
                (?:{_COUNTS})[ ]days[ ](?:from[ ](?:now|today)|hence)|(?:today|tom+or+ow)[ ]week|to-?day|tom+or+ows?|yesterday)|
            the[ ]morn|the[ ]morr?a|(?:{_COUNTS})[ ]days[ ]ago|
            tm+r*o?ws?|tomoz|2mor+ow?|last[ ]ni(?:gh|ch)t|the[ ]streen|(?<!the[ ])(?:next|last|this)[ ]week'?s?|week[ ]after[ ]next|
            (?:earlier|later)[ ]today|
            (?:to-?day|tom+or+ows?|yesterday)'?s(?=[ ](?:[a-z]+[ ])?(?:session|training|zoom|webinar|call|teams|workshop|course|event|facilitator))|
            (?:to-?day|tom+or+ow|yesterday)'s(?=[ ](?:one|wan|yin|so|but|as|because)\b|[,.;!?)]|$)|
            this[ ]afternoon's|this[ ](?:afternoon|evening|aft|pm)|tonight|
            (?<!\bto[ ])(?<!\bof[ ])(?<!\bfor[ ])(?<!\bin[ ])(?<!through[ ])(?<!\ball[ ])the[ ]day(?=[ ]*(?:at[ ](?:\d|two|twa|half)|[,.;!)]|$)))\b
        | (?:session|sess|training|date|slot|option|choice|workshop|link)(?:[ ]|[ ]?[:=\-][ ](?=n)|[ ]?=[ ]?(?=\d$))
            (?:no\.?[ ]?|number[ ]|\#)?(?P<num>1|2|one|two)\b
            (?!\.\d|[/:\-\d]|[ ](?:on|from|in)[ ](?:your|the)[ ]list|[ ](?:of|hours?|o'?clock|teachers|people|and|weeks|days|years|terms|schools|st|nd)\b)
        | (?:number|no\.?)[ ]?(?P<number>1|2|one|two)[ ]of[ ](?:the|your|thae|these|those)[ ](?:two|twa|2|pair|sessions|dates|afternoons|trainings|slots)\b
        | (?P<remaining>(?:remaining|leftover)[ ](?:{_THING})
            |one[ ](?:that[ ]is[ ]|that's[ ]|that[ ]was[ ]|still[ ])?(?:left|remaining|(?:still[ ]|yet[ ])?to[ ]come))\b(?![ ](?:to|us|me|in|behind)\b)
        | (?!(?:(?<=\ba[ ])|(?<=\ban[ ]))\w+[ ]start\b)(?<!\bsome[ ])
          (?:one[ ](?:with|wi'?|that[ ]has)[ ](?:the|an|a)[ ])?(?P<ord>(?<!an[ ])(?<!\ba[ ])(?:early|late)(?=[ ](?:one|session|slot|date|wan|yin|training)\b)
                |{_FIRST}|{_SECOND}|{_LAST}|{_OTHER}|(?<=the[ ])last)
            (?:[ ]of[ ](?:the|your|thae|them)[ ](?:two|twa|2))?
            [ ](?:(?:available|january|jan|facilitators?'?|training|of[ ]the|of[ ]your|online|zoom|teams|afternoon|optional|
                advertised|scheduled|proposed|published|offered|listed|above)[ ]){{0,3}}{_THING}\b
            (?![ ](?:ever|home|back|round)\b
            |[ ]of[ ](?:term|our|my|their|this|a|school|spring|summer|half|the[ ](?:term|session|year|week|month|new|school|holidays?|summer|spring|half)\b))
        | which(?:so)?ever(?:[ ]of[ ](?:the|your|them|these|those)(?:[ ](?:two|twa|2))?)?(?:[ ](?:{_THING}))?[ ](?:comes|falls|happens|runs|is|takes[ ]place)
            [ ](?:the[ ])?(?P<order>{_FIRST}|{_SECOND}|{_LAST}|last)\b
        | (?<=the[ ])(?P<after>(?:(?:session|training|date|course)[ ](?:the[ ])?week[ ](?:after|later|following|before|earlier)
                |one[ ](?:the[ ])?week[ ](?:before|earlier)|one[ ](?:the[ ])?(?:week[ ])?(?:after|later|following))
            (?![ ](?:school|work|class|the|my|our|lunch|that)\b)|next[ ]one|following[ ]one
            |one[ ](?:before|prior)(?=[ ]*(?:$|[.,;!?)]))
            |(?:one|wan|yin|session|training|date)[ ](?:(?:that|which)[ ](?:comes[ ]|is[ ])?|that's[ ]|coming[ ])?
                (?P<side>before|afore|after|efter|follows|precedes|following|preceding)(?:[ ](?:it|that|this)(?![ ][a-z])
                    |(?=[ ]*(?:$|[.;!?)]))|[ ](?:the[ ]|da[ ])?(?:(?P<sided>\d{{1,2}})[ ]?{_SUFFIX}\b|{_WEEKDAY.format("w8")}(?!['\u2019]|[ ][a-z])))
            |(?:(?<=to[ ]the[ ])|(?<=till[ ]the[ ])|(?<=until[ ]the[ ]))(?:following[ ]week|week[ ](?:after|before)))\b(?![ ]next\b)
        | (?P<bareord>(?<=the[ ])(?:first|second|earlier|later|latter|former|{_OTHER}|1st|2nd|last(?=[ ]of[ ](?:the|your)[ ]|[.,;!?]|$))
            |^(?:first|second|earlier|later|latter|former)(?=[ ]*(?:please|pls|thanks|ta)?[ ]*[.!]?[ ]*$)
            |(?<=,[ ]so[ ])(?:first|second)|(?:1st|2nd)(?=[ ](?:pls|plz|please)\b)|(?<=[:=\-][ ])(?:first|second|1st|2nd|earlier|later|latter))\b
            (?=[ ]*(?:$|[.,;!?)]|please|pls|of[ ](?:the|your|thae)[ ](?:two|twa|2|january)|of[ ]them|if\b|on[ ](?:our|my)[ ]behalf\b
                |with\b|has\b|is\b|suits|would\b|works|for[ ](?:me|us)|but\b|and\b
                |will\b|does\b|so[ ](?!far)|instead\b|too\b|only\b|as[ ]well\b|also\b
                |(?:that[ ]|which[ ])?(?:i|we)(?:[ ](?:can|could|will|would|have[ ](?:now[ ])?booked)|'ll|'d|'ve)\b))
        | (?P<lone>first|second|earlier|later)(?=[ ]*(?:$|[.!?]|,?[ ](?:please|pls|instead)\b))
        | ^(?P<opening>first|second|earlier|later|latter|former)(?=,[ ](?:please|pls|ta|thanks|and|as|if|since|because|for)\b)
        | (?P<compact>{"|".join(times)})(?:[ ]?(?:hrs|h|pm)\b|\b(?![./:%-]|[ ]?[A-Za-z]{{3}}))
        | (?:begin(?:s|ning)?|start(?:s|ing)?|kick(?:s|ing)?[ ]off)[ ](?:at|aboot|about)[ ](?P<begins>two|twa|2)\b(?![:.]?\d|[ ](?:of|minutes|weeks|schools)\b)
        | (?<=the[ ])(?:one|wan|yin|session|training)[ ](?:at|@)[ ](?P<at>two|twa|2)\b
            (?=[ ]*(?:$|[.,;!?)]|(?:is|suits|works|please|pls|for|on|and|but|as|so|would|will)\b))(?![.]\d)
        | (?P<time>(?P<hour>\d{{1,2}})(?:[:.](?P<min>\d\d))?(?:[ ]?(?P<ap>[ap]\.?m\b\.?|o'?[ ]?clock|hrs\b))?
            | half[ -](?:past[ ])?(?P<half>two|twa|three|four|one|2|3|4)
            | (?P<word>two|three|four|twa)[ ](?:o'?[ ]?clock|pm|(?P<thirty>thirty)))(?:[ ](?P<timed>one|wan|yin|session|slot|training|call|course|start
                |sesh|date)\b)?
        )""",
        re.I | re.X,
    )


_NOT_ON = re.compile(
    r"\b(?:until|till|til|since|before|after|by|from|day|days|room|week|page|age|aged|(?<!noon )(?<!session )(?<!training )"
    r"(?<!offer )(?<!choice )(?<!option )(?<!slot )"
    r"(?<!on top )(?<!out )(?<!hour )(?<!half )(?<!part )(?<!bit )of|"
    r"chapter|unit|lesson|no|number|week of)\s+(?:the\s+)?$",
    re.I,
)
_AGAINST = re.compile(  # «from first session to second», «not second session, first», «I said first date but meant second»
    rf"\b(?:{_FIRST}|{_SECOND}|later|latter) (?:(?:training|facilitator) )?(?:session|sesh|date|day|training|slot|afternoon|one|yin)\b[^.;:!?]{{0,40}}$", re.I
)
_DEADLINE = re.compile(r"\b(?:until|till|til|since|before|by)\s+(?:the\s+|about\s+)?$", re.I)  # «off until Tuesday 25 January»
_WHICH_I = re.compile(
    r"\s*,?\s*(?:which|that) (?:is (?:when |the (?:one|day|date) (?:that )?)?)?"
    r"(?:i|we)(?:['\u2019]\w+| am| are| have| will| was)\b"
    r"|\s*,?\s*when (?:i|we)(?:['\u2019]ll| will| shall)? (?:join|come|attend|log|dial|tune|see you|meet you)\b",
    re.I,
)  # «before the 19th, which I'm booked on»
_AT_HOUR = re.compile(r" (?:at|@) ?(\d{1,2})(?![\d:.]| *[ap]\.?m\b)", re.I)  # «today at 2»
_FOR_ME = re.compile(r"\s*(?:for|fur) (?:me|us)\b(?! to\b)", re.I)
_FIELD = re.compile(r"\b(?:training|session|date|slot|preference|choice)\b[^:=\n]{0,14}[:=-]\s*$", re.I)
_AT = re.compile(r"\b(?:at|@)\s$", re.I)
_ENDS_AT = re.compile(
    r"\b(?:session|training|one|date|slot|yin|wan)\b[^,;.]{0,12}\b(?:end(?:s|ing)?|finish(?:es|ing)?|"
    r"(?:winds?|wraps?|winding|wrapping) up|(?:is|'s) (?:over|done|finished)) (?:at|by|about|aboot) $",
    re.I,
)
_TILL = re.compile(r"(?:\d|two|twa|clock|pm|hrs)\s*(?:-|to|till?|until|and)\s*$", re.I)
_OLD_YEAR = re.compile(r",? (?:of )?(?:last year|the year before|the previous year|a year ago|next year)\b", re.I)
_OF_MONTH = re.compile(r" (?:of|in) " + _MONTH.format("m"), re.I)
_OF_TWO = re.compile(r"\b(?:both|either|two|pair)\b", re.I)
_OTHER_DAY = r"(?:mon|thurs?|thu|fri)(?:days?)?"
_DAYS_BEFORE = re.compile(rf"\b{_OTHER_DAY}\s?[/&+\u2013-]\s?$", re.I)
_DAYS_AFTER = re.compile(rf"\s?[/&+\u2013-]\s?{_OTHER_DAY}\b", re.I)
_BEFORE_NOW = re.compile(r" (?:one|ane|wan|course|meetings?)$", re.I)  # «the last one», «the last course I signed up for»: mostly of what was before
_FROM_TO = re.compile(r"\bfrom\s+(?:the\s+)?$", re.I)
_ONE_IN_THE = re.compile(
    r"\b(?:the|da|your|that)\s+(?:\w+\s+)?(?:session|training|one|yin|wan|date|slot|afternoon)\s+"
    r"(?:that is |that's )?(?:(?:in|during|on|for)\s+)?(?:the\s+)?$",
    re.I,
)
_SAME_ONE = re.compile(
    r"[\s,(\-:@]*(?:the\s+|on\s+|one\s+|wan\s+|session\s+|training\s+|afternoon\s+|date\s+|slot\s+|i\.?e\.?\s*|at\s+|from\s+|"
    r"that is,?\s+|start\s+|jan\w*\s+|course\s+|facilitator\s+|this\s+|that's\s+|it's\s+|there\s+|22\b|2022\b)*[\s,(\-:]*$",
    re.I,
)
_BARE_BEFORE = re.compile(
    r"(?:\b(?:the|your)\s+|\b(?:yes|aye|no|naw) to\s+|\)\s*[:\-]\s*|\b(?:dates?|session|training|day|choice|wise|preference)\s*[:\-]?\s*)$", re.I
)
_BARE_AFTER = re.compile(r"\s*(?:$|[,.;!)]|please|pls|for (?:me|us)|is (?:in|fine|best)|suits|works|,? (?:definitely |and )?not\b)", re.I)
_TRAINING_BEFORE = re.compile(r"\b(?:training|sessions?)\b[\w ,:=-]{0,24}$", re.I)
_ENDS = re.compile(r"\s*(?:$|[.;!?]|,?\s*(?:please|pls|thanks|thank you|ta)\b)", re.I)
_TICK_AFTER = re.compile(r"(?:th)?\s*[:=\-]?\s*[\u2611\u2612\u2713\u2714\u2705\u2717\u2718\u274c\u2716]")
_ITEM, _ITEM_ENDS = re.compile(r"[/|;] ?$"), re.compile(r"\s*(?:$|[/|;.])")
_SEPARATOR = re.compile(r"(?<!\S)(?:[/|\u2013-]|[(\[]?[a-h1-9][).\]])(?= )|;(?= )")
_TWO_NUMBERS = re.compile(
    r"\b(\d{1,2})(?:,? (?:(?:and|but) )?(?:not|no|instead of|rather than) (?:the )?| ?(?:\+|&|and) ?(?=\d+ both\b))(\d{1,2})\b(?![./:]?\d)", re.I
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_LISTED = re.compile(r"\s*(?:and|or|&|/)\s*(?:the )?\d{1,2}(?:st|nd|rd|th)?\b(?:\s*(?:of )?jan|(?=\s*[).:,?]))", re.I)
_TAKEN_FOR = str.maketrans("\u0131\u0130\u017f", "iis")  # dotless and dotted i, long s
_HOURS = ("twelve", "one", "two|twa", *_NUMBERS[1:-1])
_WORDS = {"one": 1, "two": 2, "twa": 2, "three": 3, "four": 4}


class MentionFinder:
    """Finds mentions of ``sessions`` (in order of time).

    ``days`` are the names of days of the year, as (month, day); ``called`` what else a session goes by, after «the».
    """

    def __init__(self, sessions: Sequence[Session], days: Mapping[str, tuple[int, int]], *, called: Mapping[str, tuple[int, int]] | None = None) -> None:
        called = called or {}
        self.sessions = sessions
        self._ids = [session.id for session in sessions]
        self._months = {session.start.month for session in sessions}
        self._numbers = {session.start.day for session in sessions}
        self._called = {_lower(name) for name in called}
        self._days = {_lower(name): day for name, day in (*days.items(), *called.items())}
        self._times: dict[str, set[str]] = {}
        for session in sessions:
            short = [f"{session.start.hour % 12}{session.start.minute:02}"] if session.start.minute else []
            for written in [f"{session.start:%H%M}", *short]:
                self._times.setdefault(written, set()).add(session.id)
        starts = {name.split()[0].lower()[:4] for name in self._days} | {word[:4] for word in (*_ORDINAL_WORDS, *_GAELIC_MONTHS)} | set(_HINTS.split("|"))
        self._hint = re.compile(r"\b(?=\d|" + "|".join(map(re.escape, sorted(starts))) + ")", re.I)
        self._pattern = _pattern(list(self._days), list(self._times), sessions)
        self._spans = [(re.compile(_span(session), re.I | re.X), session.id) for session in sessions]

    def find(self, text: str, today: date | None, *, heading: bool, asked: bool = False) -> list[Mention]:
        """The mentions of one sentence in order.

        ``heading``: the line before announced a session («Which session?»); ``asked``: the text answers such a question.
        """
        found: list[Mention] = []
        for match in itertools.islice(self._matches(text), _MOST_MENTIONS):
            form, sessions = self._resolve(match, text, today, heading, asked)
            if form == "weekday" and (_DAYS_BEFORE.search(text[: match.start()]) or _DAYS_AFTER.match(text, match.end())):
                form = "weekly"  # «Ashmuir (Mon/Tues) and Elmbank (Thurs/Fri)»
            if form:
                found.append(Mention(match.start(), match.end(), frozenset(sessions), form))
        return _joined(found, text)

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        """What ``_pattern.finditer`` finds. Trying its many forms at every word takes ten times as long as at those that one of them begins with."""
        free = 0
        for hint in self._hint.finditer(text):
            if hint.start() >= free and (match := self._pattern.match(text, hint.start())) is not None:
                yield match
                free = match.end()

    def next(self, today: date | None) -> frozenset[str]:
        """The session that is still to come, where there is only one."""
        ahead = frozenset(s.id for s in self.sessions if today is not None and s.start.date() > today)
        return ahead if len(ahead) == 1 else frozenset()

    def on(self, day: date | None) -> str | None:
        return next((session.id for session in self.sessions if session.start.date() == day), None)

    def _resolve(self, match: re.Match[str], text: str, today: date | None, heading: bool, asked: bool) -> tuple[str, set[str]]:
        group = match.groupdict()
        deadline = _DEADLINE.search(text[max(0, match.start() - 20) : match.start()]) and not _WHICH_I.match(text, match.end())
        if deadline and not (group["time"] or group["after"]):  # «not free until the week after» is free then
            return "date", set()
        if group["iso"]:
            return "date", self._dated(int(group["isod"]), int(group["isom"]), int(group["iso"]))
        if group["digits"]:
            return "date", {s.id for s in self.sessions if f"{s.start:%d%m%y}" == group["digits"]}
        if group["isoc"]:  # a calendar's entry
            return "date", self._dated(int(group["isocd"]), int(group["isocm"]), int(group["isoc"]))
        if group["m6"]:  # as in America
            return "date", self._dated(int(group["d6"]), int(group["m6"]), int(group["y6"]) if group["y6"] else None)
        if group["span"]:
            return "slot", {session for span, session in self._spans if span.fullmatch(group["span"])}
        if group["nameday"]:
            month, day = self._days[name := _lower(group["nameday"])]
            return "called" if name in self._called else "named", self._dated(day, month, None)
        weekday = _weekday(group["w1"])
        for day_group, month_group, year in (("d1", "m1", "y1"), ("d2", "m2", "y2"), ("d3", "m3", None)):
            if group[day_group]:
                month = int(group[month_group]) if group[month_group].isdigit() else _month(group[month_group])
                if day_group == "d1" and month not in self._months:
                    return "", set()
                if _OLD_YEAR.match(text, match.end()):
                    return "date", set()
                said = int(group[year]) if year and group[year] else None
                dated = self._dated(int(group[day_group]), month, said)
                return ("date", dated) if dated else self._slipped(int(group[day_group]), month, said, weekday, today)
        if group["d4"]:
            before = text[max(0, match.start() - 24) : match.start()]
            meant = _WHICH_I.match(text, match.end()) or (_FROM_TO.search(before) and re.match(r" to\b", text[match.end() :]))
            if _NOT_ON.search(before) and weekday is None and not meant:
                return "", set()
            if (
                int(group["d4"]) in (1, 2)
                and weekday is None
                and (_OF_TWO.search(text) or _FIELD.search(before) or (_ITEM.search(before) and _ITEM_ENDS.match(text, match.end()) and is_itemised(text)))
            ):  # «both dates are fine but I clicked on the 2nd»
                return "ordinal", self._ordinal("first" if int(group["d4"]) == 1 else "second")
            dated = self._dated(int(group["d4"]), None, None, weekday)
            return "day", dated or self._on_no_such_weekday(int(group["d4"]), weekday, today)
        if group["spelt"]:
            number = _ORDINAL_WORDS[_spelt_key(group["spelt"])]
            return "day", self._dated(number, _month(group["m5"]) if group["m5"] else None, None, weekday)
        if group["bare"]:
            return self._bare(match, text, weekday, heading, asked, today)
        if group["plural"]:
            return "day", self._on_weekday(_weekday(group["plural"]), "", "", today)
        if group["w6"] and _lower(group["next"] or "") == "last " and (month_named := _OF_MONTH.match(text, match.end())):
            return "weekday", self._last_of(_month(month_named["m"]), _weekday(group["w6"]))
        if group["w6"]:
            which = _lower(group["next"] or "").strip() or ("week" if group["week"] else "")
            if _lower(group["w6"]) in ("sat", "sun", "mon") and not group["w6"][0].isupper():
                return "", set()
            return "weekday", self._on_weekday(_weekday(group["w6"]), which, text[match.end() : match.end() + 12], today)
        if group["rel"]:
            return self._relative(re.sub(r"(?<=w|y)'?s$", "", _lower(group["rel"])), today, _AT_HOUR.match(text, match.end()))
        if group["weekof"]:
            if _ONE_IN_THE.search(text[: match.start()]) is None:
                return "", set()  # «our inspection is in the week of the 24th»
            return "ordinal", {s.id for s in self.sessions if _is_in_week_of(s.start, int(group["weekof"]), _month(group["m7"]) if group["m7"] else None)}
        if group["skips"]:  # «not this Wednesday but the one after»
            skipped = _weekday(group["w9"]) if group["w9"] else 0
            if today is None or skipped is None:
                return "day", set()
            session = self.on(today + timedelta(days=7 + (1 if group["w9"] is None else (skipped - today.weekday()) % 7)))
            return "day", {session} if session else set()
        if group["weekly"]:
            return "weekly", {s.id for s in self.sessions if s.start.weekday() == _weekday(group["weekly"])}
        if group["number"]:
            return "ordinal", self._ordinal("first" if _lower(group["number"]) in ("1", "one") else "second")
        if group["remaining"]:
            ahead = {s.id for s in self.sessions if today is None or s.start.date() >= today}
            return "ordinal", ahead if len(ahead) == 1 else self._ordinal("other")
        if group["begins"] or group["at"]:
            return "time" if group["begins"] else "ordinal", self._clock(2, 0)
        if group["side"]:
            return "ordinal", self._beside(group["side"], int(group["sided"]) if group["sided"] else None, _weekday(group["w8"]))
        if group["after"]:
            return "ordinal", self._ordinal("other")
        if group["num"]:
            return "ordinal", self._ordinal("first" if _lower(group["num"]) in ("1", "one") else "second")
        if _lower(group["ord"] or "") == "last" and not (heading or asked or _OF_TWO.search(text)) and _BEFORE_NOW.search(match[0]):
            return "", set()
        if group["opening"]:
            return ("ordinal", self._ordinal(_lower(group["opening"]))) if asked else ("", set())
        if group["lone"]:
            return ("ordinal", self._ordinal(_lower(group["lone"]))) if _AGAINST.search(text[max(0, match.start() - 80) : match.start()]) else ("", set())
        if named := group["ord"] or group["bareord"] or group["order"]:
            return "ordinal", self._ordinal(_lower(named))
        if (group["hour"] or group["half"]) and _ENDS_AT.search(text[max(0, match.start() - 48) : match.start()]):
            hour = group["hour"] or str(_WORDS.get(_lower(group["half"] or ""), 0) or group["half"])
            return "slot", self._clock(int(hour), 30 if group["half"] else int(group["min"] or 0), ends=True)
        if _TILL.search(text[max(0, match.start() - 16) : match.start()]):  # «2 till 3.30» starts at two
            return "", set()
        if group["compact"]:
            return "time", self._times[group["compact"]]
        return self._timed(group)

    def _bare(self, match: re.Match[str], text: str, weekday: int | None, heading: bool, asked: bool, today: date | None) -> tuple[str, set[str]]:
        """A number on its own: a day of the month, a time as «1400», or nothing."""
        number = int(match["bare"])
        if weekday is None and _ENDS_AT.search(text[: match.start()]):
            return "slot", self._clock(number, 0, ends=True)  # «the one that finishes at 5»
        if weekday is None and today is not None and _AT.search(text[: match.start()]) and (now := self.on(today)) in self._clock(number, 0):
            return "slot", {now}  # «joining you at 2», on the day itself
        before, after = text[max(0, match.start() - 16) : match.start()], text[match.end() : match.end() + 24]
        listed = _LISTED.match(after) is not None
        told_of = _TRAINING_BEFORE.search(text[: match.start()]) is not None and _ENDS.match(after) is not None  # «for training I choose 25»
        told_of = told_of or (not text[: match.start()].strip() and _FOR_ME.match(after) is not None)  # «25 for me»
        alone = heading and re.fullmatch(r"\W*\d{1,2}\W*", text) is not None
        told = (_BARE_BEFORE.search(before) is not None or (asked and not _LETTERS.search(before))) and _BARE_AFTER.match(after) is not None
        told = told or _TICK_AFTER.match(after) is not None
        if number in self._numbers and (of_two := next((m for m in _TWO_NUMBERS.finditer(text) if match.start() in (m.start(1), m.start(2))), None)):
            told = told or {int(of_two[1]), int(of_two[2])} <= self._numbers  # «can do 25 not 19», «19 + 25 both booked»
        if (weekday is not None or listed or alone or told or told_of) and number in self._numbers:
            return "day", self._dated(number, None, None, weekday)
        if weekday is not None and (timed := self._clock(number, 0)):  # «Wed 2»
            both = {s.id for s in self.sessions if s.start.weekday() == weekday} & timed
            return ("day", both) if both else ("", set())
        if weekday is not None and number == 1:  # «weds 1» is how a phone writes «the Wednesday one»
            return "weekday", self._on_weekday(weekday, "", "", None)
        return "", set()

    def _dated(self, day: int, month: int | None, year: int | None, weekday: int | None = None) -> set[str]:
        if year is not None and year < 100:
            year += 2000
        return {
            s.id
            for s in self.sessions
            if s.start.day == day and month in (None, s.start.month) and year in (None, s.start.year) and weekday in (None, s.start.weekday())
        }

    def _slipped(self, day: int, month: int, year: int | None, weekday: int | None, today: date | None) -> tuple[str, set[str]]:
        """A date with the wrong year or month: «25/1/21» is how January writes it, and a weekday may tell: «Tues 25 Feb» is a Friday.

        Only the month beside the session's own is taken for a slip, and only where the weekday fits no year that may
        be meant: «Wednesday 19 May» was a day of last year.
        """
        written = year + 2000 if year is not None and year < 100 else year
        for session in self.sessions:
            if session.start.day != day:
                continue
            if weekday is not None:
                this_year = (today or session.start).year
                years = (written,) if written is not None else (this_year - 1, this_year, this_year + 1)
                fits = any((real := _day_of(one, month, day)) is not None and real.weekday() == weekday for one in years)
                if weekday == session.start.weekday() and not fits and _is_near(session.start, month, written):
                    return "slip", {session.id}
            elif (
                written == session.start.year - 1
                and month == session.start.month
                and session.start.timetuple().tm_yday <= _NEW_YEAR
                and today is not None
                and today <= session.end.date()
            ):
                return "slip", {session.id}
        return "date", set()

    def _on_no_such_weekday(self, day: int, weekday: int | None, today: date | None) -> set[str]:
        """«Thurs 25th», where no month about now has one and no session is on a Thursday: the day of the week is the slip."""
        if weekday is None or today is None or any(s.start.weekday() == weekday for s in self.sessions):
            return set()
        near = (today + timedelta(days=ahead) for ahead in range(-_ABOUT_NOW, _ABOUT_NOW))
        return set() if any(other.day == day and other.weekday() == weekday for other in near) else self._dated(day, None, None)

    def _on_weekday(self, weekday: int | None, which: str, after: str, today: date | None) -> set[str]:
        found = {s for s in self.sessions if s.start.weekday() == weekday}
        if today is not None and which == "last":
            found = {s for s in found if 0 < (today - s.start.date()).days <= 8}
        elif today is not None and (which or re.match(r" (?:coming|next week|this week)", after)):
            # «next Tuesday», and «Tuesday week» of an earlier one, are said of any Tuesday in the next fortnight.
            found = {s for s in found if 0 <= (s.start.date() - today).days <= 14}
        return {s.id for s in found}

    def _last_of(self, month: int, weekday: int | None) -> set[str]:
        """«the last Tuesday in January»"""
        return {s.id for s in self.sessions if s.start.month == month and s.start.weekday() == weekday and (s.start + timedelta(days=7)).month != month}

    def _relative(self, word: str, today: date | None, hour: re.Match[str] | None) -> tuple[str, set[str]]:
        if today is None:
            return "", set()
        weeks = 2 if word.endswith("after next") else {"next": 1, "last": -1, "this": 0}.get(word.split(maxsplit=1)[0])
        if weeks is not None and "week" in word:
            monday = today + timedelta(days=7 * weeks - today.weekday())
            found = {s.id for s in self.sessions if 0 <= (s.start.date() - monday).days < 7}
            if word.startswith("last") and today.weekday() >= _SATURDAY:  # at a weekend the week that ends is often the last one
                found = {s.id for s in self.sessions if 0 < (today - s.start.date()).days < 7} or found
            return "relative", found
        ahead = 1 if word.startswith(("tom", "tm", "2m", "the mor")) else -1 if word in ("yesterday", "the streen", "last night", "last nicht") else 0
        if (days := re.match(rf"({_COUNTS}) days ", word)) is not None:  # «six days from now»
            ahead = _NUMBERS.index(days[1]) + 2 if days[1] in _NUMBERS else int(days[1])
            ahead = -ahead if word.endswith("ago") else ahead
        elif "day after" in word or "week" in word or "fortnight" in word:  # «the day after tomorrow», «a week tomorrow»
            weeks = 2 if re.match("a fortnight|two|2", word) else 3 if re.match("three|3", word) else 1
            ahead = 2 if "day after" in word else 7 * weeks + ("tom" in word)
        session = self.on(today + timedelta(days=ahead))
        if session is None:
            return "", set()
        return ("slot" if hour and session in self._clock(int(hour[1]), 0) else "relative"), {session}

    def _ordinal(self, word: str) -> set[str]:
        if re.fullmatch(_OTHER, word):
            return set(self._ids) if len(self._ids) == 2 else set()  # settled when choosing
        if word in ("early", *_FIRST.split("|")):
            return {self._ids[0]}
        if word in _SECOND.split("|") and len(self._ids) > 1:
            return {self._ids[1]}
        return {self._ids[-1]}

    def _beside(self, side: str, day: int | None, weekday: int | None) -> set[str]:
        """«the one before it», «the session after the 19th»: the one that any day of them leaves on that side, where only one can be meant."""
        named = [s for s in self.sessions if (day is None or s.start.day == day) and (weekday is None or s.start.weekday() == weekday)]
        earlier = _lower(side) in ("before", "afore", "precedes", "preceding")
        found = {s.id for s in self.sessions for other in named if (s.start < other.start if earlier else s.start > other.start)}
        return found if len(found) == 1 else set()

    def _timed(self, group: Mapping[str, str | None]) -> tuple[str, set[str]]:
        minute = 0
        if group["half"]:
            hour, minute = _WORDS.get(_lower(group["half"]), 0) or int(group["half"]), 30
        elif group["word"]:
            hour, minute = _WORDS[_lower(group["word"])], 30 if group["thirty"] else 0
        elif group["hour"] and (group["min"] or group["ap"]):
            hour, minute = int(group["hour"]), int(group["min"] or 0)
            if _lower(group["ap"] or "").startswith("a"):
                return "", set()
        else:
            return "", set()
        return "ordinal" if group["timed"] else "time", self._clock(hour, minute)

    def _clock(self, hour: int, minute: int, *, ends: bool = False) -> set[str]:
        """The sessions that start, or end, at a time of the clock, in the morning or the afternoon."""
        times = ((s.id, s.end if ends else s.start) for s in self.sessions)
        return {id for id, time in times if time.minute == minute and time.hour % 12 == hour % 12}


def is_itemised(text: str) -> bool:
    """Whether the text gives its facts one after the other: «Ardle High / Fife / reading group / 1st», «(a) … (b) … (c) Wednesday»."""
    return len(_SEPARATOR.findall(text)) >= 3


def _joined(found: list[Mention], text: str) -> list[Mention]:
    """«Tuesday ... (the 25th)» and «Wed 19th, 2 o'clock» are one mention each; so is «the later one, the Tuesday»."""
    joined: list[Mention] = []
    for mention in found:
        last = joined[-1] if joined else None
        if last is not None and _SAME_ONE.fullmatch(text[last.end : mention.start]) and mention.form != last.form:
            both = last.sessions & mention.sessions
            if both or mention.form == "time":
                timed = both and {last.form, mention.form} in ({"weekday", "time"}, {"relative", "time"}, {"slip", "time"})  # «Wed 2pm» is as good as a date
                last.sessions, last.end = both or last.sessions, mention.end
                last.form = "slot" if timed else min(last.form, mention.form, key=lambda form: -STRENGTH[form])
                continue
            if not mention.sessions and mention.form in ("day", "date") and last.form not in ("day", "date"):  # «Wednesday, 12 January»: another day altogether
                last.sessions, last.end = frozenset(), mention.end
                continue
        joined.append(mention)
    times = [mention for mention in joined if mention.form == "time"]
    for mention in joined:
        if mention.form == "relative" and any(len(time.sessions) == 1 and time.sessions == mention.sessions for time in times):
            mention.form = "day"  # «tomorrow kicks off at 3.30»: the day and the hour agree
    return joined


def _weekday(word: str | None) -> int | None:
    if not word:
        return None
    lower = _lower(word)
    return (
        _WEEKDAYS.get(lower)
        if lower in _WEEKDAYS
        else _WEEKDAYS.get({"w": "wed", "t": "tue"}[lower[0]] if lower[0] in "wt" and lower[:2] != "th" else lower[:3])
    )


def _is_in_week_of(start: datetime, day: int, month: int | None) -> bool:
    """Whether ``start`` is in the week that is named by ``day``, which is its Monday or one of the days up to ``start``."""
    days = (start - timedelta(days=ahead) for ahead in range(start.weekday() + 1))
    return any(named.day == day and month in (None, named.month) for named in days)


def _is_near(start: datetime, month: int, year: int | None) -> bool:
    """Whether a month is the one beside that of ``start``, or the same with another year written."""
    if year is None:
        return (month - start.month) % 12 in (1, 11)
    return month == start.month or abs((year - start.year) * 12 + month - start.month) == 1


def _lower(word: str) -> str:
    """In small letters, with those that an expression takes for «i» and «s» whatever their case («Burnſ Nıght») as what they were taken for."""
    return word.translate(_TAKEN_FOR).lower()


def _day_of(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(word: str) -> int:
    lower = _lower(word).rstrip(".")
    return _GAELIC_MONTHS.get(lower) or next(number for number, name in enumerate(_MONTHS, start=1) if name.startswith(lower[:3]))


def _spelt_key(word: str) -> str:
    squeezed = re.sub(r"[- ]", "", _lower(word))
    return next(known for known in _ORDINAL_WORDS if known.replace("-", "") == squeezed)
