-- The public check of one certificate: valid today or not, and nothing more.
--
-- The code is the certification's id: 122 random bits that no client chooses and no public page shows; who has it learns one bit.

create or replace function public.check_certificate(code uuid)
returns boolean
language plpgsql
stable
security definer -- whoever holds a certificate in hand may ask, and is told no row of the table
set search_path = ''
as $$
begin
  perform private.check_endpoint('certifications');
  return exists (
    select from public.peer_mentor_certifications as certification
    join public.peer_mentors as mentor
      on mentor.organisation_id = certification.organisation_id and mentor.id = certification.peer_mentor_id
    where certification.id = check_certificate.code
      and mentor.erased_at is null
      and certification.issued_at <= now()
      and private.status_at(certification.status = 'suspended', certification.expires_at, now()) = 'active'
  );
end
$$;
comment on function public.check_certificate(uuid) is
  'Whether the certificate with this code (the certification''s id) is valid now, by its dates: false alike for one that is unknown, expired, suspended or of somebody erased.';
revoke execute on function public.check_certificate(uuid) from public, anon, authenticated, service_role;
grant execute on function public.check_certificate(uuid) to anon, authenticated, service_role;
