"""Which facilitator session a member signed up for, or wants.

Four steps, each apart from the others: the *mentions* of a session in a sentence (``session_mentions``);
whether a mention *refers* to the training or to something else that day; the *stance* that its clause takes,
and whose it is; the *choice* over the whole message. What the words make of a mention are phrase rules in
``rules/sessions.yaml``; the sessions themselves are in ``sessions.yaml``.

Of each session the last stance counts, and a change of mind drops what was said before it. Whoever takes
part with the writer counts like the writer («Craig will go on the 19th»), an outsider («my husband») never. Where
the writer names a session of their own, or says in one breath that they go to neither and a colleague does, the
colleague's does not count.

Promise: only the member's own words (and a filled-in form that is attached) count; a relative day is
read against the message's own Date, in UK time, and never against a clock; a mention that does not count is
kept as a candidate with its reason. Linear in the text.

What it does badly: a session named only by what happens there («the one with the biscuits») is not
found; a plan told over several sentences is followed only as far as each sentence says something itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot, ZoneKind
from parse.phrases import Hit
from parse.rulefile import compile_rules, load_rules, load_yaml
from parse.session_clauses import POLARITY, WRITER, Clause, clauses, pieces, whose
from parse.session_days import is_away, is_day_of_a_deed, is_fronted, is_of_something_else, is_told_of, is_when
from parse.session_mentions import STRENGTH, Mention, MentionFinder, Session, is_itemised
from parse.session_questions import Answer, Question, QuestionReader
from parse.session_stances import (
    GOES,
    SO,
    WORD,
    Context,
    Event,
    alone,
    content,
    drop_after_refusal,
    drop_merely_named,
    drop_what_led_here,
    go_back,
    led_to,
    narrow_whole,
    settle_pairs,
    stands_near,
    stay_refused,
    take_answer,
    tell_owners,
    ticked_box,
    told_before,
    turn_to,
    untick_others,
)
from parse.textview import TextView

__all__ = ["Session", "SessionFinder", "Sessions", "load_sessions"]

UK = ZoneInfo("Europe/London")
LABELS = (
    *("about", "takes", "joins", "goes", "likes", "had", "declines", "undecided", "either", "outsiders", "same", "unchosen", "changes", "fallback"),
    *("elsewhere", "events", "asks", "reported", "recurring", "present", "all", "none", "returns", "years", "thanks", "written", "things", "calls"),
    *("frees", "dates", "deeds", "kinds", "shares"),
)
ANSWERS = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER}
QUOTED = {ZoneKind.OWN_QUOTE, ZoneKind.QUOTE}
READ = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER, "subject"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    sessions: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


def load_sessions(folder: Path) -> tuple[Session, ...]:
    """The programme's sessions in order of time. Raises ProgrammeError."""
    data = load_yaml(folder / "sessions.yaml")
    found: list[Session] = []
    for item in data.get("sessions") or []:
        line = item.get("__line__") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not {"id", "starts", "ends"} <= item.keys():
            raise ProgrammeError("sessions.yaml", line, "each session needs id, starts and ends")
        times = []
        for key in ("starts", "ends"):
            try:
                time = item[key] if isinstance(item[key], datetime) else datetime.fromisoformat(str(item[key]))
            except ValueError:
                raise ProgrammeError("sessions.yaml", line, f"«{key}: {item[key]}» is no date and time; write it as 2022-01-19 14:00") from None
            times.append(time.astimezone(UK) if time.tzinfo else time.replace(tzinfo=UK))
        found.append(Session(id=str(item["id"]), start=times[0], end=times[1]))
    return tuple(sorted(found, key=lambda session: session.start))


def _free(cues: list[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    """The cues of a sentence without those that another says are none: «it doesn't clash with the choir», «I'm thinking of coming»."""
    free = [(start, end) for label, _, start, end in cues if label == "frees"]
    weighed = [(start, end) for _, rule, start, end in cues if rule == _THINKING_OF]
    if not (free or weighed):
        return cues
    return [
        cue
        for cue in cues
        if not (cue[0] in _OBSTACLES and any(start < cue[3] and cue[2] < end for start, end in free))
        and not (cue[0] in _CHOICES and any(start < cue[3] and cue[2] < end for start, end in weighed))
    ]


def _gone_elsewhere(cues: list[tuple[str, str, int, int]], text: str) -> list[tuple[str, str, int, int]]:
    """The cues of a sentence without those of going that are said of another thing: «I'll be at the dentist», «booked for a scan»."""
    things = [start for _, rule, start, _ in cues if rule == _A_THING_ELSEWHERE]
    if not things:
        return cues
    return [
        cue for cue in cues if cue[0] not in {*GOES, "had"} or not any(cue[3] <= start and _GOES_TO_THING.fullmatch(text[cue[3] : start]) for start in things)
    ]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower().replace("\u2019", "'")))


def _forms_first(views: Sequence[TextView]) -> list[TextView]:
    """What members write themselves comes after what the form says that they attach, so that it may take that back."""
    return sorted(views, key=lambda view: not view.where.startswith("attachment:"))


