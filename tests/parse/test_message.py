"""Messages as they really come: headers, charsets, part trees, reports, and what is broken or hostile."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.model import ParsedMessage, ZoneKind
from mailroom.reasons import REASONS
from parse.message import Limits, decode_header_value, decode_text, parse_message

HEAD = "From: Una Weir <una@example.com>\nTo: Team <team@union.example>\nSubject: Hello\nMessage-ID: <m1@example.com>\nDate: Tue, 11 Jan 2022 08:14:00 +0000\n"


def raw(headers: str = "", body: str | bytes = "Hello\n", *, head: str = HEAD) -> bytes:
    """A message with CRLF line ends; header text is UTF-8."""
    content = body.encode() if isinstance(body, str) else body
    section = (head + headers).encode().replace(b"\n", b"\r\n")
    return section + b"\r\n" + content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def mime(headers: str, *parts: str) -> bytes:
    """A multipart message with boundary «b»; each part is its headers, an empty line and its text."""
    body = "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    return raw(f"MIME-Version: 1.0\n{headers}; boundary=b\n", body)


def own(parsed: ParsedMessage) -> str:
    return "\n".join(parsed.body[z.start : z.end] for z in parsed.zones if z.kind in (ZoneKind.OWN, ZoneKind.INLINE_ANSWER))


# --- headers


def test_headers() -> None:
    parsed = parse_message(
        raw("Cc: B <B@Example.ORG>\nReply-To: c@example.com\nIn-Reply-To: <p@x>\nReferences: <a@x>\n <p@x>\nReturn-Path: <una@example.com>\n")
    )
    assert parsed.message_ids == ("<m1@example.com>",)
    assert parsed.in_reply_to == ("<p@x>",)
    assert parsed.references == ("<a@x>", "<p@x>")
    assert parsed.sender is not None
    assert (parsed.sender.name, parsed.sender.address) == ("Una Weir", "una@example.com")
    assert [a.address for a in parsed.recipients] == ["team@union.example", "B@example.org"]
    assert [a.address for a in parsed.reply_to] == ["c@example.com"]
    assert parsed.subject == "Hello"
    assert parsed.sent_at == datetime(2022, 1, 11, 8, 14, tzinfo=UTC)
    assert parsed.return_path == "una@example.com"
    assert parsed.header_values("references") == ("<a@x> <p@x>",)
    assert parsed.defects == ()


def test_null_return_path_is_not_a_missing_one() -> None:
    assert parse_message(raw("Return-Path: <>\n")).return_path == ""
    assert parse_message(raw()).return_path is None


def test_message_ids_two_none_repeated_and_bare() -> None:
    assert parse_message(raw("Message-ID: <m2@example.com>\n")).message_ids == ("<m1@example.com>", "<m2@example.com>")
    assert parse_message(raw("Message-Id: <m1@example.com>\n")).message_ids == ("<m1@example.com>",)
    head = HEAD.replace("Message-ID: <m1@example.com>\n", "")
    assert parse_message(raw(head=head)).message_ids == ()
    assert parse_message(raw("Message-ID: 12345\n", head=head)).message_ids == ("12345",)


def test_no_sender_and_no_headers() -> None:
    parsed = parse_message(raw(head="Subject: Hello\n"))
    assert parsed.sender is None
    assert "no_sender" in parsed.defects
    parsed = parse_message(b"Just a text, no header at all.\n\nWith two paragraphs.\n")
    assert parsed.body.startswith("Just a text")
    assert "With two paragraphs." in parsed.body
    assert parsed.headers == ()
    parsed = parse_message(b"")
    assert parsed.body == ""
    assert set(parsed.defects) == {"no_sender", "no_text"}


def test_two_senders_and_a_bad_date() -> None:
    parsed = parse_message(raw(head="From: A <a@example.com>, B <b@example.com>\nDate: the other day\n"))
    assert [a.address for a in parsed.from_addresses] == ["a@example.com", "b@example.com"]
    assert parsed.sent_at is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=?utf-8?q?Caf=C3=A9?= =?utf-8?q?_au_lait?=", "Café au lait"),
        ("=?utf-8?B?w6k=?= and =?iso-8859-1?Q?=E9?=", "é and é"),
        ("=?utf-8?Q?split_=C3?= =?utf-8?Q?=A9_letter?=", "split é letter"),
        ("=?iso-8859-1?Q?St_Joseph=92s?=", "St Joseph’s"),
        ("=?ISO-2022-JP?B?GyRCJTMlcyU1JUgbKEI=?=", "コンサト"),
        ("=?x-nonsense?Q?caf=C3=A9?=", "café"),
        ("=?utf-8*en?Q?caf=C3=A9?=", "café"),
        ("=?utf-8?B?!!!?= left", "left"),
        ("Caf\udcc3\udca9 raw UTF-8", "Café raw UTF-8"),
        ("St Joseph\udc92s raw cp1252", "St Joseph’s raw cp1252"),
        ("folded\r\n\tover lines", "folded over lines"),
        ("no =? word ?= here", "no =? word ?= here"),
    ],
)
def test_header_values(written: str, read: str) -> None:
    """RFC 2047 in its variants, and raw 8-bit that no standard allows."""
    assert decode_header_value(written) == read


def test_raw_8_bit_in_from_and_subject() -> None:
    content = b"From: Mair\xe9ad O\x92Neil <m@example.com>\r\nSubject: St Joseph\x92s\r\n\r\nHello\r\n"
    parsed = parse_message(content)
    assert parsed.sender is not None
    assert parsed.sender.name == "Mairéad O’Neil"
    assert parsed.subject == "St Joseph’s"


def test_encoded_display_name_with_a_comma() -> None:
    parsed = parse_message(raw(head="From: =?utf-8?Q?N=C3=AD_Dh=C3=B2mhnaill=2C_Peigi?= <p@example.com>\n"))
    assert parsed.sender is not None
    assert parsed.sender.name == "Ní Dhòmhnaill, Peigi"


# --- charsets


@pytest.mark.parametrize(
    ("declared", "content", "read", "guessed"),
    [
        ("utf-8", "café".encode(), "café", False),
        ("iso-8859-1", "St Joseph’s – é".encode("cp1252"), "St Joseph’s – é", False),
        ("windows-1252", "“é”".encode("cp1252"), "“é”", False),
        ("", "“é”".encode("cp1252"), "“é”", False),
        ("", "“é”".encode(), "“é”", False),
        ("us-ascii", "“é”".encode(), "“é”", False),
        ("us-ascii", "“é”".encode("cp1252"), "“é”", False),
        ("utf-8", "“é”".encode("cp1252"), "“é”", True),
        ("x-made-up", "é".encode(), "é", True),
        ("iso-2022-jp", "日本".encode("iso-2022-jp"), "日本", False),
        ("utf-16", "é".encode("utf-16"), "é", False),
        ("gb2312", "你好".encode("gb2312"), "你好", False),
        ("unicode_escape", b"a\\u00e9", "a\\u00e9", True),
        ("punycode", b"abc-", "abc-", True),
        ("zlib", b"abc", "abc", True),
    ],
)
def test_charsets(declared: str, content: bytes, read: str, guessed: bool) -> None:
    """Declared, then UTF-8, then Windows-1252; C1 controls are Windows-1252 in disguise."""
    header = f"Content-Type: text/plain{f'; charset={declared}' if declared else ''}\nContent-Transfer-Encoding: base64\n"
    parsed = parse_message(raw(header, base64.encodebytes(content)))
    assert parsed.body == read
    assert ("charset_guessed" in parsed.defects) is guessed


def test_nul_bytes_and_lone_surrogates_are_dropped() -> None:
    parsed = parse_message(raw(body=b"He\x00llo\x07\n"))
    assert parsed.body.strip() == "Hello"
    assert decode_text(b"+2AA-x", "utf-7")[0].encode() == b"+2AA-x"


# --- transfer encodings and flowed text


def test_broken_base64_keeps_what_decodes() -> None:
    sound = base64.b64encode(b"We would like to take part, four of us.")
    for damaged in (sound[:-5], sound[:-3], sound.replace(b"W", b"W!", 1), sound + b"=\n-- \nA list footer"):
        parsed = parse_message(raw("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n", damaged))
        assert parsed.body.startswith("We would like to take part")
        assert "broken_base64" in parsed.defects
    assert parse_message(raw("Content-Transfer-Encoding: base64\n", sound)).defects == ()


def test_quoted_printable_with_junk() -> None:
    parsed = parse_message(raw("Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n", "caf=C3=A9 =ZZ end=\n ed\n"))
    assert parsed.body.startswith("café =ZZ end ed")


def test_format_flowed() -> None:
    body = "One paragraph that \nflows on.\n> quoted text \n> goes on\n>> deeper\n-- \nUna\n"
    parsed = parse_message(raw("Content-Type: text/plain; format=flowed\n", body))
    assert parsed.body == "One paragraph that flows on.\n> quoted text goes on\n>> deeper\n-- \nUna\n"
    parsed = parse_message(raw("Content-Type: text/plain; format=flowed; delsp=yes\n", "Don \nau\n"))
    assert parsed.body == "Donau\n"


# --- part trees


PLAIN = "Content-Type: text/plain; charset=utf-8\n\n"
HTML = "Content-Type: text/html; charset=utf-8\n\n"


def test_alternative_takes_the_plain_part() -> None:
    parsed = parse_message(mime("Content-Type: multipart/alternative", PLAIN + "Plain words", HTML + "<p>HTML words</p>"))
    assert parsed.body.strip() == "Plain words"
    assert parsed.content_types == ("multipart/alternative", "text/plain", "text/html")


@pytest.mark.parametrize("plain", ["", " \n", "This message is in HTML. Please view it in an HTML-capable program."])
def test_html_where_the_plain_part_is_a_stub(plain: str) -> None:
    parsed = parse_message(mime("Content-Type: multipart/alternative", PLAIN + plain, HTML + "<p>The school is <b>Kyle</b> High</p>"))
    assert parsed.body.strip() == "The school is Kyle High"


def test_html_body_with_a_plain_footer() -> None:
    """A list's footer beside an HTML-only body must not hide the body."""
    parsed = parse_message(mime("Content-Type: multipart/mixed", HTML + "<p>The school is Kyle High</p>", PLAIN + "A footer\n"))
    assert "The school is Kyle High" in parsed.body
    assert "A footer" in parsed.body


