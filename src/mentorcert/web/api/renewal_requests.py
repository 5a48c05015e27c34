"""Requests for renewals: a peer mentor asks, and who may renew approves, refuses or asks back."""

from datetime import UTC, date, datetime
from typing import Final, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import renewal_requests, repository
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.certifications import Certification, shown
from mentorcert.web.api.changes import of_a_visible_row
from mentorcert.web.api.etags import WITH_TAG, tagged
from mentorcert.web.api.fields import Day, Id, Remark
from mentorcert.web.api.operation import ADDING, API, LISTING, Operation, bearer

router = APIRouter(prefix=API, tags=["renewal requests"], route_class=Operation, dependencies=[bearer])

_VERSION: Final = Field(None, description="The version that was read: another one is not changed (PT409).")


class RenewalRequest(BaseModel):
    """What a peer mentor asks to have renewed, and what was said of it."""

    id: UUID
    certification_id: UUID
    peer_mentor_id: UUID
    full_name: str
    certification_type: str
    text: str = Field(description="What was done.")
    done_on: date
    state: renewal_requests.State = Field(
        description="`open` waits for who renews, `asked_back` for the peer mentor; `closed`: renewed otherwise, or left."
    )
    reply: str | None = Field(description="What was asked back, or why it was refused.")
    answer: str | None
    asked_at: datetime
    settled_at: datetime | None
    is_own: bool
    version: int

    @classmethod
    def of(cls, row: renewal_requests.RenewalRequest) -> Self:
        """Return a row as the API shows it."""
        return cls(
            **{
                name: getattr(row, name)
                for name in cls.model_fields
                if name not in {"asked_at", "settled_at"}
            },
            asked_at=row.asked_at.astimezone(UTC),
            settled_at=row.settled_at.astimezone(UTC) if row.settled_at else None,
        )


class RenewalRequests(BaseModel):
    """Those that wait, the oldest first."""

    items: list[RenewalRequest]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Asking(_Body):
    """What was done, on which day; never a file."""

    text: str = Field(max_length=400, pattern=r"^[^\x00]*$", examples=["Repetition course in Midtvik"])
    done_on: Day = Field(description="After the last renewal, and not in the future.")


class Answer(_Body):
    """An answer to what was asked back."""

    answer: Remark
    done_on: Day | None = Field(None, description="Another day, if the first one was wrong.")
    version: int | None = _VERSION


class Withdrawal(_Body):
    """That the request is withdrawn."""

    version: int | None = _VERSION


class Question(_Body):
    """What is asked back."""

    reply: Remark
    version: int | None = _VERSION


class Refusal(_Body):
    """Why it is refused."""

    reason: Remark
    version: int | None = _VERSION


class Approval(_Body):
    """The renewal; `{}` renews as of the day that the peer mentor gave, by the type's rule."""

    renewed_on: Day | None = None
    last_valid_day: Day | None = None
    note: Remark | None = None
    version: int | None = _VERSION


@router.get("/renewal-requests", operation_id="list_renewal_requests", responses=LISTING)
def list_renewal_requests(context: ApiMember) -> RenewalRequests:
    """List the requests within your reach that wait, and your own; the first 200."""
    return RenewalRequests(items=[RenewalRequest.of(one) for one in renewal_requests.waiting(context.conn)])


@router.post(
    "/certifications/{certification_id}/renewal-requests",
    operation_id="request_renewal",
    status_code=201,
    responses=ADDING,
)
def request_renewal(context: ApiMember, certification_id: Id, asking: Asking) -> RenewalRequest:
    """Ask for a renewal of a certification of yours; one waits at a time."""
    with of_a_visible_row(context.ahead(repository.get, certification_id)):
        request_id = renewal_requests.ask(context.conn, certification_id, asking.text, asking.done_on)
        return RenewalRequest.of(renewal_requests.get(context.conn, request_id))


@router.post("/renewal-requests/{request_id}/answer", operation_id="answer_renewal_request", responses=ADDING)
def answer_renewal_request(context: ApiMember, request_id: Id, answer: Answer) -> RenewalRequest:
    """Answer what was asked back of your request."""
    with of_a_visible_row(context.ahead(renewal_requests.get, request_id)):
        renewal_requests.answer(
            context.conn, request_id, answer.answer, answer.done_on, version=answer.version
        )
        return RenewalRequest.of(renewal_requests.get(context.conn, request_id))


@router.post(
    "/renewal-requests/{request_id}/withdraw", operation_id="withdraw_renewal_request", responses=ADDING
)
def withdraw_renewal_request(context: ApiMember, request_id: Id, withdrawal: Withdrawal) -> RenewalRequest:
    """Withdraw your request."""
    with of_a_visible_row(context.ahead(renewal_requests.get, request_id)):
        renewal_requests.withdraw(context.conn, request_id, version=withdrawal.version)
        return RenewalRequest.of(renewal_requests.get(context.conn, request_id))


@router.post(
    "/renewal-requests/{request_id}/ask-back", operation_id="ask_back_renewal_request", responses=ADDING
)
def ask_back_renewal_request(context: ApiMember, request_id: Id, question: Question) -> RenewalRequest:
    """Ask the peer mentor something about a request."""
    with of_a_visible_row(context.ahead(renewal_requests.get, request_id)):
        renewal_requests.ask_back(context.conn, request_id, question.reply, version=question.version)
        return RenewalRequest.of(renewal_requests.get(context.conn, request_id))


@router.post("/renewal-requests/{request_id}/refuse", operation_id="refuse_renewal_request", responses=ADDING)
def refuse_renewal_request(context: ApiMember, request_id: Id, refusal: Refusal) -> RenewalRequest:
    """Refuse a request, for a reason that the peer mentor reads."""
    with of_a_visible_row(context.ahead(renewal_requests.get, request_id)):
        renewal_requests.refuse(context.conn, request_id, refusal.reason, version=refusal.version)
        return RenewalRequest.of(renewal_requests.get(context.conn, request_id))


@router.post(
    "/renewal-requests/{request_id}/approve",
    operation_id="approve_renewal_request",
    responses={**WITH_TAG, **ADDING},
)
def approve_renewal_request(
    context: ApiMember, response: Response, request_id: Id, approval: Approval
) -> Certification:
    """Renew the certification by a request, which becomes the evidence in its history."""
    with of_a_visible_row(context.ahead(renewal_requests.get, request_id)):
        renewed = renewal_requests.approve(
            context.conn,
            request_id,
            renewed_on=approval.renewed_on,
            last_valid_day=approval.last_valid_day,
            note=approval.note,
            version=approval.version,
        )
    changed = shown(context, renewed)
    tagged(response, changed)
    return changed