def _days(settings: Mapping[str, Any], key: str, file: str) -> dict[str, tuple[int, int]]:
    """The names of days under ``key`` in the rule file, as (month, day)."""
    found: dict[str, tuple[int, int]] = {}
    days = settings.get(key) or {}
    for written, names in days.items():
        if written == "__line__":
            continue
        if re.fullmatch(r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", str(written)) is None or not isinstance(names, list):
            raise ProgrammeError(file, days.get("__line__"), f"«{key}: {written}» should be a month and day such as 11-30, with a list of names")
        month, day = str(written).split("-")
        found.update({str(name): (int(month), int(day)) for name in names})
    return found


_FIELD = re.compile(r"\b(?:training|session|cpd|clpl|when)\b[^:|]{0,30}[:|]", re.I)  # «Training session: Tuesday»
_HEADER = re.compile(r"\W*(?:from|sent|date|to|subject|cc)\W*:|.{0,90}\bwrote:", re.I)
_RESETS = {";", "but", "so", "then", "instead", "though", "although", "however", "because", "cos", "while", "whereas", "since", "hence", "therefore", "unless"}
_INSTEAD = {"otherwise", "failing that"}
_NOT_BEFORE_IT = re.compile(
    r"\b(?:not|nor|no|never|no'|nae|isn't|isnt|(?:no|nae) longer|instead of|rather than|in place of|except|anything but|bar|barring|"
    r"other than|apart from)\s+(?:for\s+|on\s+|to\s+|in\s+)?(?:the\s+|da\s+|my\s+)?$",
    re.I,
)
_ANY_DAY = re.compile(
    r"\b(?:an?|any|(?<!the )one|standing|our|their|his|her|my|last|every|each"
    r"|(?:years?|terms?|months|weeks|lots?|couple|series|string|run|round|block|spell|winter|summer) of)\s+$",
    re.I,
)  # «on a Wednesday», «our Tuesday group»
_WITH_ITS_NOUN = re.compile(
    r"\w+ (?:of (?:the|your) (?:two|2) )?(?:training )?(?:dates?|sessions?|trainings?|sesh)", re.I
)  # «First date.», unlike «First one.»
_TIMED_ONE = re.compile(
    r"(?:one|wan|yin) (?:at|@) |(?!1st|2nd)(?=[^a-z]*(?:\d|half|two|twa|three)).*\b(?:one|wan|yin|session|slot|training|sesh)$", re.I
)  # «The 2 o'clock one.»
_THE_ONE = re.compile(r"\s+(?:one|wan|yin|lot|crowd|slot|gang|date|folk)\b", re.I)
# «the one that starts at half three»
_ONE_AT = re.compile(r"\b(?:one|wan|yin|(?:the|your) (?:session|afternoon|slot|training|date) (?:that|which|wi|with))\b[^,;.]*$", re.I)
_OF_OTHERS = re.compile(r" (?!facilitator|trainer|teacher|member|participant|delegate)[a-z]{3,}s['\u2019] [a-z]", re.I)  # «the Wednesday mothers' room»
_SEVERAL = re.compile(r"\b(?:two|three|four|five|six|seven|eight|nine|ten|\d+|several|many|few|some|more)\s+$", re.I)  # «six Wednesday sessions»
_SESSIONS = re.compile(r" (?:sessions|trainings|courses|workshops|afternoons)\b", re.I)
_OUR_OWN = re.compile(r"\b(?:our|their|his|her|each|every|own|a|another)\s+$", re.I)  # «our second session»
_ORDINAL = re.compile(r"(?:first|second|1st|2nd|last|other)\b", re.I)
_OTHER = re.compile(r"(?:other|ither|idder|tidder|tither|t'other|alternative)\b", re.I)  # «the other one is in Perthshire and has better skiing»
_COULD_GO = re.compile(  # «can't do the 19th but could slip away for the other date»
    r"\b(?:can|could|will|would|shall|i'll|we'll|i'd|we'd)(?! (?:not|you|someone|somebody|anyone|ask|find|know|tell|check|hear|read|watch|have to|need)\b)"
    r"(?!.*\b(?:not|never|about|whether|if|notes|recording|slides|tell|ask|know)\b).*\b(?:for|to|on|at|do|make|manage|attend|take|catch)\b",
    re.I,
)
_SO_THE_OTHER = re.compile(r"\b(?:so|hence|therefore|but)\b.*\bother\b", re.I)  # «I don't work on a Wednesday, so it's the other one»
_TODAYS = re.compile(r"(?:to-?day|tom+or+ow)'?s\b", re.I)  # «can only make tomorrow's one»
_LATTER = re.compile(r"(?:latter|former)\s*(?:[.,;!?)]|$)", re.I)  # «I cover Reston and Coldingham, employed at the latter»
_THAN = re.compile(r"\b(?:than|better nor)\s+(?:\S+\s+){0,3}$", re.I)
_CHOOSE_BETWEEN = re.compile(r"\b(?:choos\w+|torn|decid\w+|choice|pick\w*|toss-?up) (?:between|atween) (?:the |your )?$", re.I)
_WAS = re.compile(r"[([] ?(?:was|wis|previously|formerly|originally|instead of)[: ]+(?:the |on )?$", re.I)
_TAKEN_OVER = re.compile(r"\b(?:have|'ve|has|got|took|taken|taking|taking on) (?:his|her|their) $", re.I)  # «I have her Tuesday»
_ON_REFLECTION = re.compile(r"\b(?:thought|thinking|decided|decision|considered|consideration|mulled|slept on|reflection|conclusion|verdict|answer)\b", re.I)
_ALL_BUT = re.compile(
    r"\b(?:any ?(?:thing|training|session|date|day|one)|either (?:date|session|one)) "
    r"(?:but|bar|except|other than|apart from|save) (?:for )?(?:the |on )?(?:the )?$",
    re.I,
)
_IT_IS_MINE = re.compile(
    r"\b(?:on the list|booked|registered|signed up|enrolled|down|coming|going|along) (?:for|to|on|onto|in for) (?:that|it|that one|this one)\b", re.I
)
_DENIED = re.compile(r"\b(?:not|never|no|nae|\w+n't|\w+nae)\b[^.!?;]*$", re.I)
_COUNTED = re.compile(
    r"(?:a|\w+) (?:weeks?|fortnight|days) (?:from )?(?:today|tom|now|hence)|(?:to-?day|tom+or+ow) week", re.I
)  # falls on no session by chance
_ON_THE_DAY = re.compile(r"\bon (?:the )?$", re.I)
_WROTE_THEN = re.compile(  # «On Tuesday I wrote to the council, on Wednesday they wrote back»
    r" (?:i|we|they|he|she) (?:also |then |finally )?(?:wrote|e-?mailed|phoned|rang|spoke|talked|heard|replied|answered|met|told|asked (?!for\b))\b", re.I
)
_NEXT_ONE = re.compile(r"next one", re.I)
_ASKED_FOR = re.compile(r"\b(?:asked for|wanted|booked|ticked|chose|chosen|picked|signed up for|registered for|requested|meant)(?: the| my)? $", re.I)
_AGAIN = re.compile(r"(?:and |an |& )?(?:then )?again (?:on|at|for) ", re.I)
_OVER = re.compile(
    r"\b(?:prefer\w*|favour\w*|opt(?:ed)?|plump(?:ed)?|gone for|went for|cho(?:se|ice|sen)|pick(?:ed)?)\b[^,;.]{0,40}\b(?:over|ahead of)\s+(?:the\s+)?$", re.I
)
_IT_IS_A = re.compile(r"\b(?:it's|it is|its|be) an?\s+$", re.I)
_DEFINITE = re.compile(r"\b(?:the|da|tha|yon)\s+$", re.I)
_BUT_SUITS_ME = re.compile(
    r"\W*(?:but|though|however)\W+(?:it |that |it's |that's )?(?:does )?(?:suits?|works?|fits?|does|is|fine|ok|okay|grand|good)\b[^,;.]{0,16}\b(?:me|us)\b",
    re.I,
)
_IN_THEIR_PLACE = re.compile(
    r"\b(?:his|her|their|that) (?:place|seat|slot|spot|space)\b|\bin (?:his|her|their) (?:place|stead)\b|\binstead of (?:him|her|them)\b", re.I
)
_BOTH_OF_US = re.compile(r"\s*(?:of (?:us|my|our)\b|(?:my|our) [a-z]+s\b|(?-i:[A-Z])[\w-]+ and (?:me|i|myself)\b)", re.I)  # «signed up both of us»
_JOINS_YOU = re.compile(r"\b(?:free|able|happy|easy) to (?:join|come|attend|take part)\b|\bjoin (?:you|yous|ye)\b|\bbe (?:with you|there)\b", re.I)
_AT_TRAINING = re.compile(r"\b(?:at|to|in|on|with) (?:your|the|yours) (?:training|session|course)\b|\b(?:at|to|with) (?:yours|you)\b", re.I)
_TAKES_PLACE = re.compile(  # «the Wednesday session is in teaching time» tells of it, and chooses nothing
    r"(?: (?:session|training|one|date))?(?:"
    r"(?:'s| is| wis| falls| runs| comes) (?:(?:right|slap|bang|still|well) )?"
    r"(?:in|during|within|inside|outwith|outside|amid) (?!my (?:diary|calendar)|the diary|our (?:diary|calendar))"
    r"|(?:'s| is) (?:only |just |really )?for (?!me\b|us\b|the\b|both\b|my\b|our\b|masel|wis\b)(?-i:[a-z])"
    r"|(?: (?:is|was|does|did|were|'s))?(?: (?:not|to))? (?:go|goes|going|gone|went) ahead\b)",  # «I'd be spoken to if the 19th went ahead»
    re.I,
)
_OUT = re.compile(r"\s*(?:afternoon|one|session|slot)?\s*(?:is |'s )?out\b\s*(?:[,.;:!]|and\b|$)", re.I)  # «19th out, 25th in»
_EVERY_MONTH = re.compile(r" (?:of|in|o) (?:each|every|the) month\b", re.I)
_LEAVES_AT = re.compile(r"(?: o'?clock)? (?:bus|boat|ferry|train|flight|plane|sailing|news|bell|lesson|class)\b", re.I)  # «I'm on the 3.30 bus»
_TOO = re.compile(r"\s*,?\s*(?:too|as well|also)\b", re.I)
_OF_THE_TWO = re.compile(r" of (?:the|your|these) (?:two|twa|2|pair)\b", re.I)
_AS_FOR = re.compile(r"\b(?:as (?:for|to)|about|regarding|concerning) (?:the )?$", re.I)
_OF_THE = re.compile(r"\b(?:of|between|from) (?:the|your|these) $", re.I)  # «of the two sessions I'd take the former»
_LAST = re.compile(r"last|latter|former", re.I)
_LAST_TIME = re.compile(r"last\b(?! of\b)", re.I)
_SINCE_THE = re.compile(r"\b(?:after|since|before|from|at) (?:the|your) $", re.I)
_REFUSED = "session.refused"
_NOW_I_CAN = re.compile(  # also «The one on the Tuesday, 4 or whenever, is doable: I've booked it»
    r"\b(?:now (?:i|we) (?:can|could)|(?:i|we) (?:can|could) now"
    r"|(?:i|we)(?: have|'ve)?(?: now| since)? (?:booked|registered for|signed up for) (?:it|that one|that|the session))\b"
    r"(?! not\b)(?!n't)(?! (?:because|to|in order))",
    re.I,
)
_BUT_I_CAN = re.compile(r"\W*(?:but|though|however)\W+(?:i|we) (?:can|will|am|are|do|shall|could|have)(?! not\b)\b(?!n't)", re.I)
_OPTION = re.compile(r"(?:option|choice)\b", re.I)
_MEANT_TO_WRITE = re.compile(  # «I was signed up for it and meant to email before, but the day ran away with me»
    r"\b(?:(?:meant|intended|hoped|wanted|planned|promised|was going|had) to (?:have )?|(?:should|would) have )"
    r"(?:e-?mail|writ|send|sent|repl|get this|drop)\w*",
    re.I,
)
_MISSED = re.compile(r"\bmiss(?:ed)?\b", re.I)
_MY_RECEIPT = re.compile(r"\bmy (?:confirmation|receipt|ticket|invite)(?: e-?mail)? (?:says|has|gives|shows|reads)\b", re.I)  # of what the writer booked
_BACK = re.compile(r"\b(?:it|that|that's|this|then|mine|which)\b|^\W*(?:and |but )?(?:can't|cannot|cant|canna|couldn't)\b", re.I)
_ATTENDED = re.compile(r"\b(?:was|were|wis|wur|wes) (?:[a-z]+ )?(?:on|at|in|there)\b", re.I)
_I = re.compile(
    r"\bmy (?:own )?(?:place|slot|session|booking|training|date|choice|preference|pick)\b|\bmyself\b|\bme (?:(?:for|on|at|to) )?(?:the\b|\d)"
    r"|\b(?:i|i'm|im|i've|ive|i'll|i'd|mine|mine's|ah|ah'm|ahm|a'm|(?:for|suits) me)\b",
    re.I,
)
_YES_TO = re.compile(r"\b(?:yes|aye|no|naw|nope) to (?:the|your)\s+$", re.I)  # answers questions, as a rule
_SUITS = re.compile(  # «2pm is no good, half three is»
    r"\s*(?:(?:does|do|would|will|is|are|was)(?:n't| not)?\s*(?:$|[.,;!]|(?:for (?:me|us)|suit|work|dae|fine|better|"
    r"best|ideal|no|good|perfect|impossible|out|during|too)\b)"
    r"|(?:the week (?:before|after) )?(?:suits|works)\b|the week (?:before|after)(?: is|'s| would be| suits| works)\b"
    r"|(?:i|we) (?:can|could) (?:live with|manage|make|get to|come to)\b)",
    re.I,
)
_SEE_YOU = re.compile(r"\b(?:see|catch) (?:you|yous|ye|u)(?: all)?(?: there)? at $", re.I)
_NOT_LET_IN = re.compile(  # «the booking link for the 25th gives me a page that says I'm not allowed»
    r"\b(?:link|form|button)\b.*\b(?:not allowed|no access|denied|error|404|not found|isn't there|broken|expired|permission|log in|sign in)\b",
    re.I,
)
_NONE_OF_US = re.compile(r"\W*(?:and |but )?(?:none|neither|nobody|not one) of (?:us|them)\b", re.I)
_THAT_ONE = re.compile(
    r"\b(?:to|(?<!\bgo )(?<!\bgoing )(?<!\bwent )for|on|at|of|in|do|doing|done|make|join|joined|taken?|booked|"
    r"attend(?:ing|ed)?) (?:it|that|that one|this|this one)\b|\b(?:shall|will|i'll|we'll|'ll) (?:(?:both|all) )?be there\b",
    re.I,
)
_GO_TO_IT = re.compile(
    r"\b(?:to|make|do|manage|attend|join) (?:it|that|that one|this one|this)\b|\b(?:come|there|free) then\b|\bfree (?:to|for) [^,;]*\b(?:that day|then)\b"
    r"|\b(?:can|will|'ll|could) (?:now |then |all |both )?(?:come|attend|join|go|be there|make it)\b(?! (?:to|and)\b)",
    re.I,
)
_IF = re.compile(r"\W*(?:and |but )?(?:if|unless)\b", re.I)
_IF_FULL = re.compile(
    r"\W*(?:and |but |or )?if\b(?!.*(?:\bnot\b|n't\b|\bno longer\b)).*\b(?:full|booked up|taken|gone|(?:no|nae|any) (?:space|room|places?|spaces?))\b", re.I
)
_THERE_IS = re.compile(r"\bthere(?:'s| is| are| was| were|'re)\b(?!.*\b(?:so|but|then|hence)\b)", re.I)
_RANKED = re.compile(r"\b(?:prefer\w*|order|choices?)\b", re.I)  # «in order of preference the 25th, then the 19th»
_FOR_ME = re.compile(r"\s*(?:,\s*)?(?:for|fur|suits) (?:me|us)\b(?!,? but)", re.I)  # «Tuesday week for me»
_JUST_FOR_ME = re.compile(r"\s*(?:for|fur) (?:me|us)\s*(?:$|[.,;!]|(?:please|pls|thanks|ta)\b)", re.I)
_MY_DAY = re.compile(
    r"\s*(?:'s|is|will be|it is|it'll be|will have to be)\s+(?:(?:my|our|the)\s+(?:only\s+)?(?:day|one|date|option|choice)|mine|best|better|it)\b", re.I
)
# «the one on a Wednesday», unlike «a session on a Wednesday»
_ONE_ON_A = re.compile(r"(?<!\ba )(?<!\bno )(?<!\bany )\b(?:one|yin|session|training|date) (?:that's |which is |that is |held )?on an?\s+$", re.I)
_ASKED_IF = re.compile(
    r"(?<!\bi)(?<!\bwe)(?<!\bi've)(?<!\bi'd)(?<!\bwe've)(?<!\bwe'd) (?:asked|wondered) (?:(?:me|us) )?(?:if|whether) (?:i|we)\b", re.I
)  # «My PT asked if I'd do the 19th»
_IT_IS = re.compile(r"\s*,?\s*(?:it is|it shall be|it'll be|it will be|it'll hae tae be)\b", re.I)  # «Burns Day it is»
_INSTEAD_OF_IT = re.compile(r"\s*(?:,\s*)?(?:instead|then)\b", re.I)
_REPLY = re.compile(r"\b(?:re|fwd?|aw)\b", re.I)
_BUTS = {"but", "though", "although", "however"}
_AFTER_ALL_THAT = re.compile(r"\W*(?:and )?(?:having|after|following|despite|without|when|before)\b", re.I)  # «session two, having slept through session one»
_GOES_ON = {",", "and", "an", "while", "whereas", "/", "-"}
_REASON = {"as", "because", "since", "cos"}
_ONE_EACH = re.compile(r"\bone (?:each )?for (?:me|myself|masel)\b|\bone each\b", re.I)
_AND_SO = re.compile(r"\W*(?:and )?(?:so|hence|therefore)\b", re.I)
_BY_ORDER = re.compile(r"which(?:so)?ever\b", re.I)  # «whichever comes second»
_FOR_THE = re.compile(r"\s+(?:for|on to|onto) (?:the|your)\b", re.I)
_JOINS_ANOTHER = re.compile(r"\b(?:and|but|so|then)\b", re.I)  # «emailed Ros and clicked on the 25th»
_BEFORE_A_DAY = re.compile(r"\W*(?:the |da )?", re.I)
_OF_A_SESSION = {"about", "takes", "joins", "goes", "had"}
_A_THING_ELSEWHERE = "session.elsewhere"
_GOES_TO_THING = re.compile(r"\s*(?:(?:at|for|to|in|on|with|having|getting)\s+)?(?:(?:the|a|an|my|our|his|her|their)\s+)?", re.I)
_OBSTACLES = {"declines", "elsewhere", "frees", "outsiders"}
_CHOICES = {*GOES, "likes"}
_THINKING_OF = "session.thinking-of"
_NOTES = {  # why a mention did not count
    "declines": "session_declines",
    "outsider": "session_other",
    "undecided": "session_undecided",
    "conditional": "session_conditional",
    "replaced": "session_replaced",
    "unticked": "session_unticked",
    "elsewhere": "session_elsewhere",
}
_ON_THE = "session.on-the"
_SAYS_LITTLE = 10  # words of a letter in which «both» can mean hardly anything but the sessions
_BOTH_ALONE = "session.both-alone"
_EVENT = "session.other-booking"
_SHORT_REPLY, _REPLY_WITHIN = 600, 3  # characters of a letter that is an answer; sentences in which it begins
_FIRST_CLAUSE = re.compile(r"\W*([^,.;:!?()\n]{1,40})")
_STANCES = {"likes": "takes", "joins": "takes", "goes": "takes"}
_LIKED_WITH = 8  # words of a clause with a weekday that is liked
_QUANTIFIERS = {"all", "none", "either"}
_NEAR = 80  # characters before «the other date» in which it is said that somebody could go
_JUST_OVER = 8  # days after a session in which «on Tuesday» is of it
_FINE_BEFORE = re.compile(r"\W*(?:(?:and|but|so) )?(?:on )?(?:the |da )?", re.I)
_FINE = re.compile(  # «Wednesday is fine, weather permitting.»
    r"(?:(?:'s| is| wis| would be| will be|'d be)(?: the)? (?:fine|good|great|grand|ok|okay|best|better|perfect|ideal|braw|handy|easiest|easier)(?: day| one)?"
    r"| works?(?: best| well| better)?| suits?(?: me| us)?(?: best| well| better)?)(?: (?:for|by|wi|with) (?:me|us))?(?: please)?"
    r"(?:(?:,| -|:)? (?:if|so long as|as long as|provided|unless) (?!(?:you|ye)\b)[^,;.]{3,40}"
    r"|(?:,| -) (?:\w+ ){1,3}(?:permitting|allowing|willing)|(?:,| -) (?:\w+ )?[\w']+ being [\w' ]{3,30})?\W*",
    re.I,
)
_LONGEST_SENTENCE, _MOST_EVENTS = 4000, 200  # beyond them no member is speaking


class SessionFinder:
    """Finds the sessions of ``folder/sessions.yaml``. Raises ProgrammeError for bad data."""

    def __init__(self, folder: Path) -> None:
        self.sessions = load_sessions(folder)
        file = load_rules(folder / "rules" / "sessions.yaml", shown="rules/sessions.yaml", says=LABELS)
        self._rules = compile_rules(file)
        self._either = str(file.settings.get("either", "none"))
        if self._either not in ("none", "all"):
            raise ProgrammeError("rules/sessions.yaml", None, f"«either: {self._either}» should be none or all")
        self._mentions = MentionFinder(
            self.sessions, _days(file.settings, "days", "rules/sessions.yaml"), called=_days(file.settings, "called", "rules/sessions.yaml")
        )
        self._ids = [session.id for session in self.sessions]
        for name in ("asked", "asked_back", "affirms", "denies", "both", "gatherings"):
            if not file.lists.get(name):
                raise ProgrammeError("rules/sessions.yaml", None, f"the list «{name}» is missing")
        self._questions = QuestionReader(self._mentions, file.lists["asked"], file.lists["asked_back"])
        self._gatherings = re.compile(rf"(?:['\u2019]s)? (?:{'|'.join(map(re.escape, file.lists['gatherings']))})\b", re.I)  # «a year of Tuesday teas»
        self._replies = {_plain(word): label for label in ("affirms", "denies", "both") for word in file.lists[label]}

    def find(self, parsed: ParsedMessage, views: Sequence[TextView], *, received_at: datetime | None = None, for_another: bool = False) -> Sessions:
        """``for_another``: the message registers somebody else, whose sessions then count.

        ``received_at`` stands in for a Date that the message lacks.
        """
        if not self.sessions:
            return Sessions()
        moment = parsed.sent_at or received_at
        today = moment.astimezone(UK).date() if moment else None
        events: list[Event] = []
        unchosen: list[Hit] = []  # where the writer says to have picked none so far
        talked = False
        asked: TextView | None = None
        quotes = [view for view in views if view.where in QUOTED]
        question = self._questions.read(quotes) if quotes else Question()
        for view in _forms_first(views):
            if view.where in ANSWERS and (question.asks or question.marks or question.points or question.confirms):
                under = asked is not None and (question if len(quotes) == 1 else self._questions.read([asked])).last  # typed under the question
                talked = talked or under or (question.asks and len(view.folded) <= _SHORT_REPLY)
                said = len(events)
                self._answer(view, question, today, events, talked, unchosen, under=under)
                if asked is not None and not under and view.where == ZoneKind.INLINE_ANSWER and asked.folded.rstrip().endswith("?"):
                    events[said:] = [event for event in events[said:] if event[1].form != "ordinal"]  # «Which of the activities?» «The first one.»
            elif view.where == "subject" and _REPLY.match(view.folded):
                continue  # of a reply it is not the member's own
            elif view.where in READ or view.where.startswith("attachment:") or (for_another and view.where == ZoneKind.FORWARDED):
                talked = self._read(view, today, events, talked, unchosen, quoted=bool(quotes), of_others=question.of_others)
            elif view.where == ZoneKind.SIGNATURE:  # a form's last lines are easily taken for one
                self._read(view, today, events, talked, unchosen, fields_only=True)
            asked = view if view.where in QUOTED else None
        return self._choose(events, unchosen=bool(unchosen), for_another=for_another)

    # --- reading

    def _answer(self, view: TextView, question: Question, today: date | None, events: list[Event], talked: bool, unchosen: list[Hit], *, under: bool) -> None:
        """The member's words in the light of the question that is quoted."""
        reply, span = self._reply(view)
        picks = list(self._questions.answers(question, view))
        if question.confirms and reply == "denies":
            picks.append(Answer(*span, question.confirms, True))
        if reply == "both" and question.asks:
            picks += [Answer(*span, session, False) for session in self._ids]
        for pick in picks:
            stance = "declines" if pick.refused else "takes"
            self._add(view, 0, Mention(pick.start, pick.end, frozenset({pick.session}), "ordinal", stance, "session.answer"), events)
        said = len(events)
        self._read(view, today, events, talked, unchosen, answers=under, asked=bool(question.asks or question.confirms) and len(view.folded) <= _SHORT_REPLY)
        mine = _IT_IS_MINE.search(view.folded[:_SHORT_REPLY])  # «I can confirm I'm on the list for that»
        if question.confirms and len(events) == said and reply != "denies" and mine and _DENIED.search(view.folded[: mine.start()]) is None:
            self._add(view, 0, Mention(*mine.span(), frozenset({question.confirms}), "ordinal", "takes", "session.answer"), events)
        if question.confirms and reply == "affirms" and len(events) == said:
            self._add(view, 0, Mention(*span, frozenset({question.confirms}), "ordinal", "takes", "session.answer"), events)

    def _reply(self, view: TextView) -> tuple[str, tuple[int, int]]:
        """How the member's words begin, after a greeting: «yes», «no» or «both»; and where."""
        for text, start in view.sentence_texts[:_REPLY_WITHIN]:
            first = _FIRST_CLAUSE.match(text)
            if first is not None and (reply := self._replies.get(_plain(first[1]))):
                return reply, (start + first.start(1), start + first.end(1))
        return "", (0, 0)

    def _read(
        self,
        view: TextView,
        today: date | None,
        events: list[Event],
        talked: bool,
        unchosen: list[Hit],
        *,
        fields_only: bool = False,
        answers: bool = False,
        asked: bool = False,
        quoted: bool = False,
        of_others: bool = False,
    ) -> bool:
        cues: dict[int, list[tuple[str, str, int, int]]] = {}
        sentences = [piece for text, start in view.sentence_texts for piece in pieces(text, start)]
        starts = [start for _, start in sentences]
        hits = list(self._rules.find(view))
        years = [
            (hit.span.start_char, hit.span.end_char)
            for hit in hits
            if hit.phrase.label == "years" and _OF_THE.search(view.folded[max(0, hit.span.start_char - 12) : hit.span.start_char]) is None
        ]
        for hit in hits:
            if hit.phrase.label == "years":
                continue
            if hit.phrase.label == "unchosen":
                unchosen.append(hit)
                continue
            if hit.phrase.label == "about" and any(begin < hit.span.end_char and hit.span.start_char < end for begin, end in years):
                continue
            index = bisect_right(starts, hit.span.start_char) - 1
            base = starts[index]
            cues.setdefault(index, []).append((hit.phrase.label, hit.phrase.id, hit.span.start_char - base, hit.span.end_char - base))
        cues = {index: _gone_elsewhere(_free(found), sentences[index][0]) for index, found in cues.items()}
        if view.where.endswith(".ics") and not any(hit.phrase.label == "about" for hit in hits):
            return talked  # another entry of a calendar
        of_things = of_others or any(hit.phrase.label == "things" for hit in hits)
        says_little = answers or asked or quoted or len(WORD.findall(view.folded)) <= _SAYS_LITTLE
        heading, asked_at, refused, calls = answers, -1, False, False
        previous: list[Mention] = []
        for index, (whole_text, base) in enumerate(sentences):
            text, found = whole_text[:_LONGEST_SENTENCE], cues.get(index, [])
            if not text.strip() or (fields_only and _FIELD.search(text) is None) or (view.where == ZoneKind.FORWARDED and _HEADER.match(text)):
                continue
            labels = {label for label, *_ in found}
            about = "about" in labels
            said = previous[-1].stance if previous else ""
            mentions, short, both = self._sentence(text, found, today, talked=talked, heading=heading, subject=view.where == "subject", asked=asked, said=said)
            if not about:
                may_be = not of_things and (talked or says_little)
                mentions = [mention for mention in mentions if not self._of_other_things(mention, mentions, may_be=may_be, of_things=of_things)]
                if calls and not heading:  # «You can ring the school. Tuesday is best.»
                    mentions = [mention for mention in mentions if mention.form != "weekday"]
            calls = "calls" in labels
            if not mentions and short and asked_at >= 0:
                take_answer(text, labels, [e for e in events if e[2].evidence.where == view.where and e[2].evidence.start >= asked_at])
            told = {m.sessions for m in previous if m.stance == "told"}
            if not mentions and len(told) == 1 and GOES & labels and "declines" not in labels and _THAT_ONE.search(text):
                for mention in previous:  # «There's one on the 19th, I see. I've registered for that.»
                    mention.stance = "takes" if mention.stance == "told" else mention.stance
            undone = previous and {"elsewhere", "declines"} & labels and _BACK.search(text)  # «the 19th. No, hang on, that's the dentist»
            if "asks" in labels and text.rstrip().endswith("?"):
                labels.discard("changes")  # «or should I switch to the Tuesday?» changes nothing yet
            if "changes" in labels and (about or mentions or undone) and not told_before(mentions):
                for _, mention, _ in events:
                    if mention.stance in ("takes", "had"):
                        mention.stance = "replaced"
            if previous and not mentions and "declines" in labels and _BACK.search(text):  # «I was on the Tuesday. Can't do it now.»
                for mention in previous:
                    mention.stance = "declines" if mention.stance in ("had", "asked") else mention.stance
            if previous and not mentions and "outsiders" in labels:  # «Ros is on the 19th. That's nothing to do with us.»
                for mention in previous:
                    mention.stance = "outsider" if mention.owner == "other" else mention.stance
            narrow_whole([mention for _, mention, _ in events], mentions, text)
            stay_refused(mentions, text)
            if refused:
                drop_after_refusal(mentions, 0, text)
            refused = text.rstrip().endswith(";") and any(m.whole and m.stance == "declines" for m in mentions)
            if _AND_SO.match(text):  # «The 19th's soup day. So 25th.»
                led_to(previous, {m.sessions for m in mentions if m.stance == "takes" and (m.rule or short)})
            for mention in mentions:
                if not events and mention.rule and _NEXT_ONE.fullmatch(text, mention.start, mention.end):
                    mention.sessions = self._mentions.next(today) or mention.sessions  # «sorry to have missed you today, can I come to the next one?»
                self._add(view, base, mention, events)
            if "returns" in labels:
                go_back(events)
            previous = mentions
            asked_at = view.to_source(base, base + 1)[0] if mentions and text.rstrip().endswith("?") else -1
            heading = about and len([m for m in mentions if len(m.sessions) == 1]) != 1 and len(mentions) <= 2 and len(text) < 90
            talked = talked or about or both or any(mention.form != "weekly" for mention in mentions)
        return talked

    def _sentence(
        self, text: str, cues: list[tuple[str, str, int, int]], today: date | None, *, talked: bool, heading: bool, subject: bool, asked: bool, said: str
    ) -> tuple[list[Mention], bool, bool]:
        """The mentions in a sentence that have a stance; whether the sentence says little else; whether it gives the date of every session."""
        labels = {label for label, *_ in cues}
        mentions = self._mentions.find(text, today, heading=heading or (talked and len(text) < 12), asked=asked)
        outside = "".join(text[a:b] for a, b in zip((0, *(m.end for m in mentions)), (*(m.start for m in mentions), len(text)), strict=True))
        rest = len(WORD.findall(outside))
        # In a subject line a weekday names anything: «From the Tuesday sofa».
        most = len(_REPLY.findall(text)) if subject else 3
        short = (rest <= most or (content(outside) <= most - 1 and not subject)) and not {"elsewhere", "recurring"} & labels
        present = next((cue for cue in cues if cue[0] == "present"), None)
        spoken_of = any(label == "about" and text[end - 1] not in "sS" for label, _, _, end in cues)  # «attended a string of sessions» is told of other days
        if not any(m.sessions for m in mentions) and present is not None and spoken_of and (session := self._mentions.on(today)):
            mentions.append(Mention(present[2], present[3], frozenset({session}), "relative", "takes", present[1]))
        by_order = [m for m in mentions if _BY_ORDER.match(text, m.start)]
        cues = [cue for cue in cues if cue[0] not in ("either", "undecided") or not any(cue[2] < m.end and m.start < cue[3] for m in by_order)]
        if by_order:  # «whichever comes second» names a session, though «whichever» alone chooses none
            labels = {label for label, *_ in cues}
        if mentions or _QUANTIFIERS & labels:
            goes = [(start, end) for label, _, start, end in cues if label == "goes"]
            spoken = [(start, end) for label, _, start, end in cues if label in _OF_A_SESSION]
            dated = [
                e
                for label, _, s, e in cues
                if label == "dates" and _JOINS_ANOTHER.search(text[s:e]) is None and not any(s < end and start < e for start, end in spoken)
            ]
            context = Context(
                text=text,
                labels=labels,
                talked=talked or heading,
                heading=heading,
                short=short,
                goes=goes,
                dated=dated,
                deeds=[end for label, _, _, end in cues if label == "deeds"],
                today=today,
                asked=asked,
                said=said,
                single=len(mentions) == 1,
            )
            parts = clauses(text, cues)
            self._stances(parts, mentions, context)
            self._quantified(parts, mentions, cues, context)
        dates = {session for mention in mentions if mention.form in ("date", "day") for session in mention.sessions}
        return [mention for mention in mentions if mention.stance], short, len(dates) == len(self._ids)

    @staticmethod
    def _of_other_things(mention: Mention, beside: Sequence[Mention], *, may_be: bool, of_things: bool) -> bool:
        """«Put us down for both» and «for the second», of two activities, where nothing is said of the training."""
        if mention.form != "ordinal" or any(other.form != "ordinal" for other in beside):
            return False
        return (of_things and not mention.whole) or (mention.rule == _BOTH_ALONE and not may_be)

    @staticmethod
    def _add(view: TextView, base: int, mention: Mention, events: list[Event]) -> None:
        if len(events) >= _MOST_EVENTS:
            return
        start, end = view.to_source(base + mention.start, base + mention.end)
        evidence = Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=mention.rule or f"session.{mention.form}")
        for session in sorted(mention.sessions):
            candidate = Candidate(
                slot=Slot.SESSION,
                value=session,
                strength=STRENGTH[mention.form],
                evidence=evidence,
                note=_NOTES.get(mention.stance, ""),
            )
            events.append((session, mention, candidate))

    def _quantified(self, clauses: list[Clause], mentions: list[Mention], cues: list[tuple[str, str, int, int]], context: Context) -> None:
        """«both sessions», «neither date», «either would do»: every session at once."""
        begins = [clause.start for clause in clauses]
        owner = "me"
        for label, rule, start, end in cues:
            if label not in _QUANTIFIERS:
                continue
            index = bisect_right(begins, start) - 1
            clause = clauses[index]
            if clause.joint in _REASON and mentions and all(mention.stance == "declines" for mention in mentions):
                continue  # «neither the 19th nor the 25th, as I'm on the boat both days»
            owner = whose(clause, "me")
            if label == "all" and _BOTH_OF_US.match(context.text, end):
                continue
            if label == "either" and not ({"about", "joins"} & context.labels or context.talked or context.short):
                continue
            said = bool(GOES & clause.labels.keys())
            lost = clause.joint in SO and {s for m in mentions if m.stance in ("declines", "elsewhere") for s in m.sessions} == set(self._ids)
            if label == "none" or lost or {"declines", "elsewhere"} & clause.labels.keys():
                stance = "declines"  # also «I've missed today and next Tuesday's our show, so that's both sessions gone»
            elif label == "either" or ({"undecided", "likes"} & clause.labels.keys() and not GOES & clause.labels.keys()):
                stance = "either"
            else:
                asked = "?" in context.text and "asks" in context.labels
                refused = not said and {"none", "declines"} & context.labels
                stance = "takes" if (said or context.short or GOES & context.labels) and not asked and not refused else ""
            if not stance:
                continue
            shared = _ONE_EACH.search(context.text) is not None
            if label == "none" and owner == "me":
                drop_after_refusal(mentions, end, context.text)
            mentions += [Mention(start, end, frozenset({session}), "ordinal", stance, rule, owner, whole=True, shared=shared) for session in self._ids]
        mentions.sort(key=lambda mention: mention.start)

    # --- the stance of each mention

    def _stances(self, clauses: list[Clause], mentions: list[Mention], context: Context) -> None:
        current, owner, own_words = "", "me", False
        context.explained = all(any(c.start <= m.start < c.end for m in mentions) for c in clauses if "elsewhere" in c.labels)
        supposed = False  # since an «unless», nothing is said of what is
        unsettled = False  # something was refused, or left open
        head: Clause | None = None
        before: Clause | None = None
        done: list[Mention] = []
        for clause in clauses:
            if clause.joint in _RESETS and not (clause.joint == "then" and current == "conditional"):  # «if Tuesday's full then Wednesday»
                current = ""
                owner = "me"
            elif clause.joint in _INSTEAD:
                current, owner = "conditional", "me"
            owner = whose(clause, owner, previous=head)
            own_words = owner == "me" and (own_words or _I.search(clause.text) is not None)
            here = [m for m in mentions if clause.start <= m.start < clause.end]
            own = clause.polarity()
            if _IF_FULL.match(clause.text):  # «if Tuesday's full then Wednesday will do»
                current = "conditional"
                done += here
                for mention in here:
                    mention.stance = ""
                continue
            if "about" in clause.labels and not own and current != "takes":
                current = ""
            if own == "declines" and GOES & clause.labels.keys() and not here and context.text[clause.end : clause.end + 1] != ":":
                own = "takes"
            if clause.turns and here and context.said == "declines":  # «the 19th clashes, the 25th doesn't»
                own = "takes"
                clause.labels.pop("declines", None)
                clause.labels["takes"] = "session.otherwise"
            if clause.joint == ":" and head is not None and "fallback" in head.labels:  # «2nd choice: the 25th»
                clause.labels.setdefault("fallback", head.labels["fallback"])
            before, head = head if head is not None and WORD.search(head.text) else before, clause
            unsettled = unsettled or bool({"undecided", "declines"} & clause.labels.keys())
            supposed = _IF.match(clause.text) is not None or (supposed and clause.joint in _GOES_ON)
            if not here and not supposed:
                self._look_back(clause, own, owner, done, meant_to_write=before is not None and _MEANT_TO_WRITE.search(before.text) is not None)
            if not (current == "conditional" and clause.joint not in _INSTEAD and own in (*GOES, "likes")):  # «if Tuesday's full, then I'll take Wednesday»
                current = _STANCES.get(own, own) or current
            if "same" in clause.labels:
                for mention in done:
                    if mention.stance in ("takes", "outsider"):
                        mention.owner, mention.stance = "me", "takes"  # also «A friend in Fife has booked the 19th and I've done the same»
            for mention in here:
                if mention.stance:
                    continue
                mention.owner, mention.bare, mention.own = owner, context.short, own_words
                mention.rule = next((clause.labels[label] for label in POLARITY if label in clause.labels), "")
                mention.stance = self._stance(mention, clause, current, context)
                taken = {m.sessions for m in done if m.stance == "takes"}
                if mention.stance == "takes" and taken and mention.sessions not in taken and self._gives_a_reason(mention, clause, context):
                    mention.stance = "elsewhere"  # «the 25th, as the 19th is a feast day»
                if done and done[-1].stance == "takes" and mention.stance == "takes" and not mention.rule and _AGAIN.match(clause.text):
                    mention.rule = done[-1].rule  # «on the 19th, and then again on the 25th»
                if done and done[-1].stance == "elsewhere" and clause.joint == "and" and mention.rule == _ON_THE and content(clause.text) <= 3:
                    mention.stance = "elsewhere"  # «half of us teach on the Wednesday and half on the Tuesday»
                if clause.joint in _REASON and not mention.rule and mention.stance == "takes" and head is not None and unsettled:
                    mention.stance = "elsewhere"  # «I haven't booked yet, as my timetable changes on the 19th»
                if clause.joint in SO - {"then"} and mention.stance == "takes" and owner == "me":
                    mention.rule = mention.rule or "session.concluded"  # «so expect me at the one on the 25th instead»
                    turn_to(mention, done, max((c.start for c in clauses if c.joint in _BUTS and c.start < clause.start), default=-1))
                if mention.stance == "takes" and not mention.rule and context.short and context.said in ("had", "declines"):
                    mention.rule = "session.otherwise"  # «You have us down for the 19th. It was the 25th.»
                mention.linked = bool(taken) and clause.joint in _GOES_ON and not _AFTER_ALL_THAT.match(clause.text)
                done.append(mention)
                context.said = mention.stance or context.said
        tell_owners(done, context.text)
        if "shares" in context.labels:  # «I'm on the 19th and Ros on the 25th, so that between us nothing gets missed»
            for mention in done:
                if mention.stance == "takes" and context.text.count("(", 0, mention.start) <= context.text.count(")", 0, mention.start):  # no aside
                    mention.owner, mention.rule = "me", mention.rule or "session.between-us"
        drop_what_led_here(clauses, done)
        settle_pairs(mentions, context)

    @staticmethod
    def _gives_a_reason(mention: Mention, clause: Clause, context: Context) -> bool:
        fronted = is_fronted(context.text[clause.start + len(clause.joint) : mention.start], context.text[mention.end :])
        return clause.joint in _REASON and (fronted or not GOES & clause.labels.keys())  # «because the Wednesday I'm on the boat»

    @staticmethod
    def _look_back(clause: Clause, own: str, owner: str, done: list[Mention], *, meant_to_write: bool) -> None:
        """A clause that names no session may still be about the last one: «I had the 25th but gave it up»; ``meant_to_write``: the one before is not."""
        if done and own == "declines" and clause.labels[own] == _REFUSED and done[-1].stance in ("takes", "had"):
            done[-1].stance = "declines"  # «but my head says no»
            return
        if not done or (owner != "me" and done[-1].owner == "me" and WRITER.search(clause.text) is None and not _BACK.search(clause.text)):
            return
        last = done[-1]
        if own == "declines" and _NONE_OF_US.match(clause.text):
            for mention in done:  # «three tried for the 19th and two for the 25th, and none of us got in»
                mention.stance = "declines" if mention.stance in ("had", "takes") else mention.stance
            return
        if "outsiders" in clause.labels and last.owner == "other":
            last.stance = "outsider"  # «Ros is on the 19th, but she has nothing to do with us»
            return
        if last.stance == "declines" and clause.joint in _BUTS and _BUT_SUITS_ME.match(clause.text):
            last.owner, last.own, last.stance, last.rule = "me", True, "takes", "session.otherwise"  # «doesn't suit Ian but suits me»
            return
        if last.stance in ("declines", "undecided") and _NOW_I_CAN.search(clause.text) and not (own == "declines" or "?" in clause.text):
            last.owner, last.own, last.stance, last.rule = "me", True, "takes", "session.otherwise"  # «couldn't get to the Tuesday, but now I can»
            return
        instead = (clause.joint in _BUTS and _BUT_I_CAN.match(clause.text)) or (WRITER.search(clause.text) and _IN_THEIR_PLACE.search(clause.text))
        if last.stance == "declines" and last.owner != "me" and instead:
            last.owner, last.own, last.stance, last.rule = "me", True, "takes", "session.otherwise"  # «Flora can't come on the 19th but I can»
            return
        if owner != "me" and last.owner == "me" and last.own and WRITER.search(clause.text) is None:
            return  # «the Tuesday for me, Sadia is teaching then»
        if own == "declines" and (
            last.stance == "had"
            or (last.stance == "asked" and _MISSED.search(clause.text))
            or (clause.joint in _BUTS and last.stance == "takes")
            or (last.stance == "takes" and (not last.rule or _BACK.search(clause.text)))
        ):
            last.stance = "declines"
        elif own in GOES and last.stance == "had" and clause.joint == "and" and owner == last.owner:
            last.stance, last.rule = "takes", clause.labels[own]  # «I was booked for the 19th and was there»
        elif own == "undecided" and last.stance == "takes" and clause.joint in (",", "(", "-") and len(clause.text.split()) <= 4:
            last.stance = "undecided"  # «the 25th, perhaps»
        elif clause.joint in _BUTS and last.stance == "had" and own not in (*GOES, "likes") and not meant_to_write:
            last.stance = "declines"
        elif (
            last.stance in ("", "elsewhere")
            and last.rule != _EVENT
            and last.sessions
            and own in GOES
            and clause.joint == "and"
            and _THAT_ONE.search(clause.text)
        ):
            last.stance, last.rule = "takes", clause.labels[own]  # «I've the Tuesday to myself and have booked it»
        elif last.stance == "told" and own in GOES and clause.joint != ",":
            last.stance, last.rule = "takes", clause.labels[own]  # «told us of the training on the 19th and signed us up»
        elif last.stance == "elsewhere" and "about" in clause.labels and WRITER.search(clause.text) and _AT_TRAINING.search(clause.text) and own != "declines":
            last.stance, last.rule = "takes", clause.labels["about"]  # «my birthday's on the 19th and I'm spending it at your training»
        elif last.stance == "elsewhere" and own in GOES and (clause.joint in _BUTS or (clause.joint in SO and _GO_TO_IT.search(clause.text))):
            last.stance, last.rule = "takes", clause.labels[own]  # «the 25th is our ceilidh but I'll dial in», «the 19th is my day off so I can come to it»
        elif last.stance == "elsewhere" and own in GOES and clause.joint == ":" and WRITER.search(clause.text) and _JOINS_YOU.search(clause.text):
            last.stance, last.rule = "takes", clause.labels[own]  # «our inset day is the 25th, which makes it easy: I'll be free to join you»
        elif "elsewhere" in clause.labels and clause.joint in ("but", "however") and last.stance == "takes" and _BACK.search(clause.text) and not own:
            last.stance = "declines"

    def _stance(self, mention: Mention, clause: Clause, current: str, context: Context) -> str:
        if not mention.sessions:
            return ""
        before, after = context.text[max(0, mention.start - 30) : mention.start], context.text[mention.end :]
        ticked = ticked_box(context.text, mention, before, after, short=context.short)
        if ticked is not None:
            mention.rule = "session.ticked" if ticked else ""
            return "takes" if ticked else "unticked"
        if _THERE_IS.search(context.text[: mention.start]) and not {"takes", "joins", "goes", "likes", "had", "declines"} & context.labels:
            return "told"  # «there's a session on the 19th» chooses nothing
        refers = self._refers(mention, clause, before, after, context)
        if refers != "training":
            return refers
        if _ALL_BUT.search(context.text[: mention.start]) and len(mention.sessions) == 1 and len(self._ids) > 1:
            mention.sessions, mention.rule = frozenset(self._ids) - mention.sessions, "session.otherwise"
            return "takes" if len(mention.sessions) == 1 else ""  # «any session bar Wednesday's»
        if _CHOOSE_BETWEEN.search(before):
            return "undecided"  # «I had to choose between the 19th and my granny's birthday»
        if _WAS.search(context.text[: mention.start]):
            return "had"  # «19th (was 25th)»
        if (context.short and _OUT.match(after)) or _NOT_BEFORE_IT.search(before) or _THAN.search(before) or _OVER.search(context.text[: mention.start]):
            return "declines"
        if "fallback" in clause.labels:
            return "conditional"
        if clause.joint in _REASON and "all" in context.labels and current == "undecided":
            return ""  # «for both, since I wasn't sure that I'd get out for the first»
        if mention.owner == "outsider":
            return "outsider"
        if "?" in context.text:
            unsaid = not GOES & context.labels and current in ("", "undecided") and not context.short
            if unsaid or "asks" in context.labels:
                return "asked"
        if (
            current == "had"
            and _ATTENDED.search(clause.text)
            and context.today is not None
            and all(s.start.date() < context.today for s in self.sessions if s.id in mention.sessions)
        ):
            return "takes"  # «I was at the first one»
        if clause.joint == "then" and "had" not in context.labels and _RANKED.search(context.text[: clause.start]):
            return "conditional"
        if current:
            return current
        return "takes"

    def _refers(self, mention: Mention, clause: Clause, before: str, after: str, context: Context) -> str:
        """``training``, ``elsewhere`` for a day of something else, or nothing where it can't be told."""
        form, labels = mention.form, context.labels
        if any(_BEFORE_A_DAY.fullmatch(context.text[end : mention.start]) for end in context.dated if end <= mention.start):
            return "elsewhere"  # «a colleague who wrote on the 25th»
        just_now = (form == "relative" and self._is_over(mention, context.today)) or (form == "weekday" and _FOR_THE.match(after) is not None)
        if just_now and any(not context.text[end : mention.start].strip() for end in context.deeds if end <= mention.start):
            return "elsewhere"  # «I registered last week», «I registered on Wednesday for the second one»
        ours = {"about", "takes", "joins", "declines", "had"}
        vague = form in ("weekday", "time", "ordinal", "slot")
        if form in ("relative", "weekday") and "about" not in clause.labels and "joins" not in clause.labels and "written" in clause.labels:
            return "elsewhere"  # «thanks for the call this afternoon»
        if "thanks" in clause.labels and (form == "relative" or (form in ("weekday", "slot") and self._just_over(mention, context.today))):
            return "training"  # «thank you for such a clear presentation on Tuesday»
        if form in ("weekday", "slot") and "joins" in clause.labels and self._just_over(mention, context.today) and "elsewhere" not in clause.labels:
            return "training"  # «you'll remember me from Wednesday»
        if form == "relative" and "present" in clause.labels and "elsewhere" not in clause.labels:
            return "training"  # «thanks for this afternoon, some good chat in the breakout room»
        if form == "weekday" and _FINE_BEFORE.fullmatch(context.text[: mention.start]) and _FINE.fullmatch(after):
            return "training"  # «Wednesday is fine, weather permitting.»
        if form == "weekday" and (_OF_OTHERS.match(after) or self._gatherings.match(after) or (_SEVERAL.search(before) and _SESSIONS.match(after))):
            return ""
        if _ASKED_IF.search(context.text[clause.start : mention.start]):
            return "elsewhere"
        if form == "weekday" and _ANY_DAY.search(before) and _SO_THE_OTHER.search(after):
            return "elsewhere"
        if (
            form in ("weekday", "slot")
            and _ANY_DAY.search(before)
            and _ONE_ON_A.search(before) is None
            and "changes" not in clause.labels
            and not (clause.polarity() and _IT_IS_A.search(before))
            and not ("takes" in clause.labels and _TAKEN_OVER.search(before))
        ) or (_OUR_OWN.search(before) and _ORDINAL.match(context.text, mention.start)):
            return ""
        if clause.joint in SO - {"then"} and "recurring" not in clause.labels and ("about" in labels or context.talked) and _MY_DAY.match(after):
            return "training"  # «Wednesdays I run the band, so Tuesday's my day»
        answers = context.asked and alone(mention, clause)  # «The Tuesday, I've a class on Wednesdays»
        if vague and not answers and ("recurring" in clause.labels or ("recurring" in labels and not clause.polarity() and "about" not in clause.labels)):
            return ""
        if form == "ordinal" and "about" not in labels and ("kinds" in labels or (_YES_TO.search(before) and not context.talked)):
            return ""
        if form == "ordinal" and not ("about" in labels or context.talked or context.asked):
            if _OPTION.match(context.text, mention.start):
                return ""  # «option 2 is us» is of the activities
            if _LAST.fullmatch(context.text, mention.start, mention.end) and not _OF_THE_TWO.match(after):
                return ""  # «I'd like some of the last»
        if _EVERY_MONTH.match(after) or (form in ("time", "slot") and _LEAVES_AT.match(after)):
            return "elsewhere"
        if form == "ordinal" and _LAST_TIME.match(context.text, mention.start) and _SINCE_THE.search(before):
            return ""  # «we were a reading group after the last training»
        if form == "ordinal" and _AS_FOR.search(before):
            return ""  # «as for the other, I'd have to ask the wife»
        corrects = "changes" in labels and context.talked  # «Wednesday. No, sorry, that's the sheep sale: Tuesday»
        concludes = clause.joint in SO and bool({"elsewhere", "declines"} & labels)  # «on Weds I'm at a funeral so next Tues»
        if (corrects or concludes) and (
            alone(mention, clause)
            or ("changes" in clause.labels and not {"elsewhere", "declines"} & clause.labels.keys())
            or (form in ("date", "day") and "likes" in clause.labels and "elsewhere" not in clause.labels)
        ):
            return "training"  # also «Wednesdays are my day off so the 19th it is»
        if form in ("weekday", "ordinal") and context.single and alone(mention, clause) and is_itemised(context.text):
            return "training"  # «Ardle High / Fife / reading group / 1st»
        if form in ("date", "day") and clause.joint == ";" and alone(mention, clause):
            return "training"  # «proposed group of 3, none of it started; Biology; 19 Jan.»
        if _TAKES_PLACE.match(after) and not GOES & clause.labels.keys() and "likes" not in clause.labels:
            return "told"
        reported = (
            "reported" in clause.labels
            and not (_YES_TO.search(before) or _ASKED_FOR.search(before))
            and not ("takes" in clause.labels and _NOT_LET_IN.search(context.text))
        )
        if reported:
            return "had" if _MY_RECEIPT.search(context.text[: mention.start]) else "told"
        if form == "weekly" or ("events" in clause.labels and form != "called"):
            mention.rule = clause.labels.get("events", mention.rule)
            return "elsewhere"
        if form in ("date", "day", "named", "weekday", "slot") and is_away(context.text[clause.start : mention.start], after):
            return "elsewhere"
        if form in ("date", "day", "weekday") and _ON_THE_DAY.search(before) and _WROTE_THEN.match(after):
            return "elsewhere"
        if form in ("date", "day", "named", "weekday") and is_when(context.text[clause.start : mention.start]):
            return "elsewhere"
        if form in ("date", "day", "named") and not clause.labels and is_told_of(context.text[clause.start : mention.start]):
            return "elsewhere"
        if form in ("date", "day", "named") and not ({"about", "had"} | GOES) & labels and is_day_of_a_deed(context.text[clause.start : mention.start], after):
            return "elsewhere"
        if clause.polarity() in ("", "likes") and (
            form in ("date", "day", "named", "weekday", "slot") or (form == "ordinal" and _OTHER.match(context.text, mention.start))
        ):
            spoken_for = bool(ours - {"about"} & labels)
            if is_of_something_else(context.text[: mention.start], after, named=form == "named", spoken_for=spoken_for):
                return "elsewhere"
        timed = form == "time" and _ONE_AT.search(context.text[: mention.start]) is not None  # «the one that starts at half three»
        goes_then = (
            "goes" in clause.labels and form in ("date", "day", "ordinal") and stands_near(mention, context)
        )  # «I'll do the 25th even though it's my birthday»
        likes = "likes" in clause.labels and (form not in ("date", "day") or context.explained or alone(mention, clause))
        suits = (likes or goes_then) and "elsewhere" not in clause.labels
        if "elsewhere" in labels and not ours & labels and not suits and not timed:
            return "elsewhere"
        if "elsewhere" in clause.labels and not ours & clause.labels.keys() and not timed:
            return "elsewhere"
        about = "about" in labels
        said = bool({"takes", "joins", "declines", "undecided", "had", "either"} & labels)
        goes = "goes" in labels
        strong = said or goes or "likes" in labels
        # «agreed on Tuesday that the next step is …»: a word of liking in a sentence that says much else is of something else
        likes_it = "likes" in labels and content(clause.text) <= _LIKED_WITH
        said_here = bool({"takes", "joins", "declines", "undecided", "had", "either", "goes", "likes"} & clause.labels.keys())
        definite = _DEFINITE.search(before) is not None
        if _IT_IS.match(after):
            return "training"
        enough = {
            "date": True,
            "day": True,
            "named": about or said or goes or context.talked,
            "called": (definite and (about or strong or context.short or context.talked)) or (context.asked and alone(mention, clause)),
            "slot": about or strong or context.short,
            "slip": bool({"takes", "joins"} & clause.labels.keys()),
            "weekday": about
            or said
            or (goes and (definite or context.talked or stands_near(mention, context)))
            or (definite and _THE_ONE.match(after) is not None)
            or _FOR_ME.match(after) is not None
            or (context.asked and alone(mention, clause))
            or ((definite or context.talked or context.short) and (said or goes or likes_it or context.short)),
            "ordinal": about
            or (
                alone(mention, clause)
                and (
                    clause.joint in SO
                    or context.asked
                    or (clause.joint == ":" and context.talked and _ON_REFLECTION.search(context.text[: clause.start]))
                    or (context.said == "declines" and clause.joint not in _REASON)
                )
            )
            or (strong and _TOO.match(after) is not None and context.said == "takes")
            or (strong and (said_here or clause.joint in SO or alone(mention, clause)) and (not _LATTER.match(context.text, mention.start) or context.talked))
            or (context.short and (context.talked or _BY_ORDER.match(context.text, mention.start) is not None))
            or (alone(mention, clause) and context.short and context.single and _WITH_ITS_NOUN.fullmatch(context.text, mention.start, mention.end) is not None)
            or (
                context.said == "declines"
                and clause.joint in _BUTS | {"and", "so", ",", ";", "instead"}
                and "?" not in context.text
                and _OTHER.match(context.text, mention.start) is not None
                and _COULD_GO.search(context.text[max(clause.start, mention.start - _NEAR) : mention.start]) is not None
            )
            or (
                _TIMED_ONE.match(context.text, mention.start, mention.end) is not None
                and (alone(mention, clause) or ("likes" in clause.labels and context.short) or (definite and said_here and "elsewhere" not in labels))
            ),
            "relative": about
            or bool({"present", "joins"} & labels)
            or (strong and (_TODAYS.match(context.text, mention.start) or _COUNTED.match(context.text, mention.start)) is not None)
            or (context.talked and (context.short or "likes" in labels or _INSTEAD_OF_IT.match(after) is not None))
            or _FOR_ME.match(after) is not None,
            "time": (about and strong)
            or (_SUITS.match(after) is not None and not WORD.search(context.text[clause.start + len(clause.joint) : mention.start].replace("the", "")))
            or _SEE_YOU.search(before) is not None
            or (context.asked and alone(mention, clause))
            or (_JUST_FOR_ME.match(after) is not None and not WORD.search(context.text[clause.start : mention.start].replace("the", "")))
            or ((strong or (context.talked and context.short)) and (definite or timed))
            or (about and definite and alone(mention, clause)),
        }[form]
        # «logging in at half three», on the day itself
        now = form in ("time", "slot") and self._is_today(mention, context.today) and {"takes", "joins", "goes", "present"} & clause.labels.keys()
        return "training" if enough or now else ""

    def _is_today(self, mention: Mention, today: date | None) -> bool:
        return any(s.start.date() == today for s in self.sessions if s.id in mention.sessions)

    def _is_over(self, mention: Mention, today: date | None) -> bool:
        return today is not None and all(s.start.date() <= today for s in self.sessions if s.id in mention.sessions)

    def _just_over(self, mention: Mention, today: date | None) -> bool:
        return today is not None and any(0 <= (today - s.start.date()).days <= _JUST_OVER for s in self.sessions if s.id in mention.sessions)

    # --- choosing

    def _choose(self, events: list[Event], *, unchosen: bool, for_another: bool) -> Sessions:
        untick_others(events)
        drop_merely_named(events)
        last: dict[str, str] = {}
        others: set[str] = set()
        linked: set[str] = set()
        for session, mention, _ in events:
            stance = "takes" if mention.stance == "outsider" and for_another else mention.stance
            if stance == "either" and last.get(session) == "takes":
                continue  # «both, please: I'm free on either day»
            if len(mention.sessions) > 1 or stance not in ("takes", "had", "declines", "undecided", "conditional", "either"):
                continue
            if mention.owner != "me":
                if stance in ("takes", "had"):
                    others.add(session)
                    linked |= {session} if mention.linked else set()
            else:
                last[session] = stance
        own = any(m.own and m.stance in ("takes", "had") and len(m.sessions) == 1 and last.get(session) == m.stance for session, m, _ in events)
        if own or (unchosen and not for_another):
            others = linked = set()  # a colleague goes for the writer only where the writer says nothing of their own
        for mention in {id(mention): mention for _, mention, _ in events}.values():  # «the other one»: the one that was not refused or named before
            had = mention.stance == "had" and "takes" not in last.values()  # «I can't do the 19th and have asked for the other one»
            if len(mention.sessions) > 1 and (mention.stance == "takes" or had) and (mention.owner == "me" or not own):
                elsewhere = {session for session, other, _ in events if other.stance in ("elsewhere", "unticked") and len(other.sessions) == 1}
                named = [session for session, stance in last.items() if stance in ("declines", "conditional")] or list(last) or sorted(elsewhere or others)
                rest = [session for session in self._ids if session not in named]
                if len(rest) == 1 and named:
                    last[rest[0]] = "takes"
                    others = set() if mention.own else others
        asked = {session for session, mention, _ in events if mention.stance == "asked"}
        if len(asked) == 1 and not last:  # «is the 25th recorded?» is asked by who means to go
            last[next(iter(asked))] = "takes"
        firm = {session for session, stance in last.items() if stance == "takes"}
        if not firm:  # «I was going to come on the 19th», and nothing against it
            firm = {session for session, stance in last.items() if stance == "had"}
        if not firm and self._either == "all":
            firm = {session for session, stance in last.items() if stance == "either"}
        if firm:
            others &= linked  # «19 January. (My PT is booked on the 25th.)» is not «two on the 19th and two on the 25th»
        reasons: list[Reason] = []
        if not firm | others and any(mention.stance in ("undecided", "either") for _, mention, _ in events):
            reasons.append(Reason(code="session_undecided"))
        counting = {"takes", "had", "asked"} | ({"outsider"} if for_another else set()) | ({"either"} if self._either == "all" else set())
        candidates = []
        for session, mention, candidate in events:
            counts = mention.stance in counting and session in (firm if mention.owner == "me" else firm | others)
            note = "" if counts else _NOTES.get({"either": "undecided", "had": "replaced"}.get(mention.stance, mention.stance), "")
            candidates.append(Candidate(slot=candidate.slot, value=session, strength=candidate.strength, evidence=candidate.evidence, chosen=counts, note=note))
        chosen = tuple(session for session in self._ids if any(c.chosen and c.value == session for c in candidates))
        return Sessions(sessions=chosen, candidates=tuple(candidates), reasons=tuple(reasons))
