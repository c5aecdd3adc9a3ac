"""Every reason code, and what it means in the coordinator's words.

A code that is used and not listed here fails a test, and so does one that is listed and never used.
Sections belong to the stage that gives the reason.
"""

from __future__ import annotations

__all__ = ["REASONS"]

REASONS: dict[str, str] = {
    # --- ingest and the ledger
    "too_large": "The message is larger than the limit for this mailbox; it is still in the mailbox and has to be read there.",
    "unreadable": "The message could not be read after several attempts; it is kept as it came and needs a person to look at it.",
    "cap_address": "This address has had as many answers as one may have in a day, so this one was parked; it can be released by hand.",
    # --- parse: taking the message apart
    "header_cut": "The header of this message is far too long; only its beginning was read.",
    "too_deep": "The message is nested so deeply that only its outer layers were read.",
    "too_many_parts": "The message has more parts than a person would send; the first few hundred were read.",
    "too_many_attachments": "The message has more attachments than are read; the rest has to be opened by hand.",
    "part_unreadable": "One part of the message could not be read; the rest was.",
    "broken_structure": "The message says it has several parts but does not mark where they begin; it was read as one text.",
    "broken_base64": "A part of the message was damaged on its way; what could be decoded was read.",
    "charset_guessed": "The message names its character set wrongly; accented letters may have been read wrongly.",
    "body_cut": "The text of the message is very long; only its beginning was read.",
    "encrypted": "The message is encrypted; ask the sender to send it in the clear.",
    "winmail": "Outlook packed the attachments into winmail.dat, which is not opened here.",
    "no_sender": "The message does not say who sent it.",
    "no_text": "No text was found in the message; it may be a picture or empty.",
    "attachment_unreadable": "An attachment could not be opened; it may be damaged or protected with a password.",
    "attachment_too_large": "An attachment is too large to be opened here, or would unpack to something far too large.",
    "attachment_cut": "An attachment is very long; only its beginning was read.",
    # --- parse: institutions and authorities
    "institution_unlisted": "The school is in no list; its name was taken as it is written.",
    "institution_ambiguous": "The name may mean several schools of the list.",
    "institution_doubtful": "The name is nearly that of a school in the list, but not surely.",
    "institution_shared": "Several schools of that council have this name; the town is missing.",
    "authority_ambiguous": "Schools of this name stand in several council areas, and the message does not say which.",
    "authority_several": "Several council areas are named and no school.",
    "authority_conflict": "The council in the message is not that of the school, or the text and the signature name different councils.",
    # --- parse: activities and topics
    "activity_by_option": "The member picked from the list of options in our quoted mail.",
    "activity_unsure": "The words point to more than one kind of activity and to none clearly enough; the likeliest are named.",
    # --- parse: kind, sessions, questions, decision
    "automatic_reply": "A machine sent it: an out-of-office, an acknowledgement, a receipt or a calendar's answer.",
    "delivery_report": "A mail system says that a message could not be delivered, or is late.",
    "bulk_mail": "A newsletter, a mailing list or an advertisement.",
    "spam": "It reads like spam, phishing or a predatory journal.",
    "perhaps_automatic": "A machine may have sent it, but it also reads like a member's own words; please look.",
    "withdraws": "The member seems to withdraw.",
    "forwarded": "The message was forwarded, so it is somebody else's.",
    "on_behalf": "It is written for somebody else.",
    "asks_question": "The member asks something that a person has to answer.",
    "complaint": "It may be a complaint.",
    "safeguarding": "It may be about somebody's safety.",
    "data_request": "It may be a request or complaint about personal data (access, erasure, breach); the law sets a time limit.",
    "session_undecided": "The member speaks of the training sessions but has not chosen one.",
    "missing_institution": "No school or college was found.",
    "missing_authority": "No local authority was found.",
    "missing_activity": "Nothing was found on what the member does or hopes to do.",
    "unsure_institution": "A school or college was found, but not surely enough to register it.",
    "unsure_authority": "A local authority was found, but not surely enough to register it.",
    "unsure_activity": "An activity was found, but not surely enough to register it.",
    "decided_bounce": "Left unanswered: it is a delivery report.",
    "decided_automatic_reply": "Left unanswered: it is an automatic reply.",
    "decided_bulk_or_spam": "Left unanswered: it is bulk mail or spam.",
    "decided_perhaps_a_machine": "A person should look: it is not sure that a person wrote it.",
    "decided_complaint_safeguarding_or_data": "A person should look: a complaint, somebody's safety or personal data.",
    "decided_unrelated": "A person should look: it has nothing to do with the programme.",
    "decided_withdrawal": "A person should look: the member withdraws.",
    "decided_enquiry": "A person should answer: the member asks and does not register.",
    "decided_on_behalf_or_forwarded": "A person should look: it is for somebody else, or forwarded.",
    "decided_question": "A person should answer: the member registers and asks something.",
    "decided_contradiction": "A person should look: the message contradicts itself or what is known.",
    "decided_something_missing": "The member is asked for what is missing.",
    "decided_complete": "Registered: everything required is known.",
    # --- notify
    "no_answer_null_return_path": "Not answered: it came with the null return path of reports and automatic answers.",
    "no_answer_auto_submitted": "Not answered: it says of itself that a machine sent it.",
    "no_answer_own_address": "Not answered: it names one of our own addresses as its sender; it has looped, or is forged.",
    "no_answer_loop": "Not answered: it has been through this mailbox before.",
    "no_answer_report": "Not answered: it is a delivery report or a receipt.",
    "no_answer_daemon": "Not answered: a mail system or list software sent it, not a person.",
    "no_answer_responder": "Not answered: an automatic responder marked it as its own.",
    "no_answer_suppress_asked": "Not answered: its sender's mail program asks for no automatic answers.",
    "no_answer_list": "Not answered: it came through a mailing list.",
    "no_answer_precedence": "Not answered: it is marked as bulk or list mail.",
    "no_answer_calendar": "Not answered: a calendar sent it to accept or decline an invitation.",
    "no_answer_spam": "Not answered: the mail server marked it as spam.",
    "no_answer_no_reply_address": "Not answered: its address says that nobody reads mail there.",
    "no_answer_no_address": "Not answered: it has no sender's address that an answer could go to.",
}
