"""Words that stand in, before and behind the names of schools."""

from __future__ import annotations

__all__ = ["ARTICLES", "BELONGS_BEHIND", "DIRECTIONS", "GAELIC", "GAELIC_LEVELS", "GREETING", "INNER", "PLURAL", "TEACHERS", "TITLES"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLURAL = {"primaries": ("Primary School", ("primary", "school")), "academies": ("Academy", ("academy",)), "highs": ("High School", ("high", "school"))}
INNER = _words("of the na nan an a am and st mo de on in le by o")
GAELIC = _words("sgoil bunsgoil bun ard ardsgoil")
GAELIC_LEVELS = {"ard": "secondary", "bun": "primary", "bhun": "primary"}  # as «sgoil» begins, or the word before it
# Words that make another name of the name behind them: «North Kirkhill» is not «Kirkhill».
DIRECTIONS = _words("north south east west new old upper lower nether over mid middle easter wester little great st our lady inner outer")
ARTICLES = _words("a an the our my every all some other many several two three four five few most this that your their")
TITLES = _words("mr mrs ms miss mx dr prof")  # before a name: a person's
GREETING = _words("hi dear hello hey morning afternoon evening thanks cheers regards wishes")
# Behind a name without its form: it is a street's, a church's or a district's.
BELONGS_BEHIND = _words(
    "street road avenue lane drive place house council university college crescent terrace way area direction side town village based library church "
    "hall hospital cluster"
)
TEACHERS = _words("teacher teachers staff teaching sector probationer probationers practitioner practitioners schools")
