"""Guards of invitations, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "invitations"
_TABLE: Final = "mentorcert_private.invitations"
_ACCEPT: Final = "mentorcert_private.accept_invitation(uuid,uuid,text)"
_SIGN_IN: Final = "public.accept_invitations()"
_ADDRESS: Final = "mentorcert_private.confirmed_address(uuid)"
_LOGIN: Final = "mentorcert_private.is_login_open(uuid)"
_OBSTACLE: Final = "mentorcert_private.invitation_obstacle(uuid,uuid)"
_INVITE: Final = "mentorcert_private.invite(uuid,text[],text,uuid,integer,text)"
_MENTORS: Final = "mentorcert_private.invite_peer_mentors(uuid,uuid[],integer)"
_RESEND: Final = "mentorcert_private.resend_invitations(uuid,uuid[],integer)"
_WITHDRAW: Final = "mentorcert_private.withdraw_invitations(uuid,uuid[])"
_PREVIEW: Final = "mentorcert_private.peer_mentors_to_invite(uuid,uuid[])"
_MAIL: Final = "mentorcert_private.awaits_mail(uuid)"
_CLAIM: Final = "mentorcert_private.claim_invitations(integer)"
_CONTENTS: Final = "mentorcert_private.claimed_invitations(uuid[])"
_OPEN: Final = "invitation.accepted_at is null and invitation.withdrawn_at is null"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function(_FILE, signature, guard, instead)


MUTATIONS: Final = [
    # Who reads, and who invites
    Mutation(
        _FILE,
        f'alter policy "administrators read the invitations of their organisation" on {_TABLE} using (true)',
    ),
    Mutation(_FILE, f'drop policy "administrators read the invitations of their organisation" on {_TABLE}'),
    Mutation(_FILE, f"alter table {_TABLE} disable row level security"),
    Mutation(_FILE, f"grant update, delete, insert on {_TABLE} to authenticated"),
    Mutation(_FILE, f"grant execute on function {_CLAIM} to authenticated"),
    *[
        _guard(of, f"perform mentorcert_private.require_inviter({name}.organisation_id);")
        for of, name in ((_INVITE, "invite"), (_MENTORS, "invite_peer_mentors"))
    ],
    _guard(
        "mentorcert_private.require_inviter(uuid)",
        "perform mentorcert_private.check_endpoint('memberships');",
    ),
    _guard(_SIGN_IN, "perform mentorcert_private.check_endpoint('memberships');"),
    _guard(_WITHDRAW, "and invitation.organisation_id = withdraw_invitations.organisation_id"),
    _guard(_RESEND, "and invitation.organisation_id = resend_invitations.organisation_id"),
    _guard(_INVITE, "perform mentorcert_private.require_few(cardinality(emails));"),
    _guard(_INVITE, "invite.role not in ('coordinator', 'org_admin')", "false"),
    _guard("mentorcert_private.invitation_ends(uuid,integer)", "valid_days not between 1 and 90", "false"),
    _guard(_PREVIEW, "mentor.organisation_id = peer_mentors_to_invite.organisation_id and", ""),
    _guard(_PREVIEW, "when mentor.user_id is not null then 'has_login'"),
    # Whose address
    _guard(_ADDRESS, "and to_jsonb(login) ->> 'email_confirmed_at' is not null"),
    _guard(_ADDRESS, "and mentorcert_private.is_login_open(login.id)"),
    _guard(_ADDRESS, "other.id <> login.id and", "false and"),
    _guard(_LOGIN, "and login.deleted_at is null"),
    _guard(_LOGIN, "(to_jsonb(login) ->> 'banned_until')::timestamptz > now()", "false"),
    _guard(_SIGN_IN, "address := mentorcert_private.confirmed_address(caller);"),
    # Each once, each for itself
    _guard(_ACCEPT, "and invitation.accepted_at is null and invitation.withdrawn_at is null"),
    _guard(_SIGN_IN, "when others then", "when division_by_zero then"),
    _guard(
        _SIGN_IN,
        "set failed_at = clock_timestamp(), failure =",
        "set failed_at = null, failure = null where false; perform",
    ),
    # What has ended
    _guard(_ACCEPT, "if obstacle is not null then", "if false then"),
    _guard(_OBSTACLE, "if not invitation.is_by_operator and not (", "if false and not ("),
    _guard(_OBSTACLE, "mentorcert_private.is_login_open(invitation.invited_by) and"),
    _guard(_OBSTACLE, "and (membership.ended_at is null or membership.ended_at > clock_timestamp())"),
    _guard(_OBSTACLE, "membership.user_id = login_id and", "false and"),
    _guard(_OBSTACLE, "and membership.updated_at >= invitation.invited_at"),
    _guard(_OBSTACLE, "and (mentor.left_on is null or mentor.left_on > invitation.today)"),
    _guard(_OBSTACLE, "and mentor.merged_into is null"),
    _guard(_OBSTACLE, "and (mentor.user_id is null or mentor.user_id = login_id)"),
    _guard(
        _OBSTACLE, "and mentorcert_private.folded(mentor.email) = mentorcert_private.folded(invitation.email)"
    ),
    _guard(_OBSTACLE, "other.id <> invitation.peer_mentor_id", "false"),
    Mutation(
        _FILE,
        "alter table mentorcert.memberships disable trigger withdraw_invitations",
        name="withdraw_invitations of members",
    ),
    Mutation(_FILE, "alter table mentorcert.memberships disable trigger withdraw_invitations_on_delete"),
    _guard(
        "mentorcert_private.withdraw_of_peer_mentor()",
        "set email = null, accepted_by = null",
        "set accepted_by = null",
    ),
    _guard(
        "mentorcert_portal.begin_epoch(text,text)",
        "where invitation.accepted_at is null and invitation.withdrawn_at is null",
        "where false",
    ),
    # Making again
    _guard(
        _RESEND,
        "(invitation.invited_at < now() - interval '10 minutes' or invitation.failure is not null)",
        "true",
    ),
    _guard(_RESEND, f"and {_OPEN}"),
    _guard(_RESEND, "mailed_at = null,"),
    _guard(_WITHDRAW, f"and {_OPEN}"),
    # Mails
    _guard(_MAIL, "and mail.state <> 'released' and", "and false and"),
    _guard(_MAIL, "and invitation.failure is null"),
    _guard(_MAIL, "and invitation.expires_at > clock_timestamp()"),
    _guard(_CLAIM, "if mentorcert_private.notices_are_held() then", "if false then"),
    _guard(_CLAIM, "and mentorcert_private.invitation_obstacle(invitation.id) is not null", "and false"),
    _guard(_CONTENTS, "and mentorcert_private.is_committed(mail.claimed_in)"),
    _guard(
        "mentorcert_private.report_notices(uuid[],uuid[])", "and invitation.invited_at <= accepted.claimed_at"
    ),
    Mutation(_FILE, "drop trigger audit_insert on mentorcert_private.invitations"),
    Mutation(_FILE, "drop trigger audit_update on mentorcert_private.invitations"),
]