def test_plain_and_html_side_by_side_are_read_once() -> None:
    parsed = parse_message(mime("Content-Type: multipart/mixed", PLAIN + "The school is Kyle High", HTML + "<p>The school is<br>Kyle High</p>"))
    assert parsed.body.count("Kyle") == 1


def test_text_around_a_picture_is_one_body() -> None:
    picture = "Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo="
    parsed = parse_message(mime("Content-Type: multipart/mixed", PLAIN + "Before", picture, PLAIN + "After"))
    assert parsed.body.split() == ["Before", "After"]
    assert [(a.filename, a.content_type, a.text) for a in parsed.attachments] == [("a.png", "image/png", "")]


def test_html_only_with_quote_and_signature() -> None:
    page = (
        '<div>We are in.</div><div class="gmail_signature">Una Weir<br>01632 960 111</div>'
        '<div class="gmail_quote"><div class="gmail_attr">Den 11. jan. kl. 8 Team:<br></div><blockquote>Which school?</blockquote></div>'
    )
    parsed = parse_message(raw("Content-Type: text/html; charset=utf-8\n", page))
    assert own(parsed) == "We are in."
    assert [z.kind for z in parsed.zones] == [ZoneKind.OWN, ZoneKind.SIGNATURE, ZoneKind.QUOTE]


