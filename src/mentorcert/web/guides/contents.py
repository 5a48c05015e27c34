"""The guides: for each role what can be done, on which page, and what the words mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mentorcert.translatable import LazyText

Audience = Literal["mentor", "coordinator", "administrator"]


@dataclass(frozen=True, slots=True)
class Task:
    """Something that can be done, on the page `path`; `place` is what to choose to get there, from the menu on."""

    title: LazyText
    text: LazyText
    path: str
    place: tuple[LazyText, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """What one role can do; `words` are those that must be known for it, `contact` is to whom this role turns."""

    title: LazyText
    lead: LazyText
    tasks: Sequence[Task]
    words: Sequence[tuple[LazyText, LazyText]]
    contact: LazyText


_MINE: Final = LazyText("My certifications")
_OVERVIEW: Final = LazyText("Overview")
_CERTIFICATIONS: Final = LazyText("Certifications")
_MENTORS: Final = LazyText("Peer mentors")
_ADMINISTRATION: Final = LazyText("Administration")

_LAST_DAY: Final = (
    LazyText("Last valid day"),
    LazyText("The last day on which a certification holds. From the next day on it is expired."),
)
_SUSPENDED: Final = (
    LazyText("Suspended"),
    LazyText("The certification does not hold for now. The time goes on running meanwhile."),
)
_OUTDATED: Final = (
    LazyText("Outdated"),
    LazyText("Ended too long ago for a refresher: the whole course or a new registration is needed."),
)
_CONSENT: Final = (
    LazyText("Consent"),
    LazyText("That a peer mentor agrees to stand on the public list. It can be withdrawn at any time."),
)

GUIDES: Final[Mapping[Audience, Guide]] = {
    "mentor": Guide(
        LazyText("Help for peer mentors"),
        LazyText(
            "See what you hold and until when, print your certificate, and choose what others see of you."
        ),
        (
            Task(
                LazyText("Sign in"),
                LazyText(
                    "Use the e-mail address to which you were invited. Without a "
                    "password, you get a mail with a link and a code."
                ),
                "/sign-in",
                (LazyText("Sign in"),),
            ),
            Task(
                LazyText("See whether you are valid"),
                LazyText(
                    "Each certification shows its status, its last valid day, and what to do before it ends."
                ),
                "/me",
                (_MINE,),
            ),
            Task(
                LazyText("Sign up for a course"),
                LazyText(
                    "See what each course renews, and sign up or withdraw. If it is full, you "
                    "wait, and get a mail when a seat is yours."
                ),
                "/me/courses",
                (_MINE, LazyText("Courses")),
            ),
            Task(
                LazyText("Ask for a renewal"),
                LazyText("Say what you did and on which day. A coordinator looks at it, and you get a mail."),
                "/me",
                (_MINE,),
            ),
            Task(
                LazyText("Print your certificate"),
                LazyText(
                    "What is valid can be printed as a PDF. The code on "
                    "it lets anyone check that it is valid."
                ),
                "/me",
                (_MINE,),
            ),
            Task(
                LazyText("Get the days in your calendar"),
                LazyText(
                    "Subscribe once: your calendar then shows the last valid days, also after a renewal."
                ),
                "/me/calendar",
                (_MINE, LazyText("Calendar")),
            ),
            Task(
                LazyText("Keep your contact details correct"),
                LazyText(
                    "Reminders are sent to the e-mail address that stands "
                    "here, in the language that you choose."
                ),
                "/me/contact",
                (_MINE, LazyText("Contact details")),
            ),
            Task(
                LazyText("Decide about the public list"),
                LazyText("You agree to stand there, or withdraw it, with one button. It counts at once."),
                "/me",
                (_MINE,),
            ),
            Task(
                LazyText("Choose what you can be asked about"),
                LazyText(
                    "Topics and languages stand beside your name for as long as you are on the public list."
                ),
                "/me/topics",
                (_MINE, LazyText("Choose what you can be asked about")),
            ),
            Task(
                LazyText("See what was changed"),
                LazyText("Your history shows each renewal and each change, with its day and who made it."),
                "/me/history",
                (_MINE, LazyText("My history")),
            ),
        ),
        (_LAST_DAY, _OUTDATED, _SUSPENDED, _CONSENT),
        LazyText("Turn to a coordinator of your chapter. When you are signed in, the names stand here."),
    ),
    "coordinator": Guide(
        LazyText("Help for coordinators"),
        LazyText("Keep the certifications of your chapters valid, and what is known of the people correct."),
        (
            Task(
                LazyText("See what ends soon"),
                LazyText(
                    "The overview names what waits for you today, counts what is valid and what ends, "
                    "and leads to who renews it."
                ),
                "/overview",
                (_OVERVIEW,),
            ),
            Task(
                LazyText("Find a peer mentor"),
                LazyText(
                    "The search at the top takes a part of the name, or the number; boe finds "
                    "Bøe. The page of a person has everything about them."
                ),
                "/mentors",
                (_MENTORS,),
            ),
            Task(
                LazyText("Find who lacks something"),
                LazyText(
                    "Filter the list by “Who lacks what”: for example those "
                    "who hold one certification but not another."
                ),
                "/mentors",
                (_MENTORS,),
            ),
            Task(
                LazyText("Save a filter that you often use"),
                LazyText(
                    "Filter one of the lists, and choose “Save this filter”. "
                    "It stands above the list from then on."
                ),
                "/filters",
                (_MENTORS, LazyText("Saved filters")),
            ),
            Task(
                LazyText("Write to several people"),
                LazyText(
                    "Tick them in a list, and choose “Write to them”. Each gets "
                    "a mail of their own, and answers come to you."
                ),
                "/letters",
                (_OVERVIEW, LazyText("Mails to peer mentors")),
            ),
            Task(
                LazyText("Register a certification"),
                LazyText("Open the page of the person, and choose “Register a certification”."),
                "/mentors",
                (_MENTORS,),
            ),
            Task(
                LazyText("Renew or suspend one"),
                LazyText(
                    "Open the certification. You see the new last valid day "
                    "before you confirm, and can undo it afterwards."
                ),
                "/certifications",
                (_CERTIFICATIONS,),
            ),
            Task(
                LazyText("Renew many at once"),
                LazyText(
                    "Filter the list, tick the rows or take all "
                    "results, and see each new day before you confirm."
                ),
                "/certifications",
                (_CERTIFICATIONS,),
            ),
            Task(
                LazyText("Undo a change of many"),
                LazyText("Each one of the last year is listed, and is undone as a whole."),
                "/certifications/batches",
                (_CERTIFICATIONS, LazyText("Changes of many, and undoing them")),
            ),
            Task(
                LazyText("Print certificates, or take out a list"),
                LazyText(
                    "Ticked rows are printed as one file. Below the list, "
                    "all of it can be downloaded for Excel."
                ),
                "/certifications",
                (_CERTIFICATIONS,),
            ),
            Task(
                LazyText("See how it was on a day"),
                LazyText("Who was certified on a day that has passed, or will be if nothing is renewed."),
                "/certifications/on",
                (_CERTIFICATIONS, LazyText("Who was certified on a day")),
            ),
            Task(
                LazyText("Count the figures of a year"),
                LazyText(
                    "For reports and the board: valid, new, renewed, lapsed, outdated and left, by "
                    "type and chapter, also as Excel file."
                ),
                "/figures",
                (_OVERVIEW, LazyText("Figures")),
            ),
            Task(
                LazyText("Keep contact details, consent and topics"),
                LazyText("They stand on the page of the person."),
                "/mentors",
                (_MENTORS,),
            ),
            Task(
                LazyText("Answer a request for renewal"),
                LazyText("You see until when the certification would hold, and approve, refuse or ask back."),
                "/requests",
                (LazyText("Requests"),),
            ),
            Task(
                LazyText("Plan a course, and close it"),
                LazyText("Sign people up, and tick who attended. Closing the course renews them all."),
                "/courses",
                (LazyText("Courses"),),
            ),
            Task(
                LazyText("See which reminders are sent"),
                LazyText(
                    "What comes, what was sent, and what reaches nobody. One can be "
                    "sent now. On the page of a person they are paused."
                ),
                "/reminders",
                (_OVERVIEW, LazyText("Reminders")),
            ),
            Task(
                LazyText("Note something, and follow it up"),
                LazyText(
                    "On its day, the one who is responsible gets a mail; the list has what is overdue first."
                ),
                "/follow-ups",
                (LazyText("Follow-ups"),),
            ),
            Task(
                LazyText("Register that somebody stops"),
                LazyText(
                    "Choose “The person stops” on the page of the person. The "
                    "history stays, and the person can come back."
                ),
                "/mentors",
                (_MENTORS,),
            ),
            Task(
                LazyText("Say how the chapter is reached"),
                LazyText(
                    "The address of the chapter stands on the public list, so that people can get in touch."
                ),
                "/chapters",
                (LazyText("Chapters"),),
            ),
        ),
        (_LAST_DAY, _OUTDATED, _SUSPENDED, _CONSENT),
        LazyText(
            "Turn to an administrator of your organisation. When you are signed in, the names stand here."
        ),
    ),
    "administrator": Guide(
        LazyText("Help for administrators"),
        LazyText("Decide what is certified and who has access. You can also do all that coordinators can."),
        (
            Task(
                LazyText("Add peer mentors"),
                LazyText(
                    "One at a time, or all of them by a file from Excel. You see what "
                    "an import would do before anything is saved."
                ),
                "/imports",
                (LazyText("Import"),),
            ),
            Task(
                LazyText("Give people access"),
                LazyText(
                    "An invitation gives a login and its access by a mail. Under "
                    "“Memberships” you see who has which access, and end it."
                ),
                "/admin/invitations",
                (_ADMINISTRATION, LazyText("Invitations")),
            ),
            Task(
                LazyText("Invite peer mentors"),
                LazyText("Tick them in the list, and choose “See who can be invited”."),
                "/mentors",
                (_MENTORS,),
            ),
            Task(
                LazyText("Share a filter with the coordinators"),
                LazyText("A filter that you save can be for everybody in the organisation."),
                "/filters",
                (_MENTORS, LazyText("Saved filters")),
            ),
            Task(
                LazyText("Decide what is certified"),
                LazyText(
                    "A type says for how long it holds, for how long after that a refresher renews "
                    "it, when people are reminded, and whether the public list requires it."
                ),
                "/admin/types",
                (_ADMINISTRATION, LazyText("Certification types")),
            ),
            Task(
                LazyText("Keep the chapters"),
                LazyText("A chapter may lie under another one. It can be retired, or merged into another."),
                "/admin/chapters",
                (_ADMINISTRATION, LazyText("Chapters")),
            ),
            Task(
                LazyText("Merge who is registered twice"),
                LazyText("You see who looks alike and what a merge would do. It can be undone."),
                "/admin/look-alikes",
                (_ADMINISTRATION, LazyText("Registered twice?")),
            ),
            Task(
                LazyText("Let everybody of a type hold it longer"),
                LazyText(
                    "After a cancelled course, for example. A preview "
                    "names each person, and it can be undone."
                ),
                "/admin/extensions",
                (_ADMINISTRATION, LazyText("Extensions")),
            ),
            Task(
                LazyText("Choose topics and languages"),
                LazyText("What peer mentors can be asked about, as the public list shows it."),
                "/admin/topics",
                (_ADMINISTRATION, LazyText("Topics and languages")),
            ),
            Task(
                LazyText("Name the organisation"),
                LazyText("What it is called, on the public list and certificates."),
                "/admin/organisation",
                (_ADMINISTRATION, LazyText("The organisation")),
            ),
            Task(
                LazyText("Undo a change of a type or a chapter"),
                LazyText("The audit log has who changed what and when, with “Undo this change” beside it."),
                "/admin/audit",
                (_ADMINISTRATION, LazyText("Audit log")),
            ),
            Task(
                LazyText("Choose how certificates look"),
                LazyText("The logo and who signs. The sentence on it belongs to the type."),
                "/admin/certificates",
                (_ADMINISTRATION, LazyText("Certificates")),
            ),
            Task(
                LazyText("See whether all is well"),
                LazyText(
                    "The nightly runs, the portal and what is switched off each have a "
                    "page. What is urgent stands on every page."
                ),
                "/admin",
                (_ADMINISTRATION,),
            ),
            Task(
                LazyText("Take everything out"),
                LazyText(
                    "An export has names, e-mail addresses and phone numbers: keep the file in a safe place."
                ),
                "/exports",
                (LazyText("Export"),),
            ),
        ),
        (
            _LAST_DAY,
            (
                LazyText("Extension"),
                LazyText(
                    "Everybody of a type holds it until a later day. A renewal is of one certification."
                ),
            ),
            (
                LazyText("Retired"),
                LazyText("Nothing new is given of a type, or enters a chapter. What there is stays."),
            ),
        ),
        LazyText("Turn to the operator, who runs the registry."),
    ),
}
