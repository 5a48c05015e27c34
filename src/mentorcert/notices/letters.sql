-- Letters to chosen peer mentors; what clients may do of it, row-level security and the functions say.

-- name: holders(certification_ids)
select distinct certification.peer_mentor_id
from public.peer_mentor_certifications as certification
where certification.id = any(:certification_ids::uuid[]);

-- name: draft(peer_mentor_ids)
select mentorcert_private.draft_letter(:peer_mentor_ids::uuid[]);

-- name: get(letter_id)
select
  letter.id, letter.organisation_id, login.email as written_by, letter.subject, letter.body, letter.written_at, letter.sent_at,
  letter.mails
from mentorcert_private.letters as letter
left join mentorcert_private.member_logins() as login on login.user_id = letter.written_by
where letter.id = :letter_id;

-- name: page(after_at, after_id, page_size)
select
  letter.id, letter.organisation_id, login.email as written_by, letter.subject, letter.body, letter.written_at, letter.sent_at,
  letter.mails
from mentorcert_private.letters as letter
left join mentorcert_private.member_logins() as login on login.user_id = letter.written_by
where :after_id::uuid is null or (letter.written_at, letter.id) < (:after_at::timestamptz, :after_id::uuid)
order by letter.written_at desc, letter.id desc
limit :page_size;

-- name: recipients(letter_id)
select recipient.organisation_id, recipient.peer_mentor_id, recipient.full_name, recipient.email, recipient.outcome
from mentorcert_private.letters as letter
cross join lateral mentorcert_private.letter_recipients(letter.recipient_ids) as recipient
where letter.id = :letter_id
order by recipient.sort_key, recipient.peer_mentor_id;

-- name: reply_address()
select mentorcert_private.reply_address();

-- name: write(letter_id, subject, body)
select mentorcert_private.write_letter(:letter_id, :subject, :body);

-- name: send(letter_id, written_at)
select mentorcert_private.send_letter(:letter_id, :written_at);

-- name: deliveries(letter_id)
select mail.organisation_id, mail.peer_mentor_id, mail.full_name, mail.state, mail.settled_at
from mentorcert_private.letter_mails(:letter_id) as mail;

-- name: to_peer_mentor(peer_mentor_id)
select letter.organisation_id, letter.letter_id, letter.subject, letter.written_by, letter.sent_at, letter.state
from mentorcert_private.letters_to(:peer_mentor_id) as letter;