def test_html_marks_help_the_plain_part() -> None:
    """A signature that only the HTML part knows of."""
    page = '<div>Yes.</div><div id="Signature"><div>The lamp</div><div>is lit</div></div>'
    parsed = parse_message(mime("Content-Type: multipart/alternative", PLAIN + "Yes.\n\nThe lamp\nis lit\n", HTML + page))
    assert own(parsed) == "Yes."


def test_attached_message_is_never_own_words() -> None:
    inner = "Content-Type: message/rfc822\n\nFrom: B <b@example.org>\nSubject: My wish\nMessage-ID: <i@x>\nContent-Type: text/plain\n\nKyle High, please.\n"
    parsed = parse_message(mime("Content-Type: multipart/mixed", PLAIN + "See attached.", inner))
    assert parsed.body.strip() == "See attached."
    assert parsed.message_ids == ("<m1@example.com>",)
    (attachment,) = parsed.attachments
    assert attachment.content_type == "message/rfc822"
    assert attachment.filename == "My wish.eml"
    assert "Kyle High, please." in attachment.text
    assert "From: B <b@example.org>" in attachment.text


def test_attachments_are_read_and_named_once_each() -> None:
    text = "Content-Type: text/plain; name=note.txt\nContent-Disposition: attachment; filename=note.txt\n\nKyle High"
    named = "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''caf%C3%A9.txt\n\nx"
    path = 'Content-Type: text/plain\nContent-Disposition: attachment; filename="C:\\\\Users\\\\una\\\\a.txt"\n\ny'
    unnamed = "Content-Type: application/x-thing\nContent-Disposition: attachment\n\nz"
    parsed = parse_message(mime("Content-Type: multipart/mixed", PLAIN + "See attached.", text, text, named, path, unnamed))
    assert [a.filename for a in parsed.attachments] == ["note.txt", "note (2).txt", "café.txt", "a.txt", "unnamed.x-thing"]
    assert [a.text for a in parsed.attachments][:2] == ["Kyle High", "Kyle High"]
    assert parsed.source("attachment:note (2).txt") == "Kyle High"
    assert parse_message(mime("Content-Type: multipart/mixed", unnamed)).attachments[0].filename == "unnamed.x-thing"


def test_docx_and_pdf_by_ending() -> None:
    """A broken document is a defect of its attachment, and the message is read all the same."""
    part = "Content-Type: application/octet-stream; name=a.{0}\nContent-Transfer-Encoding: base64\n\nAAAA"
    parsed = parse_message(mime("Content-Type: multipart/mixed", PLAIN + "See attached.", part.format("docx"), part.format("pdf")))
    assert [a.defects for a in parsed.attachments] == [("attachment_unreadable",), ("attachment_unreadable",)]
    assert own(parsed) == "See attached."


def test_calendar_method() -> None:
    invite = "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nSUMMARY:Accepted: training\nEND:VEVENT\nEND:VCALENDAR\n"
    part = f"Content-Type: text/calendar; method=reply\n\n{invite}"
    parsed = parse_message(mime("Content-Type: multipart/alternative", PLAIN + "Una has accepted.", part))
    assert parsed.calendar_method == "REPLY"
    assert "SUMMARY:Accepted" in parsed.attachments[0].text
    assert parse_message(mime("Content-Type: multipart/mixed", PLAIN + "x", f"Content-Type: text/calendar\n\n{invite}")).calendar_method == "REPLY"


def test_encrypted_and_winmail() -> None:
    assert "encrypted" in parse_message(raw("Content-Type: application/pkcs7-mime; name=smime.p7m\n", "x")).defects
    part = "Content-Type: application/ms-tnef; name=winmail.dat\n\nx"
    assert "winmail" in parse_message(mime("Content-Type: multipart/mixed", PLAIN + "x", part)).defects


# --- delivery reports


STATUS = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
STATUS += "Final-Recipient: rfc822; gone@example.org\nAction: failed\nStatus: 5.1.1 (unknown)\n"


@pytest.mark.parametrize(
    "returned",
    [
        "Content-Type: message/rfc822\n\nMessage-ID: <ours@union.example>\nSubject: Your place\n\nDear member\n",
        "Content-Type: text/rfc822-headers\n\nMessage-ID: <ours@union.example>\n",
    ],
    ids=["whole message", "headers only"],
)
def test_delivery_status(returned: str) -> None:
    parsed = parse_message(mime("Content-Type: multipart/report; report-type=delivery-status", PLAIN + "It failed.", STATUS, returned))
    assert parsed.report is not None
    assert (parsed.report.action, parsed.report.status, parsed.report.recipient) == ("failed", "5.1.1", "gone@example.org")
    assert parsed.report.original_message_id == "<ours@union.example>"
    assert "Dear member" not in parsed.body
    assert not any("Dear member" in a.text for a in parsed.attachments)


def test_read_receipt() -> None:
    receipt = (
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; una@example.com\n"
        "Original-Message-ID: <ours@union.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    )
    parsed = parse_message(mime("Content-Type: multipart/report; report-type=disposition-notification", PLAIN + "Read.", receipt))
    assert parsed.report is not None
    assert (parsed.report.action, parsed.report.recipient, parsed.report.original_message_id) == ("displayed", "una@example.com", "<ours@union.example>")


def test_bounce_in_prose() -> None:
    head = "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: team@union.example\nSubject: Mail delivery failed\n"
    body = "A message could not be delivered:\n\n  gone@example.org\n    550 5.1.1 no such user\n\nMessage-ID: <ours@union.example>\n"
    report = parse_message(raw(head=head, body=body)).report
    assert report is not None
    assert (report.action, report.status, report.recipient, report.original_message_id) == ("failed", "5.1.1", "gone@example.org", "<ours@union.example>")
    assert parse_message(raw("X-Failed-Recipients: gone@example.org\n")).report is not None
    assert parse_message(raw(body=body)).report is None


# --- hostile and broken


def nested(levels: int) -> bytes:
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(levels))
    return (
        raw(body="", head=HEAD + "MIME-Version: 1.0\n").rstrip(b"\r\n")
        + b"\r\n"
        + (parts + "Content-Type: text/plain\n\nThe core\n").replace("\n", "\r\n").encode()
    )


def flat(parts: int) -> bytes:
    return mime("Content-Type: multipart/mixed", *["Content-Type: text/plain\n\nword"] * parts)


HOSTILE = {
    "a megabyte of encoded words in the subject": (raw("Subject: " + "=?utf-8?q?word?= \n" * 60_000), "header_cut"),
    "a megabyte of one header line": (raw("X-Long: " + "a" * 1_000_000 + "\n"), "header_cut"),
    "100,000 addresses": (raw("Cc: " + "a@b.example,\n " * 100_000 + "\n"), "header_cut"),
    "60,000 bytes of brackets": (raw("Cc: " + "(<" * 30_000 + "\n"), None),
    "64,000 bytes of one encoded word": (raw("Subject: =?utf-8?q?" + "=?" * 30_000 + "\n"), None),
    "200 levels": (nested(200), None),
    "1,500 levels": (nested(1_500), "too_deep"),
    "10,000 parts": (flat(10_000), "too_many_parts"),
    "ten megabytes in one line": (raw(body="word " * 2_000_000), "body_cut"),
    "ten megabytes of HTML": (raw("Content-Type: text/html\n", "<p>word" * 1_400_000), "body_cut"),
    "20,000 nested elements": (raw("Content-Type: text/html\n", "<div>" * 20_000 + "word"), None),
    "ten megabytes of base64": (raw("Content-Transfer-Encoding: base64\n", base64.encodebytes(b"word " * 1_500_000)), "body_cut"),
    "flowed without end": (raw("Content-Type: text/plain; format=flowed\n", "word \n" * 300_000), None),
    "no boundary": (raw("Content-Type: multipart/mixed\n", "The text"), "broken_structure"),
    "a boundary that never comes": (raw("Content-Type: multipart/mixed; boundary=nowhere\n", "The text"), None),
    "binary": (bytes(range(256)) * 4_000, None),
    "carriage returns only": (HEAD.replace("\n", "\r").encode() + b"\rHello\r", None),
    "parameters without end": (raw("Content-Type: text/plain" + "; a=b" * 10_000 + "\n"), None),
    "continued parameters": (raw("Content-Disposition: inline" + "".join(f"; filename*{n}=x" for n in range(3_000)) + "\n"), None),
    "colons": (b":" * 100_000, None),
    "attached messages in messages": (raw("Content-Type: message/rfc822\n", "Content-Type: message/rfc822\n\n" * 150 + "Subject: x\n\ny"), None),
    "delivery status without end": (raw("Content-Type: message/delivery-status\n", "Action: failed\n\n" * 20_000), None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_read_within_a_second_or_two(name: str) -> None:
    """The limit is wide of what is measured (all below half a second) for slow machines' sake."""
    content, defect = HOSTILE[name]
    started = time.process_time()
    parsed = parse_message(content)
    assert time.process_time() - started < 5
    assert defect is None or defect in parsed.defects
    assert len(parsed.body) <= Limits().body_characters
    assert set(parsed.defects) <= REASONS.keys()


def test_core_of_200_levels_is_found() -> None:
    assert "The core" in parse_message(nested(100)).body


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes(content: bytes) -> None:
    parsed = parse_message(content)
    assert set(parsed.defects) <= REASONS.keys()


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: a@b.example\r\n",
                b"Content-Type: multipart/mixed; boundary=b\r\n",
                b"--b\r\n",
                b"--b--\r\n",
                b"\r\n",
                b"Content-Type: text/html\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"aGVsbG8=\r\n",
                b"<p>x</p>\r\n",
                b"Content-Type: message/delivery-status\r\n",
                b"\xff\xfe\x00\r\n",
                b"Content-Disposition: attachment; filename=a.docx\r\n",
                b" folded\r\n",
                b"Content-Type: text/plain; charset=\xff\r\n",
            ]
        ),
        max_size=25,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_structure(lines: list[bytes]) -> None:
    """Fragments of messages in any order: no exception, and the zones keep their promise."""
    parsed = parse_message(b"".join(lines))
    position = 0
    for zone in parsed.zones:
        assert not parsed.body[position : zone.start].strip()
        position = zone.end
    assert not parsed.body[position:].strip()
    for attachment in parsed.attachments:
        assert parsed.source(f"attachment:{attachment.filename}") == attachment.text


def test_what_the_standard_library_writes_is_read_back() -> None:
    """A message with everything, as EmailMessage writes it, LF and CRLF alike."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "Ùna <una@example.com>", "team@union.example", "Càfé – ☕"
    message.set_content("Bùird\n", charset="iso-8859-1")
    message.add_alternative("<p>Bùird</p>", subtype="html")
    message.add_attachment("Notaichean\n", filename="nòta.txt")
    one, two = parse_message(message.as_bytes()), parse_message(message.as_bytes().replace(b"\r\n", b"\n"))
    assert replace(one, attachments=()) == replace(two, attachments=())
    assert (one.subject, one.body, one.attachments[0].filename, one.attachments[0].text) == ("Càfé – ☕", "Bùird\n", "nòta.txt", "Notaichean\n")
