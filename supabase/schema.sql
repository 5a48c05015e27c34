-- What the migrations make: the current definition of everything, by object. Written by `make schema`.
--
-- To be read, not run: it leaves out who owns what, rows, and what the server's build decides.

CREATE SCHEMA mentorcert;
COMMENT ON SCHEMA mentorcert IS 'The hierarchy, certification types, events and the audit log; exposed through the Data API beside public.';
GRANT USAGE ON SCHEMA mentorcert TO authenticated;
GRANT USAGE ON SCHEMA mentorcert TO service_role;

CREATE TABLE mentorcert.audit_log (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    organisation_id uuid,
    table_name text NOT NULL,
    row_id text NOT NULL,
    action text NOT NULL,
    actor jsonb NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT audit_log_action_valid CHECK ((action = ANY (ARRAY['insert'::text, 'update'::text, 'delete'::text, 'erase'::text]))),
    CONSTRAINT audit_log_after_valid CHECK (((after IS NULL) = (action = ANY (ARRAY['delete'::text, 'erase'::text])))),
    CONSTRAINT audit_log_before_valid CHECK (((before IS NULL) = (action = ANY (ARRAY['insert'::text, 'erase'::text])))),
    CONSTRAINT audit_log_recorded_at_in_calendar CHECK (((recorded_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (recorded_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert.audit_log IS 'Changes of what decides over rights and rules; written by trigger only, never changed, kept as mentorcert_private.log_retention says.';
COMMENT ON COLUMN mentorcert.audit_log.organisation_id IS 'Null for what concerns all, such as an endpoint that is switched off.';
COMMENT ON COLUMN mentorcert.audit_log.actor IS 'The signed-in user and role, the job, or the database role, as in histories.';
COMMENT ON COLUMN mentorcert.audit_log.before IS 'The fields that changed, as they were; of a row that is gone, all.';
COMMENT ON COLUMN mentorcert.audit_log.after IS 'The fields that changed, as they are since; of a new row, all.';
ALTER TABLE ONLY mentorcert.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);
CREATE INDEX audit_log_organisation_id_idx ON mentorcert.audit_log USING btree (organisation_id, recorded_at);
CREATE INDEX audit_log_recorded_at_idx ON mentorcert.audit_log USING btree (recorded_at);
CREATE INDEX audit_log_row_id_idx ON mentorcert.audit_log USING btree (row_id);
CREATE TRIGGER reject_change BEFORE UPDATE ON mentorcert.audit_log FOR EACH ROW WHEN ((NOT mentorcert_private.is_login_taken_out(old.*, new.*))) EXECUTE FUNCTION mentorcert_private.reject_change('audit_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');
CREATE TRIGGER reject_early_removal BEFORE DELETE ON mentorcert.audit_log FOR EACH ROW WHEN ((mentorcert_private.is_kept('audit_log'::text, old.recorded_at) IS NOT FALSE)) EXECUTE FUNCTION mentorcert_private.reject_change('audit_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');
CREATE TRIGGER reject_removal BEFORE TRUNCATE ON mentorcert.audit_log FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('audit_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');
ALTER TABLE ONLY mentorcert.audit_log
    ADD CONSTRAINT audit_log_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators read the audit log of their organisation" ON mentorcert.audit_log FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the audit log of their organisation" ON mentorcert.audit_log IS 'What concerns all organisations is the operator''s to read.';
ALTER TABLE mentorcert.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY "the endpoint audit_log is switched on" ON mentorcert.audit_log AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('audit_log'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint audit_log is switched on" ON mentorcert.audit_log IS 'Raises MC010 while it is off.';
GRANT SELECT ON TABLE mentorcert.audit_log TO authenticated;
GRANT SELECT ON TABLE mentorcert.audit_log TO service_role;

CREATE TABLE mentorcert.certification_renewal_events (
    entry_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    certification_id uuid NOT NULL,
    "position" integer NOT NULL,
    entry jsonb NOT NULL,
    CONSTRAINT certification_renewal_events_entry_id_valid CHECK (((entry ->> 'entry_id'::text) = (entry_id)::text)),
    CONSTRAINT certification_renewal_events_position_valid CHECK (("position" > 0))
);
COMMENT ON TABLE mentorcert.certification_renewal_events IS 'One row for each history entry, from the moment that mentorcert history to-events has switched; filled by trigger only.';
COMMENT ON COLUMN mentorcert.certification_renewal_events."position" IS 'Place in the history of the certification, from 1, the oldest.';
ALTER TABLE ONLY mentorcert.certification_renewal_events
    ADD CONSTRAINT certification_renewal_events_entry_id_key UNIQUE (certification_id, entry_id);
ALTER TABLE ONLY mentorcert.certification_renewal_events
    ADD CONSTRAINT certification_renewal_events_pkey PRIMARY KEY (certification_id, "position");
CREATE TRIGGER reject_change BEFORE UPDATE ON mentorcert.certification_renewal_events FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_event();
CREATE TRIGGER reject_removal BEFORE DELETE OR TRUNCATE ON mentorcert.certification_renewal_events FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('certification_history_append_only', 'Suspend the certification, or end the membership, instead.');
ALTER TABLE ONLY mentorcert.certification_renewal_events
    ADD CONSTRAINT certification_renewal_events_certification_id_fkey FOREIGN KEY (certification_id) REFERENCES public.peer_mentor_certifications(id);
ALTER TABLE mentorcert.certification_renewal_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY "people read the events of certifications within their reach" ON mentorcert.certification_renewal_events FOR SELECT TO authenticated USING ((EXISTS ( SELECT
   FROM public.peer_mentor_certifications certification
  WHERE (certification.id = certification_renewal_events.certification_id))));
COMMENT ON POLICY "people read the events of certifications within their reach" ON mentorcert.certification_renewal_events IS 'The inner select is under the policies of peer_mentor_certifications: who reads the certification reads its history.';
CREATE POLICY "the endpoint certifications is switched on" ON mentorcert.certification_renewal_events AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('certifications'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint certifications is switched on" ON mentorcert.certification_renewal_events IS 'Raises MC010 while it is off.';
GRANT SELECT ON TABLE mentorcert.certification_renewal_events TO authenticated;
GRANT SELECT ON TABLE mentorcert.certification_renewal_events TO service_role;

CREATE TABLE mentorcert.certification_types (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid DEFAULT public.get_user_organisation_id() NOT NULL,
    code text NOT NULL,
    name_nb text NOT NULL,
    name_en text NOT NULL,
    validity_rule text NOT NULL,
    validity_months integer,
    required_for_listing boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    reminder_days smallint[] DEFAULT '{90,30,7}'::smallint[] NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT certification_types_code_length CHECK ((length(code) <= 100)),
    CONSTRAINT certification_types_code_valid CHECK ((code ~ '^[a-z0-9]+([_-][a-z0-9]+)*$'::text)),
    CONSTRAINT certification_types_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT certification_types_name_characters CHECK ((mentorcert_private.is_readable_line(name_nb) AND mentorcert_private.is_readable_line(name_en))),
    CONSTRAINT certification_types_name_length CHECK (((length(name_nb) <= 200) AND (length(name_en) <= 200))),
    CONSTRAINT certification_types_name_valid CHECK (((name_nb <> ''::text) AND (name_en <> ''::text))),
    CONSTRAINT certification_types_reminder_days_valid CHECK (((cardinality(reminder_days) <= 6) AND (array_position(reminder_days, NULL::smallint) IS NULL) AND (0 <= ALL (reminder_days)) AND (365 >= ALL (reminder_days)) AND mentorcert_private.are_distinct(reminder_days))),
    CONSTRAINT certification_types_updated_at_in_calendar CHECK (((updated_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT certification_types_validity_months_valid CHECK (
CASE
    WHEN (validity_rule = 'unlimited'::text) THEN (validity_months IS NULL)
    ELSE ((validity_months IS NOT NULL) AND ((validity_months >= 0) AND (validity_months <= 1200)) AND ((validity_months > 0) OR (validity_rule = 'end_of_year'::text)))
END),
    CONSTRAINT certification_types_validity_rule_valid CHECK ((validity_rule = ANY (ARRAY['months'::text, 'end_of_year'::text, 'unlimited'::text])))
);
COMMENT ON TABLE mentorcert.certification_types IS 'A kind of training whose completion an organisation certifies, and for how long it holds.';
COMMENT ON COLUMN mentorcert.certification_types.validity_rule IS 'months: as many from the day of issue; end_of_year: to 31 December of the year that many months reach (0 = the same year); unlimited.';
COMMENT ON COLUMN mentorcert.certification_types.required_for_listing IS 'Whether a peer mentor must hold this type, active, to be on the public list.';
COMMENT ON COLUMN mentorcert.certification_types.reminder_days IS 'How many days before the first day without it the holder is reminded; where any is given, also once it has expired. None: no notices of this type.';
COMMENT ON COLUMN mentorcert.certification_types.version IS 'How often the row was written. An update that names it changes that version only.';
ALTER TABLE ONLY mentorcert.certification_types
    ADD CONSTRAINT certification_types_organisation_id_code_key UNIQUE (organisation_id, code);
ALTER TABLE ONLY mentorcert.certification_types
    ADD CONSTRAINT certification_types_pkey PRIMARY KEY (id);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert.certification_types REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('id');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert.certification_types REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('id');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert.certification_types REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('id');
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF code, name_nb, name_en ON mentorcert.certification_types FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise('line', 'code', 'name_nb', 'name_en');
CREATE TRIGGER check_version BEFORE UPDATE OF version ON mentorcert.certification_types FOR EACH ROW EXECUTE FUNCTION mentorcert_private.check_version();
CREATE TRIGGER keep_identity BEFORE UPDATE OF id, organisation_id, code, created_at ON mentorcert.certification_types FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('id', 'organisation_id', 'code', 'created_at');
CREATE TRIGGER refresh_listing_on_insert AFTER INSERT ON mentorcert.certification_types REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.refresh_listing_of_types();
CREATE TRIGGER refresh_listing_on_update AFTER UPDATE ON mentorcert.certification_types REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.refresh_listing_of_types();
CREATE TRIGGER set_version BEFORE UPDATE ON mentorcert.certification_types FOR EACH ROW EXECUTE FUNCTION mentorcert_private.set_version();
CREATE TRIGGER sync_portal_on_insert AFTER INSERT ON mentorcert.certification_types REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_insert_of_types();
CREATE TRIGGER sync_portal_on_update AFTER UPDATE ON mentorcert.certification_types REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_change_of_types();
ALTER TABLE ONLY mentorcert.certification_types
    ADD CONSTRAINT certification_types_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators add types to their organisation" ON mentorcert.certification_types FOR INSERT TO authenticated WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators add types to their organisation" ON mentorcert.certification_types IS 'The organisation is filled in by default, never by the client.';
CREATE POLICY "administrators change types of their organisation" ON mentorcert.certification_types FOR UPDATE TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))) WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators change types of their organisation" ON mentorcert.certification_types IS 'What may be changed is said by the column grant.';
ALTER TABLE mentorcert.certification_types ENABLE ROW LEVEL SECURITY;
CREATE POLICY "members read the types of their organisation" ON mentorcert.certification_types FOR SELECT TO authenticated USING ((organisation_id = ( SELECT public.get_user_organisation_id() AS get_user_organisation_id)));
COMMENT ON POLICY "members read the types of their organisation" ON mentorcert.certification_types IS 'Everybody may know what can be certified.';
CREATE POLICY "the endpoint organisations is switched on" ON mentorcert.certification_types AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('organisations'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint organisations is switched on" ON mentorcert.certification_types IS 'Raises MC010 while it is off.';
GRANT SELECT,INSERT,UPDATE ON TABLE mentorcert.certification_types TO service_role;
GRANT SELECT ON TABLE mentorcert.certification_types TO authenticated;
GRANT INSERT(code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days), UPDATE(name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, version) ON TABLE mentorcert.certification_types TO authenticated;

CREATE TABLE mentorcert.chapters (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid DEFAULT public.get_user_organisation_id() NOT NULL,
    parent_id uuid,
    code text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT chapters_code_characters CHECK (mentorcert_private.is_readable_line(code)),
    CONSTRAINT chapters_code_length CHECK ((length(code) <= 100)),
    CONSTRAINT chapters_code_valid CHECK (((code ~ '^\S+$'::text) AND (code !~ '[|;,]'::text))),
    CONSTRAINT chapters_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT chapters_name_characters CHECK (mentorcert_private.is_readable_line(name)),
    CONSTRAINT chapters_name_length CHECK ((length(name) <= 200)),
    CONSTRAINT chapters_name_valid CHECK (((name <> ''::text) AND (name !~ '[|]'::text))),
    CONSTRAINT chapters_updated_at_in_calendar CHECK (((updated_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert.chapters IS 'A branch of an organisation; a county chapter is the parent of its local chapters.';
COMMENT ON COLUMN mentorcert.chapters.version IS 'How often the row was written. An update that names it changes that version only.';
ALTER TABLE ONLY mentorcert.chapters
    ADD CONSTRAINT chapters_organisation_id_code_key UNIQUE (organisation_id, code);
ALTER TABLE ONLY mentorcert.chapters
    ADD CONSTRAINT chapters_organisation_id_id_key UNIQUE (organisation_id, id);
ALTER TABLE ONLY mentorcert.chapters
    ADD CONSTRAINT chapters_pkey PRIMARY KEY (id);
CREATE INDEX chapters_parent_id_idx ON mentorcert.chapters USING btree (parent_id, organisation_id);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert.chapters REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('id');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert.chapters REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('id');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert.chapters REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('id');
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF code, name ON mentorcert.chapters FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise('line', 'code', 'name');
CREATE TRIGGER check_version BEFORE UPDATE OF version ON mentorcert.chapters FOR EACH ROW EXECUTE FUNCTION mentorcert_private.check_version();
CREATE TRIGGER keep_identity BEFORE UPDATE OF id, organisation_id, created_at ON mentorcert.chapters FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('id', 'organisation_id', 'created_at');
CREATE TRIGGER refresh_listing_on_update AFTER UPDATE ON mentorcert.chapters REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.refresh_listing_of_chapters();
CREATE TRIGGER reject_cycle BEFORE INSERT OR UPDATE OF parent_id ON mentorcert.chapters FOR EACH ROW WHEN ((new.parent_id IS NOT NULL)) EXECUTE FUNCTION mentorcert_private.reject_chapter_cycle();
CREATE TRIGGER set_version BEFORE UPDATE ON mentorcert.chapters FOR EACH ROW EXECUTE FUNCTION mentorcert_private.set_version();
ALTER TABLE ONLY mentorcert.chapters
    ADD CONSTRAINT chapters_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
ALTER TABLE ONLY mentorcert.chapters
    ADD CONSTRAINT chapters_parent_id_fkey FOREIGN KEY (organisation_id, parent_id) REFERENCES mentorcert.chapters(organisation_id, id);
CREATE POLICY "administrators add chapters to their organisation" ON mentorcert.chapters FOR INSERT TO authenticated WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators add chapters to their organisation" ON mentorcert.chapters IS 'The organisation is filled in by default, never by the client.';
CREATE POLICY "administrators change chapters of their organisation" ON mentorcert.chapters FOR UPDATE TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))) WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators change chapters of their organisation" ON mentorcert.chapters IS 'What may be changed is said by the column grant.';
ALTER TABLE mentorcert.chapters ENABLE ROW LEVEL SECURITY;
CREATE POLICY "members read the chapters of their organisation" ON mentorcert.chapters FOR SELECT TO authenticated USING ((organisation_id = ( SELECT public.get_user_organisation_id() AS get_user_organisation_id)));
COMMENT ON POLICY "members read the chapters of their organisation" ON mentorcert.chapters IS 'Names of chapters are no secret within the organisation.';
CREATE POLICY "the endpoint organisations is switched on" ON mentorcert.chapters AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('organisations'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint organisations is switched on" ON mentorcert.chapters IS 'Raises MC010 while it is off.';
GRANT SELECT,INSERT,UPDATE ON TABLE mentorcert.chapters TO service_role;
GRANT SELECT ON TABLE mentorcert.chapters TO authenticated;
GRANT INSERT(parent_id, code, name), UPDATE(parent_id, code, name, version) ON TABLE mentorcert.chapters TO authenticated;

CREATE TABLE mentorcert.memberships (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid DEFAULT public.get_user_organisation_id() NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    chapter_id uuid,
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT memberships_chapter_id_valid CHECK (((role = 'coordinator'::text) = (chapter_id IS NOT NULL))),
    CONSTRAINT memberships_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT memberships_ended_at_in_calendar CHECK (((ended_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (ended_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT memberships_ended_at_valid CHECK (((ended_at >= '1900-01-01 00:00:00+00'::timestamp with time zone) AND (ended_at <= '2200-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT memberships_role_valid CHECK ((role = ANY (ARRAY['peer_mentor'::text, 'coordinator'::text, 'org_admin'::text]))),
    CONSTRAINT memberships_updated_at_in_calendar CHECK (((updated_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert.memberships IS 'What a login may do in an organisation; a coordinator has one row for each chapter.';
COMMENT ON COLUMN mentorcert.memberships.ended_at IS 'From when the membership no longer holds, also in the future: everything follows the clock. Null while no end is known.';
COMMENT ON COLUMN mentorcert.memberships.version IS 'How often the row was written. An update that names it changes that version only.';
ALTER TABLE ONLY mentorcert.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX memberships_current_key ON mentorcert.memberships USING btree (user_id, organisation_id, role, chapter_id) NULLS NOT DISTINCT WHERE (ended_at IS NULL);
CREATE INDEX memberships_organisation_id_idx ON mentorcert.memberships USING btree (organisation_id, chapter_id);
CREATE INDEX memberships_user_id_idx ON mentorcert.memberships USING btree (user_id, organisation_id);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert.memberships REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('id');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert.memberships REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('id');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert.memberships REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('id');
CREATE TRIGGER check_version BEFORE UPDATE OF version ON mentorcert.memberships FOR EACH ROW EXECUTE FUNCTION mentorcert_private.check_version();
CREATE TRIGGER keep_an_administrator BEFORE UPDATE OF ended_at ON mentorcert.memberships FOR EACH ROW WHEN (((old.role = 'org_admin'::text) AND (new.ended_at < COALESCE(old.ended_at, 'infinity'::timestamp with time zone)) AND (auth.uid() IS NOT NULL))) EXECUTE FUNCTION mentorcert_private.keep_an_administrator();
CREATE TRIGGER keep_identity BEFORE UPDATE OF id, organisation_id, user_id, role, chapter_id, created_at ON mentorcert.memberships FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('id', 'organisation_id', 'user_id', 'role', 'chapter_id', 'created_at');
CREATE TRIGGER reject_second_current AFTER INSERT OR UPDATE OF ended_at ON mentorcert.memberships FOR EACH ROW WHEN (((new.ended_at IS NULL) OR (new.ended_at > statement_timestamp()))) EXECUTE FUNCTION mentorcert_private.reject_second_current();
CREATE TRIGGER reject_truncation BEFORE TRUNCATE ON mentorcert.memberships FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');
CREATE TRIGGER set_version BEFORE UPDATE ON mentorcert.memberships FOR EACH ROW EXECUTE FUNCTION mentorcert_private.set_version();
ALTER TABLE ONLY mentorcert.memberships
    ADD CONSTRAINT memberships_chapter_id_fkey FOREIGN KEY (organisation_id, chapter_id) REFERENCES mentorcert.chapters(organisation_id, id);
ALTER TABLE ONLY mentorcert.memberships
    ADD CONSTRAINT memberships_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
ALTER TABLE ONLY mentorcert.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;
CREATE POLICY "administrators add memberships to their organisation" ON mentorcert.memberships FOR INSERT TO authenticated WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators add memberships to their organisation" ON mentorcert.memberships IS 'The organisation is filled in by default, never by the client.';
CREATE POLICY "administrators change memberships of their organisation" ON mentorcert.memberships FOR UPDATE TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))) WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators change memberships of their organisation" ON mentorcert.memberships IS 'What may be changed is said by the column grant.';
CREATE POLICY "administrators read the memberships of their organisation" ON mentorcert.memberships FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the memberships of their organisation" ON mentorcert.memberships IS 'The administrator answers for who may do what.';
ALTER TABLE mentorcert.memberships ENABLE ROW LEVEL SECURITY;
CREATE POLICY "people read their own memberships" ON mentorcert.memberships FOR SELECT TO authenticated USING (((user_id = ( SELECT auth.uid() AS uid)) AND (organisation_id = ( SELECT public.get_user_organisation_id() AS get_user_organisation_id))));
COMMENT ON POLICY "people read their own memberships" ON mentorcert.memberships IS 'Of the organisation the caller acts in.';
CREATE POLICY "the endpoint memberships is switched on" ON mentorcert.memberships AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('memberships'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint memberships is switched on" ON mentorcert.memberships IS 'Raises MC010 while it is off.';
GRANT SELECT,INSERT,UPDATE ON TABLE mentorcert.memberships TO service_role;
GRANT SELECT ON TABLE mentorcert.memberships TO authenticated;
GRANT INSERT(user_id, role, chapter_id), UPDATE(ended_at, version) ON TABLE mentorcert.memberships TO authenticated;

CREATE TABLE mentorcert.organisations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    time_zone text DEFAULT 'Europe/Oslo'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT organisations_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT organisations_name_characters CHECK (mentorcert_private.is_readable_line(name)),
    CONSTRAINT organisations_name_length CHECK ((length(name) <= 200)),
    CONSTRAINT organisations_name_valid CHECK ((name <> ''::text)),
    CONSTRAINT organisations_slug_length CHECK ((length(slug) <= 63)),
    CONSTRAINT organisations_slug_valid CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)),
    CONSTRAINT organisations_updated_at_in_calendar CHECK (((updated_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert.organisations IS 'A patient organisation that runs a peer-mentor programme.';
COMMENT ON COLUMN mentorcert.organisations.time_zone IS 'IANA name; a day of this organisation begins and ends at midnight there. Every stored date was cut by it, so it never changes.';
COMMENT ON COLUMN mentorcert.organisations.version IS 'How often the row was written. An update that names it changes that version only.';
ALTER TABLE ONLY mentorcert.organisations
    ADD CONSTRAINT organisations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY mentorcert.organisations
    ADD CONSTRAINT organisations_slug_key UNIQUE (slug);
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert.organisations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('id');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert.organisations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('id');
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF name ON mentorcert.organisations FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise('line', 'name');
CREATE TRIGGER check_time_zone BEFORE INSERT ON mentorcert.organisations FOR EACH ROW EXECUTE FUNCTION mentorcert_private.check_time_zone();
CREATE TRIGGER check_version BEFORE UPDATE OF version ON mentorcert.organisations FOR EACH ROW EXECUTE FUNCTION mentorcert_private.check_version();
CREATE TRIGGER keep_identity BEFORE UPDATE OF id, slug, time_zone, created_at ON mentorcert.organisations FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('id', 'slug', 'time_zone', 'created_at');
CREATE TRIGGER set_version BEFORE UPDATE ON mentorcert.organisations FOR EACH ROW EXECUTE FUNCTION mentorcert_private.set_version();
CREATE POLICY "administrators rename their organisation" ON mentorcert.organisations FOR UPDATE TO authenticated USING ((id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))) WITH CHECK ((id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators rename their organisation" ON mentorcert.organisations IS 'The column grant leaves the name only, and the version that is changed.';
CREATE POLICY "members read their organisation" ON mentorcert.organisations FOR SELECT TO authenticated USING ((id = ( SELECT public.get_user_organisation_id() AS get_user_organisation_id)));
COMMENT ON POLICY "members read their organisation" ON mentorcert.organisations IS 'Every role may know the organisation it acts in.';
ALTER TABLE mentorcert.organisations ENABLE ROW LEVEL SECURITY;
CREATE POLICY "the endpoint organisations is switched on" ON mentorcert.organisations AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('organisations'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint organisations is switched on" ON mentorcert.organisations IS 'Raises MC010 while it is off.';
GRANT SELECT,INSERT,UPDATE ON TABLE mentorcert.organisations TO service_role;
GRANT SELECT ON TABLE mentorcert.organisations TO authenticated;
GRANT UPDATE(name, version) ON TABLE mentorcert.organisations TO authenticated;

CREATE VIEW mentorcert.peer_mentor_certifications WITH (security_invoker='true') AS
 SELECT id,
    organisation_id,
    peer_mentor_id,
    certification_type,
    issued_at,
    expires_at,
    status,
    renewal_history,
    chapter_ids,
    created_at,
    updated_at,
    public.current_status(certification.*) AS current_status
   FROM public.peer_mentor_certifications certification;
COMMENT ON VIEW mentorcert.peer_mentor_certifications IS 'The certifications that the caller reads, to embed the tables of this schema in; with the rights and under the policies of the caller.';
GRANT SELECT ON TABLE mentorcert.peer_mentor_certifications TO authenticated;
GRANT SELECT ON TABLE mentorcert.peer_mentor_certifications TO service_role;

CREATE TABLE mentorcert.peer_mentor_chapters (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid DEFAULT public.get_user_organisation_id() NOT NULL,
    peer_mentor_id uuid NOT NULL,
    chapter_id uuid NOT NULL,
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT peer_mentor_chapters_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT peer_mentor_chapters_ended_at_in_calendar CHECK (((ended_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (ended_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT peer_mentor_chapters_ended_at_valid CHECK (((ended_at >= '1900-01-01 00:00:00+00'::timestamp with time zone) AND (ended_at <= '2200-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT peer_mentor_chapters_updated_at_in_calendar CHECK (((updated_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert.peer_mentor_chapters IS 'Which chapters a peer mentor belongs, or has belonged, to.';
COMMENT ON COLUMN mentorcert.peer_mentor_chapters.ended_at IS 'From when the peer mentor is no longer in the chapter, also in the future: everything follows the clock. Null while no end is known.';
COMMENT ON COLUMN mentorcert.peer_mentor_chapters.version IS 'How often the row was written. An update that names it changes that version only.';
ALTER TABLE ONLY mentorcert.peer_mentor_chapters
    ADD CONSTRAINT peer_mentor_chapters_pkey PRIMARY KEY (id);
CREATE INDEX peer_mentor_chapters_chapter_id_idx ON mentorcert.peer_mentor_chapters USING btree (chapter_id, peer_mentor_id);
CREATE UNIQUE INDEX peer_mentor_chapters_current_key ON mentorcert.peer_mentor_chapters USING btree (organisation_id, peer_mentor_id, chapter_id) WHERE (ended_at IS NULL);
CREATE INDEX peer_mentor_chapters_ending_idx ON mentorcert.peer_mentor_chapters USING btree (ended_at) WHERE (ended_at > updated_at);
CREATE INDEX peer_mentor_chapters_peer_mentor_id_idx ON mentorcert.peer_mentor_chapters USING btree (peer_mentor_id, chapter_id);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert.peer_mentor_chapters REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('id');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert.peer_mentor_chapters REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('id');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert.peer_mentor_chapters REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('id');
CREATE TRIGGER check_version BEFORE UPDATE OF version ON mentorcert.peer_mentor_chapters FOR EACH ROW EXECUTE FUNCTION mentorcert_private.check_version();
CREATE TRIGGER copy_chapter_ids_on_insert AFTER INSERT ON mentorcert.peer_mentor_chapters REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.copy_chapter_ids();
CREATE TRIGGER copy_chapter_ids_on_update AFTER UPDATE ON mentorcert.peer_mentor_chapters REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.copy_chapter_ids();
CREATE TRIGGER keep_identity BEFORE UPDATE OF id, organisation_id, peer_mentor_id, chapter_id, created_at ON mentorcert.peer_mentor_chapters FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('id', 'organisation_id', 'peer_mentor_id', 'chapter_id', 'created_at');
CREATE TRIGGER refresh_listing_of_ends AFTER UPDATE ON mentorcert.peer_mentor_chapters REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.refresh_listing_of_links();
CREATE TRIGGER reject_second_current AFTER INSERT OR UPDATE OF ended_at ON mentorcert.peer_mentor_chapters FOR EACH ROW WHEN (((new.ended_at IS NULL) OR (new.ended_at > statement_timestamp()))) EXECUTE FUNCTION mentorcert_private.reject_second_current();
CREATE TRIGGER reject_truncation BEFORE TRUNCATE ON mentorcert.peer_mentor_chapters FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');
CREATE TRIGGER set_version BEFORE UPDATE ON mentorcert.peer_mentor_chapters FOR EACH ROW EXECUTE FUNCTION mentorcert_private.set_version();
ALTER TABLE ONLY mentorcert.peer_mentor_chapters
    ADD CONSTRAINT peer_mentor_chapters_chapter_id_fkey FOREIGN KEY (organisation_id, chapter_id) REFERENCES mentorcert.chapters(organisation_id, id);
ALTER TABLE ONLY mentorcert.peer_mentor_chapters
    ADD CONSTRAINT peer_mentor_chapters_peer_mentor_id_fkey FOREIGN KEY (organisation_id, peer_mentor_id) REFERENCES mentorcert.peer_mentors(organisation_id, id);
CREATE POLICY "administrators put peer mentors into chapters" ON mentorcert.peer_mentor_chapters FOR INSERT TO authenticated WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators put peer mentors into chapters" ON mentorcert.peer_mentor_chapters IS 'The organisation is filled in by default, never by the client.';
CREATE POLICY "administrators take peer mentors out of chapters" ON mentorcert.peer_mentor_chapters FOR UPDATE TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))) WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators take peer mentors out of chapters" ON mentorcert.peer_mentor_chapters IS 'What may be changed is said by the column grant.';
ALTER TABLE mentorcert.peer_mentor_chapters ENABLE ROW LEVEL SECURITY;
CREATE POLICY "people read the chapters of peer mentors within their reach" ON mentorcert.peer_mentor_chapters FOR SELECT TO authenticated USING (((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) OR (((ended_at IS NULL) OR (ended_at > statement_timestamp())) AND (chapter_id = ANY (( SELECT mentorcert_private.coordinated_chapter_ids() AS coordinated_chapter_ids)::uuid[]))) OR (peer_mentor_id = ANY (( SELECT mentorcert_private.own_peer_mentor_ids() AS own_peer_mentor_ids)::uuid[]))));
COMMENT ON POLICY "people read the chapters of peer mentors within their reach" ON mentorcert.peer_mentor_chapters IS 'A coordinator sees who is in the own chapters now, not the other chapters of the same person.';
CREATE POLICY "the endpoint peer_mentors is switched on" ON mentorcert.peer_mentor_chapters AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('peer_mentors'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint peer_mentors is switched on" ON mentorcert.peer_mentor_chapters IS 'Raises MC010 while it is off.';
GRANT SELECT,INSERT,UPDATE ON TABLE mentorcert.peer_mentor_chapters TO service_role;
GRANT SELECT ON TABLE mentorcert.peer_mentor_chapters TO authenticated;
GRANT INSERT(peer_mentor_id, chapter_id), UPDATE(ended_at, version) ON TABLE mentorcert.peer_mentor_chapters TO authenticated;

CREATE TABLE mentorcert.peer_mentors (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid DEFAULT public.get_user_organisation_id() NOT NULL,
    external_id text NOT NULL,
    user_id uuid,
    full_name text NOT NULL,
    display_name text,
    email text,
    phone text,
    listing_consent boolean DEFAULT false NOT NULL,
    chapter_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    erased_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    language text DEFAULT 'nb'::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT peer_mentors_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT peer_mentors_display_name_characters CHECK (mentorcert_private.is_readable_line(display_name)),
    CONSTRAINT peer_mentors_display_name_length CHECK ((length(display_name) <= 200)),
    CONSTRAINT peer_mentors_email_length CHECK ((length(email) <= 254)),
    CONSTRAINT peer_mentors_email_valid CHECK (mentorcert_private.is_email(email)),
    CONSTRAINT peer_mentors_erased_at_in_calendar CHECK (((erased_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (erased_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT peer_mentors_erased_at_valid CHECK (((erased_at IS NULL) OR ((user_id IS NULL) AND (email IS NULL) AND (phone IS NULL) AND (display_name IS NULL) AND (NOT listing_consent) AND (full_name = 'erased'::text) AND (external_id = ('erased-'::text || id))))),
    CONSTRAINT peer_mentors_external_id_length CHECK ((length(external_id) <= 100)),
    CONSTRAINT peer_mentors_external_id_valid CHECK (mentorcert_private.is_number(external_id)),
    CONSTRAINT peer_mentors_full_name_characters CHECK (mentorcert_private.is_readable_line(full_name)),
    CONSTRAINT peer_mentors_full_name_length CHECK ((length(full_name) <= 200)),
    CONSTRAINT peer_mentors_full_name_valid CHECK ((full_name <> ''::text)),
    CONSTRAINT peer_mentors_language_valid CHECK ((language = ANY (ARRAY['nb'::text, 'en'::text]))),
    CONSTRAINT peer_mentors_phone_length CHECK ((length(phone) <= 40)),
    CONSTRAINT peer_mentors_phone_valid CHECK (mentorcert_private.is_phone(phone)),
    CONSTRAINT peer_mentors_updated_at_in_calendar CHECK (((updated_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
)
WITH (fillfactor='90');
COMMENT ON TABLE mentorcert.peer_mentors IS 'A volunteer of ONE organisation, with or without a login; a person active in two organisations is two rows.';
COMMENT ON COLUMN mentorcert.peer_mentors.external_id IS 'The organisation''s own number for this person, as in its files and its CRM.';
COMMENT ON COLUMN mentorcert.peer_mentors.display_name IS 'The name on the public list; null means full_name.';
COMMENT ON COLUMN mentorcert.peer_mentors.chapter_ids IS 'The current chapters, kept by trigger from peer_mentor_chapters.';
COMMENT ON COLUMN mentorcert.peer_mentors.erased_at IS 'When the person was erased, by mentorcert_private.erase_peer_mentor; the row stays, without a name, for the counts of past years.';
COMMENT ON COLUMN mentorcert.peer_mentors.language IS 'The language of what is written to this person: nb or en.';
COMMENT ON COLUMN mentorcert.peer_mentors.version IS 'How often the row was written. An update that names it changes that version only.';
ALTER TABLE ONLY mentorcert.peer_mentors
    ADD CONSTRAINT peer_mentors_organisation_id_external_id_key UNIQUE (organisation_id, external_id);
ALTER TABLE ONLY mentorcert.peer_mentors
    ADD CONSTRAINT peer_mentors_organisation_id_id_key UNIQUE (organisation_id, id);
ALTER TABLE ONLY mentorcert.peer_mentors
    ADD CONSTRAINT peer_mentors_pkey PRIMARY KEY (id);
CREATE INDEX peer_mentors_chapter_ids_idx ON mentorcert.peer_mentors USING gin (chapter_ids);
CREATE INDEX peer_mentors_email_idx ON mentorcert.peer_mentors USING btree (organisation_id, mentorcert_private.folded(email)) WHERE (email IS NOT NULL);
CREATE UNIQUE INDEX peer_mentors_external_id_folded_key ON mentorcert.peer_mentors USING btree (organisation_id, mentorcert_private.folded(external_id));
CREATE INDEX peer_mentors_number_key_idx ON mentorcert.peer_mentors USING btree (organisation_id, mentorcert_private.number_key(external_id));
CREATE UNIQUE INDEX peer_mentors_user_id_key ON mentorcert.peer_mentors USING btree (user_id, organisation_id) WHERE (user_id IS NOT NULL);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert.peer_mentors REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('id', 'user_id', 'listing_consent');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert.peer_mentors REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('id', 'user_id');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert.peer_mentors REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('id', 'user_id', 'listing_consent');
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF external_id, full_name, display_name, email, phone ON mentorcert.peer_mentors FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise_peer_mentor();
CREATE TRIGGER check_version BEFORE UPDATE OF version ON mentorcert.peer_mentors FOR EACH ROW EXECUTE FUNCTION mentorcert_private.check_version();
CREATE TRIGGER end_calendar_feed AFTER UPDATE OF user_id ON mentorcert.peer_mentors FOR EACH ROW WHEN ((old.user_id IS DISTINCT FROM new.user_id)) EXECUTE FUNCTION mentorcert_private.end_calendar_feed();
CREATE TRIGGER keep_chapter_ids BEFORE UPDATE OF chapter_ids ON mentorcert.peer_mentors FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_other_chapters('id');
CREATE TRIGGER keep_chapter_ids_on_insert BEFORE INSERT ON mentorcert.peer_mentors FOR EACH ROW WHEN ((new.chapter_ids <> '{}'::uuid[])) EXECUTE FUNCTION mentorcert_private.reject_other_chapters('id');
CREATE TRIGGER keep_identity BEFORE UPDATE OF id, organisation_id, created_at ON mentorcert.peer_mentors FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('id', 'organisation_id', 'created_at');
CREATE TRIGGER refresh_listing_on_update AFTER UPDATE ON mentorcert.peer_mentors REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.refresh_listing_of_peer_mentors();
CREATE TRIGGER set_version BEFORE UPDATE ON mentorcert.peer_mentors FOR EACH ROW EXECUTE FUNCTION mentorcert_private.set_version();
CREATE TRIGGER sync_portal_on_insert AFTER INSERT ON mentorcert.peer_mentors REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_insert_of_peer_mentors();
CREATE TRIGGER sync_portal_on_update AFTER UPDATE ON mentorcert.peer_mentors REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_change_of_peer_mentors();
ALTER TABLE ONLY mentorcert.peer_mentors
    ADD CONSTRAINT peer_mentors_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
ALTER TABLE ONLY mentorcert.peer_mentors
    ADD CONSTRAINT peer_mentors_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE SET NULL;
CREATE POLICY "administrators add peer mentors to their organisation" ON mentorcert.peer_mentors FOR INSERT TO authenticated WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators add peer mentors to their organisation" ON mentorcert.peer_mentors IS 'The organisation is filled in by default, never by the client.';
CREATE POLICY "administrators change peer mentors of their organisation" ON mentorcert.peer_mentors FOR UPDATE TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))) WITH CHECK ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators change peer mentors of their organisation" ON mentorcert.peer_mentors IS 'What may be changed is said by the column grant.';
CREATE POLICY "members read peer mentors of their organisation" ON mentorcert.peer_mentors FOR SELECT TO authenticated USING ((organisation_id = ( SELECT public.get_user_organisation_id() AS get_user_organisation_id)));
COMMENT ON POLICY "members read peer mentors of their organisation" ON mentorcert.peer_mentors IS 'Those within reach, as the restrictive policy says.';
CREATE POLICY "peer mentors are within reach and switched on" ON mentorcert.peer_mentors AS RESTRICTIVE TO anon, authenticated USING ((( SELECT mentorcert_private.check_endpoint('peer_mentors'::text) AS check_endpoint) AND ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) OR ((chapter_ids && ( SELECT mentorcert_private.coordinated_chapter_ids() AS coordinated_chapter_ids)) AND (id <> ALL (( SELECT mentorcert_private.left_peer_mentor_ids() AS left_peer_mentor_ids)::uuid[]))) OR (id = ANY (( SELECT mentorcert_private.own_peer_mentor_ids() AS own_peer_mentor_ids)::uuid[])))));
COMMENT ON POLICY "peer mentors are within reach and switched on" ON mentorcert.peer_mentors IS 'Holds whatever else lets in. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';
ALTER TABLE mentorcert.peer_mentors ENABLE ROW LEVEL SECURITY;
GRANT SELECT,INSERT,UPDATE ON TABLE mentorcert.peer_mentors TO service_role;
GRANT SELECT ON TABLE mentorcert.peer_mentors TO authenticated;
GRANT INSERT(external_id, user_id, full_name, display_name, email, phone, listing_consent, language), UPDATE(external_id, user_id, full_name, display_name, email, phone, listing_consent, language, version) ON TABLE mentorcert.peer_mentors TO authenticated;

CREATE FUNCTION mentorcert.certifications_page(after_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, after_id uuid DEFAULT NULL::uuid, page_size integer DEFAULT 50, status text DEFAULT NULL::text, certification_type text DEFAULT NULL::text, chapter_id uuid DEFAULT NULL::uuid, expiring_before timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS SETOF mentorcert.peer_mentor_certifications
    LANGUAGE sql STABLE ROWS 50
    SET search_path TO ''
    AS $_$
  select page.*, public.current_status(page)
  from public.certifications_page($1, $2, $3, $4, $5, $6, $7) as page
$_$;
COMMENT ON FUNCTION mentorcert.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) IS 'public.certifications_page for the Data API, which embeds the tables of this schema in it.';
REVOKE ALL ON FUNCTION mentorcert.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) TO authenticated;
GRANT ALL ON FUNCTION mentorcert.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) TO service_role;

CREATE SCHEMA mentorcert_portal;
COMMENT ON SCHEMA mentorcert_portal IS 'The portal sync. Not exposed through the Data API; the worker writes it, administrators read what is of their organisation.';
GRANT USAGE ON SCHEMA mentorcert_portal TO authenticated;

CREATE TABLE mentorcert_portal.attempt_counts (
    organisation_id uuid NOT NULL,
    outcome text NOT NULL,
    attempts bigint NOT NULL
);
COMMENT ON TABLE mentorcert_portal.attempt_counts IS 'How many attempts ever had which outcome: a number that only rises, whatever the log still keeps.';
ALTER TABLE ONLY mentorcert_portal.attempt_counts
    ADD CONSTRAINT attempt_counts_pkey PRIMARY KEY (organisation_id, outcome);
CREATE POLICY "administrators read the counts of their organisation" ON mentorcert_portal.attempt_counts FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the counts of their organisation" ON mentorcert_portal.attempt_counts IS 'The outcomes of the attempts to send to the own portal.';
ALTER TABLE mentorcert_portal.attempt_counts ENABLE ROW LEVEL SECURITY;
GRANT SELECT(organisation_id, outcome, attempts) ON TABLE mentorcert_portal.attempt_counts TO authenticated;

CREATE TABLE mentorcert_portal.attempts (
    id bigint NOT NULL,
    attempted_at timestamp with time zone NOT NULL,
    organisation_id uuid NOT NULL,
    peer_mentor_id uuid NOT NULL,
    version bigint NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    http_status integer,
    latency_s real,
    error text,
    worker text NOT NULL,
    CONSTRAINT attempts_attempted_at_in_calendar CHECK (((attempted_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (attempted_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT attempts_outcome_valid CHECK ((outcome = ANY (ARRAY['applied'::text, 'already_newer'::text, 'shadowed'::text, 'lost_lease'::text, 'unavailable'::text, 'unauthorised'::text, 'rejected'::text, 'unexpected_answer'::text, 'message_invalid'::text, 'internal'::text])))
);
COMMENT ON TABLE mentorcert_portal.attempts IS 'Every attempt to send to the portal, appended only. Without foreign keys: it is a log, written thousands of times a minute.';
COMMENT ON COLUMN mentorcert_portal.attempts.outcome IS 'The result. already_newer: the portal has this version or a later one; shadowed: rendered and found valid, not sent; lost_lease: the acknowledgement came too late; message_invalid: our message breaks the contract''s schema; internal: a fault of ours.';
ALTER TABLE mentorcert_portal.attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME mentorcert_portal.attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY mentorcert_portal.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);
CREATE INDEX attempts_attempted_at_idx ON mentorcert_portal.attempts USING brin (attempted_at);
CREATE INDEX attempts_peer_mentor_id_idx ON mentorcert_portal.attempts USING btree (peer_mentor_id, attempted_at);
CREATE INDEX attempts_rejected_idx ON mentorcert_portal.attempts USING btree (organisation_id, attempted_at) WHERE (outcome = 'rejected'::text);
CREATE TRIGGER count_attempts AFTER INSERT ON mentorcert_portal.attempts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.count_attempts();
CREATE TRIGGER reject_change BEFORE UPDATE OR TRUNCATE ON mentorcert_portal.attempts FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('portal_attempts_append_only', 'The log is appended to; what is older than a month may be deleted.');
CREATE TRIGGER reject_removal BEFORE DELETE ON mentorcert_portal.attempts FOR EACH ROW WHEN ((old.attempted_at > (now() - '1 mon'::interval))) EXECUTE FUNCTION mentorcert_private.reject_change('portal_attempts_append_only', 'The log is appended to; what is older than a month may be deleted.');
ALTER TABLE mentorcert_portal.attempts ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_portal.connections (
    organisation_id uuid NOT NULL,
    mode text DEFAULT 'capture'::text NOT NULL,
    canary_peer_mentor_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    adapter text NOT NULL,
    contract_version text NOT NULL,
    breaker text DEFAULT 'closed'::text NOT NULL,
    breaker_reason text,
    failures integer DEFAULT 0 NOT NULL,
    resume_at timestamp with time zone,
    requeue_since timestamp with time zone,
    changed_by text DEFAULT SESSION_USER NOT NULL,
    reason text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    mode_since timestamp with time zone DEFAULT now() NOT NULL,
    breaker_since timestamp with time zone,
    CONSTRAINT connections_adapter_valid CHECK ((btrim(adapter) <> ''::text)),
    CONSTRAINT connections_breaker_since_in_calendar CHECK (((breaker_since >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (breaker_since <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT connections_breaker_valid CHECK ((breaker = ANY (ARRAY['closed'::text, 'open'::text, 'blocked'::text]))),
    CONSTRAINT connections_canary_valid CHECK (((mode = 'canary'::text) = (canary_peer_mentor_ids <> '{}'::uuid[]))),
    CONSTRAINT connections_changed_at_in_calendar CHECK (((changed_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (changed_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT connections_contract_version_valid CHECK ((btrim(contract_version) <> ''::text)),
    CONSTRAINT connections_mode_since_in_calendar CHECK (((mode_since >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (mode_since <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT connections_mode_valid CHECK ((mode = ANY (ARRAY['capture'::text, 'shadow'::text, 'canary'::text, 'live'::text, 'paused'::text]))),
    CONSTRAINT connections_reason_length CHECK ((length(reason) <= 2000)),
    CONSTRAINT connections_reason_valid CHECK (((reason <> ''::text) AND mentorcert_private.is_readable(reason))),
    CONSTRAINT connections_requeue_since_in_calendar CHECK (((requeue_since >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (requeue_since <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT connections_resume_at_in_calendar CHECK (((resume_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (resume_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_portal.connections IS 'How an organisation''s portal is reached, and whether anything is sent to it. An organisation without a row is in capture.';
COMMENT ON COLUMN mentorcert_portal.connections.mode IS 'capture: recorded, nothing sent; shadow: rendered and validated, not sent; canary: only the named peer mentors; live; paused.';
COMMENT ON COLUMN mentorcert_portal.connections.breaker IS 'open: the portal does not answer, one attempt at a time at resume_at; blocked: it refuses our credentials or our contract, and a person must look.';
COMMENT ON COLUMN mentorcert_portal.connections.failures IS 'Attempts that failed since the last that did not.';
COMMENT ON COLUMN mentorcert_portal.connections.resume_at IS 'Nothing is sent before: what the portal asked for (Retry-After), or the open breaker''s next attempt.';
COMMENT ON COLUMN mentorcert_portal.connections.requeue_since IS 'What is unconfirmed and was last tried before this instant is tried again at once; null: nothing is.';
COMMENT ON COLUMN mentorcert_portal.connections.changed_by IS 'Who made the latest change of mode, adapter or contract.';
COMMENT ON COLUMN mentorcert_portal.connections.mode_since IS 'Since when the mode holds; a change of the adapter leaves it.';
COMMENT ON COLUMN mentorcert_portal.connections.breaker_since IS 'Since when the breaker has not been closed; null: it is closed.';
ALTER TABLE ONLY mentorcert_portal.connections
    ADD CONSTRAINT connections_pkey PRIMARY KEY (organisation_id);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert_portal.connections REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('organisation_id', 'mode', 'canary_peer_mentor_ids', 'adapter', 'contract_version', 'changed_by', 'reason');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert_portal.connections REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('organisation_id', 'mode', 'canary_peer_mentor_ids', 'adapter', 'contract_version', 'changed_by', 'reason');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert_portal.connections REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('organisation_id', 'mode', 'canary_peer_mentor_ids', 'adapter', 'contract_version', 'changed_by', 'reason');
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF reason ON mentorcert_portal.connections FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise('text', 'reason');
CREATE TRIGGER set_since BEFORE UPDATE ON mentorcert_portal.connections FOR EACH ROW EXECUTE FUNCTION mentorcert_portal.set_since();
ALTER TABLE ONLY mentorcert_portal.connections
    ADD CONSTRAINT connections_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators read the connection of their organisation" ON mentorcert_portal.connections FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the connection of their organisation" ON mentorcert_portal.connections IS 'How the own portal is reached, and whether anything is sent to it.';
ALTER TABLE mentorcert_portal.connections ENABLE ROW LEVEL SECURITY;
GRANT SELECT(organisation_id, mode, canary_peer_mentor_ids, adapter, contract_version, breaker, breaker_reason, changed_by, reason, changed_at, mode_since, breaker_since) ON TABLE mentorcert_portal.connections TO authenticated;

CREATE TABLE mentorcert_portal.drift (
    id bigint NOT NULL,
    reconciliation_id bigint NOT NULL,
    organisation_id uuid NOT NULL,
    kind text NOT NULL,
    peer_mentor_id uuid,
    external_id text,
    version bigint,
    there jsonb,
    expected jsonb,
    found_at timestamp with time zone NOT NULL,
    marked_at timestamp with time zone,
    repaired_at timestamp with time zone,
    CONSTRAINT drift_found_at_in_calendar CHECK (((found_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (found_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT drift_kind_valid CHECK ((kind = ANY (ARRAY['listed_but_expired'::text, 'missing'::text, 'stale'::text, 'unknown_there'::text, 'duplicate'::text]))),
    CONSTRAINT drift_marked_at_in_calendar CHECK (((marked_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (marked_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT drift_marked_valid CHECK (((marked_at IS NULL) OR (kind = ANY (ARRAY['listed_but_expired'::text, 'missing'::text, 'stale'::text])))),
    CONSTRAINT drift_peer_mentor_valid CHECK (((kind = 'unknown_there'::text) OR (peer_mentor_id IS NOT NULL))),
    CONSTRAINT drift_repaired_at_in_calendar CHECK (((repaired_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (repaired_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_portal.drift IS 'What a reconciliation found to differ, appended only, without personal data. Every run lists all that it found; one that was stopped the first thousand.';
COMMENT ON COLUMN mentorcert_portal.drift.kind IS 'listed_but_expired: shown there though it must not be; missing; stale: an older version or another status; unknown_there: shows somebody we do not know; duplicate: more than one record of the same.';
COMMENT ON COLUMN mentorcert_portal.drift.peer_mentor_id IS 'Ours; of kind unknown_there the id that the portal gives. Without a foreign key: it is a log.';
COMMENT ON COLUMN mentorcert_portal.drift.external_id IS 'The number that the portal gives of somebody unknown.';
COMMENT ON COLUMN mentorcert_portal.drift.version IS 'Our version when it was compared.';
COMMENT ON COLUMN mentorcert_portal.drift.there IS 'What the portal says: records, version, status, listed; null: nothing.';
COMMENT ON COLUMN mentorcert_portal.drift.expected IS 'What it should say: version, status, listed.';
COMMENT ON COLUMN mentorcert_portal.drift.marked_at IS 'When it was set to be sent again; null where we cannot repair, or must not.';
COMMENT ON COLUMN mentorcert_portal.drift.repaired_at IS 'When a later reconciliation no longer found it: the portal''s word alone does not repair.';
ALTER TABLE mentorcert_portal.drift ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME mentorcert_portal.drift_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY mentorcert_portal.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (id);
CREATE INDEX drift_open_idx ON mentorcert_portal.drift USING btree (organisation_id, peer_mentor_id) WHERE (repaired_at IS NULL);
CREATE INDEX drift_reconciliation_id_idx ON mentorcert_portal.drift USING btree (reconciliation_id, id);
CREATE TRIGGER reject_change BEFORE UPDATE ON mentorcert_portal.drift FOR EACH ROW WHEN ((((to_jsonb(old.*) - '{marked_at,repaired_at}'::text[]) <> (to_jsonb(new.*) - '{marked_at,repaired_at}'::text[])) OR ((old.marked_at IS NOT NULL) AND (new.marked_at IS DISTINCT FROM old.marked_at)) OR ((old.repaired_at IS NOT NULL) AND (new.repaired_at IS DISTINCT FROM old.repaired_at)))) EXECUTE FUNCTION mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');
CREATE TRIGGER reject_removal BEFORE DELETE ON mentorcert_portal.drift FOR EACH ROW WHEN ((old.found_at > (now() - '1 mon'::interval))) EXECUTE FUNCTION mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');
CREATE TRIGGER reject_truncation BEFORE TRUNCATE ON mentorcert_portal.drift FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');
ALTER TABLE ONLY mentorcert_portal.drift
    ADD CONSTRAINT drift_reconciliation_id_fkey FOREIGN KEY (reconciliation_id) REFERENCES mentorcert_portal.reconciliations(id) ON DELETE CASCADE;
CREATE POLICY "administrators read the drift of their organisation" ON mentorcert_portal.drift FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the drift of their organisation" ON mentorcert_portal.drift IS 'What the own portal shows otherwise.';
ALTER TABLE mentorcert_portal.drift ENABLE ROW LEVEL SECURITY;
GRANT SELECT(id, reconciliation_id, organisation_id, kind, peer_mentor_id, external_id, there, expected, found_at, marked_at, repaired_at) ON TABLE mentorcert_portal.drift TO authenticated;

CREATE TABLE mentorcert_portal.inbox (
    id bigint NOT NULL,
    organisation_id uuid NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    message_id text NOT NULL,
    digest bytea NOT NULL,
    headers jsonb NOT NULL,
    body bytea,
    fetched json,
    stripped boolean NOT NULL,
    duplicates integer DEFAULT 0 NOT NULL,
    state text DEFAULT 'received'::text NOT NULL,
    reason text,
    rule text,
    entity text,
    message text,
    record_id text,
    sequence bigint,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
    worked_at timestamp with time zone,
    CONSTRAINT inbox_body_valid CHECK (((body IS NOT NULL) OR (state = ANY (ARRAY['worked'::text, 'ignored'::text, 'echo'::text, 'lapsed'::text])))),
    CONSTRAINT inbox_next_attempt_at_in_calendar CHECK (((next_attempt_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (next_attempt_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT inbox_received_at_in_calendar CHECK (((received_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (received_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT inbox_state_valid CHECK ((state = ANY (ARRAY['received'::text, 'worked'::text, 'ignored'::text, 'echo'::text, 'unknown'::text, 'needs_fetch'::text, 'needs_person'::text, 'failed'::text, 'lapsed'::text]))),
    CONSTRAINT inbox_worked_at_in_calendar CHECK (((worked_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (worked_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT inbox_worked_at_valid CHECK (((state = 'received'::text) = (worked_at IS NULL)))
);
COMMENT ON TABLE mentorcert_portal.inbox IS 'Every authenticated message of a portal, as it came. A row is never dropped; its body is, once worked and old.';
COMMENT ON COLUMN mentorcert_portal.inbox.message_id IS 'webhook-id, or where the sender gives none the digest in hex; with the digest it identifies a duplicate.';
COMMENT ON COLUMN mentorcert_portal.inbox.digest IS 'SHA-256 of the body.';
COMMENT ON COLUMN mentorcert_portal.inbox.headers IS 'Those that describe the message; never one that authenticates it.';
COMMENT ON COLUMN mentorcert_portal.inbox.body IS 'As received, with whatever personal data stands in it; null after the retention.';
COMMENT ON COLUMN mentorcert_portal.inbox.fetched IS 'Of a stripped message: the columns that the rules need, as read from the portal afterwards; null after the retention.';
COMMENT ON COLUMN mentorcert_portal.inbox.stripped IS 'Whether Dataverse left the contents out, being over 256 KB.';
COMMENT ON COLUMN mentorcert_portal.inbox.duplicates IS 'How often the same message came again.';
COMMENT ON COLUMN mentorcert_portal.inbox.state IS 'received: to be worked; worked; ignored: older or already so; echo: of our own write; unknown: no rule fits; needs_fetch: stripped, the record must be read at the portal; needs_person; failed: the registry refused; lapsed: nobody saw to it in time, and its body is deleted.';
COMMENT ON COLUMN mentorcert_portal.inbox.reason IS 'Why it is in this state; without personal data.';
COMMENT ON COLUMN mentorcert_portal.inbox.sequence IS 'The place of the message among those of its record, where it has one; never a clock of the sender.';
ALTER TABLE mentorcert_portal.inbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME mentorcert_portal.inbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY mentorcert_portal.inbox
    ADD CONSTRAINT inbox_message_key UNIQUE (organisation_id, message_id, digest);
ALTER TABLE ONLY mentorcert_portal.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (id);
CREATE INDEX inbox_body_idx ON mentorcert_portal.inbox USING btree (organisation_id, worked_at) WHERE ((body IS NOT NULL) AND (state = ANY (ARRAY['worked'::text, 'ignored'::text, 'echo'::text])));
CREATE INDEX inbox_fetch_idx ON mentorcert_portal.inbox USING btree (next_attempt_at) WHERE (state = 'needs_fetch'::text);
CREATE INDEX inbox_received_idx ON mentorcert_portal.inbox USING btree (next_attempt_at) WHERE (state = 'received'::text);
CREATE INDEX inbox_record_idx ON mentorcert_portal.inbox USING btree (organisation_id, entity, record_id, rule, sequence) WHERE (state = 'worked'::text);
CREATE INDEX inbox_state_idx ON mentorcert_portal.inbox USING btree (organisation_id, state, received_at);
CREATE INDEX inbox_unsettled_idx ON mentorcert_portal.inbox USING btree (received_at) WHERE (state = ANY (ARRAY['unknown'::text, 'needs_fetch'::text, 'needs_person'::text, 'failed'::text]));
ALTER TABLE ONLY mentorcert_portal.inbox
    ADD CONSTRAINT inbox_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators count the messages to their organisation" ON mentorcert_portal.inbox FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators count the messages to their organisation" ON mentorcert_portal.inbox IS 'How many wait and since when; what they hold is not granted.';
ALTER TABLE mentorcert_portal.inbox ENABLE ROW LEVEL SECURITY;
GRANT SELECT(organisation_id, received_at, state) ON TABLE mentorcert_portal.inbox TO authenticated;

CREATE TABLE mentorcert_portal.reconciliation_times (
    organisation_id uuid NOT NULL,
    recent_at timestamp with time zone NOT NULL,
    full_at timestamp with time zone NOT NULL,
    CONSTRAINT reconciliation_times_full_at_in_calendar CHECK (((full_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (full_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT reconciliation_times_recent_at_in_calendar CHECK (((recent_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (recent_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_portal.reconciliation_times IS 'When an organisation is reconciled next.';
COMMENT ON COLUMN mentorcert_portal.reconciliation_times.full_at IS 'Three hours into a local day; recent_at comes every hour.';
ALTER TABLE ONLY mentorcert_portal.reconciliation_times
    ADD CONSTRAINT reconciliation_times_pkey PRIMARY KEY (organisation_id);
ALTER TABLE ONLY mentorcert_portal.reconciliation_times
    ADD CONSTRAINT reconciliation_times_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
ALTER TABLE mentorcert_portal.reconciliation_times ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_portal.reconciliations (
    id bigint NOT NULL,
    organisation_id uuid NOT NULL,
    scope text NOT NULL,
    is_dry_run boolean DEFAULT false NOT NULL,
    worker text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone,
    finished_at timestamp with time zone,
    outcome text,
    reason text,
    read integer DEFAULT 0 NOT NULL,
    compared integer DEFAULT 0 NOT NULL,
    in_motion integer DEFAULT 0 NOT NULL,
    listed_but_expired integer DEFAULT 0 NOT NULL,
    missing integer DEFAULT 0 NOT NULL,
    stale integer DEFAULT 0 NOT NULL,
    unknown_there integer DEFAULT 0 NOT NULL,
    duplicate integer DEFAULT 0 NOT NULL,
    marked integer DEFAULT 0 NOT NULL,
    CONSTRAINT reconciliations_finished_at_in_calendar CHECK (((finished_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (finished_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT reconciliations_finished_valid CHECK ((((finished_at IS NULL) = (outcome IS NULL)) AND ((finished_at IS NULL) = (lease_until IS NOT NULL)))),
    CONSTRAINT reconciliations_lease_until_in_calendar CHECK (((lease_until >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (lease_until <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT reconciliations_outcome_valid CHECK ((outcome = ANY (ARRAY['done'::text, 'stopped'::text, 'unverified'::text, 'failed'::text]))),
    CONSTRAINT reconciliations_reason_valid CHECK (((outcome <> 'done'::text) = (reason IS NOT NULL))),
    CONSTRAINT reconciliations_scope_valid CHECK ((scope = ANY (ARRAY['recent'::text, 'full'::text]))),
    CONSTRAINT reconciliations_started_at_in_calendar CHECK (((started_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (started_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_portal.reconciliations IS 'Every comparison of what an organisation''s portal shows with what it should; one at a time for each organisation.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.scope IS 'full: everybody is compared; recent: those who changed or were sent since the last that was done, must not be listed, is shown otherwise than confirmed, or differed before.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.is_dry_run IS 'Nothing is repaired: asked for, or because the mode does not send.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.lease_until IS 'Until when its process need not report; then another may start over.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.outcome IS 'done: compared, and what differs is repaired as far as we can; stopped: too much differs, or the portal''s list is not whole; unverified: the portal cannot be read; failed: no answer, or a fault of ours.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.reason IS 'Why it is not done; without personal data.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.read IS 'Records that the portal has given.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.compared IS 'Peer mentors compared.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.in_motion IS 'Peer mentors who were changed or sent meanwhile; the next comparison is about them.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.listed_but_expired IS 'Peer mentors whom the portal shows though it must not: the alarm.';
COMMENT ON COLUMN mentorcert_portal.reconciliations.marked IS 'Peer mentors who are sent to the portal again.';
ALTER TABLE mentorcert_portal.reconciliations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME mentorcert_portal.reconciliations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY mentorcert_portal.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);
CREATE INDEX reconciliations_organisation_id_idx ON mentorcert_portal.reconciliations USING btree (organisation_id, id);
CREATE UNIQUE INDEX reconciliations_running_key ON mentorcert_portal.reconciliations USING btree (organisation_id) WHERE (finished_at IS NULL);
CREATE TRIGGER reject_change BEFORE UPDATE ON mentorcert_portal.reconciliations FOR EACH ROW WHEN ((old.finished_at IS NOT NULL)) EXECUTE FUNCTION mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');
CREATE TRIGGER reject_removal BEFORE DELETE ON mentorcert_portal.reconciliations FOR EACH ROW WHEN ((old.started_at > (now() - '1 mon'::interval))) EXECUTE FUNCTION mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');
CREATE TRIGGER reject_truncation BEFORE TRUNCATE ON mentorcert_portal.reconciliations FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('portal_reconciliations_append_only', 'What is older than a month may be deleted.');
ALTER TABLE ONLY mentorcert_portal.reconciliations
    ADD CONSTRAINT reconciliations_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators read the reconciliations of their organisation" ON mentorcert_portal.reconciliations FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the reconciliations of their organisation" ON mentorcert_portal.reconciliations IS 'When the own portal was compared.';
ALTER TABLE mentorcert_portal.reconciliations ENABLE ROW LEVEL SECURITY;
GRANT SELECT(id, organisation_id, scope, is_dry_run, started_at, finished_at, outcome, reason, read, compared, in_motion, listed_but_expired, missing, stale, unknown_there, duplicate, marked) ON TABLE mentorcert_portal.reconciliations TO authenticated;

CREATE TABLE mentorcert_portal.replays (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid NOT NULL,
    selection jsonb NOT NULL,
    last_id uuid,
    marked integer DEFAULT 0 NOT NULL,
    total integer NOT NULL,
    reason text NOT NULL,
    started_by text DEFAULT SESSION_USER NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    is_requested boolean DEFAULT false NOT NULL,
    CONSTRAINT replays_finished_at_in_calendar CHECK (((finished_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (finished_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT replays_reason_length CHECK ((length(reason) <= 2000)),
    CONSTRAINT replays_reason_valid CHECK (((reason <> ''::text) AND mentorcert_private.is_readable(reason))),
    CONSTRAINT replays_selection_length CHECK ((length((selection)::text) <= 1000000)),
    CONSTRAINT replays_started_at_in_calendar CHECK (((started_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (started_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_portal.replays IS 'Who had what sent again; last_id is where an interrupted replay goes on.';
COMMENT ON COLUMN mentorcert_portal.replays.selection IS 'peer_mentor_ids, since, error_class: what is left out does not narrow the choice.';
COMMENT ON COLUMN mentorcert_portal.replays.is_requested IS 'Whether the workers carry it out; else the process that started it does.';
ALTER TABLE ONLY mentorcert_portal.replays
    ADD CONSTRAINT replays_pkey PRIMARY KEY (id);
CREATE INDEX replays_organisation_id_idx ON mentorcert_portal.replays USING btree (organisation_id, started_at DESC, id);
CREATE INDEX replays_requested_idx ON mentorcert_portal.replays USING btree (started_at) WHERE (is_requested AND (finished_at IS NULL));
CREATE UNIQUE INDEX replays_running_key ON mentorcert_portal.replays USING btree (organisation_id, selection) WHERE (finished_at IS NULL);
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF reason ON mentorcert_portal.replays FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise('text', 'reason');
ALTER TABLE ONLY mentorcert_portal.replays
    ADD CONSTRAINT replays_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators read the replays of their organisation" ON mentorcert_portal.replays FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the replays of their organisation" ON mentorcert_portal.replays IS 'How far they have come.';
ALTER TABLE mentorcert_portal.replays ENABLE ROW LEVEL SECURITY;
GRANT SELECT(id, organisation_id, selection, marked, total, reason, started_by, started_at, finished_at, is_requested) ON TABLE mentorcert_portal.replays TO authenticated;

CREATE TABLE mentorcert_portal.retention (
    log text NOT NULL,
    keep interval NOT NULL,
    CONSTRAINT retention_keep_valid CHECK ((keep >= '31 days'::interval)),
    CONSTRAINT retention_log_valid CHECK ((log = ANY (ARRAY['attempts'::text, 'unsettled_messages'::text])))
);
COMMENT ON TABLE mentorcert_portal.retention IS 'How long the rows of the attempt log are kept, and the bodies of messages that wait for somebody; of those that were worked, the connection''s file says it.';
ALTER TABLE ONLY mentorcert_portal.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (log);
CREATE POLICY "administrators read how long messages are kept" ON mentorcert_portal.retention FOR SELECT TO authenticated USING ((( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id) IS NOT NULL));
COMMENT ON POLICY "administrators read how long messages are kept" ON mentorcert_portal.retention IS 'The same for all organisations.';
ALTER TABLE mentorcert_portal.retention ENABLE ROW LEVEL SECURITY;
GRANT SELECT(log, keep) ON TABLE mentorcert_portal.retention TO authenticated;

CREATE TABLE mentorcert_portal.secrets (
    organisation_id uuid NOT NULL,
    place text NOT NULL,
    expires date,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT secrets_expires_in_calendar CHECK (((expires >= '1899-12-31'::date) AND (expires <= '9999-12-31'::date))),
    CONSTRAINT secrets_noted_at_in_calendar CHECK (((noted_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (noted_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT secrets_place_valid CHECK ((btrim(place) <> ''::text))
);
COMMENT ON TABLE mentorcert_portal.secrets IS 'When each secret of a connection expires, as its file says. The secret itself lies in no table, nor does its reference.';
COMMENT ON COLUMN mentorcert_portal.secrets.place IS 'Where it stands in the file, such as auth[0].client_secret.';
COMMENT ON COLUMN mentorcert_portal.secrets.expires IS 'From this day on it is no longer accepted; null: never.';
ALTER TABLE ONLY mentorcert_portal.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (organisation_id, place);
ALTER TABLE ONLY mentorcert_portal.secrets
    ADD CONSTRAINT secrets_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators read when secrets of their organisation expire" ON mentorcert_portal.secrets FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read when secrets of their organisation expire" ON mentorcert_portal.secrets IS 'The secrets themselves lie in no table.';
ALTER TABLE mentorcert_portal.secrets ENABLE ROW LEVEL SECURITY;
GRANT SELECT(organisation_id, place, expires) ON TABLE mentorcert_portal.secrets TO authenticated;

CREATE TABLE mentorcert_portal.states (
    peer_mentor_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    content jsonb,
    content_until timestamp with time zone,
    effective_at timestamp with time zone,
    sent_version bigint,
    confirmed_version bigint,
    confirmed jsonb,
    confirmed_at timestamp with time zone,
    shown boolean,
    sent_external_id text,
    is_removal boolean DEFAULT true NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT now(),
    attempted_at timestamp with time zone,
    failing_since timestamp with time zone,
    error_class text,
    error text,
    lease_token uuid,
    lease_until timestamp with time zone,
    first_dirty_at timestamp with time zone DEFAULT now(),
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT states_attempted_at_in_calendar CHECK (((attempted_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (attempted_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_changed_at_in_calendar CHECK (((changed_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (changed_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_confirmed_at_in_calendar CHECK (((confirmed_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (confirmed_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_content_until_in_calendar CHECK (((content_until >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (content_until <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_effective_at_in_calendar CHECK (((effective_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (effective_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_failing_since_in_calendar CHECK (((failing_since >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (failing_since <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_first_dirty_at_in_calendar CHECK (((first_dirty_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (first_dirty_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_in_sync_valid CHECK (((state <> 'in_sync'::text) OR ((confirmed_version IS NOT NULL) AND (first_dirty_at IS NULL)))),
    CONSTRAINT states_lease_until_in_calendar CHECK (((lease_until >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (lease_until <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_lease_valid CHECK (((lease_token IS NULL) = (lease_until IS NULL))),
    CONSTRAINT states_next_attempt_at_in_calendar CHECK (((next_attempt_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (next_attempt_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT states_state_valid CHECK ((state = ANY (ARRAY['pending'::text, 'retry'::text, 'blocked'::text, 'dead'::text, 'in_sync'::text]))),
    CONSTRAINT states_version_valid CHECK (((version > 0) AND (confirmed_version <= version) AND (sent_version <= version)))
)
WITH (fillfactor='80');
COMMENT ON TABLE mentorcert_portal.states IS 'One row for each peer mentor: which version of what the registry says the portal has confirmed, and when it is sent next.';
COMMENT ON COLUMN mentorcert_portal.states.state IS 'pending: to be sent; retry: sent without success; blocked: only a person can help; dead: given up until the next change; in_sync: confirmed. Held, in mentorcert_portal.state_overview, is what the mode keeps back.';
COMMENT ON COLUMN mentorcert_portal.states.version IS 'Rises with every change, under the lock of this row; one version never stands for two contents.';
COMMENT ON COLUMN mentorcert_portal.states.content IS 'What this version says, as derived when it was last claimed, without personal data; null after a change: not derived yet.';
COMMENT ON COLUMN mentorcert_portal.states.content_until IS 'The first instant at which the calendar makes the content untrue; null: none does.';
COMMENT ON COLUMN mentorcert_portal.states.sent_version IS 'The highest version that a worker has set out with.';
COMMENT ON COLUMN mentorcert_portal.states.confirmed IS 'The content that the portal confirmed with confirmed_version; null: unknown, so it is sent whatever it is.';
COMMENT ON COLUMN mentorcert_portal.states.shown IS 'Whether the portal may be showing the peer mentor: true as soon as that is sent, false once it confirms the opposite.';
COMMENT ON COLUMN mentorcert_portal.states.sent_external_id IS 'The number under which the portal last heard of the peer mentor, who may have lost it by erasure; gone once that is confirmed.';
COMMENT ON COLUMN mentorcert_portal.states.is_removal IS 'Whether what comes next takes the peer mentor off the portal''s list: those go first, and are tried for ever. Of a row in sync, that its content ends by the calendar.';
COMMENT ON COLUMN mentorcert_portal.states.next_attempt_at IS 'When a worker looks next: at once after a change, after a pause when it failed, when the lease ends while it is out, when the content ends by the calendar while in sync.';
COMMENT ON COLUMN mentorcert_portal.states.failing_since IS 'The first failure since the latest change.';
COMMENT ON COLUMN mentorcert_portal.states.lease_token IS 'Which claim may acknowledge; a new one each time.';
COMMENT ON COLUMN mentorcert_portal.states.first_dirty_at IS 'Since when the portal has been behind; null while in sync.';
COMMENT ON COLUMN mentorcert_portal.states.changed_at IS 'The latest change in the registry that concerns the portal.';
ALTER TABLE ONLY mentorcert_portal.states
    ADD CONSTRAINT states_pkey PRIMARY KEY (peer_mentor_id);
CREATE INDEX states_due_idx ON mentorcert_portal.states USING btree (organisation_id, next_attempt_at) WHERE (NOT is_removal);
CREATE INDEX states_due_removals_idx ON mentorcert_portal.states USING btree (organisation_id, next_attempt_at) WHERE is_removal;
CREATE INDEX states_unconfirmed_idx ON mentorcert_portal.states USING btree (organisation_id, attempted_at) WHERE (state <> 'in_sync'::text);
ALTER TABLE ONLY mentorcert_portal.states
    ADD CONSTRAINT states_peer_mentor_id_fkey FOREIGN KEY (organisation_id, peer_mentor_id) REFERENCES mentorcert.peer_mentors(organisation_id, id);
CREATE POLICY "administrators read the states of their organisation" ON mentorcert_portal.states FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the states of their organisation" ON mentorcert_portal.states IS 'For whom something is still to be sent to the own portal, and why it was not.';
ALTER TABLE mentorcert_portal.states ENABLE ROW LEVEL SECURITY;
GRANT SELECT(peer_mentor_id, organisation_id, state, version, content, content_until, confirmed_version, confirmed_at, shown, is_removal, attempts, next_attempt_at, attempted_at, error_class, error, first_dirty_at, changed_at) ON TABLE mentorcert_portal.states TO authenticated;

CREATE TABLE mentorcert_portal.workers (
    worker text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    CONSTRAINT workers_seen_at_in_calendar CHECK (((seen_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (seen_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT workers_started_at_in_calendar CHECK (((started_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (started_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_portal.workers IS 'The heartbeat of every worker; a row of one that was stopped, or has been silent for a day, is gone.';
ALTER TABLE ONLY mentorcert_portal.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (worker);
CREATE POLICY "administrators read whether a worker lives" ON mentorcert_portal.workers FOR SELECT TO authenticated USING ((( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id) IS NOT NULL));
COMMENT ON POLICY "administrators read whether a worker lives" ON mentorcert_portal.workers IS 'Workers serve all organisations; which machine they run on is not granted.';
ALTER TABLE mentorcert_portal.workers ENABLE ROW LEVEL SECURITY;
GRANT SELECT(started_at, seen_at) ON TABLE mentorcert_portal.workers TO authenticated;

CREATE FUNCTION mentorcert_portal.acknowledge(organisation_id uuid, results jsonb, worker text, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  locked uuid[];
begin
  update mentorcert_portal.connections as connection
  set
    failures = 0,
    breaker = case connection.breaker when 'open' then 'closed' else connection.breaker end,
    breaker_reason = case connection.breaker when 'blocked' then connection.breaker_reason end,
    resume_at = case connection.breaker when 'open' then null else connection.resume_at end,
    requeue_since = case connection.breaker when 'open' then at else connection.requeue_since end
  where connection.organisation_id = acknowledge.organisation_id
    and (connection.failures > 0 or connection.breaker = 'open')
    and exists (select from mentorcert_portal.results(results) as result where result.outcome in ('applied', 'already_newer'));
  locked := mentorcert_portal.lock_reported(results);
  perform mentorcert_portal.log_attempts(locked, results, worker, at);

  with outcomes as (
    select
      result.*,
      state.version = result.version and result.outcome <> 'shadowed'
        and coalesce(result.remote_version <= result.version, true) as confirms,
      (state.content ->> 'listed')::boolean as listed,
      case when state.content ->> 'status' = 'erased' then state.content - 'external_id' else state.content end as kept
    from mentorcert_portal.results(results) as result
    join mentorcert_portal.states as state
      on state.peer_mentor_id = result.peer_mentor_id and state.lease_token = result.lease_token
    where result.peer_mentor_id = any(locked)
  )
  update mentorcert_portal.states as state
  set
    state = case when outcomes.confirms then 'in_sync' else 'pending' end,
    -- The portal may know a version that we do not, of before a restored backup: ours must rise above it.
    version = case
      when outcomes.remote_version > state.version then outcomes.remote_version + 1 else state.version
    end,
    content = case when outcomes.remote_version > state.version then null else outcomes.kept end,
    confirmed = case
      when outcomes.confirms then outcomes.kept
      when outcomes.outcome = 'shadowed' then state.confirmed
      -- A change came while it was sent: what was confirmed is no longer at hand.
    end,
    sent_external_id = case
      when outcomes.confirms and outcomes.kept ->> 'status' = 'erased' then null else state.sent_external_id
    end,
    confirmed_version = case
      when outcomes.outcome = 'shadowed' or outcomes.remote_version > state.version then state.confirmed_version
      else outcomes.version
    end,
    confirmed_at = case
      when outcomes.outcome = 'shadowed' or outcomes.remote_version > state.version then state.confirmed_at
      else at
    end,
    shown = case when outcomes.confirms then outcomes.listed else state.shown end,
    is_removal = case when outcomes.confirms then outcomes.listed else state.is_removal end,
    attempts = case when outcomes.remote_version > state.version then state.attempts else 0 end,
    failing_since = null, error_class = null, error = null,
    first_dirty_at = case when outcomes.confirms then null else state.first_dirty_at end,
    next_attempt_at = case
      when outcomes.remote_version > state.version then at + mentorcert_portal.retry_delay(state.attempts)
      -- Sent or only rehearsed: until a change, or the calendar, makes it untrue.
      when state.version = outcomes.version then state.content_until
      else at
    end,
    lease_token = null, lease_until = null
  from outcomes
  where state.peer_mentor_id = outcomes.peer_mentor_id;
  return query select unnest(locked);
end
$$;
COMMENT ON FUNCTION mentorcert_portal.acknowledge(organisation_id uuid, results jsonb, worker text, as_of timestamp with time zone) IS 'Notes what the portal has confirmed, or what was rehearsed (shadowed). Fenced: only the lease that is still held confirms, and a row that changed meanwhile stays due. Returns what was noted; the rest is locked by a change, and to be reported again.';
REVOKE ALL ON FUNCTION mentorcert_portal.acknowledge(organisation_id uuid, results jsonb, worker text, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.claim(organisation_id uuid, batch_size integer DEFAULT 50, lease interval DEFAULT '00:01:00'::interval, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, content jsonb, effective_at timestamp with time zone, mode text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  connection mentorcert_portal.connections;
  canary uuid[];
  ids uuid[];
begin
  -- What is derived below must be younger than the locks on which it rests.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'portal states are claimed in read committed transactions only',
      hint = 'Leave the isolation level at its default.';
  end if;
  select * into connection from mentorcert_portal.connections as candidate where candidate.organisation_id = claim.organisation_id;
  if not found or connection.mode not in ('shadow', 'canary', 'live') or connection.breaker = 'blocked'
    or connection.resume_at > at then
    return;
  end if;
  if connection.breaker = 'open' then
    update mentorcert_portal.connections as mine set resume_at = at + lease
    where mine.organisation_id = claim.organisation_id and mine.breaker = 'open' and mine.resume_at <= at;
    if not found then
      return;
    end if;
    batch_size := 1;
  end if;
  canary := case when connection.mode = 'canary' then connection.canary_peer_mentor_ids end;

  with removals as (
    select state.peer_mentor_id from mentorcert_portal.states as state
    where state.organisation_id = claim.organisation_id and state.is_removal
      and (
        state.next_attempt_at <= at
        -- An open breaker tries with what there is.
        or connection.breaker = 'open' and state.state in ('pending', 'retry') and state.lease_token is null
      )
      and (canary is null or state.peer_mentor_id = any(canary))
    order by state.next_attempt_at
    limit batch_size
    for update of state skip locked
  ),
  others as (
    select state.peer_mentor_id from mentorcert_portal.states as state
    where state.organisation_id = claim.organisation_id and not state.is_removal
      and (
        state.next_attempt_at <= at
        or connection.breaker = 'open' and state.state in ('pending', 'retry') and state.lease_token is null
      )
      and (canary is null or state.peer_mentor_id = any(canary))
    order by state.next_attempt_at
    limit batch_size - (select count(*) from removals)
    for update of state skip locked
  )
  select array(
    select removals.peer_mentor_id from removals union all select others.peer_mentor_id from others
  ) into ids;

  -- A statement of its own, so that it sees every change that was marked before the locks above were had.
  return query
  with derived as (
    select
      desired.*,
      (desired.content ->> 'listed')::boolean as listed,
      coalesce(state.content <> desired.content, false) as lapsed,
      coalesce(desired.content = state.confirmed and state.sent_version = state.confirmed_version, false) as settled
    from mentorcert_portal.desired_content(ids, at) as desired
    join mentorcert_portal.states as state on state.peer_mentor_id = desired.peer_mentor_id
  ),
  claimed as (
    update mentorcert_portal.states as state
    set
      state = case
        when derived.settled then 'in_sync'
        when derived.lapsed or state.state in ('in_sync', 'dead') then 'pending'
        else state.state
      end,
      version = state.version + derived.lapsed::integer,
      content = derived.content,
      content_until = derived.content_until,
      effective_at = case
        when state.content = derived.content then state.effective_at else derived.effective_at
      end,
      sent_version = case
        when derived.settled or connection.mode = 'shadow' then state.sent_version
        else state.version + derived.lapsed::integer
      end,
      sent_external_id = case
        when derived.settled or connection.mode = 'shadow' then state.sent_external_id
        else derived.content ->> 'external_id'
      end,
      shown = state.shown or (derived.listed and not derived.settled and connection.mode <> 'shadow'),
      is_removal = case
        when derived.settled then derived.listed
        -- Somebody for whom nothing was ever sent may be shown all the same, if once certified.
        else not derived.listed and coalesce(state.shown, derived.content ->> 'status' <> 'uncertified')
      end,
      attempts = case
        when derived.settled then 0
        when derived.lapsed or state.state in ('in_sync', 'dead') then 1
        else state.attempts + 1
      end,
      failing_since = case when not (derived.settled or derived.lapsed) then state.failing_since end,
      first_dirty_at = case when not derived.settled then coalesce(state.first_dirty_at, state.next_attempt_at) end,
      attempted_at = at,
      next_attempt_at = case when derived.settled then derived.content_until else at + lease end,
      lease_token = case when not derived.settled then gen_random_uuid() end,
      lease_until = case when not derived.settled then at + lease end
    from derived
    where state.peer_mentor_id = derived.peer_mentor_id
    returning state.*
  )
  select
    claimed.peer_mentor_id, claimed.lease_token, claimed.version, claimed.attempts, claimed.content,
    claimed.effective_at, connection.mode
  from claimed
  order by claimed.is_removal desc, claimed.first_dirty_at;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.claim(organisation_id uuid, batch_size integer, lease interval, as_of timestamp with time zone) IS 'Takes what is due of an organisation under a lease, removals first, and derives what to send. A row without a token needed no sending: the portal has confirmed just that already. Nothing where the mode or the breaker says so.';
REVOKE ALL ON FUNCTION mentorcert_portal.claim(organisation_id uuid, batch_size integer, lease interval, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.compare(reconciliation_id bigint, read_from timestamp with time zone, peer_mentor_ids uuid[], external_ids text[], versions bigint[], statuses text[], listings boolean[], as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(compared integer, expected integer, in_motion integer, drift jsonb)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  run mentorcert_portal.reconciliations;
  organisation uuid;
  sends boolean;
  canary uuid[];
  since timestamptz;
begin
  select * into strict run from mentorcert_portal.reconciliations as running where running.id = reconciliation_id;
  organisation := run.organisation_id;
  select
    connection.mode in ('canary', 'live'),
    case when connection.mode = 'canary' then connection.canary_peer_mentor_ids end
  into sends, canary
  from mentorcert_portal.connections as connection where connection.organisation_id = organisation;
  if run.scope = 'recent' then
    select max(earlier.started_at) into since from mentorcert_portal.reconciliations as earlier
    where earlier.organisation_id = organisation and earlier.outcome = 'done' and not earlier.is_dry_run;
  end if;

  return query
  with numbers as materialized (
    -- By the number that was sent to the portal: a new one comes with the next message.
    select distinct on (named.number) named.number, named.peer_mentor_id
    from (
      select sent.sent_external_id, sent.peer_mentor_id, 1 from mentorcert_portal.states as sent
      where sent.organisation_id = organisation and sent.sent_external_id is not null
      union all
      select mentor.external_id, mentor.id, 2 from mentorcert.peer_mentors as mentor where mentor.organisation_id = organisation
    ) as named (number, peer_mentor_id, rank)
    order by named.number, named.rank, named.peer_mentor_id
  ),
  records as materialized (
    select record.*, coalesce(by_id.peer_mentor_id, by_number.peer_mentor_id) as known
    from unnest(compare.peer_mentor_ids, compare.external_ids, compare.versions, compare.statuses, compare.listings)
      with ordinality as record (id, number, version, status, listed, place)
    left join mentorcert_portal.states as by_id on by_id.organisation_id = organisation and by_id.peer_mentor_id = record.id
    left join numbers as by_number on record.id is null and by_number.number = record.number
  ),
  seen as materialized (
    select distinct on (records.known)
      records.known, records.version, records.status, records.number,
      count(*) over same as records,
      -- Of several records one that is shown decides, and the newest version is the one that a message changes.
      case when bool_or(records.listed) over same then true else records.listed end as listed
    from records
    where records.known is not null
    window same as (partition by records.known)
    order by records.known, records.version desc nulls last, records.place
  ),
  mentors as materialized (
    select
      state.*, seen.records, seen.version as there_version, seen.status as there_status,
      seen.number as there_number, seen.listed as there_listed, seen.known is not null as is_there,
      -- What the record says may be older or newer than what we have noted.
      coalesce(state.lease_until > at, false)
        or greatest(state.changed_at, state.attempted_at, state.confirmed_at) >= read_from as is_moving,
      state.state = 'in_sync' and coalesce(state.next_attempt_at > at, true) as is_settled
    from mentorcert_portal.states as state
    left join seen on seen.known = state.peer_mentor_id
    where state.organisation_id = organisation and (canary is null or state.peer_mentor_id = any(canary))
  ),
  chosen as materialized (
    select mentors.*
    from mentors
    where run.scope = 'full' or since is null
      or greatest(mentors.changed_at, mentors.attempted_at, mentors.confirmed_at) >= since
      or (mentors.records, mentors.there_version, mentors.there_status, mentors.there_listed) is distinct from (
        1, mentors.confirmed_version, mentors.confirmed ->> 'status', (mentors.confirmed ->> 'listed')::boolean
      )
      or not exists (
        select from public.listed_peer_mentors as listed
        where listed.peer_mentor_id = mentors.peer_mentor_id and listed.listed_until > at
      )
      or exists (
        select from mentorcert_portal.drift as open
        where open.organisation_id = organisation and open.peer_mentor_id = mentors.peer_mentor_id and open.repaired_at is null
      )
  ),
  desired as materialized (
    select * from mentorcert_portal.desired_content(array(select id.peer_mentor_id from chosen as id where not id.is_moving), at)
  ),
  wanted as materialized (
    select
      chosen.*,
      desired.content as truth,
      -- No drift where nothing was sent yet: then what it confirmed last is the measure.
      case when chosen.is_settled or not sends then desired.content else chosen.confirmed end as measure,
      -- Behind for longer than it takes to send.
      not sends or chosen.is_settled
        or coalesce(chosen.first_dirty_at, chosen.next_attempt_at) <= at - interval '15 minutes' as is_due
    from chosen
    join desired on desired.peer_mentor_id = chosen.peer_mentor_id
  ),
  judged as materialized (
    select
      wanted.*,
      case
        when wanted.there_listed and not (wanted.truth ->> 'listed')::boolean and wanted.is_due then 'listed_but_expired'
        when wanted.measure is null then null
        when not wanted.is_there then case
          when wanted.measure ->> 'status' <> 'erased' and (wanted.confirmed is not null or (wanted.measure ->> 'listed')::boolean)
            then 'missing'
        end
        when sends and (
          wanted.there_version < wanted.confirmed_version
          or wanted.there_version > case when wanted.is_settled then wanted.confirmed_version else wanted.sent_version end
        )
          then 'stale'
        -- In between: what was under way when it was given up is there.
        when sends and wanted.there_version <> wanted.confirmed_version then null
        when wanted.there_status <> wanted.measure ->> 'status'
          -- Of somebody erased the portal keeps no more than id and version.
          or wanted.measure ->> 'status' <> 'erased' and (
            wanted.there_number <> wanted.measure ->> 'external_id'
            or wanted.there_listed is distinct from (wanted.measure ->> 'listed')::boolean
          )
          then 'stale'
      end as kind
    from wanted
  ),
  found as (
    select
      judged.kind, judged.peer_mentor_id, null::text as external_id, judged.version, judged.records,
      judged.there_version, judged.there_status, judged.there_listed, coalesce(judged.measure, judged.truth) as measure,
      judged.confirmed_version
    from judged
    where judged.kind is not null
    union all
    select
      'duplicate', judged.peer_mentor_id, null, judged.version, judged.records,
      judged.there_version, judged.there_status, judged.there_listed, coalesce(judged.measure, judged.truth),
      judged.confirmed_version
    from judged
    where judged.records > 1
    union all
    select
      'unknown_there', records.id, records.number, null, count(*), max(records.version), min(records.status),
      bool_or(records.listed), null, null
    from records
    where records.known is null and records.listed is distinct from false
    group by records.id, records.number
  )
  select
    (select count(*) from judged)::integer,
    (
      select count(*) from mentors
      where mentors.confirmed is not null and not mentors.is_moving and mentors.confirmed ->> 'status' <> 'erased'
    )::integer,
    (select count(*) from chosen where chosen.is_moving)::integer,
    coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'kind', found.kind, 'peer_mentor_id', found.peer_mentor_id, 'external_id', found.external_id,
            'version', found.version,
            'there', case when found.records > 0 then jsonb_build_object(
              'records', found.records, 'version', found.there_version, 'listed', found.there_listed,
              -- Another text could be anything, also somebody's name.
              'status', case
                when found.there_status in ('certified', 'expired', 'suspended', 'uncertified', 'erased') then found.there_status
                when found.there_status is not null then 'other'
              end
            ) end,
            'expected', case when found.measure is not null then jsonb_build_object(
              'version', found.confirmed_version, 'status', found.measure -> 'status', 'listed', found.measure -> 'listed'
            ) end
          )
          order by array_position(
            array['listed_but_expired', 'missing', 'stale', 'duplicate', 'unknown_there'], found.kind
          ), found.peer_mentor_id, found.external_id
        )
        from found
      ),
      '[]'
    );
end
$$;
COMMENT ON FUNCTION mentorcert_portal.compare(reconciliation_id bigint, read_from timestamp with time zone, peer_mentor_ids uuid[], external_ids text[], versions bigint[], statuses text[], listings boolean[], as_of timestamp with time zone) IS 'Compares the records that were read from an instant on, given as columns, with what the portal should show, in the scope of a run. expected: how many it must have a record of. Who was changed or sent since that instant is in motion, and not judged.';
REVOKE ALL ON FUNCTION mentorcert_portal.compare(reconciliation_id bigint, read_from timestamp with time zone, peer_mentor_ids uuid[], external_ids text[], versions bigint[], statuses text[], listings boolean[], as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.connect(organisation_id uuid, adapter text, contract_version text, reason text, changed_by text DEFAULT SESSION_USER, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  insert into mentorcert_portal.connections as connection (organisation_id, adapter, contract_version, reason, changed_by, changed_at)
  values (
    connect.organisation_id, connect.adapter, connect.contract_version, connect.reason, connect.changed_by,
    coalesce(as_of, clock_timestamp())
  )
  on conflict on constraint connections_pkey do update set
    adapter = excluded.adapter, contract_version = excluded.contract_version,
    reason = excluded.reason, changed_by = excluded.changed_by, changed_at = excluded.changed_at
$$;
COMMENT ON FUNCTION mentorcert_portal.connect(organisation_id uuid, adapter text, contract_version text, reason text, changed_by text, as_of timestamp with time zone) IS 'Sets by which adapter and contract messages are sent to an organisation''s portal; a new connection is in capture, an old one keeps its mode.';
REVOKE ALL ON FUNCTION mentorcert_portal.connect(organisation_id uuid, adapter text, contract_version text, reason text, changed_by text, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.count_attempts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  insert into mentorcert_portal.attempt_counts as counted (organisation_id, outcome, attempts)
  select attempt.organisation_id, attempt.outcome, count(*)
  from new_rows as attempt
  group by attempt.organisation_id, attempt.outcome
  order by attempt.organisation_id, attempt.outcome
  on conflict on constraint attempt_counts_pkey do update set attempts = counted.attempts + excluded.attempts;
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.count_attempts() IS 'Adds what was appended to the attempt log to the counts, in one order for all.';
REVOKE ALL ON FUNCTION mentorcert_portal.count_attempts() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.delete_outdated(batch_size integer DEFAULT 10000) RETURNS TABLE(attempts integer, messages integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from mentorcert_portal.attempts as attempt
  where attempt.id = any(array(
    select outdated.id
    from mentorcert_portal.attempts as outdated
    where outdated.attempted_at < (select now() - retention.keep from mentorcert_portal.retention where retention.log = 'attempts')
    limit batch_size
    for update skip locked
  ));
  get diagnostics attempts = row_count;
  update mentorcert_portal.inbox as stored
  set state = 'lapsed', body = null, fetched = null, reason = concat_ws(': ', 'was ' || stored.state, stored.reason)
  where stored.id = any(array(
    select outdated.id
    from mentorcert_portal.inbox as outdated
    where outdated.state in ('unknown', 'needs_fetch', 'needs_person', 'failed')
      and outdated.received_at
        < (select now() - retention.keep from mentorcert_portal.retention where retention.log = 'unsettled_messages')
    limit batch_size
    for update skip locked
  ));
  get diagnostics messages = row_count;
  return next;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.delete_outdated(batch_size integer) IS 'Deletes a batch of what mentorcert_portal.retention no longer keeps; returns how much. At 0 there is nothing left.';
REVOKE ALL ON FUNCTION mentorcert_portal.delete_outdated(batch_size integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.desired_content(peer_mentor_ids uuid[], as_of timestamp with time zone) RETURNS TABLE(peer_mentor_id uuid, content jsonb, content_until timestamp with time zone, effective_at timestamp with time zone)
    LANGUAGE sql STABLE ROWS 100
    SET search_path TO ''
    SET "TimeZone" TO 'UTC'
    AS $$
  select
    peer_mentor_id,
    jsonb_build_object(
      -- An erased peer mentor has lost the number; the portal still knows it.
      'external_id', case when erased.is_so then coalesce(state.sent_external_id, mentor.external_id) else mentor.external_id end,
      'status', summary.status,
      'listed', shown.until is not null,
      'listed_until', shown.until,
      'certifications', case when erased.is_so then '[]' else held.certifications end
    ),
    case when not erased.is_so then least(held.next_end, shown.until) end,
    greatest(state.changed_at, held.latest_end)
  from unnest(desired_content.peer_mentor_ids) as wanted (id)
  join mentorcert_portal.states as state on state.peer_mentor_id = wanted.id
  join mentorcert.peer_mentors as mentor on mentor.id = wanted.id
  cross join lateral (select mentor.erased_at is not null as is_so) as erased
  cross join lateral (
    select
      coalesce(
        jsonb_agg(
          jsonb_build_object(
            'certification_type', certification.certification_type, 'status', standing.status,
            'issued_at', certification.issued_at, 'expires_at', certification.expires_at
          )
          order by certification.certification_type collate "C"
        ),
        '[]'
      ) as certifications,
      min(certification.expires_at) filter (where standing.status = 'active') as next_end,
      max(certification.expires_at) filter (where standing.status = 'expired') as latest_end
    from public.peer_mentor_certifications as certification
    cross join lateral (
      select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, as_of) as status
    ) as standing
    where certification.organisation_id = mentor.organisation_id and certification.peer_mentor_id = mentor.id
  ) as held
  cross join lateral (
    select case
      when erased.is_so then 'erased'
      when count(*) = 0 then 'uncertified'
      when count(*) = count(*) filter (where required.status = 'active') then 'certified'
      when bool_or(required.status = 'suspended') then 'suspended'
      when bool_or(required.status = 'expired') then 'expired'
      else 'uncertified'
    end as status
    from (
      select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, as_of) as status, certification.id
      from mentorcert.certification_types as type
      left join public.peer_mentor_certifications as certification
        on certification.organisation_id = type.organisation_id
        and certification.peer_mentor_id = mentor.id
        and certification.certification_type = type.code
      where type.organisation_id = mentor.organisation_id and type.required_for_listing
    ) as required_or_missing
    cross join lateral (
      select case when required_or_missing.id is not null then required_or_missing.status end as status
    ) as required
  ) as summary
  -- On our list, and certified by the dates: either alone is not enough.
  left join lateral (
    select listed.listed_until as until
    from public.listed_peer_mentors as listed
    where listed.peer_mentor_id = mentor.id and listed.listed_until > as_of and summary.status = 'certified'
  ) as shown on true
$$;
COMMENT ON FUNCTION mentorcert_portal.desired_content(peer_mentor_ids uuid[], as_of timestamp with time zone) IS 'What the portal should say of these peer mentors at an instant, until when the calendar leaves it true, and since when it holds.';
REVOKE ALL ON FUNCTION mentorcert_portal.desired_content(peer_mentor_ids uuid[], as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.due(as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(organisation_id uuid, organisation text, mode text, adapter text, contract_version text, is_reviving boolean, due_in_s double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select
    connection.organisation_id, organisation.slug, connection.mode, connection.adapter, connection.contract_version,
    connection.requeue_since is not null,
    case when coalesce(removal.at, other.at) is not null then
      greatest(0, extract(epoch from greatest(least(removal.at, other.at), connection.resume_at) - clock.at))::double precision
    end
  from (select coalesce(as_of, clock_timestamp()) as at) as clock
  cross join mentorcert_portal.connections as connection
  join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
  left join lateral (
    select case
      when connection.breaker = 'open' then connection.resume_at
      when connection.mode = 'canary' then (
        select min(state.next_attempt_at) from mentorcert_portal.states as state
        where state.peer_mentor_id = any(connection.canary_peer_mentor_ids)
      )
      else (
        select min(state.next_attempt_at) from mentorcert_portal.states as state
        where state.organisation_id = connection.organisation_id and state.is_removal
      )
    end as at
  ) as removal on true
  left join lateral (
    select min(state.next_attempt_at) as at from mentorcert_portal.states as state
    where state.organisation_id = connection.organisation_id and not state.is_removal
      and connection.breaker = 'closed' and connection.mode <> 'canary'
  ) as other on true
  where connection.mode in ('shadow', 'canary', 'live') and connection.breaker <> 'blocked'
$$;
COMMENT ON FUNCTION mentorcert_portal.due(as_of timestamp with time zone) IS 'The connections that send, and in how many seconds each has something to send; null: nothing is foreseen.';
REVOKE ALL ON FUNCTION mentorcert_portal.due(as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_after_change_of_certifications() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    select distinct after.peer_mentor_id
    from new_rows as after
    join old_rows as before on before.id = after.id
    -- Not active or expired: the calendar says that without us.
    where (after.certification_type, after.issued_at, after.expires_at, after.status = 'suspended')
      is distinct from (before.certification_type, before.issued_at, before.expires_at, before.status = 'suspended')
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_after_change_of_certifications() IS 'Type, dates and suspension concern the portal; that a date has passed it knows.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_after_change_of_certifications() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_after_change_of_peer_mentors() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    select after.id
    from new_rows as after
    join old_rows as before on before.id = after.id
    where after.external_id <> before.external_id
      or after.erased_at is distinct from before.erased_at
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_after_change_of_peer_mentors() IS 'The number and the erasure concern the portal; a consent does by the listing that it gives.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_after_change_of_peer_mentors() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_after_change_of_types() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.organisation_id in (
      select after.organisation_id
      from new_rows as after
      join old_rows as before on before.id = after.id
      where after.required_for_listing <> before.required_for_listing
    )
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_after_change_of_types() IS 'What is required decides who counts as certified, in the whole organisation.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_after_change_of_types() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_after_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_portal.enqueue_sync(array(select distinct added.peer_mentor_id from new_rows as added));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_after_insert() IS 'A new certification or listing concerns the portal.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_after_insert() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_after_insert_of_peer_mentors() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_portal.enqueue_sync(array(select added.id from new_rows as added));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_after_insert_of_peer_mentors() IS 'A new peer mentor is sent to the portal, also where there is nothing to show.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_after_insert_of_peer_mentors() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_after_insert_of_types() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_portal.enqueue_sync(array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.organisation_id in (
      select added.organisation_id from new_rows as added where added.required_for_listing
    )
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_after_insert_of_types() IS 'A new type that is required leaves nobody certified.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_after_insert_of_types() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_after_unlisting() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  -- A lease that had run out ended at that instant, not by being tidied away.
  perform mentorcert_portal.enqueue_sync(array(
    select gone.peer_mentor_id from old_rows as gone where gone.listed_until > now()
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_after_unlisting() IS 'A peer mentor who leaves the list before the lease ends concerns the portal.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_after_unlisting() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.enqueue_sync(peer_mentor_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if cardinality(peer_mentor_ids) = 0 then
    return;
  end if;
  insert into mentorcert_portal.states as state (peer_mentor_id, organisation_id)
  select mentor.id, mentor.organisation_id
  from mentorcert.peer_mentors as mentor
  where mentor.id in (select unnest(enqueue_sync.peer_mentor_ids))
  order by mentor.id
  on conflict on constraint states_pkey do update set
    version = state.version + 1,
    content = null,
    state = 'pending',
    -- The listing has been refreshed by triggers that come before these.
    is_removal = state.shown is distinct from false and not exists (
      select from public.listed_peer_mentors as listed
      where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > now()
    ),
    attempts = 0,
    failing_since = null,
    -- While a lease is out, its end, or its acknowledgement of an older version, brings the row back.
    next_attempt_at = case when state.lease_token is null then now() else state.next_attempt_at end,
    first_dirty_at = coalesce(state.first_dirty_at, now()),
    changed_at = now();
end
$$;
COMMENT ON FUNCTION mentorcert_portal.enqueue_sync(peer_mentor_ids uuid[]) IS 'Notes, under the lock of each row, that these peer mentors must be sent to the portal again.';
REVOKE ALL ON FUNCTION mentorcert_portal.enqueue_sync(peer_mentor_ids uuid[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.fail(organisation_id uuid, results jsonb, worker text, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  locked uuid[];
  is_blocked boolean;
begin
  perform from mentorcert_portal.connections as connection
  where connection.organisation_id = fail.organisation_id
  for no key update;
  locked := mentorcert_portal.lock_reported(results);
  perform mentorcert_portal.log_attempts(locked, results, worker, at);
  is_blocked := mentorcert_portal.record_failures(
    organisation_id,
    (
      select jsonb_agg(to_jsonb(result)) from mentorcert_portal.results(results) as result
      where result.peer_mentor_id = any(locked)
    ),
    at
  );

  update mentorcert_portal.states as state
  set
    state = case
      when state.version <> result.version then 'pending'
      when is_blocked and result.outcome in ('unauthorised', 'rejected') then 'blocked'
      when not state.is_removal and state.failing_since <= at - interval '75 hours' then 'dead'
      else 'retry'
    end,
    next_attempt_at = case
      when state.version <> result.version then at
      when is_blocked and result.outcome in ('unauthorised', 'rejected') then null
      when not state.is_removal and state.failing_since <= at - interval '75 hours' then state.content_until
      else least(
        at + greatest(mentorcert_portal.retry_delay(state.attempts), result.retry_after * interval '1 second'),
        -- Null where the content has no end; `least` passes over it, and so would `greatest`.
        case when state.content_until is not null then greatest(at, state.content_until) end
      )
    end,
    failing_since = case when state.version = result.version then coalesce(state.failing_since, at) end,
    error_class = result.outcome,
    error = left(result.error, 500),
    lease_token = null, lease_until = null
  from mentorcert_portal.results(results) as result
  where state.peer_mentor_id = result.peer_mentor_id
    and state.peer_mentor_id = any(locked)
    and state.lease_token = result.lease_token;
  return query select unnest(locked);
end
$$;
COMMENT ON FUNCTION mentorcert_portal.fail(organisation_id uuid, results jsonb, worker text, as_of timestamp with time zone) IS 'Notes what went wrong and when it is tried again: removals for ever, others for 75 hours. Returns what was noted; report the rest again.';
REVOKE ALL ON FUNCTION mentorcert_portal.fail(organisation_id uuid, results jsonb, worker text, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.finish_reconciliation(reconciliation_id bigint, outcome text, reason text, read integer, compared integer, in_motion integer, drift_by_kind jsonb DEFAULT '{}'::jsonb, read_from timestamp with time zone DEFAULT NULL::timestamp with time zone, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := mentorcert_portal.renew_reconciliation(reconciliation_id, as_of);
  run mentorcert_portal.reconciliations;
begin
  update mentorcert_portal.reconciliations as mine
  set
    finished_at = at, lease_until = null,
    outcome = finish_reconciliation.outcome, reason = finish_reconciliation.reason,
    read = finish_reconciliation.read, compared = finish_reconciliation.compared, in_motion = finish_reconciliation.in_motion,
    listed_but_expired = coalesce((drift_by_kind ->> 'listed_but_expired')::integer, 0),
    missing = coalesce((drift_by_kind ->> 'missing')::integer, 0),
    stale = coalesce((drift_by_kind ->> 'stale')::integer, 0),
    unknown_there = coalesce((drift_by_kind ->> 'unknown_there')::integer, 0),
    duplicate = coalesce((drift_by_kind ->> 'duplicate')::integer, 0),
    marked = (
      select count(drift.marked_at) from mentorcert_portal.drift as drift
      where drift.reconciliation_id = finish_reconciliation.reconciliation_id
    )
  where mine.id = finish_reconciliation.reconciliation_id
  returning mine.* into run;
  if run.is_dry_run then
    return;
  end if;

  -- Gone is what was found before and, having been compared, was not found now.
  update mentorcert_portal.drift as open set repaired_at = at
  where finish_reconciliation.outcome = 'done' and open.organisation_id = run.organisation_id and open.repaired_at is null
    and open.reconciliation_id < run.id
    and not exists (
      select from mentorcert_portal.drift as still
      where still.reconciliation_id = run.id and still.kind = open.kind
        and still.peer_mentor_id is not distinct from open.peer_mentor_id
        and still.external_id is not distinct from open.external_id
    )
    and (
      open.kind = 'unknown_there'
      or exists (
        select from mentorcert_portal.states as state
        where state.peer_mentor_id = open.peer_mentor_id and state.state = 'in_sync' and state.confirmed_at < read_from
      )
    );

  insert into mentorcert_portal.reconciliation_times as times (organisation_id, recent_at, full_at)
  select
    organisation_id,
    case when run.outcome = 'failed' then at + interval '10 minutes' else run.started_at + interval '1 hour' end,
    case
      when run.scope = 'full' and run.outcome = 'failed' then at + interval '10 minutes'
      when run.scope = 'full' then mentorcert_portal.full_reconciliation_after(at, organisation.time_zone)
      else mentorcert_portal.full_reconciliation_after(connection.changed_at, organisation.time_zone)
    end
  from mentorcert_portal.connections as connection
  join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
  where connection.organisation_id = run.organisation_id
  on conflict on constraint reconciliation_times_pkey do update set
    recent_at = excluded.recent_at,
    full_at = case when run.scope = 'full' then excluded.full_at else times.full_at end;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.finish_reconciliation(reconciliation_id bigint, outcome text, reason text, read integer, compared integer, in_motion integer, drift_by_kind jsonb, read_from timestamp with time zone, as_of timestamp with time zone) IS 'Ends a run: keeps how much it found, notes what is gone since earlier ones, and sets when the next is due; after a failure soon.';
REVOKE ALL ON FUNCTION mentorcert_portal.finish_reconciliation(reconciliation_id bigint, outcome text, reason text, read integer, compared integer, in_motion integer, drift_by_kind jsonb, read_from timestamp with time zone, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.full_reconciliation_after(instant timestamp with time zone, time_zone text) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select min(three_o_clock.at)
  from generate_series(0, 1) as days
  cross join lateral (
    select mentorcert_private.day_starts(mentorcert_private.day_of(instant, time_zone) + days, time_zone) + interval '3 hours' as at
  ) as three_o_clock
  where three_o_clock.at > instant
$$;
COMMENT ON FUNCTION mentorcert_portal.full_reconciliation_after(instant timestamp with time zone, time_zone text) IS 'The next time for everything: three hours into a local day, when the nightly run is over and nobody works at the portal.';
REVOKE ALL ON FUNCTION mentorcert_portal.full_reconciliation_after(instant timestamp with time zone, time_zone text) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.heartbeat(worker text, started_at timestamp with time zone, stopped boolean DEFAULT false) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  delete from mentorcert_portal.workers as other
  where other.seen_at < clock_timestamp() - interval '1 day' or stopped and other.worker = heartbeat.worker;
  insert into mentorcert_portal.workers as mine (worker, started_at, seen_at)
  select heartbeat.worker, heartbeat.started_at, clock_timestamp() where not stopped
  on conflict on constraint workers_pkey do update set seen_at = excluded.seen_at
$$;
COMMENT ON FUNCTION mentorcert_portal.heartbeat(worker text, started_at timestamp with time zone, stopped boolean) IS 'Says that a worker lives, or that it has stopped.';
REVOKE ALL ON FUNCTION mentorcert_portal.heartbeat(worker text, started_at timestamp with time zone, stopped boolean) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.lock_reported(results jsonb) RETURNS uuid[]
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select array(
    select state.peer_mentor_id
    from mentorcert_portal.states as state
    where state.peer_mentor_id in (select result.peer_mentor_id from mentorcert_portal.results(results) as result)
    order by state.peer_mentor_id
    for update skip locked
  )
$$;
COMMENT ON FUNCTION mentorcert_portal.lock_reported(results jsonb) IS 'Locks the reported rows that nobody else holds. What a change holds is reported again in a moment.';
REVOKE ALL ON FUNCTION mentorcert_portal.lock_reported(results jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.log_attempts(locked uuid[], results jsonb, worker text, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  -- Who has lost the lease may have sent an older version after a newer one: it must be sent again, whatever was confirmed.
  with late as (
    update mentorcert_portal.states as state
    set
      version = state.version + 1, content = null, confirmed = null, shown = true, state = 'pending', attempts = 0,
      next_attempt_at = case when state.lease_token is null then at else state.next_attempt_at end,
      first_dirty_at = coalesce(state.first_dirty_at, at)
    from mentorcert_portal.results(results) as result
    where state.peer_mentor_id = result.peer_mentor_id
      and state.peer_mentor_id = any(locked)
      and state.lease_token is distinct from result.lease_token
    returning state.peer_mentor_id
  )
  insert into mentorcert_portal.attempts (
    attempted_at, organisation_id, peer_mentor_id, version, attempt, outcome, http_status, latency_s, error, worker
  )
  select
    at, state.organisation_id, result.peer_mentor_id, result.version, result.attempt,
    case when late.peer_mentor_id is null then result.outcome else 'lost_lease' end,
    result.http_status, result.latency_s, left(result.error, 500), log_attempts.worker
  from mentorcert_portal.results(results) as result
  join mentorcert_portal.states as state on state.peer_mentor_id = result.peer_mentor_id
  left join late on late.peer_mentor_id = result.peer_mentor_id
  where result.peer_mentor_id = any(locked);
end
$$;
COMMENT ON FUNCTION mentorcert_portal.log_attempts(locked uuid[], results jsonb, worker text, at timestamp with time zone) IS 'Appends to the attempt log, and marks dirty again whatever was done under a lease that was lost.';
REVOKE ALL ON FUNCTION mentorcert_portal.log_attempts(locked uuid[], results jsonb, worker text, at timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.mode_of(organisation_id uuid) RETURNS TABLE(mode text, canary_peer_mentor_ids uuid[], is_blocked boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select connection.mode, connection.canary_peer_mentor_ids, connection.breaker = 'blocked'
  from mentorcert_portal.connections as connection
  where connection.organisation_id = mode_of.organisation_id
$$;
COMMENT ON FUNCTION mentorcert_portal.mode_of(organisation_id uuid) IS 'What a worker asks again before it sends; no row means capture.';
REVOKE ALL ON FUNCTION mentorcert_portal.mode_of(organisation_id uuid) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.reconciliations_due(as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(organisation_id uuid, organisation text, scope text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select connection.organisation_id, organisation.slug, case when full_.is_due then 'full' else 'recent' end
  from (select coalesce(as_of, clock_timestamp()) as at) as clock
  cross join mentorcert_portal.connections as connection
  join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
  left join mentorcert_portal.reconciliation_times as times on times.organisation_id = connection.organisation_id
  cross join lateral (
    select clock.at >= coalesce(
      times.full_at, mentorcert_portal.full_reconciliation_after(connection.changed_at, organisation.time_zone)
    ) as is_due
  ) as full_
  -- Also of a blocked connection: just then nobody else would see whom the portal shows.
  where connection.mode in ('canary', 'live')
    and (full_.is_due or clock.at >= coalesce(times.recent_at, connection.changed_at + interval '1 hour'))
    and not exists (
      select from mentorcert_portal.reconciliations as running
      where running.organisation_id = connection.organisation_id
        and running.finished_at is null and running.lease_until > clock.at
    )
$$;
COMMENT ON FUNCTION mentorcert_portal.reconciliations_due(as_of timestamp with time zone) IS 'Which organisations are due for a reconciliation now, and whether of everything: each hour, and at night, counted from the latest change of mode.';
REVOKE ALL ON FUNCTION mentorcert_portal.reconciliations_due(as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.record_drift(reconciliation_id bigint, drift jsonb, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := mentorcert_portal.renew_reconciliation(reconciliation_id, as_of);
  noted integer;
begin
  insert into mentorcert_portal.drift (
    reconciliation_id, organisation_id, kind, peer_mentor_id, external_id, version, there, expected, found_at
  )
  select
    run.id, run.organisation_id, found.kind, found.peer_mentor_id, found.external_id, found.version,
    nullif(found.there, 'null'), nullif(found.expected, 'null'), at
  from mentorcert_portal.reconciliations as run
  cross join rows from (
    jsonb_to_recordset(record_drift.drift) as (
      kind text, peer_mentor_id uuid, external_id text, version bigint, there jsonb, expected jsonb
    )
  ) with ordinality as found (kind, peer_mentor_id, external_id, version, there, expected, place)
  where run.id = record_drift.reconciliation_id
  -- Removals first: they are repaired in this order.
  order by found.kind <> 'listed_but_expired', found.place;
  get diagnostics noted = row_count;
  return noted;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.record_drift(reconciliation_id bigint, drift jsonb, as_of timestamp with time zone) IS 'Keeps what a run found, removals first; returns how much.';
REVOKE ALL ON FUNCTION mentorcert_portal.record_drift(reconciliation_id bigint, drift jsonb, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.record_failures(organisation_id uuid, results jsonb, at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  because text;
  unanswered integer;
  pause_s double precision;
  is_blocked boolean;
begin
  select count(*) filter (where result.outcome in ('unavailable', 'unexpected_answer')), max(result.retry_after),
    max('The portal does not accept our credentials.') filter (where result.outcome = 'unauthorised')
  into unanswered, pause_s, because
  from mentorcert_portal.results(results) as result;

  select coalesce(because, 'The portal refused messages about three peer mentors within ten minutes: has the contract changed?')
  into because
  from mentorcert_portal.connections as connection
  where connection.organisation_id = record_failures.organisation_id and (
    because is not null
    or (
      select count(distinct attempt.peer_mentor_id) from mentorcert_portal.attempts as attempt
      where attempt.organisation_id = connection.organisation_id and attempt.outcome = 'rejected'
        and attempt.attempted_at > greatest(at - interval '10 minutes', connection.changed_at)
    ) >= 3
  );

  update mentorcert_portal.connections as connection
  set
    failures = connection.failures + unanswered,
    breaker = case
      when because is not null then 'blocked'
      when connection.breaker = 'closed' and connection.failures + unanswered >= 20 then 'open'
      else connection.breaker
    end,
    breaker_reason = coalesce(
      because, connection.breaker_reason,
      case when connection.failures + unanswered >= 20 then 'The portal has failed to answer twenty times in a row.' end
    ),
    resume_at = greatest(
      connection.resume_at,
      at + pause_s * interval '1 second',
      case
        when connection.breaker = 'open' or connection.failures + unanswered >= 20
          then at + (0.5 + random() / 2) * interval '30 seconds'
      end
    )
  where connection.organisation_id = record_failures.organisation_id
  returning connection.breaker = 'blocked' into is_blocked;
  return coalesce(is_blocked, false);
end
$$;
COMMENT ON FUNCTION mentorcert_portal.record_failures(organisation_id uuid, results jsonb, at timestamp with time zone) IS 'Pauses, opens or blocks the connection as the failures demand; returns whether it is blocked.';
REVOKE ALL ON FUNCTION mentorcert_portal.record_failures(organisation_id uuid, results jsonb, at timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.record_secrets(organisation text, secrets jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with noted as (
    select known.id as organisation_id, secret.place, secret.expires
    from mentorcert.organisations as known
    cross join jsonb_to_recordset(record_secrets.secrets) as secret (place text, expires date)
    where known.slug = record_secrets.organisation
  ),
  gone as (
    delete from mentorcert_portal.secrets as secret
    using mentorcert.organisations as known
    where known.slug = record_secrets.organisation and secret.organisation_id = known.id
      and secret.place not in (select noted.place from noted)
  )
  insert into mentorcert_portal.secrets as secret (organisation_id, place, expires)
  select noted.organisation_id, noted.place, noted.expires from noted order by noted.place
  on conflict on constraint secrets_pkey do update set expires = excluded.expires, noted_at = excluded.noted_at
$$;
COMMENT ON FUNCTION mentorcert_portal.record_secrets(organisation text, secrets jsonb) IS 'Notes when the secrets of an organisation''s connection expire: [{"place": …, "expires": …}], all of them.';
REVOKE ALL ON FUNCTION mentorcert_portal.record_secrets(organisation text, secrets jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.release(results jsonb, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  locked constant uuid[] := mentorcert_portal.lock_reported(results);
begin
  update mentorcert_portal.states as state
  set
    next_attempt_at = coalesce(as_of, clock_timestamp()), attempts = greatest(state.attempts - 1, 0),
    lease_token = null, lease_until = null
  from mentorcert_portal.results(results) as result
  where state.peer_mentor_id = result.peer_mentor_id
    and state.peer_mentor_id = any(locked)
    and state.lease_token = result.lease_token;
  return query select unnest(locked);
end
$$;
COMMENT ON FUNCTION mentorcert_portal.release(results jsonb, as_of timestamp with time zone) IS 'Gives back rows that were claimed and not sent. Returns which; the rest come back by themselves when their leases end.';
REVOKE ALL ON FUNCTION mentorcert_portal.release(results jsonb, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.renew_reconciliation(reconciliation_id bigint, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
begin
  update mentorcert_portal.reconciliations as run set lease_until = at + interval '5 minutes'
  where run.id = reconciliation_id and run.finished_at is null;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'the reconciliation is no longer running',
      hint = 'It was not heard of for five minutes, and another has begun.',
      schema = 'mentorcert_portal', table = 'reconciliations', constraint = 'portal_reconciliation_running';
  end if;
  return at;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.renew_reconciliation(reconciliation_id bigint, as_of timestamp with time zone) IS 'Says that a run lives, and returns the database''s time; refuses (MC008) a run that has ended.';
REVOKE ALL ON FUNCTION mentorcert_portal.renew_reconciliation(reconciliation_id bigint, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.repair_next(reconciliation_id bigint, after bigint, batch_size integer, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(last_id bigint, marked integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := mentorcert_portal.renew_reconciliation(reconciliation_id, as_of);
  drift_ids bigint[];
  ids uuid[];
begin
  drift_ids := array(
    select found.id from mentorcert_portal.drift as found
    where found.reconciliation_id = repair_next.reconciliation_id and found.id > after
      and found.kind in ('listed_but_expired', 'missing', 'stale')
    order by found.id
    limit batch_size
  );
  -- A row that a change or a worker holds, or that has changed or is being sent since, is sent anyway.
  ids := array(
    select state.peer_mentor_id
    from mentorcert_portal.states as state
    join mentorcert_portal.drift as found on found.peer_mentor_id = state.peer_mentor_id and found.version = state.version
    where found.id = any(drift_ids) and coalesce(state.lease_until <= at, true)
      and (select not run.is_dry_run from mentorcert_portal.reconciliations as run where run.id = repair_next.reconciliation_id)
    order by state.peer_mentor_id
    for update of state skip locked
  );
  update mentorcert_portal.states as state
  set
    -- What the portal confirmed is not what it shows.
    confirmed = null,
    shown = case when (found.there ->> 'listed')::boolean then true else state.shown end,
    -- It passes over what is not above its own version. What no JSON reader holds exactly is no version.
    version = greatest(
      state.version,
      case when (found.there ->> 'version')::numeric < 9007199254740992 then (found.there ->> 'version')::bigint end
    )
  from mentorcert_portal.drift as found
  where found.id = any(drift_ids) and state.peer_mentor_id = found.peer_mentor_id and state.peer_mentor_id = any(ids);
  perform mentorcert_portal.enqueue_sync(ids);
  update mentorcert_portal.drift as found set marked_at = at
  where found.id = any(drift_ids) and found.peer_mentor_id = any(ids);
  return query select drift_ids[cardinality(drift_ids)], cardinality(ids);
end
$$;
COMMENT ON FUNCTION mentorcert_portal.repair_next(reconciliation_id bigint, after bigint, batch_size integer, as_of timestamp with time zone) IS 'Has the next batch of what differs sent to the portal again, after a drift row; last_id is null after the last. Waits for nobody.';
REVOKE ALL ON FUNCTION mentorcert_portal.repair_next(reconciliation_id bigint, after bigint, batch_size integer, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.replay_next(replay_id uuid, batch_size integer) RETURNS mentorcert_portal.replays
    LANGUAGE plpgsql
    SET search_path TO ''
    SET lock_timeout TO '500ms'
    AS $$
declare
  replay mentorcert_portal.replays;
  ids uuid[];
begin
  select * into strict replay from mentorcert_portal.replays as running where running.id = replay_id for update;
  ids := array(
    select state.peer_mentor_id
    from mentorcert_portal.selected(replay.organisation_id, replay.selection) as state
    where state.peer_mentor_id > coalesce(replay.last_id, '00000000-0000-0000-0000-000000000000')
    order by state.peer_mentor_id
    limit batch_size
  );
  perform mentorcert_portal.enqueue_sync(ids);
  -- Sent again also where the portal has confirmed just that.
  update mentorcert_portal.states as state set confirmed = null where state.peer_mentor_id = any(ids);
  update mentorcert_portal.replays as running
  set
    last_id = coalesce(ids[cardinality(ids)], running.last_id), marked = running.marked + cardinality(ids),
    finished_at = case when cardinality(ids) < batch_size then clock_timestamp() end
  where running.id = replay_id
  returning * into replay;
  return replay;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.replay_next(replay_id uuid, batch_size integer) IS 'Marks the next batch of a replay; finished_at is set with the last. Fails (55P03) where a change holds one of them for long: call it again.';
REVOKE ALL ON FUNCTION mentorcert_portal.replay_next(replay_id uuid, batch_size integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.request_replay(selection jsonb, reason text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  organisation_id constant uuid := mentorcert_private.require_administered_organisation('replay_right');
  is_understood boolean;
  replay mentorcert_portal.replays;
begin
  perform mentorcert_private.require_reason(reason);
  perform mentorcert_portal.require_connection(organisation_id);
  begin
    is_understood := jsonb_typeof(selection) = 'object'
      and selection - array['peer_mentor_ids', 'since', 'error_class'] = '{}'
      and coalesce(jsonb_typeof(selection -> 'peer_mentor_ids'), 'array') = 'array'
      and coalesce(jsonb_typeof(selection -> 'error_class'), 'string') = 'string'
      and (selection ->> 'since')::timestamptz is distinct from 'infinity';
  exception when data_exception then
    is_understood := false;
  end;
  if is_understood is not true then
    raise exception using
      errcode = 'MC008', message = 'the selection names nothing but peer_mentor_ids, since and error_class',
      hint = 'Leave out what does not narrow the choice.',
      schema = 'mentorcert_portal', table = 'replays', constraint = 'replay_selection';
  end if;
  replay := mentorcert_portal.start_replay(organisation_id, selection, reason, auth.uid()::text);
  -- One that somebody began at a terminal and gave up goes on as well.
  update mentorcert_portal.replays as requested set is_requested = true where requested.id = replay.id;
  perform mentorcert_private.audit(
    'replays', 'insert', 'id', '{selection,reason}', jsonb_build_array(jsonb_build_object('after', to_jsonb(replay)))
  );
  return replay.id;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.request_replay(selection jsonb, reason text) IS 'Has the chosen of the caller''s organisation sent to the portal again, with a reason; administrators only. The portal''s workers carry it out.';
REVOKE ALL ON FUNCTION mentorcert_portal.request_replay(selection jsonb, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_portal.request_replay(selection jsonb, reason text) TO authenticated;

CREATE FUNCTION mentorcert_portal.requeue(organisation_id uuid, batch_size integer DEFAULT 5000, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  since timestamptz;
  revived integer;
begin
  select connection.requeue_since into since
  from mentorcert_portal.connections as connection where connection.organisation_id = requeue.organisation_id;
  if since is null then
    return 0;
  end if;
  with waiting as (
    select state.peer_mentor_id from mentorcert_portal.states as state
    where state.organisation_id = requeue.organisation_id and state.state <> 'in_sync' and state.lease_token is null
      and (state.attempted_at < since or state.attempted_at is null)
      and (
        state.next_attempt_at is null or state.next_attempt_at > at
        -- A lease on our list that ended while nothing was sent.
        or not state.is_removal and state.attempted_at is null and not exists (
          select from public.listed_peer_mentors as listed
          where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > at
        )
      )
    limit batch_size
    for update of state skip locked
  )
  update mentorcert_portal.states as state
  set
    state = 'pending', attempts = 0, failing_since = null, next_attempt_at = at,
    is_removal = state.is_removal or state.attempted_at is null and not exists (
      select from public.listed_peer_mentors as listed
      where listed.peer_mentor_id = state.peer_mentor_id and listed.listed_until > at
    )
  from waiting
  where state.peer_mentor_id = waiting.peer_mentor_id;
  get diagnostics revived = row_count;
  if revived = 0 then
    update mentorcert_portal.connections as connection set requeue_since = null
    where connection.organisation_id = requeue.organisation_id and connection.requeue_since = since
      -- What was locked, or under a lease, above.
      and not exists (
        select from mentorcert_portal.states as state
        where state.organisation_id = connection.organisation_id and state.state <> 'in_sync'
          and (state.attempted_at < since or state.attempted_at is null)
          and (state.next_attempt_at is null or state.next_attempt_at > at)
      );
  end if;
  return revived;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.requeue(organisation_id uuid, batch_size integer, as_of timestamp with time zone) IS 'Makes due, batch by batch, what is unconfirmed and was last tried before requeue_since; returns how many. At 0 there is nothing to be done now.';
REVOKE ALL ON FUNCTION mentorcert_portal.requeue(organisation_id uuid, batch_size integer, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.require_connection(organisation_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  perform from mentorcert_portal.connections as connection where connection.organisation_id = require_connection.organisation_id;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'the organisation has no portal connection',
      hint = 'Make one with `mentorcert portal connect`.',
      schema = 'mentorcert_portal', table = 'connections', constraint = 'portal_connection_known';
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.require_connection(organisation_id uuid) IS 'Refuses (MC008) an organisation without a connection.';
REVOKE ALL ON FUNCTION mentorcert_portal.require_connection(organisation_id uuid) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.results(results jsonb) RETURNS TABLE(peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, outcome text, remote_version bigint, http_status integer, latency_s real, error text, retry_after double precision)
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select
    result.peer_mentor_id, result.lease_token, result.version, result.attempt, result.outcome, result.remote_version,
    result.http_status, result.latency_s, result.error,
    -- Not longer than the longest pause of our own.
    case when result.retry_after > 21600 then 21600 else result.retry_after end
  from jsonb_to_recordset(results) as result (
    peer_mentor_id uuid, lease_token uuid, version bigint, attempt integer, outcome text, remote_version bigint,
    http_status integer, latency_s real, error text, retry_after double precision
  )
$$;
COMMENT ON FUNCTION mentorcert_portal.results(results jsonb) IS 'A worker''s report, a JSON array of objects, as rows.';
REVOKE ALL ON FUNCTION mentorcert_portal.results(results jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.retry_delay(attempts integer) RETURNS interval
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select random() * (array[5, 30, 300, 1800, 7200, 21600])[least(greatest(attempts, 1), 6)] * interval '1 second'
$$;
COMMENT ON FUNCTION mentorcert_portal.retry_delay(attempts integer) IS 'How long to wait after this many failed attempts: full jitter over 5 s, 30 s, 5 min, 30 min, 2 h, and then 6 h each time.';
REVOKE ALL ON FUNCTION mentorcert_portal.retry_delay(attempts integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.selected(organisation_id uuid, selection jsonb) RETURNS SETOF mentorcert_portal.states
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select state.*
  from mentorcert_portal.states as state
  where state.organisation_id = selected.organisation_id
    and (not selection ? 'peer_mentor_ids' or selection -> 'peer_mentor_ids' ? state.peer_mentor_id::text)
    and (not selection ? 'since' or greatest(state.changed_at, state.attempted_at) >= (selection ->> 'since')::timestamptz)
    and (not selection ? 'error_class' or state.error_class = selection ->> 'error_class')
$$;
COMMENT ON FUNCTION mentorcert_portal.selected(organisation_id uuid, selection jsonb) IS 'The states that a replay is about.';
REVOKE ALL ON FUNCTION mentorcert_portal.selected(organisation_id uuid, selection jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.set_mode(organisation_id uuid, mode text, reason text, canary_peer_mentor_ids uuid[] DEFAULT '{}'::uuid[], changed_by text DEFAULT SESSION_USER, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
begin
  perform mentorcert_portal.require_connection(organisation_id);
  if exists (
    select id from unnest(canary_peer_mentor_ids) as id
    except
    select mentor.id from mentorcert.peer_mentors as mentor where mentor.organisation_id = set_mode.organisation_id
  ) then
    raise exception using
      errcode = 'MC008', message = 'a canary is no peer mentor of the organisation',
      hint = 'Name peer mentors of this organisation by their ids.',
      schema = 'mentorcert_portal', table = 'connections', constraint = 'portal_canary_known';
  end if;
  update mentorcert_portal.connections as connection
  set
    mode = set_mode.mode, canary_peer_mentor_ids = set_mode.canary_peer_mentor_ids,
    breaker = 'closed', breaker_reason = null, failures = 0, resume_at = null,
    -- Rehearsed, blocked, dead or waiting: what is unconfirmed is sent again, in batches, by the worker.
    requeue_since = case when set_mode.mode in ('shadow', 'canary', 'live') then at end,
    reason = set_mode.reason, changed_by = set_mode.changed_by, changed_at = at
  where connection.organisation_id = set_mode.organisation_id;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.set_mode(organisation_id uuid, mode text, reason text, canary_peer_mentor_ids uuid[], changed_by text, as_of timestamp with time zone) IS 'Changes the mode, with a reason; closes the breaker, and lets everything unconfirmed be sent at once.';
REVOKE ALL ON FUNCTION mentorcert_portal.set_mode(organisation_id uuid, mode text, reason text, canary_peer_mentor_ids uuid[], changed_by text, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.set_since() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if new.mode <> old.mode then
    new.mode_since := new.changed_at;
  end if;
  new.breaker_since := case when new.breaker <> 'closed' then coalesce(old.breaker_since, clock_timestamp()) end;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.set_since() IS 'Notes since when the mode, and a breaker that is not closed, holds.';
REVOKE ALL ON FUNCTION mentorcert_portal.set_since() FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.start_reconciliation(organisation_id uuid, scope text, dry_run boolean, worker text, only_due boolean DEFAULT false, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS TABLE(id bigint, organisation text, mode text, adapter text, contract_version text, is_dry_run boolean, peer_mentors integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
  at constant timestamptz := coalesce(as_of, clock_timestamp());
  new_id bigint;
begin
  perform mentorcert_portal.require_connection(start_reconciliation.organisation_id);
  -- The second one waits here, and then finds that it is no longer due, or running.
  perform from mentorcert_portal.connections as connection
  where connection.organisation_id = start_reconciliation.organisation_id
  for no key update;
  if only_due and not exists (
    select from mentorcert_portal.reconciliations_due(at) as due where due.organisation_id = start_reconciliation.organisation_id
  ) then
    return;
  end if;
  update mentorcert_portal.reconciliations as running
  set finished_at = at, lease_until = null, outcome = 'failed', reason = 'Its process no longer reported.'
  where running.organisation_id = start_reconciliation.organisation_id and running.finished_at is null
    and running.lease_until <= at;
  insert into mentorcert_portal.reconciliations as run (organisation_id, scope, is_dry_run, worker, started_at, lease_until)
  select
    connection.organisation_id, start_reconciliation.scope,
    dry_run or connection.mode not in ('canary', 'live'), start_reconciliation.worker,
    at, at + interval '5 minutes'
  from mentorcert_portal.connections as connection
  where connection.organisation_id = start_reconciliation.organisation_id
  on conflict (organisation_id) where finished_at is null do nothing
  returning run.id into new_id;
  return query
  select
    run.id, organisation.slug, connection.mode, connection.adapter, connection.contract_version,
    is_dry_run,
    (
      select count(*)::integer from mentorcert_portal.states as state
      where state.organisation_id = run.organisation_id
    )
  from mentorcert_portal.reconciliations as run
  join mentorcert_portal.connections as connection on connection.organisation_id = run.organisation_id
  join mentorcert.organisations as organisation on organisation.id = run.organisation_id
  where run.id = new_id;
end
$$;
COMMENT ON FUNCTION mentorcert_portal.start_reconciliation(organisation_id uuid, scope text, dry_run boolean, worker text, only_due boolean, as_of timestamp with time zone) IS 'Starts a run, unless one is running, or none is due; returns nothing then. Where the mode does not send, it is dry.';
REVOKE ALL ON FUNCTION mentorcert_portal.start_reconciliation(organisation_id uuid, scope text, dry_run boolean, worker text, only_due boolean, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.start_replay(organisation_id uuid, selection jsonb, reason text, started_by text DEFAULT SESSION_USER) RETURNS mentorcert_portal.replays
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  insert into mentorcert_portal.replays as replay (organisation_id, selection, reason, started_by, total)
  select
    start_replay.organisation_id, start_replay.selection, start_replay.reason, start_replay.started_by,
    (select count(*) from mentorcert_portal.selected(start_replay.organisation_id, start_replay.selection))
  -- An interrupted replay of the same selection goes on.
  on conflict (organisation_id, selection) where finished_at is null do update set reason = excluded.reason
  returning replay.*
$$;
COMMENT ON FUNCTION mentorcert_portal.start_replay(organisation_id uuid, selection jsonb, reason text, started_by text) IS 'Starts a replay, or takes up the one that was interrupted.';
REVOKE ALL ON FUNCTION mentorcert_portal.start_replay(organisation_id uuid, selection jsonb, reason text, started_by text) FROM PUBLIC;

CREATE FUNCTION mentorcert_portal.state_overview(organisation_id uuid, as_of timestamp with time zone DEFAULT now()) RETURNS TABLE(peer_mentor_id uuid, state text, is_removal boolean, since timestamp with time zone, attempts integer, error_class text)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    peer_mentor_id,
    case
      when lapse.is_so then case when sending.is_so then 'pending' else 'held' end
      when state.state in ('pending', 'retry') and not sending.is_so then 'held'
      else state.state
    end,
    -- Of a row in sync, is_removal is about the end that the calendar has set.
    state.is_removal and (state.state <> 'in_sync' or lapse.is_so),
    case when lapse.is_so then state.next_attempt_at else state.first_dirty_at end,
    state.attempts, state.error_class
  from mentorcert_portal.states as state
  left join mentorcert_portal.connections as connection on connection.organisation_id = state.organisation_id
  cross join lateral (select state.state = 'in_sync' and state.next_attempt_at <= as_of as is_so) as lapse
  cross join lateral (
    select coalesce(
      connection.mode = 'live'
        or connection.mode = 'canary' and state.peer_mentor_id = any(connection.canary_peer_mentor_ids),
      false
    ) as is_so
  ) as sending
  where state.organisation_id = state_overview.organisation_id
$$;
COMMENT ON FUNCTION mentorcert_portal.state_overview(organisation_id uuid, as_of timestamp with time zone) IS 'How it stands with each peer mentor of an organisation at an instant: held pending retry blocked dead in_sync; whether somebody must be taken off the portal''s list, and since when.';
REVOKE ALL ON FUNCTION mentorcert_portal.state_overview(organisation_id uuid, as_of timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_portal.state_overview(organisation_id uuid, as_of timestamp with time zone) TO authenticated;

CREATE SCHEMA mentorcert_private;
COMMENT ON SCHEMA mentorcert_private IS 'Helpers of policies, triggers and jobs. Not exposed through the Data API.';
GRANT USAGE ON SCHEMA mentorcert_private TO authenticated;
GRANT USAGE ON SCHEMA mentorcert_private TO service_role;
GRANT USAGE ON SCHEMA mentorcert_private TO mentorcert_jobs;

CREATE TABLE mentorcert_private.access_log (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    user_id uuid NOT NULL,
    organisation_ids uuid[] NOT NULL,
    endpoint text NOT NULL,
    row_organisation_ids uuid[] NOT NULL,
    request_id text NOT NULL,
    CONSTRAINT access_log_endpoint_valid CHECK ((endpoint ~ '^[A-Za-z0-9_./{}-]{1,100}$'::text)),
    CONSTRAINT access_log_recorded_at_in_calendar CHECK (((recorded_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (recorded_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT access_log_request_id_valid CHECK ((request_id ~ '^[A-Za-z0-9_.-]{1,100}$'::text))
);
COMMENT ON TABLE mentorcert_private.access_log IS 'One row for each answer to a signed-in user; kept as mentorcert_private.log_retention says. The public list, which is open to all, is not in it.';
COMMENT ON COLUMN mentorcert_private.access_log.organisation_ids IS 'The organisations the user was a member of.';
COMMENT ON COLUMN mentorcert_private.access_log.row_organisation_ids IS 'The organisations of the rows that were returned.';
ALTER TABLE ONLY mentorcert_private.access_log
    ADD CONSTRAINT access_log_pkey PRIMARY KEY (id);
CREATE INDEX access_log_lookups_idx ON mentorcert_private.access_log USING btree (user_id, recorded_at) WHERE (endpoint = 'find_login'::text);
CREATE INDEX access_log_recorded_at_idx ON mentorcert_private.access_log USING btree (recorded_at);
CREATE TRIGGER reject_change BEFORE UPDATE ON mentorcert_private.access_log FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change('access_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');
CREATE TRIGGER reject_early_removal BEFORE DELETE ON mentorcert_private.access_log FOR EACH ROW WHEN ((mentorcert_private.is_kept('access_log'::text, old.recorded_at) IS NOT FALSE)) EXECUTE FUNCTION mentorcert_private.reject_change('access_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');
CREATE TRIGGER reject_removal BEFORE TRUNCATE ON mentorcert_private.access_log FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('access_log_append_only', 'How long they are kept is said by mentorcert_private.log_retention.');
ALTER TABLE mentorcert_private.access_log ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_private.calendar_feeds (
    organisation_id uuid NOT NULL,
    peer_mentor_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT calendar_feeds_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT calendar_feeds_token_hash_valid CHECK ((octet_length(token_hash) = 32))
);
COMMENT ON TABLE mentorcert_private.calendar_feeds IS 'Who has a calendar feed: at most one for each peer mentor; a new one takes the place of the old.';
COMMENT ON COLUMN mentorcert_private.calendar_feeds.token_hash IS 'SHA-256 of the token, which nobody can read again.';
ALTER TABLE ONLY mentorcert_private.calendar_feeds
    ADD CONSTRAINT calendar_feeds_pkey PRIMARY KEY (organisation_id, peer_mentor_id);
ALTER TABLE ONLY mentorcert_private.calendar_feeds
    ADD CONSTRAINT calendar_feeds_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY mentorcert_private.calendar_feeds
    ADD CONSTRAINT calendar_feeds_peer_mentor_id_fkey FOREIGN KEY (organisation_id, peer_mentor_id) REFERENCES mentorcert.peer_mentors(organisation_id, id);
ALTER TABLE mentorcert_private.calendar_feeds ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_private.disabled_endpoints (
    endpoint text NOT NULL,
    reason text NOT NULL,
    disabled_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT disabled_endpoints_disabled_at_in_calendar CHECK (((disabled_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (disabled_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT disabled_endpoints_endpoint_known CHECK ((endpoint = ANY (ARRAY['audit_log'::text, 'certifications'::text, 'memberships'::text, 'organisations'::text, 'peer_mentors'::text, 'public_list'::text]))),
    CONSTRAINT disabled_endpoints_reason_given CHECK ((btrim(reason) <> ''::text)),
    CONSTRAINT disabled_endpoints_reason_length CHECK ((length(reason) <= 2000))
);
COMMENT ON TABLE mentorcert_private.disabled_endpoints IS 'Endpoints that are switched off now; mentorcert endpoint writes it, the audit log keeps who and why.';
COMMENT ON COLUMN mentorcert_private.disabled_endpoints.reason IS 'For colleagues, not for clients: the error does not quote it.';
ALTER TABLE ONLY mentorcert_private.disabled_endpoints
    ADD CONSTRAINT disabled_endpoints_pkey PRIMARY KEY (endpoint);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert_private.disabled_endpoints REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('endpoint');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert_private.disabled_endpoints REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('endpoint');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert_private.disabled_endpoints REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('endpoint');
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF reason ON mentorcert_private.disabled_endpoints FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise('text', 'reason');
CREATE TRIGGER keep_identity BEFORE UPDATE ON mentorcert_private.disabled_endpoints FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('endpoint');
CREATE TRIGGER reject_truncation BEFORE TRUNCATE ON mentorcert_private.disabled_endpoints FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');
CREATE POLICY "administrators read which endpoints are switched off" ON mentorcert_private.disabled_endpoints FOR SELECT TO authenticated USING ((( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id) IS NOT NULL));
COMMENT ON POLICY "administrators read which endpoints are switched off" ON mentorcert_private.disabled_endpoints IS 'The reason, which is for colleagues of the operator, is not granted.';
ALTER TABLE mentorcert_private.disabled_endpoints ENABLE ROW LEVEL SECURITY;
GRANT SELECT(endpoint, disabled_at) ON TABLE mentorcert_private.disabled_endpoints TO authenticated;

CREATE TABLE mentorcert_private.extensions (
    batch_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    certification_type text NOT NULL,
    last_valid_day date NOT NULL,
    chapter_id uuid,
    expired_since date,
    reason text NOT NULL,
    certification_ids uuid[] NOT NULL,
    extended_by uuid,
    extended_at timestamp with time zone DEFAULT now() NOT NULL,
    reverted_by uuid,
    reverted_at timestamp with time zone,
    reversal_reason text,
    CONSTRAINT extensions_certification_type_length CHECK ((length(certification_type) <= 100)),
    CONSTRAINT extensions_expired_since_in_calendar CHECK (((expired_since >= '1899-12-31'::date) AND (expired_since <= '9999-12-31'::date))),
    CONSTRAINT extensions_extended_at_in_calendar CHECK (((extended_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (extended_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT extensions_last_valid_day_in_calendar CHECK (((last_valid_day >= '1899-12-31'::date) AND (last_valid_day <= '9999-12-31'::date))),
    CONSTRAINT extensions_reason_valid CHECK (((length(reason) <= 2000) AND mentorcert_private.is_readable(reason))),
    CONSTRAINT extensions_reversal_reason_valid CHECK (((length(reversal_reason) <= 2000) AND mentorcert_private.is_readable(reversal_reason))),
    CONSTRAINT extensions_reverted_at_in_calendar CHECK (((reverted_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (reverted_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT extensions_reverted_valid CHECK (((reverted_at IS NULL) = (reversal_reason IS NULL)))
);
COMMENT ON TABLE mentorcert_private.extensions IS 'What extend_certifications did, and whether it was taken back as a whole; the histories of the certifications are the proof.';
COMMENT ON COLUMN mentorcert_private.extensions.batch_id IS 'As in the histories'' entries.';
COMMENT ON COLUMN mentorcert_private.extensions.certification_ids IS 'Which were extended: looked up by key when it is taken back.';
ALTER TABLE ONLY mentorcert_private.extensions
    ADD CONSTRAINT extensions_pkey PRIMARY KEY (batch_id);
CREATE INDEX extensions_organisation_id_idx ON mentorcert_private.extensions USING btree (organisation_id, extended_at);
CREATE TRIGGER canonicalise BEFORE INSERT OR UPDATE OF reason, reversal_reason ON mentorcert_private.extensions FOR EACH ROW EXECUTE FUNCTION mentorcert_private.canonicalise('text', 'reason', 'reversal_reason');
ALTER TABLE ONLY mentorcert_private.extensions
    ADD CONSTRAINT extensions_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators read the extensions of their organisation" ON mentorcert_private.extensions FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the extensions of their organisation" ON mentorcert_private.extensions IS 'Nobody else extends.';
CREATE POLICY "administrators record extensions of their organisation" ON mentorcert_private.extensions FOR INSERT TO authenticated WITH CHECK (((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) AND (NOT (extended_by IS DISTINCT FROM ( SELECT auth.uid() AS uid)))));
COMMENT ON POLICY "administrators record extensions of their organisation" ON mentorcert_private.extensions IS 'Written by extend_certifications, which has no more rights than its caller.';
CREATE POLICY "administrators record that extensions were reverted" ON mentorcert_private.extensions FOR UPDATE TO authenticated USING (((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) AND (reverted_at IS NULL))) WITH CHECK (((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) AND (NOT (reverted_by IS DISTINCT FROM ( SELECT auth.uid() AS uid)))));
COMMENT ON POLICY "administrators record that extensions were reverted" ON mentorcert_private.extensions IS 'Written by revert_change, which has no more rights than its caller.';
ALTER TABLE mentorcert_private.extensions ENABLE ROW LEVEL SECURITY;
GRANT INSERT(batch_id, organisation_id, certification_type, last_valid_day, chapter_id, expired_since, reason, certification_ids, extended_by), SELECT(batch_id, organisation_id, certification_type, last_valid_day, chapter_id, expired_since, reason, certification_ids, extended_by, extended_at, reverted_by, reverted_at, reversal_reason), UPDATE(reverted_by, reverted_at, reversal_reason) ON TABLE mentorcert_private.extensions TO authenticated;

CREATE TABLE mentorcert_private.history_storage (
    only_row boolean DEFAULT true NOT NULL,
    mode text DEFAULT 'jsonb'::text NOT NULL,
    switched_at timestamp with time zone,
    CONSTRAINT history_storage_mode_valid CHECK ((mode = ANY (ARRAY['jsonb'::text, 'events'::text]))),
    CONSTRAINT history_storage_only_row_valid CHECK (only_row),
    CONSTRAINT history_storage_switched_at_in_calendar CHECK (((switched_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (switched_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_private.history_storage IS 'One row: whether the whole history stands in renewal_history (jsonb) or in certification_renewal_events (events).';
ALTER TABLE ONLY mentorcert_private.history_storage
    ADD CONSTRAINT history_storage_pkey PRIMARY KEY (only_row);
ALTER TABLE mentorcert_private.history_storage ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_private.job_runs (
    job text NOT NULL,
    organisation_id uuid NOT NULL,
    local_day date NOT NULL,
    as_of timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    expired integer DEFAULT 0 NOT NULL,
    unlisted integer DEFAULT 0 NOT NULL,
    caught_up boolean DEFAULT false NOT NULL,
    error text,
    CONSTRAINT job_runs_as_of_in_calendar CHECK (((as_of >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (as_of <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT job_runs_finished_at_in_calendar CHECK (((finished_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (finished_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT job_runs_local_day_in_calendar CHECK (((local_day >= '1899-12-31'::date) AND (local_day <= '9999-12-31'::date))),
    CONSTRAINT job_runs_started_at_in_calendar CHECK (((started_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (started_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_private.job_runs IS 'One row for each job and local day of an organisation: what was done, or why not.';
COMMENT ON COLUMN mentorcert_private.job_runs.local_day IS 'The day, in the organisation''s time zone, that had begun when the job ran.';
COMMENT ON COLUMN mentorcert_private.job_runs.caught_up IS 'Whether the day was missed, and its work done by a later run.';
COMMENT ON COLUMN mentorcert_private.job_runs.error IS 'Why the latest run of that day failed; null when it did not.';
ALTER TABLE ONLY mentorcert_private.job_runs
    ADD CONSTRAINT job_runs_pkey PRIMARY KEY (organisation_id, job, local_day);
ALTER TABLE ONLY mentorcert_private.job_runs
    ADD CONSTRAINT job_runs_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
CREATE POLICY "administrators read the ledger of their organisation" ON mentorcert_private.job_runs FOR SELECT TO authenticated USING ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)));
COMMENT ON POLICY "administrators read the ledger of their organisation" ON mentorcert_private.job_runs IS 'Whether the nights of the own organisation were done.';
ALTER TABLE mentorcert_private.job_runs ENABLE ROW LEVEL SECURITY;
GRANT SELECT(job, organisation_id, local_day, as_of, started_at, finished_at, expired, unlisted, caught_up, error) ON TABLE mentorcert_private.job_runs TO authenticated;

CREATE TABLE mentorcert_private.log_retention (
    log text NOT NULL,
    keep interval NOT NULL,
    CONSTRAINT log_retention_keep_valid CHECK (((keep >= '30 days'::interval) AND (keep <= '100 years'::interval))),
    CONSTRAINT log_retention_log_known CHECK ((log = ANY (ARRAY['audit_log'::text, 'access_log'::text])))
);
COMMENT ON TABLE mentorcert_private.log_retention IS 'How long each log is kept; mentorcert audit retention changes it, the nightly run goes by it.';
ALTER TABLE ONLY mentorcert_private.log_retention
    ADD CONSTRAINT log_retention_pkey PRIMARY KEY (log);
CREATE TRIGGER audit_delete AFTER DELETE ON mentorcert_private.log_retention REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_delete('log');
CREATE TRIGGER audit_insert AFTER INSERT ON mentorcert_private.log_retention REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_insert('log');
CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert_private.log_retention REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.audit_update('log');
CREATE TRIGGER keep_identity BEFORE UPDATE ON mentorcert_private.log_retention FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('log');
CREATE TRIGGER reject_truncation BEFORE TRUNCATE ON mentorcert_private.log_retention FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');
ALTER TABLE mentorcert_private.log_retention ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_private.notice_mails (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid NOT NULL,
    kind text NOT NULL,
    state text DEFAULT 'sending'::text NOT NULL,
    peer_mentor_id uuid,
    user_id uuid,
    week date,
    covered_until date,
    claimed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    sent_at timestamp with time zone,
    CONSTRAINT notice_mails_claimed_at_in_calendar CHECK (((claimed_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (claimed_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT notice_mails_covered_until_in_calendar CHECK (((covered_until >= '1899-12-31'::date) AND (covered_until <= '9999-12-31'::date))),
    CONSTRAINT notice_mails_kind_valid CHECK ((((kind = 'reminder'::text) AND (num_nonnulls(user_id, week, covered_until) = 0) AND (peer_mentor_id IS NOT NULL)) OR ((kind = 'digest'::text) AND (num_nonnulls(user_id, week, covered_until) = 3) AND (peer_mentor_id IS NULL)))),
    CONSTRAINT notice_mails_sent_at_in_calendar CHECK (((sent_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (sent_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT notice_mails_state_valid CHECK (((state = ANY (ARRAY['sending'::text, 'sent'::text, 'empty'::text])) AND ((state = 'sent'::text) = (sent_at IS NOT NULL)))),
    CONSTRAINT notice_mails_week_in_calendar CHECK (((week >= '1899-12-31'::date) AND (week <= '9999-12-31'::date)))
);
COMMENT ON TABLE mentorcert_private.notice_mails IS 'Each mail, written before it is sent; whatever then happens, nothing sends it again by itself.';
COMMENT ON COLUMN mentorcert_private.notice_mails.state IS 'sending: handed to the mail server, or the sender died meanwhile; sent: the mail server took it; empty: a digest had nothing to report that week.';
COMMENT ON COLUMN mentorcert_private.notice_mails.week IS 'The Monday of a digest''s week, in the organisation''s time zone.';
COMMENT ON COLUMN mentorcert_private.notice_mails.covered_until IS 'The day of a digest: it covers what ended by then, and the next one starts there.';
ALTER TABLE ONLY mentorcert_private.notice_mails
    ADD CONSTRAINT notice_mails_one_digest_a_week UNIQUE (organisation_id, user_id, week);
ALTER TABLE ONLY mentorcert_private.notice_mails
    ADD CONSTRAINT notice_mails_pkey PRIMARY KEY (id);
CREATE INDEX notice_mails_peer_mentor_id_idx ON mentorcert_private.notice_mails USING btree (organisation_id, peer_mentor_id);
CREATE INDEX notice_mails_sending_idx ON mentorcert_private.notice_mails USING btree (claimed_at) WHERE (state = 'sending'::text);
CREATE INDEX notice_mails_user_id_idx ON mentorcert_private.notice_mails USING btree (user_id);
ALTER TABLE ONLY mentorcert_private.notice_mails
    ADD CONSTRAINT notice_mails_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
ALTER TABLE ONLY mentorcert_private.notice_mails
    ADD CONSTRAINT notice_mails_peer_mentor_id_fkey FOREIGN KEY (organisation_id, peer_mentor_id) REFERENCES mentorcert.peer_mentors(organisation_id, id);
ALTER TABLE ONLY mentorcert_private.notice_mails
    ADD CONSTRAINT notice_mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE;
ALTER TABLE mentorcert_private.notice_mails ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_private.notices (
    certification_id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    days_before smallint NOT NULL,
    organisation_id uuid NOT NULL,
    outcome text NOT NULL,
    mail_id uuid,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT notices_expires_at_in_calendar CHECK (((expires_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (expires_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT notices_outcome_valid CHECK (((outcome = ANY (ARRAY['mailed'::text, 'collapsed'::text, 'skipped'::text])) AND ((outcome = 'skipped'::text) = (mail_id IS NULL)))),
    CONSTRAINT notices_recorded_at_in_calendar CHECK (((recorded_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (recorded_at <= '9999-12-31 00:00:00+00'::timestamp with time zone)))
);
COMMENT ON TABLE mentorcert_private.notices IS 'What happened to each reminder: of a certification, for an end, this many days before. The key makes sure that it is sent at most once.';
COMMENT ON COLUMN mentorcert_private.notices.days_before IS 'The offset of the type; 0: the notice that it has expired.';
COMMENT ON COLUMN mentorcert_private.notices.outcome IS 'mailed; collapsed: a later notice in the same mail overtook it; skipped: it became due before the time that a run reaches back.';
ALTER TABLE ONLY mentorcert_private.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (certification_id, expires_at, days_before);
CREATE INDEX notices_mail_id_idx ON mentorcert_private.notices USING btree (mail_id);
CREATE INDEX notices_organisation_id_idx ON mentorcert_private.notices USING btree (organisation_id, recorded_at);
ALTER TABLE ONLY mentorcert_private.notices
    ADD CONSTRAINT notices_certification_id_fkey FOREIGN KEY (certification_id) REFERENCES public.peer_mentor_certifications(id);
ALTER TABLE ONLY mentorcert_private.notices
    ADD CONSTRAINT notices_mail_id_fkey FOREIGN KEY (mail_id) REFERENCES mentorcert_private.notice_mails(id);
ALTER TABLE ONLY mentorcert_private.notices
    ADD CONSTRAINT notices_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
ALTER TABLE mentorcert_private.notices ENABLE ROW LEVEL SECURITY;

CREATE TABLE mentorcert_private.task_rows (
    task_id uuid NOT NULL,
    line integer NOT NULL,
    organisation_id uuid NOT NULL,
    verdict text NOT NULL,
    has_warning boolean NOT NULL,
    content jsonb NOT NULL,
    CONSTRAINT task_rows_verdict_valid CHECK ((verdict = ANY (ARRAY['added'::text, 'changed'::text, 'unchanged'::text, 'left_out'::text, 'bad'::text])))
);
COMMENT ON TABLE mentorcert_private.task_rows IS 'What an import does, or would do, with each row of its file, and the row''s problems. Personal data: deleted with the file.';
COMMENT ON COLUMN mentorcert_private.task_rows.verdict IS 'left_out: the row is good, but the person''s own columns are bad on another; bad: it has an error. The others: what changes in the registry.';
ALTER TABLE ONLY mentorcert_private.task_rows
    ADD CONSTRAINT task_rows_pkey PRIMARY KEY (task_id, line);
CREATE INDEX task_rows_verdict_idx ON mentorcert_private.task_rows USING btree (task_id, verdict, line);
CREATE INDEX task_rows_warning_idx ON mentorcert_private.task_rows USING btree (task_id, line) WHERE has_warning;
ALTER TABLE ONLY mentorcert_private.task_rows
    ADD CONSTRAINT task_rows_task_id_fkey FOREIGN KEY (task_id) REFERENCES mentorcert_private.tasks(id) ON DELETE CASCADE;
CREATE POLICY "administrators read the rows of their organisation's tasks" ON mentorcert_private.task_rows FOR SELECT TO authenticated USING ((( SELECT mentorcert_private.check_endpoint('peer_mentors'::text) AS check_endpoint) AND ( SELECT mentorcert_private.check_endpoint('certifications'::text) AS check_endpoint) AND (organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))));
COMMENT ON POLICY "administrators read the rows of their organisation's tasks" ON mentorcert_private.task_rows IS 'As the tasks.';
ALTER TABLE mentorcert_private.task_rows ENABLE ROW LEVEL SECURITY;
GRANT SELECT(task_id, line, organisation_id, verdict, has_warning, content) ON TABLE mentorcert_private.task_rows TO authenticated;

CREATE TABLE mentorcert_private.tasks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid NOT NULL,
    requested_by uuid NOT NULL,
    kind text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    preview_id uuid,
    file_name text,
    file bytea,
    step text,
    done bigint DEFAULT 0 NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    result jsonb,
    result_file_name text,
    result_file bytea,
    error jsonb,
    notes jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    contents_deleted_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    lease_token uuid,
    lease_until timestamp with time zone,
    CONSTRAINT tasks_contents_deleted_at_in_calendar CHECK (((contents_deleted_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (contents_deleted_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT tasks_created_at_in_calendar CHECK (((created_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT tasks_error_valid CHECK (((state = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT tasks_file_name_valid CHECK (((char_length(file_name) >= 1) AND (char_length(file_name) <= 200))),
    CONSTRAINT tasks_file_valid CHECK (((octet_length(file) >= 1) AND (octet_length(file) <= 20971520))),
    CONSTRAINT tasks_finished_at_in_calendar CHECK (((finished_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (finished_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT tasks_finished_at_valid CHECK (((state = ANY (ARRAY['queued'::text, 'running'::text])) = (finished_at IS NULL))),
    CONSTRAINT tasks_kind_valid CHECK ((kind = ANY (ARRAY['import_preview'::text, 'import'::text, 'export'::text]))),
    CONSTRAINT tasks_lease_until_in_calendar CHECK (((lease_until >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (lease_until <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT tasks_lease_valid CHECK (((state = 'running'::text) = ((lease_token IS NOT NULL) AND (lease_until IS NOT NULL)))),
    CONSTRAINT tasks_started_at_in_calendar CHECK (((started_at >= '1899-12-31 00:00:00+00'::timestamp with time zone) AND (started_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT tasks_state_valid CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);
COMMENT ON TABLE mentorcert_private.tasks IS 'Imports and exports that administrators asked for. What holds personal data (file, result_file, task_rows, names) is deleted when it is needed no more, at the latest a day after the end; the rest after 90 days.';
COMMENT ON COLUMN mentorcert_private.tasks.requested_by IS 'The login; must still be an administrator when the work begins.';
COMMENT ON COLUMN mentorcert_private.tasks.options IS 'import: skip_bad; export: format (csv, xlsx) and language (nb, en).';
COMMENT ON COLUMN mentorcert_private.tasks.preview_id IS 'Of an import: the preview that it confirms, whose very file it is.';
COMMENT ON COLUMN mentorcert_private.tasks.step IS 'What is being done, with how much of it is done, of how much.';
COMMENT ON COLUMN mentorcert_private.tasks.result IS 'Counts, without personal data.';
COMMENT ON COLUMN mentorcert_private.tasks.result_file IS 'An export, or the rows that an import left out.';
COMMENT ON COLUMN mentorcert_private.tasks.error IS 'Why it failed: kind, and the text and hint with their values apart, so that it can be translated.';
COMMENT ON COLUMN mentorcert_private.tasks.notes IS 'What of the file was read, and what somebody may have missed (sheets, hidden rows); names of sheets may be personal data.';
COMMENT ON COLUMN mentorcert_private.tasks.attempts IS 'How often a process has taken it up.';
COMMENT ON COLUMN mentorcert_private.tasks.lease_until IS 'Until when the process that holds it is believed to live; then another takes it up.';
ALTER TABLE ONLY mentorcert_private.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);
CREATE INDEX tasks_contents_idx ON mentorcert_private.tasks USING btree (finished_at) WHERE (contents_deleted_at IS NULL);
CREATE INDEX tasks_finished_at_idx ON mentorcert_private.tasks USING btree (finished_at);
CREATE INDEX tasks_open_idx ON mentorcert_private.tasks USING btree (created_at) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE INDEX tasks_organisation_id_idx ON mentorcert_private.tasks USING btree (organisation_id, created_at DESC, id);
CREATE INDEX tasks_preview_id_idx ON mentorcert_private.tasks USING btree (preview_id);
ALTER TABLE ONLY mentorcert_private.tasks
    ADD CONSTRAINT tasks_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES mentorcert.organisations(id);
ALTER TABLE ONLY mentorcert_private.tasks
    ADD CONSTRAINT tasks_preview_id_fkey FOREIGN KEY (preview_id) REFERENCES mentorcert_private.tasks(id) ON DELETE SET NULL;
CREATE POLICY "administrators read the tasks of their organisation" ON mentorcert_private.tasks FOR SELECT TO authenticated USING ((( SELECT mentorcert_private.check_endpoint('peer_mentors'::text) AS check_endpoint) AND ( SELECT mentorcert_private.check_endpoint('certifications'::text) AS check_endpoint) AND (organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id))));
COMMENT ON POLICY "administrators read the tasks of their organisation" ON mentorcert_private.tasks IS 'An import and an export hold what the endpoints peer_mentors and certifications do; with them they are switched off.';
ALTER TABLE mentorcert_private.tasks ENABLE ROW LEVEL SECURITY;
GRANT SELECT(id, organisation_id, requested_by, kind, state, options, preview_id, file_name, step, done, total, result, result_file_name, result_file, error, notes, created_at, started_at, finished_at, contents_deleted_at) ON TABLE mentorcert_private.tasks TO authenticated;

CREATE FUNCTION mentorcert_private.actor(organisation_id uuid, change jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select case
    when auth.uid() is not null then jsonb_build_object(
      'user_id', auth.uid(),
      'role', case when organisation_id = mentorcert_private.administered_organisation_id() then 'org_admin' else 'coordinator' end
    )
    when change ? 'job' then jsonb_build_object('job', change ->> 'job')
    else jsonb_build_object(
      'user_id', null, 'role', coalesce(nullif(current_setting('role'), 'none'), session_user::text)
    )
  end
$$;
COMMENT ON FUNCTION mentorcert_private.actor(organisation_id uuid, change jsonb) IS 'Who makes the change: the signed-in user and role, the job, or the database role.';
REVOKE ALL ON FUNCTION mentorcert_private.actor(organisation_id uuid, change jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.administered_organisation_id() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return (
    select membership.organisation_id
    from mentorcert.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'org_admin'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      -- No condition for an index: so it is asked last, and only if the caller is an administrator at all.
      and membership.organisation_id is not distinct from (select public.get_user_organisation_id())
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.administered_organisation_id() IS 'The organisation the caller acts in, if as its administrator; else null.';
REVOKE ALL ON FUNCTION mentorcert_private.administered_organisation_id() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.administered_organisation_id() TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.administered_organisation_id() TO service_role;

CREATE FUNCTION mentorcert_private.are_distinct(numbers smallint[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$ select count(*) = count(distinct number) from unnest(numbers) as number $$;
COMMENT ON FUNCTION mentorcert_private.are_distinct(numbers smallint[]) IS 'Whether no number is null or comes twice.';
REVOKE ALL ON FUNCTION mentorcert_private.are_distinct(numbers smallint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.are_distinct(numbers smallint[]) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.are_distinct(numbers smallint[]) TO service_role;

CREATE FUNCTION mentorcert_private.audit(table_name text, action text, key text, columns text[], entries jsonb) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  insert into mentorcert.audit_log (organisation_id, table_name, row_id, action, actor, before, after)
  select
    of.organisation_id, audit.table_name, of.changed ->> audit.key, audit.action,
    mentorcert_private.actor(of.organisation_id, coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb),
    case when audit.action = 'update' then mentorcert_private.changed_fields(fields.before, fields.after) else fields.before end,
    case when audit.action = 'update' then mentorcert_private.changed_fields(fields.after, fields.before) else fields.after end
  from jsonb_array_elements(audit.entries) as entry
  cross join lateral (select coalesce(entry -> 'after', entry -> 'before') as changed) as latest
  cross join lateral (
    select
      latest.changed,
      (latest.changed ->> case audit.table_name when 'organisations' then 'id' else 'organisation_id' end)::uuid as organisation_id
  ) as of
  cross join lateral (
    select
      mentorcert_private.audited_fields(entry -> 'before', audit.columns) as before,
      mentorcert_private.audited_fields(entry -> 'after', audit.columns) as after
  ) as fields
  where
    fields.before is distinct from fields.after
    and (audit.action <> 'insert' or jsonb_strip_nulls(fields.after) <> '{}')
$$;
COMMENT ON FUNCTION mentorcert_private.audit(table_name text, action text, key text, columns text[], entries jsonb) IS 'Writes to the audit log what a statement changed, an array of {before, after}; a row in which nothing to keep changed, or is set, is left out.';
REVOKE ALL ON FUNCTION mentorcert_private.audit(table_name text, action text, key text, columns text[], entries jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.audit_delete() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.audit(
    tg_table_name, 'delete', tg_argv[0], coalesce(tg_argv[1:], '{}'),
    (select jsonb_agg(jsonb_build_object('before', to_jsonb(removed))) from old_rows as removed)
  );
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.audit_delete() IS 'Writes rows that are gone to the audit log.';
REVOKE ALL ON FUNCTION mentorcert_private.audit_delete() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.audit_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.audit(
    tg_table_name, 'insert', tg_argv[0], coalesce(tg_argv[1:], '{}'),
    (select jsonb_agg(jsonb_build_object('after', to_jsonb(added))) from new_rows as added)
  );
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.audit_insert() IS 'Writes new rows to the audit log.';
REVOKE ALL ON FUNCTION mentorcert_private.audit_insert() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.audit_table(audited regclass, key text DEFAULT 'id'::text, columns text[] DEFAULT '{}'::text[], columns_of_new text[] DEFAULT NULL::text[], is_deletable boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
  wanted record;
begin
  for wanted in
    select * from (
      values
        ('insert', 'new table as new_rows', coalesce(columns_of_new, columns)),
        ('update', 'new table as new_rows old table as old_rows', columns),
        ('delete', 'old table as old_rows', columns)
    ) as triggers (event, transitions, kept)
    where event <> 'delete' or is_deletable
  loop
    execute format(
      'create or replace trigger audit_%1$s after %1$s on %2$s referencing %3$s'
      ' for each statement execute function mentorcert_private.audit_%1$s(%4$s)',
      wanted.event, audited, wanted.transitions,
      (select string_agg(quote_literal(argument), ', ') from unnest(key || wanted.kept) as argument)
    );
  end loop;
end
$_$;
COMMENT ON FUNCTION mentorcert_private.audit_table(audited regclass, key text, columns text[], columns_of_new text[], is_deletable boolean) IS 'Has the changes of a table written to the audit log: each row by its key, with the columns named (default: all), or other ones of a new row.';
REVOKE ALL ON FUNCTION mentorcert_private.audit_table(audited regclass, key text, columns text[], columns_of_new text[], is_deletable boolean) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.audit_update() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.audit(
    tg_table_name, 'update', tg_argv[0], coalesce(tg_argv[1:], '{}'),
    (
      select jsonb_agg(jsonb_build_object('before', former.changed, 'after', latter.changed))
      from (select to_jsonb(every) as changed from old_rows as every) as former
      join (select to_jsonb(every) as changed from new_rows as every) as latter
        on latter.changed -> tg_argv[0] = former.changed -> tg_argv[0]
    )
  );
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.audit_update() IS 'Writes changed rows to the audit log.';
REVOKE ALL ON FUNCTION mentorcert_private.audit_update() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.audited_fields(changed jsonb, columns text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT
    SET search_path TO ''
    AS $$
  select coalesce(jsonb_object_agg(field.key, field.value), '{}')
  from jsonb_each(changed) as field
  where
    field.key = any(columns)
    or columns = '{}' and field.key not in ('id', 'organisation_id', 'created_at', 'updated_at', 'version')
$$;
COMMENT ON FUNCTION mentorcert_private.audited_fields(changed jsonb, columns text[]) IS 'The fields of a row that the audit log keeps: those named, or else all but its keys and times.';
REVOKE ALL ON FUNCTION mentorcert_private.audited_fields(changed jsonb, columns text[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.cached_history(history jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select case
    when jsonb_array_length(history) <= 50 then history
    else (
      select jsonb_agg(entry order by position)
      from jsonb_array_elements(history) with ordinality as entries (entry, position)
      where position > jsonb_array_length(history) - 50
    )
  end
$$;
COMMENT ON FUNCTION mentorcert_private.cached_history(history jsonb) IS 'The newest 50 entries of a history.';
REVOKE ALL ON FUNCTION mentorcert_private.cached_history(history jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.cancel_task(id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  own_id constant uuid := mentorcert_private.task_organisation();
  task mentorcert_private.tasks;
begin
  select * into task from mentorcert_private.tasks as asked
  where asked.id = cancel_task.id and asked.organisation_id = own_id
  for update; -- waits while what it does is being committed
  if task.id is null then
    raise exception using
      errcode = '42501', message = 'no such task, or no right to it', hint = 'It may have been deleted.',
      schema = 'mentorcert_private', table = 'tasks', constraint = 'task_right';
  elsif task.state not in ('queued', 'running') and not (task.state = 'done' and task.kind = 'import_preview') then
    perform mentorcert_private.reject_task('task_open', 'the task is finished', 'An import can be taken back change by change.');
  end if;
  update mentorcert_private.tasks as cancelled
  set
    state = 'cancelled', finished_at = coalesce(task.finished_at, clock_timestamp()),
    lease_token = null, lease_until = null
  where cancelled.id = task.id;
  perform mentorcert_private.delete_task_contents(array[task.id]);
end
$$;
COMMENT ON FUNCTION mentorcert_private.cancel_task(id uuid) IS 'Ends a task that is not finished, of which nothing is kept then, or throws away a preview; deletes its file at once.';
REVOKE ALL ON FUNCTION mentorcert_private.cancel_task(id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.cancel_task(id uuid) TO authenticated;

CREATE FUNCTION mentorcert_private.canonical_email(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $_$
  select regexp_replace(line, '@[^@]*$', '') || coalesce(mentorcert_private.folded(substring(line from '@[^@]*$')), '')
  from mentorcert_private.canonical_line(value) as line
$_$;
COMMENT ON FUNCTION mentorcert_private.canonical_email(value text) IS 'An e-mail address as the registry keeps it: what stands after the @ in lower case.';
REVOKE ALL ON FUNCTION mentorcert_private.canonical_email(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.canonical_email(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.canonical_email(value text) TO service_role;

CREATE FUNCTION mentorcert_private.canonical_line(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $$ select regexp_replace(mentorcert_private.canonical_text(value), '\n+', ' ', 'g') $$;
COMMENT ON FUNCTION mentorcert_private.canonical_line(value text) IS 'A name, number, code or address as the registry keeps it: mentorcert_private.canonical_text on one line.';
REVOKE ALL ON FUNCTION mentorcert_private.canonical_line(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.canonical_line(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.canonical_line(value text) TO service_role;

CREATE FUNCTION mentorcert_private.canonical_remarks(change jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select change
    || case when jsonb_typeof(change -> 'note') = 'string'
      then jsonb_build_object('note', mentorcert_private.canonical_text(change ->> 'note')) else '{}' end
    || case when jsonb_typeof(change -> 'evidence') = 'object' then jsonb_build_object('evidence', (
      select coalesce(
        jsonb_object_agg(
          said.key,
          case when jsonb_typeof(said.value) = 'string' then to_jsonb(mentorcert_private.canonical_line(said.value #>> '{}')) else said.value end
        ),
        '{}'
      )
      from jsonb_each(change -> 'evidence') as said
    )) else '{}' end
$$;
COMMENT ON FUNCTION mentorcert_private.canonical_remarks(change jsonb) IS 'What a change is about, its note and its evidence in their canonical form.';
REVOKE ALL ON FUNCTION mentorcert_private.canonical_remarks(change jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.canonical_text(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $_$
  select case
    -- The letters of Latin, composed: nothing to do. And what no CHECK takes anyway is not worth the time.
    when value ~ '^[!-~\u00a1-\u00ac\u00ae-\u024f]+([ \n][!-~\u00a1-\u00ac\u00ae-\u024f]+)*$' or length(value) > 10000 then value
    else normalize(btrim(wordwise.written, E' \n'), nfc)
  end
  from (
    select
      -- What nobody sees: format characters, ignorable ones, fillers, tags, the blank of braille.
      regexp_replace(
        value,
        '[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f'
        '\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f'
        '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]',
        '', 'g'
      ) as written
  ) as seen
  cross join lateral (
    select regexp_replace(seen.written, '\r\n|[\r\u000b\u000c\u0085\u2028\u2029]', E'\n', 'g') as written
  ) as lines
  cross join lateral (
    select regexp_replace(
      regexp_replace(
        regexp_replace(lines.written, '[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+', ' ', 'g'), ' ?\n ?', E'\n', 'g'
      ),
      '\n{3,}', E'\n\n', 'g'
    ) as written
  ) as spaced
  cross join lateral (
    -- Selectors of a variant say something after a Chinese character and a Mongolian letter, joiners between letters of
    -- the scripts that join them; each once.
    select regexp_replace(
      regexp_replace(
        regexp_replace(spaced.written, '(?<![\u1820-\u18aa])[\u180b-\u180d\u180f]', '', 'g'),
        '(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\ufe00-\ufe0f\U000e0100-\U000e01ef]', '', 'g'
      ),
      '([\u200c\u200d])[\u200c\u200d]+', '\1', 'g'
    ) as written
  ) as varied
  cross join lateral (
    select regexp_replace(
      varied.written,
      '(?<![\u0610-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1820-\u18aa])[\u200c\u200d]'
      '|[\u200c\u200d](?![\u0610-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1820-\u18aa])',
      '', 'g'
    ) as written
  ) as wordwise
$_$;
COMMENT ON FUNCTION mentorcert_private.canonical_text(value text) IS 'A text of one or more lines as the registry keeps it: composed (NFC), without invisible characters, single spaces, no space around a line.';
REVOKE ALL ON FUNCTION mentorcert_private.canonical_text(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.canonical_text(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.canonical_text(value text) TO service_role;

CREATE FUNCTION mentorcert_private.canonicalise() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  written constant jsonb := to_jsonb(new);
  column_name text;
  canonical text;
begin
  foreach column_name in array tg_argv[1:] loop
    canonical := case tg_argv[0]
      when 'line' then mentorcert_private.canonical_line(written ->> column_name)
      else mentorcert_private.canonical_text(written ->> column_name)
    end;
    if canonical <> written ->> column_name then
      new := jsonb_populate_record(new, jsonb_build_object(column_name, canonical));
    end if;
  end loop;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.canonicalise() IS 'Brings what is written into columns to its canonical form, as a line or as a text of more lines. Named to run before other triggers.';
REVOKE ALL ON FUNCTION mentorcert_private.canonicalise() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.canonicalise_peer_mentor() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  new.external_id := mentorcert_private.canonical_line(new.external_id);
  new.full_name := mentorcert_private.canonical_line(new.full_name);
  -- What a form leaves empty is not known.
  new.display_name := nullif(mentorcert_private.canonical_line(new.display_name), '');
  new.email := nullif(mentorcert_private.canonical_email(new.email), '');
  new.phone := nullif(mentorcert_private.canonical_line(new.phone), '');
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.canonicalise_peer_mentor() IS 'Brings what is written of a peer mentor to its canonical form. Named to run before other triggers.';
REVOKE ALL ON FUNCTION mentorcert_private.canonicalise_peer_mentor() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.changed_fields(of_state jsonb, against jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select jsonb_object_agg(field.key, field.value)
  from jsonb_each(of_state) as field
  where field.value is distinct from against -> field.key
$$;
COMMENT ON FUNCTION mentorcert_private.changed_fields(of_state jsonb, against jsonb) IS 'The fields of one state that the other has otherwise.';
REVOKE ALL ON FUNCTION mentorcert_private.changed_fields(of_state jsonb, against jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_dates(certification public.peer_mentor_certifications, time_zone text, as_of timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  violated text;
  message text;
begin
  if certification.issued_at < '1900-01-01' or coalesce(certification.expires_at, as_of) > '9999-01-01' then
    violated := 'certification_date_range';
    message := 'issued_at lies before 1900, or expires_at after 9998; what does not end has no expires_at';
  elsif certification.issued_at > as_of then
    violated := 'certification_issued_at_not_future';
    message := 'the day of issue lies in the future';
  elsif certification.expires_at <= certification.issued_at then
    violated := 'certification_date_order';
    message := 'the certification would end before it begins';
  elsif certification.issued_at
    <> mentorcert_private.day_starts(mentorcert_private.day_of(certification.issued_at, time_zone), time_zone) then
    violated := 'certification_issued_at_midnight';
    message := 'issued_at is not a midnight of the organisation''s time zone';
  elsif certification.expires_at
    <> mentorcert_private.day_starts(mentorcert_private.day_of(certification.expires_at, time_zone), time_zone) then
    violated := 'certification_expires_at_midnight';
    message := 'expires_at is not a midnight of the organisation''s time zone';
  else
    return;
  end if;
  raise exception using
    errcode = 'MC003', message = message,
    detail = format(
      'issued_at %s, expires_at %s, time zone %s', certification.issued_at, certification.expires_at, time_zone
    ),
    hint = 'issued_at is the midnight that begins the day of issue, expires_at the one that ends the last valid day.',
    schema = 'public', table = 'peer_mentor_certifications', constraint = violated;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_dates(certification public.peer_mentor_certifications, time_zone text, as_of timestamp with time zone) IS 'Refuses (MC003) dates that are in the wrong order, in the future, or not at local midnight.';
REVOKE ALL ON FUNCTION mentorcert_private.check_dates(certification public.peer_mentor_certifications, time_zone text, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_endpoint(endpoint text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if exists (select from mentorcert_private.disabled_endpoints as disabled where disabled.endpoint = check_endpoint.endpoint) then
    raise exception using
      errcode = 'MC010', message = format('%s is switched off for now', endpoint),
      hint = 'Nothing is lost. Try again later; the operator knows of it.',
      constraint = 'endpoint_enabled';
  end if;
  return true;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_endpoint(endpoint text) IS 'True; raises MC010 while the endpoint is switched off.';
REVOKE ALL ON FUNCTION mentorcert_private.check_endpoint(endpoint text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.check_endpoint(endpoint text) TO anon;
GRANT ALL ON FUNCTION mentorcert_private.check_endpoint(endpoint text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.check_endpoint(endpoint text) TO service_role;

CREATE FUNCTION mentorcert_private.check_events(ids uuid[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  differing integer;
begin
  select count(*) into differing
  from public.peer_mentor_certifications as certification
  where certification.id = any(ids) and certification.renewal_history is distinct from (
    select coalesce(jsonb_agg(event.entry order by event.position), '[]')
    from mentorcert.certification_renewal_events as event
    where event.certification_id = certification.id
  );
  if differing > 0 then
    raise exception using
      errcode = 'MC005', message = format('the events of %s certifications differ from their history', differing),
      hint = 'Nothing was switched. See docs/history.md on a move that does not verify.',
      schema = 'mentorcert', table = 'certification_renewal_events', constraint = 'certification_events_complete';
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_events(ids uuid[]) IS 'Refuses (MC005) events that are not, in count, content and order, the history of their certification.';
REVOKE ALL ON FUNCTION mentorcert_private.check_events(ids uuid[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_extension(certification_type text, last_valid_day date, expired_since date) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  organisation uuid;
begin
  perform mentorcert_private.require_certifications();
  organisation := mentorcert_private.require_administered_organisation();
  perform mentorcert_private.require_type(organisation, check_extension.certification_type);
  perform mentorcert_private.require_instants(jsonb_build_object('last_valid_day', last_valid_day, 'expired_since', expired_since));
  if check_extension.last_valid_day is null then
    raise exception using
      errcode = 'MC008', message = 'an extension needs a last valid day',
      hint = 'Give the day to which the certifications are extended.', constraint = 'last_valid_day';
  end if;
  return organisation;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_extension(certification_type text, last_valid_day date, expired_since date) IS 'The organisation whose certifications the caller may extend; refuses an unknown type (MC002) and a missing day (MC008).';
REVOKE ALL ON FUNCTION mentorcert_private.check_extension(certification_type text, last_valid_day date, expired_since date) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.check_extension(certification_type text, last_valid_day date, expired_since date) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.check_extension(certification_type text, last_valid_day date, expired_since date) TO service_role;

CREATE FUNCTION mentorcert_private.check_history_kept(before jsonb, after jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if after = mentorcert_private.upgrade_history(before)
    or mentorcert_private.history_is_in_events() and after = mentorcert_private.cached_history(before)
    or mentorcert_private.is_erasure() and after = mentorcert_private.without_remarks(before)
  then
    return;
  end if;
  raise exception using
    errcode = 'MC005', message = 'history entries cannot be changed, reordered or removed',
    hint = 'Take a change back with revert_change; it appends a compensating entry.',
    schema = 'public', table = 'peer_mentor_certifications', column = 'renewal_history',
    constraint = 'certification_history_append_only';
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_history_kept(before jsonb, after jsonb) IS 'Refuses (MC005) every change of a history, by every role, but for the lift to the current version, the move to the events table and an erasure of its remarks.';
REVOKE ALL ON FUNCTION mentorcert_private.check_history_kept(before jsonb, after jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_note_and_evidence(change jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
begin
  if length(change ->> 'note') > 2000 then
    raise exception using
      errcode = 'MC008', message = 'the note is longer than 2000 characters',
      hint = 'Say it shorter; documents do not belong here.', constraint = 'certification_note_valid';
  elsif not mentorcert_private.is_readable(change ->> 'note') or exists (
    select from jsonb_each_text(case when jsonb_typeof(change -> 'evidence') = 'object' then change -> 'evidence' else '{}' end) as said
    where not mentorcert_private.is_readable(said.value)
  ) then
    raise exception using
      errcode = 'MC008', message = 'the note or the evidence holds a character that cannot be read',
      hint = 'Delete it, or type the text again.', constraint = 'certification_note_characters';
  elsif change ? 'evidence' and not (
    jsonb_typeof(change -> 'evidence') = 'object'
    and (change -> 'evidence') ?& array['seen', 'seen_on', 'seen_by']
    and (change -> 'evidence') - array['seen', 'seen_on', 'seen_by'] = '{}'
    and not jsonb_path_exists(change -> 'evidence', '$.* ? (@.type() != "string" || @ like_regex "^\\s*$")')
    and length(change ->> 'evidence') <= 1000
    and mentorcert_private.is_past_day(change #>> '{evidence,seen_on}')
  ) then
    raise exception using
      errcode = 'MC008', message = 'evidence says what was seen, on which day, by whom',
      hint = 'Give {"seen": text, "seen_on": "yyyy-mm-dd", "seen_by": text} of at most 1000 characters, seen_on not in the future; never a file.',
      constraint = 'certification_evidence_valid';
  end if;
end
$_$;
COMMENT ON FUNCTION mentorcert_private.check_note_and_evidence(change jsonb) IS 'Refuses (MC008) a note that is too long and evidence of another shape.';
REVOKE ALL ON FUNCTION mentorcert_private.check_note_and_evidence(change jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_notices_as_of(as_of timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  -- A role that may only execute the job functions must not have the ledger say that notices of next year were sent.
  perform mentorcert_private.require_instants(jsonb_build_object('as_of', as_of));
  if as_of > clock_timestamp() + interval '10 years'
    or session_user <> current_user and as_of not between clock_timestamp() - interval '1 day' and clock_timestamp()
  then
    raise exception using
      errcode = 'MC008', message = format('notices cannot be sent as of %s', as_of),
      hint = 'Leave the instant out: notices are sent for the current instant.', constraint = 'as_of';
  end if;
  -- What is derived after locks must be younger than the locks.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'notices are claimed in read committed transactions only',
      hint = 'Leave the isolation level at its default.';
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_notices_as_of(as_of timestamp with time zone) IS 'Refuses (MC008) an instant that is not the caller''s to send notices at, and an isolation level in which locks prove nothing.';
REVOKE ALL ON FUNCTION mentorcert_private.check_notices_as_of(as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_revert(before public.peer_mentor_certifications, after public.peer_mentor_certifications, entry jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  target constant public.peer_mentor_certifications := mentorcert_private.state_before(before, entry);
begin
  if target.id is null
    or (target.certification_type, target.issued_at, target.expires_at, target.status = 'suspended')
    is distinct from (after.certification_type, after.issued_at, after.expires_at, after.status = 'suspended') then
    perform mentorcert_private.reject_revert();
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_revert(before public.peer_mentor_certifications, after public.peer_mentor_certifications, entry jsonb) IS 'Refuses (MC006) an update in the name of a revert that does more or less than take the entry back.';
REVOKE ALL ON FUNCTION mentorcert_private.check_revert(before public.peer_mentor_certifications, after public.peer_mentor_certifications, entry jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_time_zone() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform 1 from pg_catalog.pg_timezone_names as zone where zone.name = new.time_zone;
  if not found then
    raise exception using
      errcode = 'MC008',
      message = format('unknown time zone %L', new.time_zone),
      hint = 'Give an IANA name such as Europe/Oslo.',
      schema = 'mentorcert', table = 'organisations', column = 'time_zone', constraint = 'organisations_time_zone_valid';
  end if;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_time_zone() IS 'Refuses (MC008) a time zone that the server does not know.';
REVOKE ALL ON FUNCTION mentorcert_private.check_time_zone() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_type(certification public.peer_mentor_certifications, held_until timestamp with time zone, time_zone text, within_rule boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  type constant mentorcert.certification_types :=
    mentorcert_private.require_type(certification.organisation_id, certification.certification_type);
  last_valid_day date;
begin
  last_valid_day := mentorcert_private.last_valid_day(
    type.validity_rule, type.validity_months,
    mentorcert_private.day_of(certification.issued_at, time_zone), mentorcert_private.day_of(held_until, time_zone) - 1
  );
  if within_rule
    and coalesce(certification.expires_at, 'infinity') > mentorcert_private.day_starts(last_valid_day + 1, time_zone) then
    raise exception using
      errcode = 'MC003',
      message = format('the type %L is valid no longer than to %s', type.code, last_valid_day),
      hint = 'Only the administrator of the organisation gives more than the type''s rule.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'expires_at',
      constraint = 'certification_expires_at_within_rule';
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_type(certification public.peer_mentor_certifications, held_until timestamp with time zone, time_zone text, within_rule boolean) IS 'Refuses a type that the organisation does not have (MC002) and, within the rule, a validity that it does not give (MC003).';
REVOKE ALL ON FUNCTION mentorcert_private.check_type(certification public.peer_mentor_certifications, held_until timestamp with time zone, time_zone text, within_rule boolean) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.check_version() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if new.version is distinct from old.version then
    raise exception using
      errcode = 'PT409', message = format('this row of %s is not the version that was read', tg_table_name),
      hint = 'Read it again, and change the version that it has now.',
      schema = tg_table_schema, table = tg_table_name, column = 'version',
      constraint = format('%s_version_current', tg_table_name);
  end if;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.check_version() IS 'Refuses (PT409) an UPDATE that names another version than the current one. It fires where the version is named at all.';
REVOKE ALL ON FUNCTION mentorcert_private.check_version() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.claim_digests(organisation_ids uuid[], user_ids uuid[], as_of timestamp with time zone DEFAULT now()) RETURNS TABLE(mail_id uuid, organisation text, time_zone text, language text, address text, expiring jsonb, expired jsonb, expiring_count bigint, expired_count bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.check_notices_as_of(as_of);
  return query
  with recipients as materialized (
    select
      due.organisation_id, due.user_id, due.week, due.covered_until,
      coalesce(
        (
          select mentor.language from mentorcert.peer_mentors as mentor
          where mentor.user_id = due.user_id and mentor.organisation_id = due.organisation_id
        ),
        'nb'
      ) as language
    from mentorcert_private.due_digests(as_of, claim_digests.organisation_ids, claim_digests.user_ids) as due
  ),
  lines as materialized (
    select
      recipients.organisation_id, recipients.user_id, line.has_expired,
      count(*) as total,
      jsonb_agg(
        jsonb_build_object(
          'full_name', line.full_name, 'chapters', line.chapters, 'last_valid_day', line.last_valid_day,
          'name', case recipients.language when 'en' then line.name_en else line.name_nb end
        )
        order by line.position
      ) filter (where line.position <= 100) as shown
    from recipients
    cross join lateral (
      select every.*, row_number() over (partition by every.has_expired) as position
      from mentorcert_private.digest_lines(recipients.organisation_id, recipients.user_id, as_of) as every
    ) as line
    group by recipients.organisation_id, recipients.user_id, line.has_expired
  ),
  mails as (
    -- Two runs at once: the second waits here for the first, and finds the week taken.
    insert into mentorcert_private.notice_mails as mail (organisation_id, kind, user_id, week, covered_until, state)
    select
      recipients.organisation_id, 'digest', recipients.user_id, recipients.week, recipients.covered_until,
      case when exists (
        select from lines
        where lines.organisation_id = recipients.organisation_id and lines.user_id = recipients.user_id
      ) then 'sending' else 'empty' end
    from recipients
    order by recipients.organisation_id, recipients.user_id
    on conflict on constraint notice_mails_one_digest_a_week do nothing
    returning mail.id, mail.user_id, mail.organisation_id, mail.state
  )
  select
    mails.id, organisation.name, organisation.time_zone, recipients.language, login.email::text,
    coalesce(expiring.shown, '[]'), coalesce(expired.shown, '[]'), coalesce(expiring.total, 0), coalesce(expired.total, 0)
  from mails
  join recipients on recipients.organisation_id = mails.organisation_id and recipients.user_id = mails.user_id
  join auth.users as login on login.id = mails.user_id
  join mentorcert.organisations as organisation on organisation.id = mails.organisation_id
  left join lines as expiring
    on expiring.organisation_id = mails.organisation_id and expiring.user_id = mails.user_id and not expiring.has_expired
  left join lines as expired
    on expired.organisation_id = mails.organisation_id and expired.user_id = mails.user_id and expired.has_expired
  where mails.state = 'sending';
end
$$;
COMMENT ON FUNCTION mentorcert_private.claim_digests(organisation_ids uuid[], user_ids uuid[], as_of timestamp with time zone) IS 'Takes up the digests of these logins and returns what to write, at most 100 lines of a kind; to be committed before anything is sent. A digest with nothing to report is marked empty, and the week is done.';
REVOKE ALL ON FUNCTION mentorcert_private.claim_digests(organisation_ids uuid[], user_ids uuid[], as_of timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.claim_digests(organisation_ids uuid[], user_ids uuid[], as_of timestamp with time zone) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.claim_notices(peer_mentor_ids uuid[], as_of timestamp with time zone DEFAULT now(), reach_days integer DEFAULT 14) RETURNS TABLE(mail_id uuid, organisation text, time_zone text, language text, address text, full_name text, certifications jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  certification_ids uuid [];
  mentor_ids uuid [];
begin
  perform mentorcert_private.check_notices_as_of(as_of);
  -- Nothing is waited for: what another session holds is being sent by another run, or being changed, and is left to the next run.
  certification_ids := array(
    select certification.id from public.peer_mentor_certifications as certification
    where certification.peer_mentor_id = any(claim_notices.peer_mentor_ids)
    order by certification.id
    for no key update skip locked
  );
  mentor_ids := array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.id = any(claim_notices.peer_mentor_ids)
    order by mentor.id
    for no key update skip locked
  );

  -- A statement of its own, so that it sees every change and every claim that was made before the locks above were had.
  return query
  with due as materialized (
    select candidate.* from mentorcert_private.due_notices(as_of, reach_days, mentor_ids) as candidate
    where candidate.outcome = 'mail' and candidate.certification_id = any(certification_ids)
  ),
  mails as (
    insert into mentorcert_private.notice_mails as mail (organisation_id, kind, peer_mentor_id)
    select distinct due.organisation_id, 'reminder', due.peer_mentor_id from due
    returning mail.id, mail.peer_mentor_id, mail.organisation_id
  ),
  ledger as (
    insert into mentorcert_private.notices (certification_id, expires_at, days_before, organisation_id, outcome, mail_id)
    select
      due.certification_id, due.expires_at, days, due.organisation_id,
      case when days = due.days_before then 'mailed' else 'collapsed' end, mails.id
    from due
    join mails on mails.peer_mentor_id = due.peer_mentor_id
    join mentorcert.certification_types as type
      on type.organisation_id = due.organisation_id and type.code = due.certification_type
    cross join unnest(type.reminder_days || 0::smallint) as days
    where days >= due.days_before
    group by due.certification_id, due.expires_at, days, due.organisation_id, due.days_before, mails.id
    on conflict on constraint notices_pkey do nothing
  )
  select
    mails.id, organisation.name, organisation.time_zone, mentor.language, mentor.email, mentor.full_name,
    jsonb_agg(
      jsonb_build_object(
        'name', case mentor.language when 'en' then type.name_en else type.name_nb end,
        'last_valid_day', due.last_valid_day, 'days_left', due.days_left
      )
      order by due.expires_at, due.certification_type
    )
  from mails
  join due on due.peer_mentor_id = mails.peer_mentor_id
  join mentorcert.peer_mentors as mentor on mentor.id = mails.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = mails.organisation_id
  join mentorcert.certification_types as type
    on type.organisation_id = due.organisation_id and type.code = due.certification_type
  group by mails.id, organisation.id, mentor.id;
end
$$;
COMMENT ON FUNCTION mentorcert_private.claim_notices(peer_mentor_ids uuid[], as_of timestamp with time zone, reach_days integer) IS 'Takes up what is due of these peer mentors, one mail each, and returns what to write. To be committed before anything is sent: after that, nothing takes it up again unless report_notices says that it was not sent.';
REVOKE ALL ON FUNCTION mentorcert_private.claim_notices(peer_mentor_ids uuid[], as_of timestamp with time zone, reach_days integer) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.claim_notices(peer_mentor_ids uuid[], as_of timestamp with time zone, reach_days integer) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.claim_task(lease interval, most_bytes integer DEFAULT NULL::integer) RETURNS SETOF mentorcert_private.tasks
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  most_attempts constant integer := 3;
begin
  -- What took its process down three times would take the next one down too.
  update mentorcert_private.tasks as task
  set
    state = 'failed', error = '{"kind": "AbandonedTaskError"}', finished_at = clock_timestamp(), file = null,
    lease_token = null, lease_until = null
  where task.state = 'running' and task.lease_until < clock_timestamp() and task.attempts >= most_attempts;
  return query
  update mentorcert_private.tasks as task
  set
    state = 'running', attempts = task.attempts + 1, started_at = coalesce(task.started_at, clock_timestamp()),
    step = null, done = 0, total = 0, lease_token = gen_random_uuid(), lease_until = clock_timestamp() + lease
  where task.id = (
    select waiting.id from mentorcert_private.tasks as waiting
    where
      (waiting.state = 'queued' or waiting.state = 'running' and waiting.lease_until < clock_timestamp())
      and (claim_task.most_bytes is null or octet_length(waiting.file) <= claim_task.most_bytes)
    order by waiting.created_at
    limit 1
    for update skip locked
  )
  returning task.*;
end
$$;
COMMENT ON FUNCTION mentorcert_private.claim_task(lease interval, most_bytes integer) IS 'Takes the oldest task that waits, or whose process is silent; gives up the one that silenced three of them.';
REVOKE ALL ON FUNCTION mentorcert_private.claim_task(lease interval, most_bytes integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.coordinated_chapter_ids() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return mentorcert_private.with_chapters_below(array(
    select membership.chapter_id
    from mentorcert.memberships as membership
    where
      membership.user_id = (select auth.uid())
      and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and membership.organisation_id is not distinct from (select public.get_user_organisation_id())
  ));
end
$$;
COMMENT ON FUNCTION mentorcert_private.coordinated_chapter_ids() IS 'The chapters the caller coordinates, and every chapter under them.';
REVOKE ALL ON FUNCTION mentorcert_private.coordinated_chapter_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.coordinated_chapter_ids() TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.coordinated_chapter_ids() TO service_role;

CREATE FUNCTION mentorcert_private.copy_chapter_ids() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  mentor_ids constant uuid[] := array(select distinct link.peer_mentor_id from changed_rows as link);
begin
  -- A chapter that is renamed meanwhile would come to the public list under its old name.
  perform 1 from mentorcert.chapters as chapter
  where chapter.id in (select link.chapter_id from changed_rows as link)
  order by chapter.id
  for share;

  -- Certifications first, then peer mentors, each by id: the order in which everybody locks.
  perform 1 from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = any(mentor_ids)
  order by certification.id
  for no key update;

  perform 1 from mentorcert.peer_mentors as mentor
  where mentor.id = any(mentor_ids)
  order by mentor.id
  for no key update;

  if exists (
    select from changed_rows as link
    join mentorcert.peer_mentors as mentor on mentor.id = link.peer_mentor_id
    where (link.ended_at is null or link.ended_at > statement_timestamp()) and mentor.erased_at is not null
  ) then
    perform mentorcert_private.raise_forbidden('the person was erased, and enters no chapter');
  end if;

  update mentorcert.peer_mentors as mentor
  set chapter_ids = link.chapter_ids
  from (
    select mentor_id, coalesce(array_agg(link.chapter_id order by link.chapter_id) filter (where link.id is not null), '{}') as chapter_ids
    from unnest(mentor_ids) as mentor_id
    left join mentorcert.peer_mentor_chapters as link
      on link.peer_mentor_id = mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
    group by mentor_id
  ) as link
  where mentor.id = link.mentor_id and mentor.chapter_ids <> link.chapter_ids;

  update public.peer_mentor_certifications as certification
  set chapter_ids = mentor.chapter_ids
  from mentorcert.peer_mentors as mentor
  where
    mentor.id = any(mentor_ids)
    and certification.peer_mentor_id = mentor.id
    and certification.chapter_ids <> mentor.chapter_ids;
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.copy_chapter_ids() IS 'Copies the current chapters of the changed peer mentors to peer_mentors and to their certifications.';
REVOKE ALL ON FUNCTION mentorcert_private.copy_chapter_ids() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.copy_histories_to_events(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  ids constant uuid[] := mentorcert_private.lock_certifications_after(after_id, batch_size);
begin
  changed := mentorcert_private.copy_to_events(ids);
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
COMMENT ON FUNCTION mentorcert_private.copy_histories_to_events(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) IS 'Copies the histories of the next batch of certifications to the events table.';
REVOKE ALL ON FUNCTION mentorcert_private.copy_histories_to_events(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.copy_to_events(ids uuid[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  copied integer;
begin
  insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
  select (entries.entry ->> 'entry_id')::uuid, certification.organisation_id, certification.id, entries.position, entries.entry
  from public.peer_mentor_certifications as certification
  cross join lateral jsonb_array_elements(certification.renewal_history) with ordinality as entries (entry, position)
  where certification.id = any(ids)
  on conflict do nothing;
  get diagnostics copied = row_count;
  perform mentorcert_private.check_events(ids);
  return copied;
end
$$;
COMMENT ON FUNCTION mentorcert_private.copy_to_events(ids uuid[]) IS 'Copies the histories of certifications to the events table, as far as they are not there, and verifies them; returns how many entries.';
REVOKE ALL ON FUNCTION mentorcert_private.copy_to_events(ids uuid[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.current_chapter_ids(mentor_id uuid) RETURNS uuid[]
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return array(
    select link.chapter_id from mentorcert.peer_mentor_chapters as link
    where link.peer_mentor_id = mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
    order by link.chapter_id
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.current_chapter_ids(mentor_id uuid) IS 'The chapters in which a peer mentor is now.';
REVOKE ALL ON FUNCTION mentorcert_private.current_chapter_ids(mentor_id uuid) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.current_history_version() RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$ select 1 $$;
COMMENT ON FUNCTION mentorcert_private.current_history_version() IS 'The schema_version that new history entries are written in.';
REVOKE ALL ON FUNCTION mentorcert_private.current_history_version() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.current_history_version() TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.current_history_version() TO service_role;

CREATE FUNCTION mentorcert_private.day_of(instant timestamp with time zone, time_zone text) RETURNS date
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$ select (instant at time zone time_zone)::date $$;
COMMENT ON FUNCTION mentorcert_private.day_of(instant timestamp with time zone, time_zone text) IS 'The day on the calendar of a time zone.';
REVOKE ALL ON FUNCTION mentorcert_private.day_of(instant timestamp with time zone, time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.day_of(instant timestamp with time zone, time_zone text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.day_of(instant timestamp with time zone, time_zone text) TO service_role;

CREATE FUNCTION mentorcert_private.day_starts(day date, time_zone text) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select case
    -- Where the clock is put back at midnight, midnight comes twice, and the server takes the second.
    when (midnight - interval '1 hour') at time zone time_zone = day::timestamp then midnight - interval '1 hour'
    else midnight
  end
  from (select day::timestamp at time zone time_zone as midnight) as server
$$;
COMMENT ON FUNCTION mentorcert_private.day_starts(day date, time_zone text) IS 'The first instant of a day in a time zone: the first of two midnights, and where the clock skips midnight the first instant after the gap.';
REVOKE ALL ON FUNCTION mentorcert_private.day_starts(day date, time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.day_starts(day date, time_zone text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.day_starts(day date, time_zone text) TO service_role;

CREATE FUNCTION mentorcert_private.delete_outdated_logs() RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  delete from mentorcert.audit_log as entry
  using mentorcert_private.log_retention as retention
  where retention.log = 'audit_log' and entry.recorded_at < now() - retention.keep;

  delete from mentorcert_private.access_log as entry
  using mentorcert_private.log_retention as retention
  where retention.log = 'access_log' and entry.recorded_at < now() - retention.keep;
$$;
COMMENT ON FUNCTION mentorcert_private.delete_outdated_logs() IS 'Deletes what mentorcert_private.log_retention no longer keeps; part of the nightly run.';
REVOKE ALL ON FUNCTION mentorcert_private.delete_outdated_logs() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.delete_outdated_tasks() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  ids uuid[];
begin
  with given_up as (
    update mentorcert_private.tasks as task
    set state = 'failed', error = '{"kind": "AbandonedTaskError"}', finished_at = clock_timestamp()
    where task.state = 'queued' and task.created_at < now() - interval '24 hours'
    returning task.id
  )
  select coalesce(array_agg(outdated.id), '{}') into ids
  from (
    select given_up.id from given_up
    union all
    select task.id from mentorcert_private.tasks as task
    where task.contents_deleted_at is null and task.finished_at < now() - interval '24 hours'
  ) as outdated;
  perform mentorcert_private.delete_task_contents(ids);
  delete from mentorcert_private.tasks as task where task.finished_at < now() - interval '90 days';
  return cardinality(ids);
end
$$;
COMMENT ON FUNCTION mentorcert_private.delete_outdated_tasks() IS 'Deletes files and rows of tasks that ended a day ago, tasks that ended 90 days ago, and gives up what waited for a day; returns how many lost their contents.';
REVOKE ALL ON FUNCTION mentorcert_private.delete_outdated_tasks() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.delete_task_contents(ids uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  delete from mentorcert_private.task_rows as content where content.task_id = any(ids);
  update mentorcert_private.tasks as task
  set
    file = null, file_name = null, result_file = null, result_file_name = null, notes = null,
    -- The text may quote the file.
    error = case when task.error is not null then jsonb_build_object('kind', task.error -> 'kind') end,
    contents_deleted_at = clock_timestamp()
  where task.id = any(ids);
$$;
COMMENT ON FUNCTION mentorcert_private.delete_task_contents(ids uuid[]) IS 'Deletes whatever of these tasks is or may be personal data; that they were, and their counts, stay.';
REVOKE ALL ON FUNCTION mentorcert_private.delete_task_contents(ids uuid[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.derived_listing(peer_mentor_ids uuid[]) RETURNS SETOF public.listed_peer_mentors
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    mentor.id, mentor.organisation_id, organisation.slug,
    coalesce(mentor.display_name, mentor.full_name),
    array(
      select chapter.name from mentorcert.chapters as chapter
      where chapter.id = any(mentorcert_private.current_chapter_ids(mentor.id))
      order by chapter.name
    ),
    -- A chapter whose end is known is shown no longer than that: the entry comes back without it.
    least(held.listed_until, (
      select min(link.ended_at) from mentorcert.peer_mentor_chapters as link
      where link.peer_mentor_id = mentor.id and link.ended_at > statement_timestamp()
    ))
  from mentorcert.peer_mentors as mentor
  join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
  -- Peer mentor by peer mentor and type by type, by the unique index: so it takes the same way without statistics.
  cross join lateral (
    select
      count(*) as required, count(certification.id) as held,
      coalesce(min(certification.expires_at), '9999-12-31 00:00Z') as listed_until
    from mentorcert.certification_types as type
    left join public.peer_mentor_certifications as certification
      on certification.organisation_id = type.organisation_id
      and certification.peer_mentor_id = mentor.id
      and certification.certification_type = type.code
      and certification.status = 'active'
      and (certification.expires_at is null or certification.expires_at > now())
    where type.organisation_id = mentor.organisation_id and type.required_for_listing
  ) as held
  where
    listing_consent
    and held.required > 0
    and held.required = held.held
    -- A join, where = any would compare each row with each id.
    and mentor.id in (
      select unnest(derived_listing.peer_mentor_ids)
      union all
      select everybody.id from mentorcert.peer_mentors as everybody where derived_listing.peer_mentor_ids is null
    )
$$;
COMMENT ON FUNCTION mentorcert_private.derived_listing(peer_mentor_ids uuid[]) IS 'What the public list should say of these peer mentors (null: of all): those who consent and hold every required type, active. An organisation that requires nothing lists nobody.';
REVOKE ALL ON FUNCTION mentorcert_private.derived_listing(peer_mentor_ids uuid[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.digest_lines(organisation_id uuid, user_id uuid, as_of timestamp with time zone) RETURNS TABLE(full_name text, chapters text, name_nb text, name_en text, last_valid_day date, has_expired boolean)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
declare
  organisation record;
  own_chapter_ids uuid [];
  covered_chapter_ids uuid [];
  is_administrator boolean;
  covered_until date;
begin
  select * into organisation from mentorcert_private.notice_organisations(as_of) as every
  where every.organisation_id = digest_lines.organisation_id;
  own_chapter_ids := mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    where membership.user_id = digest_lines.user_id and membership.organisation_id = digest_lines.organisation_id
      and membership.role = 'coordinator' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ));
  is_administrator := exists (
    select from mentorcert.memberships as membership
    where membership.user_id = digest_lines.user_id and membership.organisation_id = digest_lines.organisation_id
      and membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  );
  covered_chapter_ids := case when is_administrator then mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    join auth.users as login on login.id = membership.user_id and mentorcert_private.is_address(login.email)
    where membership.organisation_id = digest_lines.organisation_id and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )) end;
  covered_until := coalesce(
    (
      select max(mail.covered_until) from mentorcert_private.notice_mails as mail
      where mail.organisation_id = digest_lines.organisation_id and mail.user_id = digest_lines.user_id
    ),
    organisation.local_day - 14
  );
  return query
  select
    full_name,
    (
      select string_agg(chapter.name, ', ' order by chapter.name) from mentorcert.chapters as chapter
      where chapter.id = any(certification.chapter_ids) and (is_administrator or chapter.id = any(own_chapter_ids))
    ),
    type.name_nb, type.name_en, clock.first_day_without - 1, clock.first_day_without <= organisation.local_day
  from public.peer_mentor_certifications as certification
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  cross join lateral (
    select (certification.expires_at at time zone organisation.time_zone)::date as first_day_without
  ) as clock
  where
    certification.organisation_id = digest_lines.organisation_id
    and certification.expires_at > mentorcert_private.day_starts(covered_until, organisation.time_zone)
    and certification.expires_at
    <= mentorcert_private.day_starts(organisation.local_day + organisation.furthest, organisation.time_zone)
    and certification.status <> 'suspended'
    and (
      certification.chapter_ids && own_chapter_ids
      or is_administrator and not certification.chapter_ids && covered_chapter_ids
    )
    and clock.first_day_without - organisation.local_day <= (select max(days) from unnest(type.reminder_days) as days)
  order by certification.expires_at, mentor.full_name, type.code;
end
$$;
COMMENT ON FUNCTION mentorcert_private.digest_lines(organisation_id uuid, user_id uuid, as_of timestamp with time zone) IS 'What a digest reports to a login: certifications that end within the largest offset of their type, and those that ended since the last digest; of the coordinated chapters, and to an administrator of peer mentors whom no coordinator with an address answers for.';
REVOKE ALL ON FUNCTION mentorcert_private.digest_lines(organisation_id uuid, user_id uuid, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.due_digests(as_of timestamp with time zone, organisation_ids uuid[] DEFAULT NULL::uuid[], user_ids uuid[] DEFAULT NULL::uuid[]) RETURNS TABLE(organisation_id uuid, organisation text, user_id uuid, week date, covered_until date, recipient text, lines bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select
    recipient.organisation_id, recipient.slug, login.id, recipient.week, recipient.local_day,
    mentorcert_private.masked_address(login.email), content.lines
  from (
    select distinct
      membership.organisation_id, organisation.slug, membership.user_id, organisation.local_day,
      date_trunc('week', organisation.local_day)::date as week
    from mentorcert_private.notice_organisations(as_of) as organisation
    join mentorcert.memberships as membership on membership.organisation_id = organisation.organisation_id
    where membership.role in ('coordinator', 'org_admin') and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and (organisation_ids is null or membership.organisation_id = any(organisation_ids))
      and (user_ids is null or membership.user_id = any(user_ids))
  ) as recipient
  join auth.users as login on login.id = recipient.user_id and mentorcert_private.is_address(login.email)
  cross join lateral (
    select count(*) as lines from mentorcert_private.digest_lines(recipient.organisation_id, recipient.user_id, as_of)
  ) as content
  where not exists (
    select from mentorcert_private.notice_mails as mail
    where mail.organisation_id = recipient.organisation_id and mail.user_id = recipient.user_id and mail.week = recipient.week
  )
$$;
COMMENT ON FUNCTION mentorcert_private.due_digests(as_of timestamp with time zone, organisation_ids uuid[], user_ids uuid[]) IS 'The digests that are due at an instant, one a login and week; those with no lines are not sent. Nothing is changed.';
REVOKE ALL ON FUNCTION mentorcert_private.due_digests(as_of timestamp with time zone, organisation_ids uuid[], user_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.due_digests(as_of timestamp with time zone, organisation_ids uuid[], user_ids uuid[]) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.due_notices(as_of timestamp with time zone, reach_days integer DEFAULT 14, peer_mentor_ids uuid[] DEFAULT NULL::uuid[]) RETURNS TABLE(organisation_id uuid, organisation text, peer_mentor_id uuid, certification_id uuid, certification_type text, expires_at timestamp with time zone, last_valid_day date, days_before smallint, days_left integer, outcome text, recipient text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
begin
  return query
  -- What is asked of each row is worked out once for all of them: a function of ours costs more than the row.
  with organisations as materialized (
    select
      every.*,
      mentorcert_private.day_starts(every.local_day + every.furthest, every.time_zone) as until,
      -- The first run also looks at what ended long ago: so that it stands in the ledger that nobody was written to.
      case
        when every.last_day is null then '-infinity'
        else mentorcert_private.day_starts(every.local_day - every.reach, every.time_zone)
      end as since
    from mentorcert_private.notice_organisations(as_of, reach_days) as every
  )
  select
    certification.organisation_id, organisation.slug, certification.peer_mentor_id, certification.id,
    certification.certification_type, certification.expires_at, clock.last_valid_day, latest.days_before, clock.days_left,
    case
      when latest.days_before - clock.days_left > organisation.reach then 'skipped'
      when certification.status = 'suspended' then 'suspended'
      when not mentorcert_private.is_address(mentor.email) then 'no_address'
      else 'mail'
    end,
    case when latest.days_before - clock.days_left <= organisation.reach then mentorcert_private.masked_address(mentor.email) end
  from organisations as organisation
  join public.peer_mentor_certifications as certification
    on certification.organisation_id = organisation.organisation_id
    and certification.expires_at between organisation.since and organisation.until
    and (due_notices.peer_mentor_ids is null or certification.peer_mentor_id = any(due_notices.peer_mentor_ids))
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  cross join lateral (
    select local.day - 1 as last_valid_day, local.day - organisation.local_day as days_left
    from (select (certification.expires_at at time zone organisation.time_zone)::date as day) as local
  ) as clock
  cross join lateral (
    select min(days) as days_before from unnest(type.reminder_days || 0::smallint) as days
    where days >= clock.days_left
  ) as latest
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  where
    type.reminder_days <> '{}'
    and latest.days_before is not null
    and not exists (
      select from mentorcert_private.notices as handled
      where handled.certification_id = certification.id and handled.expires_at = certification.expires_at
        and handled.days_before <= latest.days_before
    )
  order by certification.expires_at, certification.peer_mentor_id, certification.certification_type;
end
$$;
COMMENT ON FUNCTION mentorcert_private.due_notices(as_of timestamp with time zone, reach_days integer, peer_mentor_ids uuid[]) IS 'The notices that are due at an instant, of all or of some peer mentors, and what would become of each: mail; no_address and suspended, which wait; skipped, which became due too long ago. Exactly what a run takes up; nothing is changed.';
REVOKE ALL ON FUNCTION mentorcert_private.due_notices(as_of timestamp with time zone, reach_days integer, peer_mentor_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.due_notices(as_of timestamp with time zone, reach_days integer, peer_mentor_ids uuid[]) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.end_calendar_feed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from mentorcert_private.calendar_feeds as feed
  where feed.organisation_id = new.organisation_id and feed.peer_mentor_id = new.id;
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.end_calendar_feed() IS 'Ends the feed of a peer mentor who gets another login or none: by erasure, by the end of the login, or by an administrator.';
REVOKE ALL ON FUNCTION mentorcert_private.end_calendar_feed() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.erase_peer_mentor(peer_mentor_id uuid, with_login boolean DEFAULT false) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  mentor mentorcert.peer_mentors;
  login text := 'kept';
  removed_ids text[];
begin
  perform mentorcert_private.set_change_context('{"kind": "erased", "job": "erasure"}');
  -- Certifications, then the organisation, then the peer mentor: the order in which everybody locks.
  perform 1 from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = erase_peer_mentor.peer_mentor_id
  order by certification.id
  for no key update;
  perform 1 from mentorcert.organisations as organisation
  where organisation.id = (
    select asked.organisation_id from mentorcert.peer_mentors as asked where asked.id = erase_peer_mentor.peer_mentor_id
  )
  for share;
  select * into mentor from mentorcert.peer_mentors as candidate
  where candidate.id = erase_peer_mentor.peer_mentor_id and candidate.erased_at is null
  for no key update;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'there is no such peer mentor, or the person is erased already',
      hint = 'Look the id up with mentorcert person export.', constraint = 'peer_mentor_id';
  end if;

  update public.peer_mentor_certifications as certification
  set renewal_history = mentorcert_private.without_remarks(certification.renewal_history)
  where certification.peer_mentor_id = mentor.id;
  update mentorcert.certification_renewal_events as event set entry = event.entry - array['note', 'evidence']
  from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = mentor.id and event.certification_id = certification.id
    and event.entry ?| array['note', 'evidence'];
  -- Nobody certified is left behind whom nobody can name.
  update public.peer_mentor_certifications as certification set status = 'suspended'
  where certification.peer_mentor_id = mentor.id and certification.status = 'active';
  update mentorcert.peer_mentor_chapters as link set ended_at = now()
  where link.peer_mentor_id = mentor.id and (link.ended_at is null or link.ended_at > statement_timestamp());
  update mentorcert.peer_mentors as erased
  set
    external_id = 'erased-' || erased.id, full_name = 'erased', display_name = null, email = null, phone = null,
    user_id = null, listing_consent = false, erased_at = now()
  where erased.id = mentor.id;

  with removed as (
    delete from mentorcert.memberships as membership
    where membership.user_id = mentor.user_id and membership.organisation_id = mentor.organisation_id
      and membership.role = 'peer_mentor'
    returning membership.id
  )
  select array_agg(removed.id::text) into removed_ids from removed;
  if mentor.user_id is null then
    login := 'none';
  elsif with_login and not exists (
    select from mentorcert.memberships as membership where membership.user_id = mentor.user_id and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ) and not exists (
    select from mentorcert.peer_mentors as other where other.user_id = mentor.user_id
  ) then
    delete from auth.users as of where of.id = mentor.user_id;
    login := 'deleted';
  end if;

  update mentorcert.audit_log as entry set before = entry.before - 'user_id', after = entry.after - 'user_id'
  where entry.row_id = mentor.id::text or entry.row_id = any(removed_ids)
    or login = 'deleted' and mentor.user_id::text in (entry.before ->> 'user_id', entry.after ->> 'user_id');
  insert into mentorcert.audit_log (organisation_id, table_name, row_id, action, actor)
  select mentor.organisation_id, 'peer_mentors', mentor.id::text, 'erase',
    -- The one who runs the command, not the job that the setting names for the histories.
    mentorcert_private.actor(mentor.organisation_id, '{}');
  perform mentorcert_private.set_change_context(null);
  return login;
end
$$;
COMMENT ON FUNCTION mentorcert_private.erase_peer_mentor(peer_mentor_id uuid, with_login boolean) IS 'Removes what says who a peer mentor was: name, contact, login, notes and evidence; takes the person off the public list and suspends what was active. With with_login also the login, if nothing here needs it. Returns what happened to the login: none, kept or deleted.';
REVOKE ALL ON FUNCTION mentorcert_private.erase_peer_mentor(peer_mentor_id uuid, with_login boolean) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.evidence(evidence jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select case
    when jsonb_typeof(evidence) = 'object' then jsonb_build_object('seen_by', coalesce(auth.uid()::text, current_user)) || evidence
    else evidence
  end
$$;
COMMENT ON FUNCTION mentorcert_private.evidence(evidence jsonb) IS 'Evidence, seen by the caller where it does not say by whom.';
REVOKE ALL ON FUNCTION mentorcert_private.evidence(evidence jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.evidence(evidence jsonb) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.evidence(evidence jsonb) TO service_role;

CREATE FUNCTION mentorcert_private.expire_due_certifications(as_of timestamp with time zone, batch_size integer DEFAULT NULL::integer) RETURNS TABLE(organisation_id uuid, expires_at timestamp with time zone, expired bigint)
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  -- What all entries of the run have in common: each row adds two fields, and parses the text once.
  entry constant text := format(
    '{"schema_version": %s, "kind": "expired", "actor": {"job": "nightly"}, '
    '"before": {"status": "active"}, "after": {"status": "expired"}, ',
    mentorcert_private.current_history_version()
  );
begin
  perform mentorcert_private.set_change_context(jsonb_build_object('job', 'nightly', 'as_of', as_of));
  return query
  with changed as (
    update public.peer_mentor_certifications as certification
    set
      status = 'expired',
      updated_at = now(),
      renewal_history = case
        -- The trigger appends where the history may have to be cut for the events table, or as_of lies in the future.
        when jsonb_array_length(certification.renewal_history) >= 50 or certification.expires_at > now()
          then certification.renewal_history
        else certification.renewal_history || (
          entry || '"entry_id": "' || gen_random_uuid() || '", "effective_at": ' || to_json(certification.expires_at)
          -- What mentorcert_private.next_recorded_at says; the rows are locked before this is asked.
          || ', "recorded_at": ' || to_json(greatest(
            clock_timestamp(), (certification.renewal_history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond'
          )) || '}'
        )::jsonb
      end
    where
      -- By ctid, which spares 300,000 rows a join: a row that moved meanwhile is found by the next run.
      certification.ctid = any(array(
        select due.ctid
        from mentorcert.organisations as organisation
        join public.peer_mentor_certifications as due on due.organisation_id = organisation.id
        where due.status = 'active' and due.expires_at <= as_of
        limit batch_size
        for no key update of due skip locked
      ))
    returning certification.organisation_id, certification.expires_at
  )
  select changed.organisation_id, changed.expires_at, count(*)
  from changed
  group by changed.organisation_id, changed.expires_at;
  perform mentorcert_private.set_change_context(null);
end
$$;
COMMENT ON FUNCTION mentorcert_private.expire_due_certifications(as_of timestamp with time zone, batch_size integer) IS 'Expires what is due at an instant (all, or at most batch_size), leaving out rows that somebody else holds; returns how many by organisation and end. One statement, whatever the number of rows.';
REVOKE ALL ON FUNCTION mentorcert_private.expire_due_certifications(as_of timestamp with time zone, batch_size integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.expires_at_by_rule(certification public.peer_mentor_certifications, issued_on date, time_zone text) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select mentorcert_private.day_starts(
    mentorcert_private.last_valid_day(
      type.validity_rule, type.validity_months, issued_on, mentorcert_private.day_of(certification.expires_at, time_zone) - 1
    ) + 1,
    time_zone
  )
  from mentorcert.certification_types as type
  where type.organisation_id = certification.organisation_id and type.code = certification.certification_type
$$;
COMMENT ON FUNCTION mentorcert_private.expires_at_by_rule(certification public.peer_mentor_certifications, issued_on date, time_zone text) IS 'When a certification of this type expires by the type''s rule if issued or renewed on a day.';
REVOKE ALL ON FUNCTION mentorcert_private.expires_at_by_rule(certification public.peer_mentor_certifications, issued_on date, time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.expires_at_by_rule(certification public.peer_mentor_certifications, issued_on date, time_zone text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.expires_at_by_rule(certification public.peer_mentor_certifications, issued_on date, time_zone text) TO service_role;

CREATE FUNCTION mentorcert_private.find_login(email text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  hourly_limit constant integer := 60;
begin
  perform mentorcert_private.require_administered_organisation();
  -- One at a time, or several at once would all count to just below the limit.
  perform pg_advisory_xact_lock(hashtextextended('find_login ' || auth.uid(), 0));
  if (
    select count(*) >= hourly_limit from mentorcert_private.access_log as asked
    where asked.endpoint = 'find_login' and asked.user_id = auth.uid() and asked.recorded_at > now() - interval '1 hour'
  ) then
    raise exception using
      errcode = 'MC012', message = format('more than %s addresses were looked up within an hour', hourly_limit),
      hint = 'Go on in an hour, or have the operator admit people by `mentorcert organisation admit`.',
      constraint = 'login_lookups';
  end if;
  perform mentorcert_private.log_access('find_login', '{}', gen_random_uuid()::text);
  return (
    select login.id from auth.users as login
    where lower(login.email) = lower(btrim(find_login.email))
      and login.deleted_at is null
    limit 1
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.find_login(email text) IS 'The login with exactly this e-mail address, for an administrator who gives it a membership; null where there is none. Each question is logged; MC012 after 60 in an hour.';
REVOKE ALL ON FUNCTION mentorcert_private.find_login(email text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.find_login(email text) TO authenticated;

CREATE FUNCTION mentorcert_private.finish_notices(organisation_ids uuid[], as_of timestamp with time zone, error text DEFAULT NULL::text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  update mentorcert_private.job_runs as run
  set finished_at = case when finish_notices.error is null then clock_timestamp() end, error = finish_notices.error
  where run.job = 'notices' and run.organisation_id = any(finish_notices.organisation_ids)
    and run.as_of = finish_notices.as_of
$$;
COMMENT ON FUNCTION mentorcert_private.finish_notices(organisation_ids uuid[], as_of timestamp with time zone, error text) IS 'Ends a run in the ledger of the jobs; with an error the day stays open, and a worker tries again.';
REVOKE ALL ON FUNCTION mentorcert_private.finish_notices(organisation_ids uuid[], as_of timestamp with time zone, error text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.finish_notices(organisation_ids uuid[], as_of timestamp with time zone, error text) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.folded(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select translate(
    lower(value collate "C"),
    'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽ',
    'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįiĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżž'
  )
$$;
COMMENT ON FUNCTION mentorcert_private.folded(value text) IS 'A text in lower case, alike on every server: lower() of a locale would give an index another order after an upgrade.';
REVOKE ALL ON FUNCTION mentorcert_private.folded(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.folded(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.folded(value text) TO service_role;

CREATE FUNCTION mentorcert_private.forbid_temporary_objects() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
COMMENT ON FUNCTION mentorcert_private.forbid_temporary_objects() IS 'Takes from everybody but the owner the right to make temporary objects in this database; to be called again where a database was restored or copied.';
REVOKE ALL ON FUNCTION mentorcert_private.forbid_temporary_objects() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.found_peer_mentors(organisation uuid, patterns text[], chapters uuid[], at_most integer) RETURNS uuid[]
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
begin
  return array(
    select mentor.id
    from (
      select reach.id, reach.full_name, reach.external_id
      from mentorcert.peer_mentors as reach
      where reach.organisation_id = organisation and (chapters is null or reach.chapter_ids && chapters)
      offset 0
    ) as mentor
    where lower(mentor.full_name || ' ' || mentor.external_id) like all(patterns)
    limit at_most
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.found_peer_mentors(organisation uuid, patterns text[], chapters uuid[], at_most integer) IS 'The caller''s peer mentors (of these chapters) whose name and external id are like all patterns, no more than asked for.';
REVOKE ALL ON FUNCTION mentorcert_private.found_peer_mentors(organisation uuid, patterns text[], chapters uuid[], at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.found_peer_mentors(organisation uuid, patterns text[], chapters uuid[], at_most integer) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.found_peer_mentors(organisation uuid, patterns text[], chapters uuid[], at_most integer) TO service_role;

CREATE FUNCTION mentorcert_private.history_is_in_events() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$ select storage.mode = 'events' from mentorcert_private.history_storage as storage $$;
COMMENT ON FUNCTION mentorcert_private.history_is_in_events() IS 'Whether certification_renewal_events is the home of the history, and renewal_history the cache of its newest entries.';
REVOKE ALL ON FUNCTION mentorcert_private.history_is_in_events() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.history_is_in_events() TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.history_is_in_events() TO service_role;

CREATE FUNCTION mentorcert_private.is_address(email text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$ select coalesce(mentorcert_private.is_email(email) and email !~ '=[?]', false) $$;
COMMENT ON FUNCTION mentorcert_private.is_address(email text) IS 'Whether mail could be sent to it, by any server: a domain in letters beyond ASCII is sent as punycode, and =? would be taken for an encoded text. Whether it arrives, only the mail server knows.';
REVOKE ALL ON FUNCTION mentorcert_private.is_address(email text) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.is_email(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $_$
  select length(value) <= 254
    and value ~ (
      '^(?=[^@]{1,64}@)[a-zA-Z0-9!#$%&''*+/=?^_`{|}~-]+(\.[a-zA-Z0-9!#$%&''*+/=?^_`{|}~-]+)*'
      '@((?![^.]{64})' || label || '\.)+(?![0-9]+$)(?![^.]{64})' || label || '$'
    )
    and value !~ '[@.](?!xn--[a-z0-9-]+(\.|$))[^@.]{2}--[^@]*$'
  from (
    -- The letters that Unicode's own rules for domains (IDNA 2008) take, of Latin, Greek and Cyrillic.
    select
      format('%1$s(%2$s*%1$s)?', '[' || letters || ']', '[' || letters || '-]') as label
    from (
      select 'a-z0-9\u00e0-\u00f6\u00f8-\u00ff\u0101\u0103\u0105\u0107\u0109\u010b\u010d\u010f\u0111\u0113\u0115\u0117'
        '\u0119\u011b\u011d\u011f\u0121\u0123\u0125\u0127\u0129\u012b\u012d\u012f\u0131\u0135\u0137\u0138\u013a\u013c\u013e'
        '\u0142\u0144\u0146\u0148\u014b\u014d\u014f\u0151\u0153\u0155\u0157\u0159\u015b\u015d\u015f\u0161\u0163\u0165\u0167'
        '\u0169\u016b\u016d\u016f\u0171\u0173\u0175\u0177\u017a\u017c\u017e\u03ac-\u03ce\u0430-\u045f' as letters
    ) as written
  ) as domain
$_$;
COMMENT ON FUNCTION mentorcert_private.is_email(value text) IS 'Whether a text is one e-mail address that a mail can be sent to: a local part of ASCII, and a domain of labels that punycode can write.';
REVOKE ALL ON FUNCTION mentorcert_private.is_email(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.is_email(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.is_email(value text) TO service_role;

CREATE FUNCTION mentorcert_private.is_erasure() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select auth.uid() is null
    and coalesce(nullif(current_setting('mentorcert.change', true), '')::jsonb ->> 'kind' = 'erased', false)
$$;
COMMENT ON FUNCTION mentorcert_private.is_erasure() IS 'Whether a person is being erased: that alone takes notes and evidence out of histories, and logins out of the audit log.';
REVOKE ALL ON FUNCTION mentorcert_private.is_erasure() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.is_kept(log text, recorded_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select is_kept.recorded_at >= now() - retention.keep from mentorcert_private.log_retention as retention where retention.log = is_kept.log
$$;
COMMENT ON FUNCTION mentorcert_private.is_kept(log text, recorded_at timestamp with time zone) IS 'Whether an entry of a log is still kept, as mentorcert_private.log_retention says; null for a log that is kept for ever.';
REVOKE ALL ON FUNCTION mentorcert_private.is_kept(log text, recorded_at timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.is_login_taken_out(before mentorcert.audit_log, after mentorcert.audit_log) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select mentorcert_private.is_erasure()
    and to_jsonb(after) - array['before', 'after'] = to_jsonb(before) - array['before', 'after']
    and (after.before is not distinct from before.before or after.before is not distinct from before.before - 'user_id')
    and (after.after is not distinct from before.after or after.after is not distinct from before.after - 'user_id')
$$;
COMMENT ON FUNCTION mentorcert_private.is_login_taken_out(before mentorcert.audit_log, after mentorcert.audit_log) IS 'Whether an entry changes by nothing but an erasure that takes a login out of it.';
REVOKE ALL ON FUNCTION mentorcert_private.is_login_taken_out(before mentorcert.audit_log, after mentorcert.audit_log) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.is_number(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $_$
  select value ~ '^[!-~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e]+( [!-~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e]+)*$'
    and value = mentorcert_private.canonical_line(value)
$_$;
COMMENT ON FUNCTION mentorcert_private.is_number(value text) IS 'Whether a text can be a number of a person: Latin letters only, because those of others look like them, and full-width digits like digits.';
REVOKE ALL ON FUNCTION mentorcert_private.is_number(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.is_number(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.is_number(value text) TO service_role;

CREATE FUNCTION mentorcert_private.is_past_day(day text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
begin
  -- Somewhere on earth tomorrow has begun already.
  return day ~ '^\d{4}-\d{2}-\d{2}$' and day::date <= current_date + 1;
exception when datetime_field_overflow then
  return false;
end
$_$;
COMMENT ON FUNCTION mentorcert_private.is_past_day(day text) IS 'Whether a text is a day of the calendar, as yyyy-mm-dd, that has come.';
REVOKE ALL ON FUNCTION mentorcert_private.is_past_day(day text) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.is_phone(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $_$
  select value ~ '^[(]?\+?[0-9][0-9 ()./-]*( ?(x|ext\.?|int\.?) ?[0-9]+)?$' and length(regexp_replace(value, '[^0-9]', '', 'g')) >= 3
$_$;
COMMENT ON FUNCTION mentorcert_private.is_phone(value text) IS 'Whether a text is a telephone number: digits, with what people put between them.';
REVOKE ALL ON FUNCTION mentorcert_private.is_phone(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.is_phone(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.is_phone(value text) TO service_role;

CREATE FUNCTION mentorcert_private.is_readable(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select length(value) > 10000
    or value !~ '[\u0001-\u0009\u000b-\u001f\u007f-\u009f\ue000-\uf8ff\ufdd0-\ufdef\ufffc-\uffff\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U000e1000-\U0010ffff]'
    and value = mentorcert_private.canonical_text(value)
$$;
COMMENT ON FUNCTION mentorcert_private.is_readable(value text) IS 'Whether a text is canonical and holds no control character, no private one, and none that stands for what could not be read.';
REVOKE ALL ON FUNCTION mentorcert_private.is_readable(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.is_readable(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.is_readable(value text) TO service_role;

CREATE FUNCTION mentorcert_private.is_readable_line(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $$ select mentorcert_private.is_readable(value) and strpos(value, E'\n') = 0 $$;
COMMENT ON FUNCTION mentorcert_private.is_readable_line(value text) IS 'Whether a text is readable and stands on one line.';
REVOKE ALL ON FUNCTION mentorcert_private.is_readable_line(value text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.is_readable_line(value text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.is_readable_line(value text) TO service_role;

CREATE FUNCTION mentorcert_private.keep_an_administrator() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  -- Locked, so that of two administrators who end each other's membership at once the second one sees the first.
  perform from mentorcert.memberships as other
  where
    other.organisation_id = old.organisation_id and other.role = 'org_admin' and other.id <> old.id
    and coalesce(other.ended_at, 'infinity') >= coalesce(old.ended_at, 'infinity')
  for no key update;
  if not found then
    raise exception using
      errcode = 'MC011', message = 'the last administrator of an organisation stays',
      hint = 'Make somebody else administrator first.',
      schema = 'mentorcert', table = 'memberships', column = 'ended_at', constraint = 'memberships_last_administrator';
  end if;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.keep_an_administrator() IS 'Refuses (MC011) that a client ends, now or later, the membership of the administrator who stays longest; the owner may.';
REVOKE ALL ON FUNCTION mentorcert_private.keep_an_administrator() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.kind_of_change(before public.peer_mentor_certifications, after public.peer_mentor_certifications, as_of timestamp with time zone) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  same_dates constant boolean := before.issued_at = after.issued_at
    and before.expires_at is not distinct from after.expires_at;
  toggles_suspension constant boolean := (before.status = 'suspended') <> (after.status = 'suspended');
begin
  if before.certification_type <> after.certification_type and not toggles_suspension then
    return 'corrected';
  elsif same_dates and toggles_suspension and before.certification_type = after.certification_type then
    return case when after.status = 'suspended' then 'suspended' else 'reinstated' end;
  elsif same_dates and after.status = 'expired' and after.expires_at <= as_of then
    return 'expired';
  elsif same_dates and after.status = 'active' and coalesce(after.expires_at, 'infinity') > as_of then
    return 'corrected';
  elsif not same_dates and not toggles_suspension then
    return case
      when coalesce(after.expires_at, 'infinity') < coalesce(before.expires_at, 'infinity') then 'corrected'
      when after.issued_at > before.issued_at then 'renewed'
      when after.issued_at = before.issued_at then 'extended'
      else 'corrected'
    end;
  end if;
  perform mentorcert_private.reject_transition(before.status, after.status);
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.kind_of_change(before public.peer_mentor_certifications, after public.peer_mentor_certifications, as_of timestamp with time zone) IS 'The kind of history entry that an update is; MC001 where no kind of change leads from the one to the other.';
REVOKE ALL ON FUNCTION mentorcert_private.kind_of_change(before public.peer_mentor_certifications, after public.peer_mentor_certifications, as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.last_valid_day(validity_rule text, validity_months integer, issued_on date, held_until date DEFAULT NULL::date) RETURNS date
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select case validity_rule
    when 'months' then greatest((issued_on + make_interval(months => validity_months))::date, held_until)
    -- Renewed in the year in which it ends, it holds through the next one; renewed once more, no longer than that.
    when 'end_of_year' then case
      when held_until >= year_end then greatest((year_end + interval '1 year')::date, held_until)
      else year_end
    end
  end
  from make_date(
    extract(year from issued_on + make_interval(months => coalesce(validity_months, 0)))::integer, 12, 31
  ) as year_end
$$;
COMMENT ON FUNCTION mentorcert_private.last_valid_day(validity_rule text, validity_months integer, issued_on date, held_until date) IS 'The last day on which a certification issued on a day holds; null: no last day. Months are clamped at month end. Early renewal never shortens: held_until, the last day of what was held before, stays where it is later.';
REVOKE ALL ON FUNCTION mentorcert_private.last_valid_day(validity_rule text, validity_months integer, issued_on date, held_until date) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.last_valid_day(validity_rule text, validity_months integer, issued_on date, held_until date) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.last_valid_day(validity_rule text, validity_months integer, issued_on date, held_until date) TO service_role;

CREATE FUNCTION mentorcert_private.latest_change(certification_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select mentorcert_private.upgrade_history_entry(entries.entry)
  from public.certification_history(certification_id) with ordinality as entries (entry, position)
  where entries.entry ->> 'kind' <> 'expired' -- that is the calendar's, not somebody's
  order by entries.position desc
  limit 1
$$;
COMMENT ON FUNCTION mentorcert_private.latest_change(certification_id uuid) IS 'The newest history entry of a certification that somebody made; null for one that the caller may not read.';
REVOKE ALL ON FUNCTION mentorcert_private.latest_change(certification_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.latest_change(certification_id uuid) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.latest_change(certification_id uuid) TO service_role;

CREATE FUNCTION mentorcert_private.left_peer_mentor_ids() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  -- The clock first, and nearly always that is all.
  left_now constant uuid[] := array(
    select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
    where link.ended_at > link.updated_at and link.ended_at <= statement_timestamp()
  );
begin
  if left_now = '{}' then
    return left_now;
  end if;
  return array(
    select mentor_id from unnest(left_now) as mentor_id
    where not exists (
      select from mentorcert.peer_mentor_chapters as link
      where
        link.peer_mentor_id = mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
        and link.chapter_id = any(mentorcert_private.coordinated_chapter_ids())
    )
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.left_peer_mentor_ids() IS 'Peer mentors whose known end in a chapter has come, and whose chapter_ids do not say so yet, but for those whom the caller coordinates in another one.';
REVOKE ALL ON FUNCTION mentorcert_private.left_peer_mentor_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.left_peer_mentor_ids() TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.left_peer_mentor_ids() TO service_role;

CREATE FUNCTION mentorcert_private.lock_certification(certification_id uuid) RETURNS public.peer_mentor_certifications
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  certification public.peer_mentor_certifications;
begin
  perform mentorcert_private.require_certifications();
  select * into certification from public.peer_mentor_certifications as candidate
  where candidate.id = certification_id
  for no key update;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  return certification;
end
$$;
COMMENT ON FUNCTION mentorcert_private.lock_certification(certification_id uuid) IS 'The certification, locked until the end of the transaction; 42501 for one that the caller may not change.';
REVOKE ALL ON FUNCTION mentorcert_private.lock_certification(certification_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.lock_certification(certification_id uuid) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.lock_certification(certification_id uuid) TO service_role;

CREATE FUNCTION mentorcert_private.lock_certifications_after(after_id uuid, batch_size integer) RETURNS uuid[]
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select array(
    select certification.id from public.peer_mentor_certifications as certification
    where certification.id > coalesce(after_id, '00000000-0000-0000-0000-000000000000')
    order by certification.id
    limit batch_size
    for no key update
  )
$$;
COMMENT ON FUNCTION mentorcert_private.lock_certifications_after(after_id uuid, batch_size integer) IS 'The ids of the next batch, locked.';
REVOKE ALL ON FUNCTION mentorcert_private.lock_certifications_after(after_id uuid, batch_size integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.log_access(endpoint text, row_organisation_ids uuid[], request_id text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  insert into mentorcert_private.access_log (user_id, organisation_ids, endpoint, row_organisation_ids, request_id)
  select
    auth.uid(),
    array(
      select distinct membership.organisation_id from mentorcert.memberships as membership
      where membership.user_id = auth.uid() and (membership.ended_at is null or membership.ended_at > statement_timestamp())
    ),
    endpoint,
    array(select distinct id from unnest(log_access.row_organisation_ids) as id),
    request_id
$$;
COMMENT ON FUNCTION mentorcert_private.log_access(endpoint text, row_organisation_ids uuid[], request_id text) IS 'Logs that the signed-in user was answered by an endpoint, with the organisations of the rows returned and the request''s id.';
REVOKE ALL ON FUNCTION mentorcert_private.log_access(endpoint text, row_organisation_ids uuid[], request_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.log_access(endpoint text, row_organisation_ids uuid[], request_id text) TO authenticated;

CREATE FUNCTION mentorcert_private.look_alikes(external_id text, full_name text, email text) RETURNS TABLE(id uuid, organisation_id uuid, external_id text, full_name text, is_same_number boolean)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, number.is_same
  from mentorcert.peer_mentors as mentor
  cross join lateral (
    select mentorcert_private.number_key(mentor.external_id) = mentorcert_private.number_key(mentorcert_private.canonical_line(look_alikes.external_id)) as is_same
  ) as number
  where
    mentor.organisation_id = (select public.get_user_organisation_id())
    -- The very same number is refused.
    and mentorcert_private.folded(mentor.external_id) <> mentorcert_private.folded(mentorcert_private.canonical_line(look_alikes.external_id))
    and mentor.erased_at is null
    and (
      mentorcert_private.number_key(mentor.external_id) = mentorcert_private.number_key(mentorcert_private.canonical_line(look_alikes.external_id))
      or mentorcert_private.folded(mentor.email) = mentorcert_private.folded(mentorcert_private.canonical_email(look_alikes.email))
        and mentorcert_private.folded(mentor.full_name) = mentorcert_private.folded(mentorcert_private.canonical_line(look_alikes.full_name))
    )
  order by mentor.external_id collate "C"
  limit 10
$$;
COMMENT ON FUNCTION mentorcert_private.look_alikes(external_id text, full_name text, email text) IS 'Peer mentors within the caller''s reach who could be the same person: a number equal but for case, spaces and leading zeros, or the same name and e-mail address.';
REVOKE ALL ON FUNCTION mentorcert_private.look_alikes(external_id text, full_name text, email text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.look_alikes(external_id text, full_name text, email text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.look_alikes(external_id text, full_name text, email text) TO service_role;

CREATE FUNCTION mentorcert_private.masked_address(email text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$ select left(email, 1) || '…@' || split_part(email, '@', 2) $$;
COMMENT ON FUNCTION mentorcert_private.masked_address(email text) IS 'An address as it may be shown to an operator.';
REVOKE ALL ON FUNCTION mentorcert_private.masked_address(email text) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.may_certify(organisation_id uuid, chapter_ids uuid[]) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select coalesce(
    organisation_id = mentorcert_private.administered_organisation_id() or chapter_ids && mentorcert_private.coordinated_chapter_ids(), false
  )
$$;
COMMENT ON FUNCTION mentorcert_private.may_certify(organisation_id uuid, chapter_ids uuid[]) IS 'Whether the caller may certify a peer mentor of these chapters: the administrator, and a coordinator of one of them.';
REVOKE ALL ON FUNCTION mentorcert_private.may_certify(organisation_id uuid, chapter_ids uuid[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.member_logins() RETURNS TABLE(user_id uuid, email text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select login.id, login.email::text -- varchar on Supabase
  from auth.users as login
  where login.id in (
    select membership.user_id from mentorcert.memberships as membership
    where
      membership.organisation_id = (select mentorcert_private.administered_organisation_id())
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )
$$;
COMMENT ON FUNCTION mentorcert_private.member_logins() IS 'The e-mail address of everybody who has a membership, not ended, of the organisation that the caller administers.';
REVOKE ALL ON FUNCTION mentorcert_private.member_logins() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.member_logins() TO authenticated;

CREATE FUNCTION mentorcert_private.name_patterns(query text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select array(
    select '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%'
    from regexp_split_to_table(lower(query), '\s+') as word
    where word <> ''
  )
$$;
COMMENT ON FUNCTION mentorcert_private.name_patterns(query text) IS 'What each word of a search must be like: part of the name or of the external id. Wildcards in it stand for themselves.';
REVOKE ALL ON FUNCTION mentorcert_private.name_patterns(query text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.name_patterns(query text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.name_patterns(query text) TO service_role;

CREATE FUNCTION mentorcert_private.next_nightly_at(as_of timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select least(
    min(
      case
        when due.last_day >= due.local_day then mentorcert_private.day_starts(due.local_day + 1, due.time_zone)
        else as_of
      end
    ),
    (
      select greatest(link.ended_at, as_of) from mentorcert.peer_mentor_chapters as link
      where link.ended_at > link.updated_at
      order by link.ended_at limit 1
    )
  )
  from mentorcert_private.organisations_due(as_of) as due
$$;
COMMENT ON FUNCTION mentorcert_private.next_nightly_at(as_of timestamp with time zone) IS 'When the next nightly run is due: now where an organisation''s day is not done, else at the next local midnight, or earlier where somebody leaves a chapter; null without organisations.';
REVOKE ALL ON FUNCTION mentorcert_private.next_nightly_at(as_of timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.next_nightly_at(as_of timestamp with time zone) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.next_notice_times(as_of timestamp with time zone) RETURNS TABLE(organisation_id uuid, local_day date, due_at timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    organisation.organisation_id, organisation.local_day,
    (greatest(organisation.last_day + 1, organisation.local_day) + time '08:00') at time zone organisation.time_zone
  from mentorcert_private.notice_organisations(as_of) as organisation
$$;
COMMENT ON FUNCTION mentorcert_private.next_notice_times(as_of timestamp with time zone) IS 'When the notices of each organisation are due next: at eight in the morning there, of today if that is not done.';
REVOKE ALL ON FUNCTION mentorcert_private.next_notice_times(as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.next_notices_at(as_of timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$ select min(morning.due_at) from mentorcert_private.next_notice_times(as_of) as morning $$;
COMMENT ON FUNCTION mentorcert_private.next_notices_at(as_of timestamp with time zone) IS 'When notices are due next, now or earlier where a morning was missed; null without types that have any.';
REVOKE ALL ON FUNCTION mentorcert_private.next_notices_at(as_of timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.next_notices_at(as_of timestamp with time zone) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.next_recorded_at(history jsonb) RETURNS timestamp with time zone
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select greatest(clock_timestamp(), (history #>> '{-1,recorded_at}')::timestamptz + interval '1 microsecond')
$$;
COMMENT ON FUNCTION mentorcert_private.next_recorded_at(history jsonb) IS 'When the registry learns of a change of a certification whose row is locked: by the clock, and never before the entry before.';
REVOKE ALL ON FUNCTION mentorcert_private.next_recorded_at(history jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.notice_organisations(as_of timestamp with time zone, reach_days integer DEFAULT 14) RETURNS TABLE(organisation_id uuid, slug text, time_zone text, local_day date, last_day date, reach integer, furthest integer)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    organisation.id, organisation.slug, organisation.time_zone, mentorcert_private.day_of(as_of, organisation.time_zone), ledger.last_day,
    least(
      greatest(reach_days, mentorcert_private.day_of(as_of, organisation.time_zone) - ledger.last_day), greatest(reach_days, 90)
    ),
    furthest
  from mentorcert.organisations as organisation
  cross join lateral (
    select max(run.local_day) as last_day from mentorcert_private.job_runs as run
    where run.organisation_id = organisation.id and run.job = 'notices' and run.finished_at is not null
  ) as ledger
  cross join lateral (
    select max(days)::integer as furthest
    from mentorcert.certification_types as type cross join unnest(type.reminder_days) as days
    where type.organisation_id = organisation.id
  ) as types
  where types.furthest is not null
$$;
COMMENT ON FUNCTION mentorcert_private.notice_organisations(as_of timestamp with time zone, reach_days integer) IS 'Each organisation''s local day at an instant, the last one that notices were sent on, how many days they reach back (to that day, if it is further than reach_days, but not beyond 90), and the largest offset.';
REVOKE ALL ON FUNCTION mentorcert_private.notice_organisations(as_of timestamp with time zone, reach_days integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.number_key(external_id text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO ''
    AS $$ select regexp_replace(replace(mentorcert_private.folded(external_id), ' ', ''), '^0+(?=.)', '') $$;
COMMENT ON FUNCTION mentorcert_private.number_key(external_id text) IS 'What is left of a number when a spreadsheet, or a hurried typist, has been at it: no case, no spaces, no leading zeros.';
REVOKE ALL ON FUNCTION mentorcert_private.number_key(external_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.number_key(external_id text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.number_key(external_id text) TO service_role;

CREATE FUNCTION mentorcert_private.organisations_due(as_of timestamp with time zone) RETURNS TABLE(organisation_id uuid, time_zone text, local_day date, last_day date)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select organisation.id, organisation.time_zone, mentorcert_private.day_of(as_of, organisation.time_zone), ledger.last_day
  from mentorcert.organisations as organisation
  left join lateral (
    select max(run.local_day) as last_day from mentorcert_private.job_runs as run
    where run.organisation_id = organisation.id and run.job = 'nightly' and run.finished_at is not null
  ) as ledger on true
$$;
COMMENT ON FUNCTION mentorcert_private.organisations_due(as_of timestamp with time zone) IS 'Each organisation''s local day at an instant, and the last one that the ledger knows as done.';
REVOKE ALL ON FUNCTION mentorcert_private.organisations_due(as_of timestamp with time zone) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.own_peer_mentor_ids() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return array(
    select mentor.id
    from mentorcert.peer_mentors as mentor
    where
      mentor.user_id = (select auth.uid())
      and mentor.organisation_id is not distinct from (select public.get_user_organisation_id())
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.own_peer_mentor_ids() IS 'The peer mentor the caller is, in the organisation the caller acts in.';
REVOKE ALL ON FUNCTION mentorcert_private.own_peer_mentor_ids() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.own_peer_mentor_ids() TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.own_peer_mentor_ids() TO service_role;

CREATE FUNCTION mentorcert_private.portal_alarm() RETURNS TABLE(mode text, removals bigint, since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with late as (
    select connection.mode, state.peer_mentor_id, greatest(state.since, connection.mode_since) as since
    from mentorcert_portal.connections as connection
    cross join lateral (
      select waiting.peer_mentor_id,
        case
          when waiting.is_removal then waiting.first_dirty_at
          -- Somebody who left our list while the row was waiting, and nothing derived it again.
          else greatest(
            coalesce(listed.listed_until, least(waiting.content_until, now()), waiting.first_dirty_at), waiting.changed_at
          )
        end as since
      from mentorcert_portal.states as waiting
      left join public.listed_peer_mentors as listed on listed.peer_mentor_id = waiting.peer_mentor_id
      where waiting.organisation_id = connection.organisation_id and waiting.state <> 'in_sync'
        and (connection.mode = 'live' or connection.mode = 'paused' and waiting.shown
          or waiting.peer_mentor_id = any(connection.canary_peer_mentor_ids))
        and (waiting.is_removal
          or coalesce(listed.listed_until <= now(), true)
          and coalesce(waiting.shown, waiting.content ->> 'status' <> 'uncertified', true))
      union all
      select lapsed.peer_mentor_id, lapsed.next_attempt_at
      from mentorcert_portal.states as lapsed
      where lapsed.organisation_id = connection.organisation_id and lapsed.is_removal and lapsed.state = 'in_sync'
        and lapsed.next_attempt_at <= now()
        and (connection.mode in ('live', 'paused') or lapsed.peer_mentor_id = any(connection.canary_peer_mentor_ids))
    ) as state
    where connection.organisation_id = (select mentorcert_private.administered_organisation_id())
      and connection.mode in ('canary', 'live', 'paused')
  ),
  shown as (
    select late.mode, late.peer_mentor_id, late.since from late where late.since <= now() - interval '15 minutes'
    union all
    select connection.mode, found.peer_mentor_id, found.found_at
    from mentorcert_portal.connections as connection
    join mentorcert_portal.drift as found on found.organisation_id = connection.organisation_id
    where connection.organisation_id = (select mentorcert_private.administered_organisation_id()) and connection.mode in ('live', 'paused')
      and found.repaired_at is null and found.kind = 'listed_but_expired'
  )
  select shown.mode, count(distinct shown.peer_mentor_id), min(shown.since) from shown group by shown.mode
$$;
COMMENT ON FUNCTION mentorcert_private.portal_alarm() IS 'How many the portal of the caller''s organisation may still show though they must go: not confirmed for 15 minutes, or found there by a comparison. No row: nobody, or the caller is no administrator.';
REVOKE ALL ON FUNCTION mentorcert_private.portal_alarm() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.portal_alarm() TO authenticated;

CREATE FUNCTION mentorcert_private.preview_extension(certification_type text, last_valid_day date, chapter_id uuid DEFAULT NULL::uuid, expired_since date DEFAULT NULL::date) RETURNS TABLE(certification_id uuid, peer_mentor_id uuid, expires_at timestamp with time zone, new_expires_at timestamp with time zone, outcome text)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  organisation constant uuid := mentorcert_private.check_extension(certification_type, last_valid_day, expired_since);
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  until constant timestamptz := mentorcert_private.day_starts(last_valid_day + 1, time_zone);
  since constant timestamptz := coalesce(mentorcert_private.day_starts(expired_since, time_zone), now());
  chapters constant uuid[] := mentorcert_private.with_chapters_below(array[chapter_id]);
begin
  return query
  select
    judged.id, judged.peer_mentor_id, judged.expires_at,
    case when judged.outcome = 'extended' then until end, judged.outcome
  from (
    select
      candidate.id, candidate.peer_mentor_id, candidate.expires_at,
      case
        when mentor.erased_at is not null then 'erased'
        when candidate.expires_at is null or candidate.expires_at >= until then 'holds_longer'
        when candidate.expires_at <= since then 'expired'
        else 'extended'
      end as outcome
    from public.peer_mentor_certifications as candidate
    join mentorcert.peer_mentors as mentor on mentor.id = candidate.peer_mentor_id
    where
      candidate.organisation_id = organisation
      and candidate.certification_type = preview_extension.certification_type
      and (preview_extension.chapter_id is null or candidate.chapter_ids && chapters)
  ) as judged;
end
$$;
COMMENT ON FUNCTION mentorcert_private.preview_extension(certification_type text, last_valid_day date, chapter_id uuid, expired_since date) IS 'What extend_certifications would do with each certification of the type: extended (to new_expires_at), or left as holds_longer, expired or erased. Changes nothing.';
REVOKE ALL ON FUNCTION mentorcert_private.preview_extension(certification_type text, last_valid_day date, chapter_id uuid, expired_since date) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.preview_extension(certification_type text, last_valid_day date, chapter_id uuid, expired_since date) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.preview_extension(certification_type text, last_valid_day date, chapter_id uuid, expired_since date) TO service_role;

CREATE FUNCTION mentorcert_private.preview_replay(selection jsonb, size integer DEFAULT 50) RETURNS TABLE(peer_mentor_id uuid, peer_mentor text, confirmed_version bigint, confirmed jsonb, desired jsonb, total bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
  chosen uuid[];
  chosen_in_all bigint;
begin
  select (array_agg(state.peer_mentor_id order by state.peer_mentor_id))[:size], count(*)
  into chosen, chosen_in_all
  from mentorcert_portal.selected(organisation, selection) as state;
  return query
  select mentor.id, mentor.external_id, state.confirmed_version, state.confirmed, wanted.content, chosen_in_all
  from mentorcert_portal.desired_content(chosen, now()) as wanted
  join mentorcert.peer_mentors as mentor on mentor.id = wanted.peer_mentor_id
  join mentorcert_portal.states as state on state.peer_mentor_id = wanted.peer_mentor_id
  order by mentor.id;
end
$$;
COMMENT ON FUNCTION mentorcert_private.preview_replay(selection jsonb, size integer) IS 'Whom a replay would send to the portal of the caller''s organisation again: the first ones, as confirmed and as they would be sent, and how many in all.';
REVOKE ALL ON FUNCTION mentorcert_private.preview_replay(selection jsonb, size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.preview_replay(selection jsonb, size integer) TO authenticated;

CREATE FUNCTION mentorcert_private.preview_reversal(batch_id uuid) RETURNS TABLE(certification_id uuid, peer_mentor_id uuid, expires_at timestamp with time zone, new_expires_at timestamp with time zone, outcome text)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    member.id, member.peer_mentor_id, member.expires_at,
    case when mentor.erased_at is null then target.expires_at end,
    case
      when mentor.erased_at is not null then 'erased'
      when target.expires_at is null then 'changed_since'
      else 'reverted'
    end
  from mentorcert_private.extensions as extension
  cross join lateral unnest(extension.certification_ids) as listed (id)
  join public.peer_mentor_certifications as member on member.id = listed.id
  join mentorcert.peer_mentors as mentor on mentor.id = member.peer_mentor_id
  cross join lateral public.certification_history(member.id) as entry
  cross join lateral (
    select (mentorcert_private.state_before(member, mentorcert_private.upgrade_history_entry(entry))).expires_at
  ) as target
  where extension.batch_id = preview_reversal.batch_id and entry ->> 'batch_id' = preview_reversal.batch_id::text
$$;
COMMENT ON FUNCTION mentorcert_private.preview_reversal(batch_id uuid) IS 'What revert_change would do with each certification of an extension: reverted (to new_expires_at), changed_since (then nothing at all is taken back) or erased (left as it is).';
REVOKE ALL ON FUNCTION mentorcert_private.preview_reversal(batch_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.preview_reversal(batch_id uuid) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.preview_reversal(batch_id uuid) TO service_role;

CREATE FUNCTION mentorcert_private.raise_forbidden(message text DEFAULT 'no such certification or peer mentor, or no right to it'::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  raise exception using
    errcode = '42501', message = message,
    hint = 'Ask a coordinator of the chapter or the administrator of the organisation.',
    schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_right';
end
$$;
COMMENT ON FUNCTION mentorcert_private.raise_forbidden(message text) IS 'Raises 42501: the same for a row that the caller may not see and for one that does not exist.';
REVOKE ALL ON FUNCTION mentorcert_private.raise_forbidden(message text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.raise_forbidden(message text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.raise_forbidden(message text) TO service_role;

CREATE FUNCTION mentorcert_private.record_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  change constant jsonb :=
    mentorcert_private.canonical_remarks(coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb);
  by_user constant boolean := auth.uid() is not null;
  as_of constant timestamptz := case when by_user then now() else coalesce((change ->> 'as_of')::timestamptz, now()) end;
  imported constant boolean := not by_user and change ->> 'kind' = 'imported';
  kind text;
  reverted jsonb;
  effective_at timestamptz;
  time_zone text;
  is_admin boolean;
  is_known boolean;
  before jsonb;
  after jsonb;
begin
  if tg_op = 'UPDATE' and new.renewal_history <> old.renewal_history then
    perform mentorcert_private.check_history_kept(old.renewal_history, new.renewal_history);
    if (new.status, new.expires_at, new.issued_at, new.certification_type)
      is not distinct from (old.status, old.expires_at, old.issued_at, old.certification_type) then
      return new;
    end if;
  end if;

  is_admin := not by_user or new.organisation_id is not distinct from mentorcert_private.administered_organisation_id();
  if tg_op = 'INSERT' then
    select organisation.time_zone into time_zone
    from mentorcert.peer_mentors as mentor
    join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
    where mentor.organisation_id = new.organisation_id and mentor.id = new.peer_mentor_id and mentor.erased_at is null
    for no key update of mentor; -- so that a chapter entered meanwhile is not missed
    is_known := found;
    new.chapter_ids := mentorcert_private.current_chapter_ids(new.peer_mentor_id);
    if not is_known or (by_user and not mentorcert_private.may_certify(new.organisation_id, new.chapter_ids)) then
      perform mentorcert_private.raise_forbidden();
    end if;
    if new.status = 'suspended' or (new.status = 'expired' and coalesce(new.expires_at, 'infinity') > as_of) then
      raise exception using
        errcode = 'MC001', message = format('a new certification cannot be %s', new.status),
        hint = 'Register it as active; then suspend it.',
        schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_transition';
    end if;
    if by_user and new.renewal_history <> '[]'
      or exists (
        select from jsonb_array_elements(new.renewal_history) as entry
        where
          entry ->> 'kind' is distinct from 'imported'
          or entry -> 'schema_version' is distinct from to_jsonb(mentorcert_private.current_history_version())
          or (entry ->> 'entry_id')::uuid is null
          or (entry ->> 'recorded_at')::timestamptz is null
          or (entry ->> 'effective_at')::timestamptz is null
          or not coalesce(entry -> 'after' ?& array['certification_type', 'issued_at', 'expires_at', 'status'], false)
      )
    then
      raise exception using
        errcode = 'MC005', message = 'a new certification brings no history, but for an import''s past renewals',
        hint = 'Leave renewal_history out.',
        schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_history_append_only';
    end if;
    -- What was never a time of knowledge must not stand above the clock.
    perform mentorcert_private.require_instants(jsonb_build_object(
      'recorded_at', (entry ->> 'recorded_at')::timestamptz, 'effective_at', (entry ->> 'effective_at')::timestamptz,
      'issued_at', (entry #>> '{after,issued_at}')::timestamptz, 'expires_at', (entry #>> '{after,expires_at}')::timestamptz
    ))
    from jsonb_array_elements(new.renewal_history) as entry;
    if by_user then
      new.status := mentorcert_private.status_at(false, new.expires_at, as_of); -- of a job, the nightly run settles it
    end if;
    kind := case when imported then 'imported' else 'issued' end;
    effective_at := new.issued_at;
    before := new.renewal_history #> '{-1,after}';
  else
    if not mentorcert_private.is_erasure() and exists (
      select from mentorcert.peer_mentors as mentor where mentor.id = new.peer_mentor_id and mentor.erased_at is not null
    ) and new.status is distinct from 'expired' then
      perform mentorcert_private.raise_forbidden('the person was erased; nothing is certified any more');
    end if;
    time_zone := mentorcert_private.time_zone_of(new.organisation_id);
    if new.status = old.status or (old.status = 'suspended' and new.status <> 'suspended') then
      new.status := mentorcert_private.status_at(new.status = 'suspended', new.expires_at, as_of);
    end if;
    kind := mentorcert_private.kind_of_change(old, new, as_of);
    effective_at := case kind
      when 'renewed' then new.issued_at
      when 'extended' then least(as_of, old.expires_at)
      when 'expired' then old.expires_at
      when 'corrected' then least(old.issued_at, new.issued_at)
      else as_of
    end;
    if imported then
      kind := 'imported';
    elsif change ->> 'kind' = 'reverted' then
      kind := 'reverted';
      reverted := mentorcert_private.reverted_entry(old.id, change);
      perform mentorcert_private.check_revert(old, new, reverted);
      perform mentorcert_private.require_administrator(
        is_admin or reverted ->> 'kind' in ('renewed', 'suspended', 'reinstated')
      );
      effective_at := (reverted ->> 'effective_at')::timestamptz;
    elsif kind in ('corrected', 'extended') then
      perform mentorcert_private.require_administrator(is_admin);
    end if;
  end if;
  if tg_op = 'INSERT' or old.certification_type <> new.certification_type
    or old.issued_at <> new.issued_at or old.expires_at is distinct from new.expires_at then
    perform mentorcert_private.check_dates(new, time_zone, as_of);
    perform mentorcert_private.check_type(
      new, case when tg_op = 'UPDATE' then old.expires_at end, time_zone,
      within_rule => not is_admin and kind in ('issued', 'renewed')
    );
  end if;
  if kind = 'suspended' and by_user then
    perform mentorcert_private.require_reason(change ->> 'note');
  end if;
  perform mentorcert_private.check_note_and_evidence(change);

  before := coalesce(before, case when tg_op = 'UPDATE' then mentorcert_private.state(old) end);
  after := mentorcert_private.state(new);
  new.renewal_history := new.renewal_history || (jsonb_strip_nulls(jsonb_build_object(
    'schema_version', mentorcert_private.current_history_version(),
    'entry_id', gen_random_uuid(),
    'kind', kind,
    'recorded_at', mentorcert_private.next_recorded_at(new.renewal_history),
    'effective_at', effective_at,
    'note', change -> 'note',
    'evidence', change -> 'evidence',
    'batch_id', change -> 'batch_id',
    'reverts', reverted -> 'entry_id'
  )) || jsonb_build_object(
    'actor', mentorcert_private.actor(new.organisation_id, change),
    'before', mentorcert_private.changed_fields(before, after),
    'after', coalesce(mentorcert_private.changed_fields(after, before), after)
  ));
  -- What an import brings along must reach the events table first; the next change cuts it.
  if tg_op = 'UPDATE' and jsonb_array_length(new.renewal_history) > 50 and mentorcert_private.history_is_in_events() then
    new.renewal_history := mentorcert_private.cached_history(new.renewal_history);
  end if;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.record_change() IS 'Keeps the history as it is (MC005), checks a change (right, transition, type, dates, reason) and appends its one history entry.';
REVOKE ALL ON FUNCTION mentorcert_private.record_change() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.record_reversal(batch_id uuid, reason text) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  update mentorcert_private.extensions as extension
  set reverted_by = auth.uid(), reverted_at = now(), reversal_reason = record_reversal.reason
  where extension.batch_id = record_reversal.batch_id and extension.reverted_at is null
$$;
COMMENT ON FUNCTION mentorcert_private.record_reversal(batch_id uuid, reason text) IS 'Notes that a whole extension was taken back.';
REVOKE ALL ON FUNCTION mentorcert_private.record_reversal(batch_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.record_reversal(batch_id uuid, reason text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.record_reversal(batch_id uuid, reason text) TO service_role;

CREATE FUNCTION mentorcert_private.refresh_ended_chapters() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  refreshed integer;
begin
  -- The row says by updated_at that its end is known to the copies, which its trigger writes.
  update mentorcert.peer_mentor_chapters as link set updated_at = now()
  where link.id in (
    select ended.id from mentorcert.peer_mentor_chapters as ended
    where ended.ended_at > ended.updated_at and ended.ended_at <= now()
    order by ended.id
    for no key update skip locked
  );
  get diagnostics refreshed = row_count;
  return refreshed;
end
$$;
COMMENT ON FUNCTION mentorcert_private.refresh_ended_chapters() IS 'Copies the chapters of peer mentors again whose known end in one has come; returns how many ends. Access does not wait for it.';
REVOKE ALL ON FUNCTION mentorcert_private.refresh_ended_chapters() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.refresh_listing(peer_mentor_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if cardinality(peer_mentor_ids) = 0 then
    return;
  end if;
  -- The locks below make a transaction wait, but a snapshot taken before would still be read from.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'the public list is kept in read committed transactions only',
      hint = 'Leave the isolation level at its default for changes of consents, names, chapters, types and certifications.';
  end if;
  -- Two transactions that change a consent and a certification would each miss the other's half: one at a time.
  perform 1 from mentorcert.peer_mentors as mentor
  where mentor.id in (select unnest(peer_mentor_ids))
  order by mentor.id
  for no key update of mentor;

  with derived as materialized (
    select * from mentorcert_private.derived_listing(peer_mentor_ids)
  ),
  written as (
    insert into public.listed_peer_mentors as listed
    select * from derived
    on conflict (peer_mentor_id) do update set
      display_name = excluded.display_name, chapters = excluded.chapters, listed_until = excluded.listed_until
    where (listed.display_name, listed.chapters, listed.listed_until)
      is distinct from (excluded.display_name, excluded.chapters, excluded.listed_until)
  )
  delete from public.listed_peer_mentors as listed
  where listed.peer_mentor_id in (select unnest(peer_mentor_ids))
    and listed.peer_mentor_id not in (select derived.peer_mentor_id from derived);
end
$$;
COMMENT ON FUNCTION mentorcert_private.refresh_listing(peer_mentor_ids uuid[]) IS 'Makes the public list say of these peer mentors what the rules derive.';
REVOKE ALL ON FUNCTION mentorcert_private.refresh_listing(peer_mentor_ids uuid[]) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.refresh_listing_of_certifications() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  -- A lease that has run out needs no lock: a renewal meanwhile writes a later one, which this leaves alone.
  delete from public.listed_peer_mentors as listed
  using changed_rows as changed
  where listed.peer_mentor_id = changed.peer_mentor_id and listed.listed_until <= now();

  -- Against a type that becomes required meanwhile, which does not see the peer mentors that are new here.
  perform 1 from mentorcert.organisations as organisation
  where organisation.id in (select changed.organisation_id from changed_rows as changed)
  order by organisation.id
  for share of organisation;

  perform mentorcert_private.refresh_listing(array(
    select distinct changed.peer_mentor_id
    from changed_rows as changed
    left join public.listed_peer_mentors as listed on listed.peer_mentor_id = changed.peer_mentor_id
    where
      -- Who expired by date and is not listed needs no lock either: a consent given meanwhile gets no later lease.
      (listed.peer_mentor_id is not null or changed.renewal_history #>> '{-1,kind}' is distinct from 'expired')
      and (
        changed.renewal_history #> '{-1,before}' ? 'certification_type' -- it was of another type, perhaps a required one
        or exists (
          select from mentorcert.certification_types as type
          where
            type.organisation_id = changed.organisation_id
            and type.code = changed.certification_type
            and type.required_for_listing
        )
      )
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.refresh_listing_of_certifications() IS 'After a change of certifications of required types: refreshes their peer mentors, but for what only expired, which the lease covers.';
REVOKE ALL ON FUNCTION mentorcert_private.refresh_listing_of_certifications() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.refresh_listing_of_chapters() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.refresh_listing(array(
    select distinct link.peer_mentor_id
    from new_rows as after
    join old_rows as before on before.id = after.id and before.name <> after.name
    join mentorcert.peer_mentor_chapters as link on link.chapter_id = after.id and (link.ended_at is null or link.ended_at > statement_timestamp())
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.refresh_listing_of_chapters() IS 'After a chapter is renamed.';
REVOKE ALL ON FUNCTION mentorcert_private.refresh_listing_of_chapters() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.refresh_listing_of_links() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.refresh_listing(array(
    select distinct after.peer_mentor_id
    from new_rows as after
    join old_rows as before on before.id = after.id and before.ended_at is distinct from after.ended_at
    where after.ended_at > statement_timestamp() or before.ended_at > statement_timestamp()
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.refresh_listing_of_links() IS 'After a coming end of a chapter is set or changed, which the copied chapters do not show yet.';
REVOKE ALL ON FUNCTION mentorcert_private.refresh_listing_of_links() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.refresh_listing_of_peer_mentors() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.refresh_listing(array(
    select after.id
    from new_rows as after
    join old_rows as before on before.id = after.id
    where (after.listing_consent, after.display_name, after.full_name, after.chapter_ids)
      is distinct from (before.listing_consent, before.display_name, before.full_name, before.chapter_ids)
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.refresh_listing_of_peer_mentors() IS 'After a change of consent, name or chapters.';
REVOKE ALL ON FUNCTION mentorcert_private.refresh_listing_of_peer_mentors() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.refresh_listing_of_types() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform 1 from mentorcert.organisations as organisation
  where organisation.id in (select after.organisation_id from new_rows as after)
  order by organisation.id
  for no key update of organisation;

  perform mentorcert_private.refresh_listing(array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.organisation_id in (select after.organisation_id from new_rows as after)
  ));
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.refresh_listing_of_types() IS 'After a type is added or changed: what is required may have changed for everybody.';
REVOKE ALL ON FUNCTION mentorcert_private.refresh_listing_of_types() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  raise exception using
    errcode = 'MC005', message = format('%s is not allowed on %s', tg_op, tg_table_name), hint = tg_argv[1],
    schema = tg_table_schema, table = tg_table_name, constraint = tg_argv[0];
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_change() IS 'Refuses (MC005) a change, for what is append-only or never emptied. The arguments of the trigger: the name of the rule, and what may be done instead.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_change() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_change_of_column() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  column_name text;
begin
  foreach column_name in array tg_argv loop
    if to_jsonb(new) -> column_name is distinct from to_jsonb(old) -> column_name then
      raise exception using
        errcode = 'MC007',
        message = format('%s.%s cannot be changed', tg_table_name, column_name),
        hint = 'Make a new row instead.',
        schema = tg_table_schema, table = tg_table_name, column = column_name,
        constraint = format('%s_%s_immutable', tg_table_name, column_name);
    end if;
  end loop;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_change_of_column() IS 'Refuses (MC007) an UPDATE that gives another value to a column named in the trigger''s arguments.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_change_of_column() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_change_of_event() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if (
      new.entry = mentorcert_private.upgrade_history_entry(old.entry)
      or mentorcert_private.is_erasure() and new.entry = old.entry - array['note', 'evidence']
    )
    and (new.entry_id, new.organisation_id, new.certification_id, new.position)
      = (old.entry_id, old.organisation_id, old.certification_id, old.position)
  then
    return new;
  end if;
  raise exception using
    errcode = 'MC005',
    message = 'history entries cannot be changed',
    hint = 'Take a change back with revert_change; it appends a compensating entry.',
    schema = 'mentorcert', table = 'certification_renewal_events', constraint = 'certification_history_append_only';
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_change_of_event() IS 'Refuses (MC005) every UPDATE of an event, but for what mentorcert_private.upgrade_history_entry makes of it, and an erasure of its remarks.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_change_of_event() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_chapter_cycle() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  -- Two moves at once could close a cycle that neither of them sees: one at a time in an organisation.
  perform 1 from mentorcert.organisations where id = new.organisation_id for no key update;
  if exists (
    with recursive above as (
      select new.parent_id as id
      union
      select chapter.parent_id from above
      join mentorcert.chapters as chapter on chapter.id = above.id
    )
    select from above where above.id = new.id
  ) then
    raise exception using
      errcode = 'MC009',
      message = 'a chapter cannot lie under itself',
      hint = 'Choose a parent chapter that is not below this one.',
      schema = 'mentorcert', table = 'chapters', column = 'parent_id', constraint = 'chapters_no_cycle';
  end if;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_chapter_cycle() IS 'Refuses (MC009) a parent that lies below the chapter.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_chapter_cycle() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_other_chapters() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  mentor_id constant uuid := (to_jsonb(new) ->> tg_argv[0])::uuid;
begin
  if new.chapter_ids is distinct from mentorcert_private.current_chapter_ids(mentor_id) then
    raise exception using
      errcode = 'MC007', message = format('%s.chapter_ids is kept by trigger', tg_table_name),
      hint = 'Change peer_mentor_chapters instead.',
      schema = tg_table_schema, table = tg_table_name, column = 'chapter_ids',
      constraint = format('%s_chapter_ids_immutable', tg_table_name);
  end if;
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_other_chapters() IS 'Refuses (MC007) chapter_ids other than those of peer_mentor_chapters: a wrong copy would open the row to a stranger. The argument names the column of the peer mentor.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_other_chapters() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_revert(message text DEFAULT 'the change cannot be taken back, or the certification was changed since'::text, hint text DEFAULT 'The first entry and an expiry stay; of the others, take back the newest first, or correct the certification.'::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  raise exception using
    errcode = 'MC006', message = message, hint = hint,
    schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_change_revertible';
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_revert(message text, hint text) IS 'Raises MC006.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_revert(message text, hint text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.reject_revert(message text, hint text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.reject_revert(message text, hint text) TO service_role;

CREATE FUNCTION mentorcert_private.reject_second_current() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  -- A record of either table has fields that one of the other has not.
  written constant jsonb := to_jsonb(new);
  is_second boolean;
begin
  -- After the row is in: who waited at the unique index for a row whose end was being written sees that end here.
  if tg_table_name = 'memberships' then
    select exists (
      select from mentorcert.memberships as other
      where
        other.user_id = (written ->> 'user_id')::uuid and other.organisation_id = new.organisation_id
        and other.role = written ->> 'role'
        and other.chapter_id is not distinct from new.chapter_id and other.id <> new.id
        and (other.ended_at is null or other.ended_at > statement_timestamp())
    ) into is_second;
  else
    select exists (
      select from mentorcert.peer_mentor_chapters as other
      where
        other.peer_mentor_id = (written ->> 'peer_mentor_id')::uuid and other.chapter_id = new.chapter_id
        and other.id <> new.id
        and (other.ended_at is null or other.ended_at > statement_timestamp())
    ) into is_second;
  end if;
  if is_second then
    raise exception using
      errcode = 'unique_violation', message = format('one row of %s holds already, perhaps to a day that is known', tg_table_name),
      hint = 'Take the end of that row away instead.',
      schema = tg_table_schema, table = tg_table_name, constraint = format('%s_current_key', tg_table_name);
  end if;
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_second_current() IS 'Refuses (23505) a second row of the same that holds now, which the unique index cannot see where an end lies in the future.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_second_current() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_task(violated text, message text, hint text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  raise exception using
    errcode = 'MC008', message = message, hint = hint, schema = 'mentorcert_private', table = 'tasks', constraint = violated;
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_task(violated text, message text, hint text) IS 'Refuses (MC008) what is asked about a task.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_task(violated text, message text, hint text) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.reject_transition(before text, after text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  raise exception using
    errcode = 'MC001',
    message = case
      when before = after then format('the certification is %s already', before)
      else format('a certification does not go from %s to %s like this', before, after)
    end,
    hint = 'It expires by its date, is active again by a renewal, and is suspended or reinstated by a change of its own.',
    schema = 'public', table = 'peer_mentor_certifications', column = 'status',
    constraint = 'certification_transition';
end
$$;
COMMENT ON FUNCTION mentorcert_private.reject_transition(before text, after text) IS 'Raises MC001.';
REVOKE ALL ON FUNCTION mentorcert_private.reject_transition(before text, after text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.reject_transition(before text, after text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.reject_transition(before text, after text) TO service_role;

CREATE FUNCTION mentorcert_private.report_notices(sent uuid[], released uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  withdrawn uuid [];
begin
  update mentorcert_private.notice_mails as mail set state = 'sent', sent_at = clock_timestamp()
  where mail.id = any(report_notices.sent) and mail.state = 'sending';
  withdrawn := array(
    select mail.id from mentorcert_private.notice_mails as mail
    where mail.id = any(report_notices.released) and mail.state = 'sending'
    for update
  );
  delete from mentorcert_private.notices as notice where notice.mail_id = any(withdrawn);
  delete from mentorcert_private.notice_mails as mail where mail.id = any(withdrawn);
end
$$;
COMMENT ON FUNCTION mentorcert_private.report_notices(sent uuid[], released uuid[]) IS 'Says which claimed mails the mail server took, and which it certainly did not: those are due again.';
REVOKE ALL ON FUNCTION mentorcert_private.report_notices(sent uuid[], released uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.report_notices(sent uuid[], released uuid[]) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.request_task(kind text, file_name text DEFAULT NULL::text, file bytea DEFAULT NULL::bytea, options jsonb DEFAULT '{}'::jsonb, preview_id uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  own_id constant uuid := mentorcert_private.task_organisation();
  preview mentorcert_private.tasks;
  task mentorcert_private.tasks;
begin
  if (
    select count(*) >= 3 from mentorcert_private.tasks as other
    where other.organisation_id = own_id and other.state in ('queued', 'running')
  ) then
    perform mentorcert_private.reject_task(
      'task_open_limit', 'three tasks of the organisation are not finished yet', 'Wait for one of them, or cancel it.'
    );
  end if;
  if kind = 'import' then
    select * into preview from mentorcert_private.tasks as confirmed
    where confirmed.id = request_task.preview_id and confirmed.organisation_id = own_id
      and confirmed.kind = 'import_preview'
    for update;
    if preview.id is null then
      raise exception using
        errcode = '42501', message = 'no such preview, or no right to it', hint = 'Upload the file once more.',
        schema = 'mentorcert_private', table = 'tasks', constraint = 'task_right';
    elsif preview.state <> 'done' or preview.file is null then
      perform mentorcert_private.reject_task(
        'task_preview_usable', 'the preview is not finished, was confirmed already, or its file is deleted',
        'Upload the file once more.'
      );
    elsif (preview.result ->> 'lines_bad')::integer > 0 and not coalesce((options ->> 'skip_bad')::boolean, false) then
      perform mentorcert_private.reject_task(
        'task_preview_good', 'the file has bad rows', 'Correct them and upload the file again, or leave them out.'
      );
    end if;
    file_name := preview.file_name;
    file := preview.file;
  elsif preview_id is not null or kind = 'export' and (file is not null or file_name is not null)
    or kind = 'import_preview' and (file is null or file_name is null)
  then
    perform mentorcert_private.reject_task('task_file', 'a preview needs a file, an export none', 'Leave out what the kind does not take.');
  end if;
  if octet_length(file) > 20971520 then
    perform mentorcert_private.reject_task('task_file_size', 'the file is larger than 20 MiB', 'Divide it into several files.');
  end if;
  insert into mentorcert_private.tasks (organisation_id, requested_by, kind, file_name, file, options, preview_id)
  values (
    own_id, auth.uid(), kind, file_name, file,
    case kind
      when 'import' then jsonb_build_object('skip_bad', coalesce((options ->> 'skip_bad')::boolean, false))
      when 'export' then jsonb_build_object(
        'format', case options ->> 'format' when 'xlsx' then 'xlsx' else 'csv' end,
        'language', case options ->> 'language' when 'en' then 'en' else 'nb' end
      )
      else '{}'
    end,
    preview_id
  )
  returning * into task;
  if kind = 'import' then
    perform mentorcert_private.delete_task_contents(array[preview.id]);
  end if;
  perform mentorcert_private.audit(
    'tasks', 'insert', 'id', '{kind,options,preview_id}',
    -- Not the row itself: its file is large, and nobody's to read in a log.
    jsonb_build_array(jsonb_build_object('after', jsonb_build_object(
      'id', task.id, 'organisation_id', task.organisation_id, 'kind', task.kind, 'options', task.options,
      'preview_id', task.preview_id
    )))
  );
  return task.id;
end
$$;
COMMENT ON FUNCTION mentorcert_private.request_task(kind text, file_name text, file bytea, options jsonb, preview_id uuid) IS 'Has something done for the caller''s organisation: import_preview of a file; import, which confirms a preview and takes its file over; export. Administrators only, three at a time.';
REVOKE ALL ON FUNCTION mentorcert_private.request_task(kind text, file_name text, file bytea, options jsonb, preview_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.request_task(kind text, file_name text, file bytea, options jsonb, preview_id uuid) TO authenticated;

CREATE FUNCTION mentorcert_private.require_administered_organisation(violated text DEFAULT 'certification_right'::text) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  organisation constant uuid := mentorcert_private.administered_organisation_id();
begin
  perform mentorcert_private.require_administrator(organisation is not null, violated);
  return organisation;
end
$$;
COMMENT ON FUNCTION mentorcert_private.require_administered_organisation(violated text) IS 'The organisation the caller administers; 42501 for everybody else.';
REVOKE ALL ON FUNCTION mentorcert_private.require_administered_organisation(violated text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.require_administered_organisation(violated text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.require_administered_organisation(violated text) TO service_role;

CREATE FUNCTION mentorcert_private.require_administrator(is_administrator boolean, violated text DEFAULT 'certification_right'::text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if is_administrator is not true then
    raise exception using
      errcode = '42501', message = 'only the administrator of the organisation does this',
      hint = 'Ask the administrator of the organisation.', constraint = violated;
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.require_administrator(is_administrator boolean, violated text) IS 'Raises 42501 for everybody but an administrator.';
REVOKE ALL ON FUNCTION mentorcert_private.require_administrator(is_administrator boolean, violated text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.require_administrator(is_administrator boolean, violated text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.require_administrator(is_administrator boolean, violated text) TO service_role;

CREATE FUNCTION mentorcert_private.require_certifications() RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.check_endpoint('certifications') where row_security_active('public.peer_mentor_certifications');
end
$$;
COMMENT ON FUNCTION mentorcert_private.require_certifications() IS 'Raises MC010 while certifications are switched off for the caller. For functions: a policy speaks up only where there is a row to refuse.';
REVOKE ALL ON FUNCTION mentorcert_private.require_certifications() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.require_certifications() TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.require_certifications() TO service_role;

CREATE FUNCTION mentorcert_private.require_instants(arguments jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO ''
    AS $$
declare
  name text;
begin
  select given.key into name
  from jsonb_each_text(arguments) as given
  where given.value !~ '^(19\d\d|[2-8]\d{3}|9[0-8]\d\d|99[0-8]\d|999[0-8])-' or given.value like '% BC'
  limit 1;
  if found then
    raise exception using
      errcode = 'MC008', message = format('%s is no time from 1900 to 9998', name),
      hint = 'Leave out what has no end; infinity and years that no calendar has are not taken.', constraint = name;
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.require_instants(arguments jsonb) IS 'Refuses (MC008) days and instants before 1900 or after 9998, infinite ones included; each by the name of its argument, which is the constraint of the error.';
REVOKE ALL ON FUNCTION mentorcert_private.require_instants(arguments jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.require_instants(arguments jsonb) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.require_instants(arguments jsonb) TO service_role;

CREATE FUNCTION mentorcert_private.require_reason(reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  -- White space of any width, also none, gives no reason.
  if coalesce(mentorcert_private.canonical_text(reason), '') = '' then
    raise exception using
      errcode = 'MC004', message = 'a reason is required',
      hint = 'Say why, by suspend_certification for one; the history keeps it.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_reason_required';
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.require_reason(reason text) IS 'Refuses (MC004) an empty reason.';
REVOKE ALL ON FUNCTION mentorcert_private.require_reason(reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.require_reason(reason text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.require_reason(reason text) TO service_role;

CREATE FUNCTION mentorcert_private.require_settled(certification uuid, known_at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  seen constant pg_snapshot := pg_current_snapshot();
  next_xid constant bigint := pg_snapshot_xmax(seen)::text::bigint;
  writer bigint;
begin
  -- Who changes the row now may have looked at the clock before known_at, and says so only by its commit. Its transaction
  -- stands, without the epoch, in xmax of the row as this statement sees it. An entry later than known_at settles it too.
  select next_xid - ((next_xid - held.xmax::text::bigint + 2147483648) & 4294967295) + 2147483648 into writer
  from public.peer_mentor_certifications as held
  where held.id = certification and held.xmax::text <> '0'
    and (held.renewal_history #>> '{-1,recorded_at}')::timestamptz <= known_at;
  -- One that has committed after this statement began is not seen either; of a savepoint, no snapshot says which that is.
  if writer >= next_xid
    or writer >= pg_snapshot_xmin(seen)::text::bigint and pg_xact_status(writer::text::xid8) <> 'aborted' then
    raise exception using
      errcode = 'lock_not_available', message = 'the certification is being changed at this moment',
      hint = 'Ask again: what was known then is settled when the change has ended.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = 'certification_knowledge_settled';
  end if;
end
$$;
COMMENT ON FUNCTION mentorcert_private.require_settled(certification uuid, known_at timestamp with time zone) IS 'Refuses (55P03) to say what was known at an instant while a running transaction may still add to it: so an answer never changes.';
REVOKE ALL ON FUNCTION mentorcert_private.require_settled(certification uuid, known_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.require_settled(certification uuid, known_at timestamp with time zone) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.require_settled(certification uuid, known_at timestamp with time zone) TO service_role;

CREATE FUNCTION mentorcert_private.require_type(organisation_id uuid, code text) RETURNS mentorcert.certification_types
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  type mentorcert.certification_types;
begin
  select * into type from mentorcert.certification_types as candidate
  where candidate.organisation_id = require_type.organisation_id and candidate.code = require_type.code;
  if not found then
    raise exception using
      errcode = 'MC002',
      message = format('unknown certification type %L', require_type.code),
      hint = 'Use the code of one of the organisation''s certification types.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'certification_type',
      constraint = 'certification_type_known';
  end if;
  return type;
end
$$;
COMMENT ON FUNCTION mentorcert_private.require_type(organisation_id uuid, code text) IS 'The certification type of an organisation with a code; MC002 where there is none.';
REVOKE ALL ON FUNCTION mentorcert_private.require_type(organisation_id uuid, code text) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.require_type(organisation_id uuid, code text) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.require_type(organisation_id uuid, code text) TO service_role;

CREATE FUNCTION mentorcert_private.reverted_entry(certification_id uuid, change jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select case
    when change -> 'reverts_latest' = 'true' then mentorcert_private.latest_change(certification_id)
    else (
      select mentorcert_private.upgrade_history_entry(entry)
      from public.certification_history(certification_id) as entry
      where entry -> 'entry_id' = change -> 'reverts' or entry -> 'batch_id' = change -> 'reverts_batch'
    )
  end
$$;
COMMENT ON FUNCTION mentorcert_private.reverted_entry(certification_id uuid, change jsonb) IS 'The entry that a revert takes back: the one named, that of the batch named, or the latest.';
REVOKE ALL ON FUNCTION mentorcert_private.reverted_entry(certification_id uuid, change jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.run_nightly(as_of timestamp with time zone DEFAULT now(), batch_size integer DEFAULT NULL::integer) RETURNS TABLE(organisation text, local_day date, caught_up boolean, expired integer, unlisted integer, error text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  started constant timestamptz := clock_timestamp();
  listed_before jsonb;
  work jsonb;
  failed_state text;
  failed_message text;
begin
  -- A role that may only execute this must neither expire everybody by a day that has not come, nor fill the ledger with days
  -- long gone: that is the owner's to try.
  perform mentorcert_private.require_instants(jsonb_build_object('as_of', as_of));
  if as_of is null
    or session_user <> current_user and as_of not between clock_timestamp() - interval '7 days' and clock_timestamp()
    or as_of > clock_timestamp() + interval '10 years'
  then
    raise exception using
      errcode = 'MC008', message = format('there is no night of %s', as_of),
      hint = 'Give an instant of no more than ten years from now; the role of the jobs, one of the last seven days.', constraint = 'as_of';
  elsif batch_size < 1 then
    raise exception using
      errcode = 'MC008', message = format('a batch of %s rows', batch_size), hint = 'Give at least 1, or null for all.',
      constraint = 'batch_size';
  end if;
  begin
    -- Every local day since the last one that was done; a second run waits here for the first, and finds nothing left.
    insert into mentorcert_private.job_runs as run (job, organisation_id, local_day, as_of, started_at, caught_up)
    select 'nightly', due.organisation_id, day.local_day, as_of, started, day.local_day < due.local_day
    from mentorcert_private.organisations_due(as_of) as due
    cross join lateral (
      select generated::date as local_day
      from generate_series(
        least(due.last_day + 1, due.local_day)::timestamp, due.local_day::timestamp, interval '1 day'
      ) as generated
    ) as day
    order by due.organisation_id, day.local_day
    on conflict on constraint job_runs_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = null,
      caught_up = run.caught_up or excluded.caught_up;

    perform mentorcert_private.refresh_ended_chapters();
    listed_before := (
      select jsonb_object_agg(entries.organisation_id, entries.listed)
      from (
        select listed.organisation_id, count(*) as listed
        from public.listed_peer_mentors as listed group by listed.organisation_id
      ) as entries
    );

    -- What ended on a missed day is that day's work; what is older than the ledger, the first day's.
    work := (
      with change as materialized (
        select * from mentorcert_private.expire_due_certifications(as_of, batch_size)
      ),
      opened as (
        select
          run.organisation_id, run.local_day, organisation.time_zone,
          min(run.local_day) over days as first_day, max(run.local_day) over days as last_day
        from mentorcert_private.job_runs as run
        join mentorcert.organisations as organisation on organisation.id = run.organisation_id
        where run.job = 'nightly' and run.started_at = started
        window days as (partition by run.organisation_id)
      ),
      counted as (
        select opened.organisation_id, opened.local_day, coalesce(sum(change.expired), 0) as expired
        from opened
        left join change
          on change.organisation_id = opened.organisation_id
          and opened.local_day
          = greatest(opened.first_day, least(opened.last_day, mentorcert_private.day_of(change.expires_at, opened.time_zone)))
        group by opened.organisation_id, opened.local_day
      )
      select jsonb_agg(to_jsonb(counted)) from counted
    );

    return query
    with counted as (
      select done.organisation_id, done.local_day, done.expired,
        case
          when done.local_day = max(done.local_day) over (partition by done.organisation_id)
            then coalesce((listed_before ->> done.organisation_id::text)::integer, 0) - (
              select count(*)::integer from public.listed_peer_mentors as listed
              where listed.organisation_id = done.organisation_id
            )
          else 0
        end as unlisted
      from jsonb_to_recordset(work) as done (organisation_id uuid, local_day date, expired integer)
    )
    update mentorcert_private.job_runs as run
    set
      expired = run.expired + counted.expired,
      unlisted = run.unlisted + counted.unlisted,
      -- After a full batch there may be more to do: then the days stay open, and the next batch counts on them.
      finished_at = case
        when batch_size is null or (select sum(every.expired) from counted as every) < batch_size then clock_timestamp()
      end
    from counted
    where run.job = 'nightly' and run.organisation_id = counted.organisation_id and run.local_day = counted.local_day
    returning
      (select organisation.slug from mentorcert.organisations as organisation where organisation.id = run.organisation_id),
      run.local_day, run.caught_up, counted.expired, counted.unlisted, run.error;
    perform mentorcert_private.delete_outdated_logs();
  exception when others then
    -- What was done is undone; that it failed, and why, must stay.
    get stacked diagnostics failed_state = returned_sqlstate, failed_message = message_text;
    return query
    insert into mentorcert_private.job_runs as run (job, organisation_id, local_day, as_of, started_at, error)
    select 'nightly', due.organisation_id, due.local_day, as_of, started, failed_state || ': ' || failed_message
    from mentorcert_private.organisations_due(as_of) as due
    order by due.organisation_id
    on conflict on constraint job_runs_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, finished_at = null, error = excluded.error
    returning
      (select organisation.slug from mentorcert.organisations as organisation where organisation.id = run.organisation_id),
      run.local_day, run.caught_up, 0, 0, run.error;
  end;
end
$$;
COMMENT ON FUNCTION mentorcert_private.run_nightly(as_of timestamp with time zone, batch_size integer) IS 'Expires what is due and writes the ledger, one row for each organisation and local day, missed days included; a failure is in the row''s error, and nothing else is done then. Returns what this run did; the ledger keeps the sum of the day.';
REVOKE ALL ON FUNCTION mentorcert_private.run_nightly(as_of timestamp with time zone, batch_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.run_nightly(as_of timestamp with time zone, batch_size integer) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.scan_certifications(organisation uuid, chapters uuid[], suspended boolean, until timestamp with time zone, from_expires_at timestamp with time zone, from_id uuid, from_unlimited_id uuid, page_size integer, status text, certification_type text, chapter_id uuid) RETURNS SETOF public.peer_mentor_certifications
    LANGUAGE plpgsql STABLE ROWS 50
    SET search_path TO ''
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
declare
  with_unlimited constant boolean := until = 'infinity';
begin
  return query
  (
    select certification.* from public.peer_mentor_certifications as certification
    where
      certification.organisation_id = organisation
      and (certification.expires_at, certification.id) > (from_expires_at, from_id)
      and certification.expires_at < until
      and (scan_certifications.status is null or (certification.status = 'suspended') = suspended)
      and (
        scan_certifications.certification_type is null
        or certification.certification_type = scan_certifications.certification_type
      )
      and (chapter_id is null or certification.chapter_ids && chapters)
    order by certification.expires_at, certification.id
    limit page_size
  )
  union all
  (
    select certification.* from public.peer_mentor_certifications as certification
    where
      certification.organisation_id = organisation
      and certification.expires_at is null
      and certification.id > from_unlimited_id
      and with_unlimited
      and (scan_certifications.status is null or (certification.status = 'suspended') = suspended)
      and (
        scan_certifications.certification_type is null
        or certification.certification_type = scan_certifications.certification_type
      )
      and (chapter_id is null or certification.chapter_ids && chapters)
    order by certification.id
    limit page_size
  )
  limit page_size;
end
$$;
COMMENT ON FUNCTION mentorcert_private.scan_certifications(organisation uuid, chapters uuid[], suspended boolean, until timestamp with time zone, from_expires_at timestamp with time zone, from_id uuid, from_unlimited_id uuid, page_size integer, status text, certification_type text, chapter_id uuid) IS 'A page by walking the organisation''s certifications in the order in which they expire, until it is full.';
REVOKE ALL ON FUNCTION mentorcert_private.scan_certifications(organisation uuid, chapters uuid[], suspended boolean, until timestamp with time zone, from_expires_at timestamp with time zone, from_id uuid, from_unlimited_id uuid, page_size integer, status text, certification_type text, chapter_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.scan_certifications(organisation uuid, chapters uuid[], suspended boolean, until timestamp with time zone, from_expires_at timestamp with time zone, from_id uuid, from_unlimited_id uuid, page_size integer, status text, certification_type text, chapter_id uuid) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.scan_certifications(organisation uuid, chapters uuid[], suspended boolean, until timestamp with time zone, from_expires_at timestamp with time zone, from_id uuid, from_unlimited_id uuid, page_size integer, status text, certification_type text, chapter_id uuid) TO service_role;

CREATE FUNCTION mentorcert_private.schedule_nightly() RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
begin
  if to_regnamespace('cron') is null then
    return false;
  end if;
  -- Every quarter of an hour: midnight comes at a quarter past, half past or a quarter to in some time zones.
  execute $cron$
    select cron.schedule('mentorcert-nightly', '*/15 * * * *', 'select mentorcert_private.run_nightly()')
  $cron$;
  return true;
end
$_$;
COMMENT ON FUNCTION mentorcert_private.schedule_nightly() IS 'Lets pg_cron do the nightly run, if it is installed; returns whether it is. Call it again after installing pg_cron.';
REVOKE ALL ON FUNCTION mentorcert_private.schedule_nightly() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.set_change_context(change jsonb) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$ select set_config('mentorcert.change', coalesce(jsonb_strip_nulls(change)::text, ''), true) $$;
COMMENT ON FUNCTION mentorcert_private.set_change_context(change jsonb) IS 'Says what the next change of certifications is about (kind, note, evidence, job, as_of, batch_id, reverts, reverts_batch, reverts_latest); null ends it.';
REVOKE ALL ON FUNCTION mentorcert_private.set_change_context(change jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.set_change_context(change jsonb) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.set_change_context(change jsonb) TO service_role;

CREATE FUNCTION mentorcert_private.set_portal_mode(mode text, reason text, canary_peer_mentor_ids uuid[] DEFAULT '{}'::uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
begin
  perform mentorcert_private.require_reason(reason);
  perform mentorcert_portal.set_mode(
    organisation, set_portal_mode.mode, set_portal_mode.reason, set_portal_mode.canary_peer_mentor_ids, auth.uid()::text
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.set_portal_mode(mode text, reason text, canary_peer_mentor_ids uuid[]) IS 'Changes the mode of the portal of the organisation that the caller administers, for a reason; the audit log keeps by whom.';
REVOKE ALL ON FUNCTION mentorcert_private.set_portal_mode(mode text, reason text, canary_peer_mentor_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.set_portal_mode(mode text, reason text, canary_peer_mentor_ids uuid[]) TO authenticated;

CREATE FUNCTION mentorcert_private.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  new.updated_at := now();
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.set_updated_at() IS 'Stamps updated_at with the time of the transaction.';
REVOKE ALL ON FUNCTION mentorcert_private.set_updated_at() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.set_version() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  new.version := old.version + 1;
  new.updated_at := now();
  return new;
end
$$;
COMMENT ON FUNCTION mentorcert_private.set_version() IS 'Counts the changes of a row in its version, and stamps updated_at with the time of the transaction.';
REVOKE ALL ON FUNCTION mentorcert_private.set_version() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.start_notices(as_of timestamp with time zone DEFAULT now(), reach_days integer DEFAULT 14, only_due boolean DEFAULT false) RETURNS TABLE(organisation_id uuid, skipped bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  skipped_ids uuid [];
begin
  perform mentorcert_private.check_notices_as_of(as_of);
  if reach_days not between 0 and 365 then
    raise exception using
      errcode = 'MC008', message = format('notices that reach back %s days', reach_days), hint = 'Give 0 to 365.',
      constraint = 'reach_days';
  end if;
  perform mentorcert_private.refresh_ended_chapters();
  with marked as (
    insert into mentorcert_private.notices as notice (certification_id, expires_at, days_before, organisation_id, outcome)
    select due.certification_id, due.expires_at, due.days_before, due.organisation_id, 'skipped'
    from mentorcert_private.due_notices(as_of, reach_days) as due
    where due.outcome = 'skipped'
    order by due.certification_id
    on conflict on constraint notices_pkey do nothing
    returning notice.organisation_id
  )
  select array_agg(marked.organisation_id) into skipped_ids from marked;
  return query
  with days as (
    insert into mentorcert_private.job_runs as run (job, organisation_id, local_day, as_of, started_at)
    select 'notices', morning.organisation_id, morning.local_day, start_notices.as_of, clock_timestamp()
    from mentorcert_private.next_notice_times(start_notices.as_of) as morning
    where not only_due or morning.due_at <= start_notices.as_of
    order by morning.organisation_id
    on conflict on constraint job_runs_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, error = null
    returning run.organisation_id
  )
  select days.organisation_id, (select count(*) from unnest(skipped_ids) as id where id = days.organisation_id)
  from days;
end
$$;
COMMENT ON FUNCTION mentorcert_private.start_notices(as_of timestamp with time zone, reach_days integer, only_due boolean) IS 'Begins a run of all organisations, or of those whose morning has come: marks as skipped what became due too long ago, and opens the day in the ledger of the jobs. Returns the organisations, and how many were marked.';
REVOKE ALL ON FUNCTION mentorcert_private.start_notices(as_of timestamp with time zone, reach_days integer, only_due boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.start_notices(as_of timestamp with time zone, reach_days integer, only_due boolean) TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.state(certification public.peer_mentor_certifications) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select jsonb_build_object(
    'certification_type', certification.certification_type, 'status', certification.status,
    'issued_at', certification.issued_at, 'expires_at', certification.expires_at
  )
$$;
COMMENT ON FUNCTION mentorcert_private.state(certification public.peer_mentor_certifications) IS 'What history entries say of a certification.';
REVOKE ALL ON FUNCTION mentorcert_private.state(certification public.peer_mentor_certifications) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.state_before(certification public.peer_mentor_certifications, entry jsonb) RETURNS public.peer_mentor_certifications
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  before constant jsonb := entry -> 'before';
  after constant jsonb := entry -> 'after';
  toggles_suspension constant boolean :=
    (before ->> 'status' = 'suspended') is distinct from (after ->> 'status' = 'suspended');
begin
  if jsonb_typeof(before) is distinct from 'object' then
    return null; -- before its first entry there was no certification
  end if;
  if before ? 'certification_type' then
    if certification.certification_type <> after ->> 'certification_type' then
      return null;
    end if;
    certification.certification_type := before ->> 'certification_type';
  end if;
  if before ? 'issued_at' then
    if certification.issued_at <> (after ->> 'issued_at')::timestamptz then
      return null;
    end if;
    certification.issued_at := (before ->> 'issued_at')::timestamptz;
  end if;
  if before ? 'expires_at' then
    if certification.expires_at is distinct from (after ->> 'expires_at')::timestamptz then
      return null;
    end if;
    certification.expires_at := (before ->> 'expires_at')::timestamptz;
  end if;
  if toggles_suspension then
    if (certification.status = 'suspended') <> (after ->> 'status' = 'suspended') then
      return null;
    end if;
    certification.status := before ->> 'status';
  elsif not before ?| array['certification_type', 'issued_at', 'expires_at'] then
    return null; -- an expiry is the calendar's, not somebody's
  end if;
  return certification;
end
$$;
COMMENT ON FUNCTION mentorcert_private.state_before(certification public.peer_mentor_certifications, entry jsonb) IS 'The certification without the change that an entry records; null where that cannot be reverted, or has been changed since.';
REVOKE ALL ON FUNCTION mentorcert_private.state_before(certification public.peer_mentor_certifications, entry jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.state_before(certification public.peer_mentor_certifications, entry jsonb) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.state_before(certification public.peer_mentor_certifications, entry jsonb) TO service_role;

CREATE FUNCTION mentorcert_private.status_at(suspended boolean, expires_at timestamp with time zone, at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select case when suspended then 'suspended' when expires_at <= at then 'expired' else 'active' end
$$;
COMMENT ON FUNCTION mentorcert_private.status_at(suspended boolean, expires_at timestamp with time zone, at timestamp with time zone) IS 'What the status is at an instant: suspension lies on top of the dates.';
REVOKE ALL ON FUNCTION mentorcert_private.status_at(suspended boolean, expires_at timestamp with time zone, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.status_at(suspended boolean, expires_at timestamp with time zone, at timestamp with time zone) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.status_at(suspended boolean, expires_at timestamp with time zone, at timestamp with time zone) TO service_role;

CREATE FUNCTION mentorcert_private.store_events() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if mentorcert_private.history_is_in_events() then
    insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
    select
      (entries.entry ->> 'entry_id')::uuid, changed.organisation_id, changed.id,
      stored.position + row_number() over (partition by changed.id order by entries.position), entries.entry
    from changed_rows as changed
    cross join lateral (
      select coalesce(max(event.position), 0) as position
      from mentorcert.certification_renewal_events as event
      where event.certification_id = changed.id
    ) as stored
    cross join lateral jsonb_array_elements(changed.renewal_history) with ordinality as entries (entry, position)
    where not exists (
      select from mentorcert.certification_renewal_events as event
      where event.certification_id = changed.id and event.entry_id = (entries.entry ->> 'entry_id')::uuid
    );
  end if;
  return null;
end
$$;
COMMENT ON FUNCTION mentorcert_private.store_events() IS 'Gives each new history entry its row in certification_renewal_events, once that is the history''s home.';
REVOKE ALL ON FUNCTION mentorcert_private.store_events() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.switch_history_to_events() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  grown uuid[];
begin
  -- Nobody writes a certification from here to the commit; everybody reads on.
  lock table public.peer_mentor_certifications in share row exclusive mode;
  grown := array(
    select certification.id
    from public.peer_mentor_certifications as certification
    left join (
      select event.certification_id, count(*) as entries
      from mentorcert.certification_renewal_events as event group by event.certification_id
    ) as copied on copied.certification_id = certification.id
    where jsonb_array_length(certification.renewal_history) <> coalesce(copied.entries, 0)
  );
  perform mentorcert_private.copy_to_events(grown);
  update mentorcert_private.history_storage set mode = 'events', switched_at = now() where mode = 'jsonb';
end
$$;
COMMENT ON FUNCTION mentorcert_private.switch_history_to_events() IS 'Copies what was appended since the batches, verifies the count of every certification and the content of those, and makes the events table the home of the history.';
REVOKE ALL ON FUNCTION mentorcert_private.switch_history_to_events() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.task_organisation() RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  organisation_id constant uuid := mentorcert_private.require_administered_organisation('task_right');
begin
  perform mentorcert_private.check_endpoint('peer_mentors'), mentorcert_private.check_endpoint('certifications');
  -- One at a time, so that two requests at once do not both find room, nor confirm the same preview.
  perform pg_advisory_xact_lock(hashtextextended('mentorcert tasks ' || organisation_id, 0));
  return organisation_id;
end
$$;
COMMENT ON FUNCTION mentorcert_private.task_organisation() IS 'The organisation whose tasks the caller may request and end, locked; refuses (42501) everybody but an administrator.';
REVOKE ALL ON FUNCTION mentorcert_private.task_organisation() FROM PUBLIC;

CREATE FUNCTION mentorcert_private.time_zone_of(organisation_id uuid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select organisation.time_zone from mentorcert.organisations as organisation where organisation.id = organisation_id
$$;
COMMENT ON FUNCTION mentorcert_private.time_zone_of(organisation_id uuid) IS 'The time zone of an organisation.';
REVOKE ALL ON FUNCTION mentorcert_private.time_zone_of(organisation_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.time_zone_of(organisation_id uuid) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.time_zone_of(organisation_id uuid) TO service_role;

CREATE FUNCTION mentorcert_private.trim_histories(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  ids constant uuid[] := mentorcert_private.lock_certifications_after(after_id, batch_size);
begin
  update public.peer_mentor_certifications as certification
  set renewal_history = mentorcert_private.cached_history(certification.renewal_history)
  where certification.id = any(ids) and jsonb_array_length(certification.renewal_history) > 50;
  get diagnostics changed = row_count;
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
COMMENT ON FUNCTION mentorcert_private.trim_histories(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) IS 'After the switch: leaves the newest 50 entries of the next batch of certifications in renewal_history.';
REVOKE ALL ON FUNCTION mentorcert_private.trim_histories(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.uncertain_notices() RETURNS TABLE(mail_id uuid, kind text, organisation text, claimed_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select mail.id, mail.kind, organisation.slug, mail.claimed_at
  from mentorcert_private.notice_mails as mail
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  -- A sender that lives reports much sooner.
  where mail.state = 'sending' and mail.claimed_at < clock_timestamp() - interval '1 hour'
  order by mail.claimed_at
$$;
COMMENT ON FUNCTION mentorcert_private.uncertain_notices() IS 'Mails that were claimed more than an hour ago and never reported: the sender died, and only the mail server knows whether they went out.';
REVOKE ALL ON FUNCTION mentorcert_private.uncertain_notices() FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.uncertain_notices() TO mentorcert_jobs;

CREATE FUNCTION mentorcert_private.upgrade_histories(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  ids constant uuid[] := mentorcert_private.lock_certifications_after(after_id, batch_size);
begin
  update mentorcert.certification_renewal_events as event
  set entry = mentorcert_private.upgrade_history_entry(event.entry)
  where event.certification_id = any(ids)
    and (event.entry -> 'schema_version')::integer <> mentorcert_private.current_history_version();

  update public.peer_mentor_certifications as certification
  set renewal_history = mentorcert_private.upgrade_history(certification.renewal_history)
  where certification.id = any(ids) and exists (
    select from jsonb_array_elements(certification.renewal_history) as entry
    where (entry -> 'schema_version')::integer <> mentorcert_private.current_history_version()
  );
  get diagnostics changed = row_count;
  looked_at := cardinality(ids);
  last_id := ids[looked_at];
end
$$;
COMMENT ON FUNCTION mentorcert_private.upgrade_histories(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) IS 'Lifts the histories of the next batch of certifications to the current version.';
REVOKE ALL ON FUNCTION mentorcert_private.upgrade_histories(after_id uuid, batch_size integer, OUT last_id uuid, OUT looked_at integer, OUT changed integer) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.upgrade_history(history jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select coalesce(jsonb_agg(mentorcert_private.upgrade_history_entry(entry) order by position), '[]')
  from jsonb_array_elements(history) with ordinality as entries (entry, position)
$$;
COMMENT ON FUNCTION mentorcert_private.upgrade_history(history jsonb) IS 'A history with each entry lifted to the current version, in the same order.';
REVOKE ALL ON FUNCTION mentorcert_private.upgrade_history(history jsonb) FROM PUBLIC;

CREATE FUNCTION mentorcert_private.upgrade_history_entry(entry jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO ''
    AS $$
begin
  -- A version that follows adds a step: when 1 then mentorcert_private.history_entry_from_1_to_2(entry).
  if (entry ->> 'schema_version')::integer = mentorcert_private.current_history_version() then
    return entry;
  end if;
  raise exception using
    errcode = 'MC008',
    message = format('history entry of unknown schema_version %s', entry -> 'schema_version'),
    hint = 'Migrate the database to the release that wrote it.',
    constraint = 'history_entry_schema_version_known';
end
$$;
COMMENT ON FUNCTION mentorcert_private.upgrade_history_entry(entry jsonb) IS 'Lifts one history entry to the current version; an entry of the current version is returned as it is.';
REVOKE ALL ON FUNCTION mentorcert_private.upgrade_history_entry(entry jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.upgrade_history_entry(entry jsonb) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.upgrade_history_entry(entry jsonb) TO service_role;

CREATE FUNCTION mentorcert_private.use_sort_plan(chapter_ids uuid[], page_size integer) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  -- Sorting the certifications of n peer mentors beats walking the organisation's in order of expiry, until n is
  -- such a share of the organisation's N that the walk soon meets a page's worth: where n = page_size * N / n.
  at_most constant integer := 10 + sqrt(greatest(page_size, 1) * (
    select greatest(mentors.reltuples, 0) / greatest(organisations.reltuples, 1)
    from pg_catalog.pg_class as mentors, pg_catalog.pg_class as organisations
    where mentors.oid = 'mentorcert.peer_mentors'::regclass and organisations.oid = 'mentorcert.organisations'::regclass
  ));
begin
  return not exists (
    select from mentorcert.peer_mentor_chapters as link where link.chapter_id = any(chapter_ids)
    offset at_most
  );
end
$$;
COMMENT ON FUNCTION mentorcert_private.use_sort_plan(chapter_ids uuid[], page_size integer) IS 'Whether the peer mentors of these chapters are so few that a page of their certifications is sorted, not walked to.';
REVOKE ALL ON FUNCTION mentorcert_private.use_sort_plan(chapter_ids uuid[], page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.use_sort_plan(chapter_ids uuid[], page_size integer) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.use_sort_plan(chapter_ids uuid[], page_size integer) TO service_role;

CREATE FUNCTION mentorcert_private.with_chapters_below(chapter_ids uuid[]) RETURNS uuid[]
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  found_ids uuid[] := chapter_ids;
  below uuid[] := chapter_ids;
begin
  while below <> '{}' loop
    below := array(
      select chapter.id from mentorcert.chapters as chapter
      where chapter.parent_id = any(below) and chapter.id <> all(found_ids)
    );
    found_ids := found_ids || below;
  end loop;
  return found_ids;
end
$$;
COMMENT ON FUNCTION mentorcert_private.with_chapters_below(chapter_ids uuid[]) IS 'These chapters and every chapter under them; level by level, which beats a recursive query of a few rows.';
REVOKE ALL ON FUNCTION mentorcert_private.with_chapters_below(chapter_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION mentorcert_private.with_chapters_below(chapter_ids uuid[]) TO authenticated;
GRANT ALL ON FUNCTION mentorcert_private.with_chapters_below(chapter_ids uuid[]) TO service_role;

CREATE FUNCTION mentorcert_private.without_remarks(history jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select coalesce(jsonb_agg(entry - array['note', 'evidence'] order by position), '[]')
  from jsonb_array_elements(history) with ordinality as entries (entry, position)
$$;
COMMENT ON FUNCTION mentorcert_private.without_remarks(history jsonb) IS 'A history without notes and evidence, which write about people.';
REVOKE ALL ON FUNCTION mentorcert_private.without_remarks(history jsonb) FROM PUBLIC;

GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;

CREATE TABLE public.listed_peer_mentors (
    peer_mentor_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    organisation_slug text NOT NULL,
    display_name text NOT NULL,
    chapters text[] NOT NULL,
    listed_until timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.listed_peer_mentors IS 'Peer mentors whom the public may see, and all that it may see of them; written by trigger only.';
COMMENT ON COLUMN public.listed_peer_mentors.listed_until IS 'The lease: the first instant at which a required certification no longer holds, or a chapter is left; the end of 9999 where none ends, since not every client reads infinity.';
ALTER TABLE ONLY public.listed_peer_mentors
    ADD CONSTRAINT listed_peer_mentors_pkey PRIMARY KEY (peer_mentor_id);
CREATE INDEX listed_peer_mentors_organisation_id_idx ON public.listed_peer_mentors USING btree (organisation_id, peer_mentor_id);
CREATE INDEX listed_peer_mentors_organisation_slug_idx ON public.listed_peer_mentors USING btree (organisation_slug, display_name);
CREATE TRIGGER sync_portal_on_delete AFTER DELETE ON public.listed_peer_mentors REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_unlisting();
CREATE TRIGGER sync_portal_on_insert AFTER INSERT ON public.listed_peer_mentors REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_insert();
ALTER TABLE ONLY public.listed_peer_mentors
    ADD CONSTRAINT listed_peer_mentors_peer_mentor_id_fkey FOREIGN KEY (organisation_id, peer_mentor_id) REFERENCES mentorcert.peer_mentors(organisation_id, id);
CREATE POLICY "everybody reads entries whose lease runs" ON public.listed_peer_mentors FOR SELECT TO anon, authenticated USING ((listed_until > now()));
COMMENT ON POLICY "everybody reads entries whose lease runs" ON public.listed_peer_mentors IS 'Fails closed: if every job is dead, an entry still ends on time.';
ALTER TABLE public.listed_peer_mentors ENABLE ROW LEVEL SECURITY;
CREATE POLICY "the endpoint public_list is switched on" ON public.listed_peer_mentors AS RESTRICTIVE TO anon, authenticated USING (( SELECT mentorcert_private.check_endpoint('public_list'::text) AS check_endpoint));
COMMENT ON POLICY "the endpoint public_list is switched on" ON public.listed_peer_mentors IS 'Raises MC010 while it is off.';
GRANT SELECT ON TABLE public.listed_peer_mentors TO anon;
GRANT SELECT ON TABLE public.listed_peer_mentors TO authenticated;
GRANT SELECT ON TABLE public.listed_peer_mentors TO service_role;

CREATE TABLE public.peer_mentor_certifications (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organisation_id uuid DEFAULT public.get_user_organisation_id() NOT NULL,
    peer_mentor_id uuid NOT NULL,
    certification_type text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    status text DEFAULT 'active'::text NOT NULL,
    renewal_history jsonb DEFAULT '[]'::jsonb NOT NULL,
    chapter_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT peer_mentor_certifications_renewal_history_valid CHECK (((jsonb_typeof(renewal_history) = 'array'::text) AND ((renewal_history = '[]'::jsonb) OR ((renewal_history -> '-1'::integer) ?& ARRAY['schema_version'::text, 'entry_id'::text, 'kind'::text, 'recorded_at'::text, 'effective_at'::text, 'actor'::text, 'after'::text])))),
    CONSTRAINT peer_mentor_certifications_status_valid CHECK ((status = ANY (ARRAY['active'::text, 'expired'::text, 'suspended'::text])))
)
WITH (fillfactor='80');
COMMENT ON TABLE public.peer_mentor_certifications IS 'What a peer mentor is certified for, from when, until when, and how it came to be so.';
COMMENT ON COLUMN public.peer_mentor_certifications.id IS 'Key of the certification; it outlives every renewal.';
COMMENT ON COLUMN public.peer_mentor_certifications.organisation_id IS 'The organisation of the peer mentor: a composite foreign key keeps the two the same. Never changes.';
COMMENT ON COLUMN public.peer_mentor_certifications.peer_mentor_id IS 'Who is certified. Never changes.';
COMMENT ON COLUMN public.peer_mentor_certifications.certification_type IS 'Code of the certification type.';
COMMENT ON COLUMN public.peer_mentor_certifications.issued_at IS 'The midnight, in the organisation''s time zone, that begins the day of issue or of the latest renewal.';
COMMENT ON COLUMN public.peer_mentor_certifications.expires_at IS 'The first instant at which the certification no longer holds: the local midnight that ends the last valid day. Null: does not expire.';
COMMENT ON COLUMN public.peer_mentor_certifications.status IS 'active, expired or suspended, as of the latest change or nightly run; current_status() returns what is true now.';
COMMENT ON COLUMN public.peer_mentor_certifications.renewal_history IS 'Every change, oldest first, appended by trigger only; the shape stands in this migration and in docs/history.md.';
COMMENT ON COLUMN public.peer_mentor_certifications.chapter_ids IS 'The peer mentor''s current chapters, copied by trigger so that policies need no join.';
COMMENT ON COLUMN public.peer_mentor_certifications.created_at IS 'When the row was made.';
COMMENT ON COLUMN public.peer_mentor_certifications.updated_at IS 'When the row was last updated.';
COMMENT ON CONSTRAINT peer_mentor_certifications_renewal_history_valid ON public.peer_mentor_certifications IS 'The newest entry has what entries of every schema_version have in common; the others were the newest once.';
ALTER TABLE ONLY public.peer_mentor_certifications
    ADD CONSTRAINT peer_mentor_certifications_one_of_a_type UNIQUE (organisation_id, peer_mentor_id, certification_type);
ALTER TABLE ONLY public.peer_mentor_certifications
    ADD CONSTRAINT peer_mentor_certifications_pkey PRIMARY KEY (id);
CREATE INDEX peer_mentor_certifications_chapter_ids_idx ON public.peer_mentor_certifications USING gin (chapter_ids);
CREATE INDEX peer_mentor_certifications_due_idx ON public.peer_mentor_certifications USING btree (organisation_id, expires_at) WHERE (status = 'active'::text);
CREATE INDEX peer_mentor_certifications_expires_at_idx ON public.peer_mentor_certifications USING btree (organisation_id, expires_at, id);
CREATE INDEX peer_mentor_certifications_peer_mentor_id_idx ON public.peer_mentor_certifications USING btree (peer_mentor_id, organisation_id, expires_at);
CREATE TRIGGER keep_chapter_ids BEFORE UPDATE OF chapter_ids ON public.peer_mentor_certifications FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_other_chapters('peer_mentor_id');
CREATE TRIGGER keep_identity BEFORE UPDATE OF id, organisation_id, peer_mentor_id, created_at ON public.peer_mentor_certifications FOR EACH ROW EXECUTE FUNCTION mentorcert_private.reject_change_of_column('id', 'organisation_id', 'peer_mentor_id', 'created_at');
CREATE TRIGGER record_change_on_insert BEFORE INSERT ON public.peer_mentor_certifications FOR EACH ROW EXECUTE FUNCTION mentorcert_private.record_change();
CREATE TRIGGER record_change_on_update BEFORE UPDATE ON public.peer_mentor_certifications FOR EACH ROW WHEN ((((old.status <> new.status) OR (old.expires_at IS DISTINCT FROM new.expires_at) OR (old.issued_at <> new.issued_at) OR (old.certification_type <> new.certification_type) OR (old.renewal_history <> new.renewal_history)) AND (NOT COALESCE(((old.status = 'active'::text) AND (new.status = 'expired'::text) AND (old.expires_at = new.expires_at) AND (new.expires_at <= now()) AND (old.issued_at = new.issued_at) AND (old.certification_type = new.certification_type) AND ((new.renewal_history - '-1'::integer) = old.renewal_history) AND ((new.renewal_history -> '-1'::integer) @> '{"kind": "expired", "actor": {"job": "nightly"}, "after": {"status": "expired"}, "before": {"status": "active"}}'::jsonb) AND ((new.renewal_history #> '{-1,effective_at}'::text[]) = to_jsonb(new.expires_at))), false)))) EXECUTE FUNCTION mentorcert_private.record_change();
CREATE TRIGGER refresh_listing_on_insert AFTER INSERT ON public.peer_mentor_certifications REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.refresh_listing_of_certifications();
CREATE TRIGGER refresh_listing_on_update AFTER UPDATE ON public.peer_mentor_certifications REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.refresh_listing_of_certifications();
CREATE TRIGGER reject_removal BEFORE DELETE OR TRUNCATE ON public.peer_mentor_certifications FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.reject_change('certification_history_append_only', 'Suspend the certification, or end the membership, instead.');
CREATE TRIGGER set_updated_at BEFORE UPDATE ON public.peer_mentor_certifications FOR EACH ROW WHEN ((new.updated_at IS DISTINCT FROM now())) EXECUTE FUNCTION mentorcert_private.set_updated_at();
CREATE TRIGGER store_events_on_insert AFTER INSERT ON public.peer_mentor_certifications REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.store_events();
CREATE TRIGGER store_events_on_update AFTER UPDATE ON public.peer_mentor_certifications REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_private.store_events();
CREATE TRIGGER sync_portal_on_insert AFTER INSERT ON public.peer_mentor_certifications REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_insert();
CREATE TRIGGER sync_portal_on_update AFTER UPDATE ON public.peer_mentor_certifications REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mentorcert_portal.enqueue_after_change_of_certifications();
ALTER TABLE ONLY public.peer_mentor_certifications
    ADD CONSTRAINT peer_mentor_certifications_certification_type_fkey FOREIGN KEY (organisation_id, certification_type) REFERENCES mentorcert.certification_types(organisation_id, code);
ALTER TABLE ONLY public.peer_mentor_certifications
    ADD CONSTRAINT peer_mentor_certifications_peer_mentor_id_fkey FOREIGN KEY (organisation_id, peer_mentor_id) REFERENCES mentorcert.peer_mentors(organisation_id, id);
CREATE POLICY "certifications are within reach and switched on" ON public.peer_mentor_certifications AS RESTRICTIVE TO anon, authenticated USING ((( SELECT mentorcert_private.check_endpoint('certifications'::text) AS check_endpoint) AND ((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) OR ((chapter_ids && ( SELECT mentorcert_private.coordinated_chapter_ids() AS coordinated_chapter_ids)) AND (peer_mentor_id <> ALL (( SELECT mentorcert_private.left_peer_mentor_ids() AS left_peer_mentor_ids)::uuid[]))) OR (peer_mentor_id = ANY (( SELECT mentorcert_private.own_peer_mentor_ids() AS own_peer_mentor_ids)::uuid[])))));
COMMENT ON POLICY "certifications are within reach and switched on" ON public.peer_mentor_certifications IS 'Holds whatever else lets in. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';
CREATE POLICY "coordinators and administrators change certifications" ON public.peer_mentor_certifications FOR UPDATE TO authenticated USING (((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) OR ((chapter_ids && ( SELECT mentorcert_private.coordinated_chapter_ids() AS coordinated_chapter_ids)) AND (peer_mentor_id <> ALL (( SELECT mentorcert_private.left_peer_mentor_ids() AS left_peer_mentor_ids)::uuid[]))))) WITH CHECK (((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) OR ((chapter_ids && ( SELECT mentorcert_private.coordinated_chapter_ids() AS coordinated_chapter_ids)) AND (peer_mentor_id <> ALL (( SELECT mentorcert_private.left_peer_mentor_ids() AS left_peer_mentor_ids)::uuid[])))));
COMMENT ON POLICY "coordinators and administrators change certifications" ON public.peer_mentor_certifications IS 'The trigger record_change says which change is whose.';
CREATE POLICY "coordinators and administrators register certifications" ON public.peer_mentor_certifications FOR INSERT TO authenticated WITH CHECK (((organisation_id = ( SELECT mentorcert_private.administered_organisation_id() AS administered_organisation_id)) OR ((chapter_ids && ( SELECT mentorcert_private.coordinated_chapter_ids() AS coordinated_chapter_ids)) AND (peer_mentor_id <> ALL (( SELECT mentorcert_private.left_peer_mentor_ids() AS left_peer_mentor_ids)::uuid[])))));
COMMENT ON POLICY "coordinators and administrators register certifications" ON public.peer_mentor_certifications IS 'Of peer mentors in a coordinated chapter, or in the organisation.';
CREATE POLICY "members read certifications of their organisation" ON public.peer_mentor_certifications FOR SELECT TO authenticated USING ((organisation_id = ( SELECT public.get_user_organisation_id() AS get_user_organisation_id)));
COMMENT ON POLICY "members read certifications of their organisation" ON public.peer_mentor_certifications IS 'Those within reach, as the restrictive policy says.';
ALTER TABLE public.peer_mentor_certifications ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON TABLE public.peer_mentor_certifications TO authenticated;
GRANT SELECT,INSERT ON TABLE public.peer_mentor_certifications TO service_role;
GRANT INSERT(peer_mentor_id, certification_type, issued_at, expires_at), UPDATE(certification_type, issued_at, expires_at, status) ON TABLE public.peer_mentor_certifications TO authenticated;
GRANT UPDATE(certification_type, issued_at, expires_at, status) ON TABLE public.peer_mentor_certifications TO service_role;

CREATE FUNCTION public.calendar_feed_created_at() RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select feed.created_at from mentorcert_private.calendar_feeds as feed
  where feed.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    and feed.organisation_id = (select public.get_user_organisation_id())
$$;
COMMENT ON FUNCTION public.calendar_feed_created_at() IS 'Since when the caller has a calendar feed; null without one.';
REVOKE ALL ON FUNCTION public.calendar_feed_created_at() FROM PUBLIC;
GRANT ALL ON FUNCTION public.calendar_feed_created_at() TO authenticated;
GRANT ALL ON FUNCTION public.calendar_feed_created_at() TO service_role;

CREATE FUNCTION public.calendar_of(token text) RETURNS TABLE(organisation_name text, time_zone text, certification_id uuid, name_nb text, name_en text, expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select organisation.name, organisation.time_zone, held.id, held.name_nb, held.name_en, held.expires_at
  from mentorcert_private.calendar_feeds as feed
  join mentorcert.peer_mentors as mentor on mentor.organisation_id = feed.organisation_id and mentor.id = feed.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = feed.organisation_id
  join auth.users as login on login.id = mentor.user_id
  left join lateral (
    select certification.id, type.name_nb, type.name_en, certification.expires_at
    from public.peer_mentor_certifications as certification
    join mentorcert.certification_types as type
      on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
    where certification.organisation_id = feed.organisation_id and certification.peer_mentor_id = feed.peer_mentor_id
      and certification.status <> 'suspended' and certification.expires_at is not null
  ) as held on true
  where mentorcert_private.check_endpoint('certifications') and mentorcert_private.check_endpoint('organisations')
    and feed.token_hash = sha256(convert_to(calendar_of.token, 'UTF8'))
    and login.deleted_at is null
    -- Supabase Auth has this column, its stand-in has not.
    and coalesce((to_jsonb(login) ->> 'banned_until')::timestamptz <= now(), true)
    and exists (
      select from mentorcert.memberships as membership
      where membership.user_id = mentor.user_id and membership.organisation_id = feed.organisation_id
        and (membership.ended_at is null or membership.ended_at > statement_timestamp())
    )
  order by held.expires_at, held.id
$$;
COMMENT ON FUNCTION public.calendar_of(token text) IS 'What the calendar feed with this token shows: ends of certifications that are not suspended; one row without any where there are none, no row for a token that is unknown or revoked, or whose login or membership has ended. Never a name.';
REVOKE ALL ON FUNCTION public.calendar_of(token text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.calendar_of(token text) TO anon;
GRANT ALL ON FUNCTION public.calendar_of(token text) TO authenticated;
GRANT ALL ON FUNCTION public.calendar_of(token text) TO service_role;

CREATE FUNCTION public.certification_as_of(certification uuid, at timestamp with time zone, known_at timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select mentorcert_private.require_certifications();
  select mentorcert_private.require_instants(jsonb_build_object('at', at, 'known_at', known_at));
  select mentorcert_private.require_settled(certification, known_at);

  with effective as (
    select entries.position, mentorcert_private.upgrade_history_entry(entries.entry) -> 'after' as after
    from public.certification_history(certification) with ordinality as entries (entry, position)
    where
      (known_at is null or (entries.entry ->> 'recorded_at')::timestamptz <= known_at)
      and (entries.entry ->> 'effective_at')::timestamptz <= at
  ),
  -- Of each field, what was said last counts.
  known as (
    select
      (select after ->> 'issued_at' from effective where after ? 'issued_at' order by position desc limit 1)::timestamptz as issued_at,
      (select after ->> 'expires_at' from effective where after ? 'expires_at' order by position desc limit 1)::timestamptz as expires_at,
      (select after ->> 'status' from effective where after ? 'status' order by position desc limit 1) as status
  )
  select case
    when exists (select from public.peer_mentor_certifications as visible where visible.id = certification)
      then coalesce(
        known.status <> 'suspended' and known.issued_at <= at and at < coalesce(known.expires_at, 'infinity'), false
      )
  end
  from known
$$;
COMMENT ON FUNCTION public.certification_as_of(certification uuid, at timestamp with time zone, known_at timestamp with time zone) IS 'Whether a certification was valid at an instant, by what the registry knew at another (null: what it knows); null for one that the caller may not read.';
REVOKE ALL ON FUNCTION public.certification_as_of(certification uuid, at timestamp with time zone, known_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.certification_as_of(certification uuid, at timestamp with time zone, known_at timestamp with time zone) TO authenticated;
GRANT ALL ON FUNCTION public.certification_as_of(certification uuid, at timestamp with time zone, known_at timestamp with time zone) TO service_role;

CREATE FUNCTION public.certification_history(certification_id uuid) RETURNS SETOF jsonb
    LANGUAGE plpgsql STABLE ROWS 10
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.require_certifications();
  if mentorcert_private.history_is_in_events() then
    return query
    select event.entry from mentorcert.certification_renewal_events as event
    where event.certification_id = certification_history.certification_id
    order by event.position;
  else
    return query
    select entries.entry
    from public.peer_mentor_certifications as certification,
      jsonb_array_elements(certification.renewal_history) with ordinality as entries (entry, position)
    where certification.id = certification_history.certification_id
    order by entries.position;
  end if;
end
$$;
COMMENT ON FUNCTION public.certification_history(certification_id uuid) IS 'The whole history of a certification, oldest entry first, wherever it is kept; no rows for one that the caller may not read.';
REVOKE ALL ON FUNCTION public.certification_history(certification_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.certification_history(certification_id uuid) TO authenticated;
GRANT ALL ON FUNCTION public.certification_history(certification_id uuid) TO service_role;

CREATE FUNCTION public.certifications_page(after_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, after_id uuid DEFAULT NULL::uuid, page_size integer DEFAULT 50, status text DEFAULT NULL::text, certification_type text DEFAULT NULL::text, chapter_id uuid DEFAULT NULL::uuid, expiring_before timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS SETOF public.peer_mentor_certifications
    LANGUAGE plpgsql STABLE ROWS 50
    SET search_path TO ''
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  organisation constant uuid := public.get_user_organisation_id();
  chapters constant uuid[] := mentorcert_private.with_chapters_below(array[chapter_id]);
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  few constant boolean := case
    -- Who sees somebody by another chapter than these does not see that the person is in these.
    when chapter_id is not null then mentorcert_private.use_sort_plan(chapters, page_size)
      and (coordinated = '{}' or chapters <@ coordinated or mentorcert_private.administered_organisation_id() is not null)
    else mentorcert_private.administered_organisation_id() is null
      and mentorcert_private.use_sort_plan(coordinated, page_size)
  end;
  mentors constant uuid[] := case
    when few and chapter_id is not null then array(
      select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = any(chapters) and (link.ended_at is null or link.ended_at > statement_timestamp())
    )
  end;
  suspended constant boolean := status = 'suspended';
  until constant timestamptz := least(
    expiring_before, case when status = 'expired' then now() + interval '1 microsecond' end, 'infinity'
  );
  with_unlimited constant boolean := until = 'infinity';
  from_expires_at timestamptz := coalesce(after_expires_at, case when after_id is null then '-infinity' else 'infinity' end::timestamptz);
  from_id uuid := coalesce(after_id, '00000000-0000-0000-0000-000000000000');
  from_unlimited_id constant uuid := case
    when after_expires_at is null and after_id is not null then after_id
    else '00000000-0000-0000-0000-000000000000'
  end;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('after_expires_at', after_expires_at, 'expiring_before', expiring_before));
  if status not in ('active', 'expired', 'suspended') then
    raise exception using
      errcode = 'MC008', message = format('unknown status %L', status),
      hint = 'Ask for active, expired or suspended.', constraint = 'status';
  elsif page_size is null or page_size not between 1 and 1000 then
    raise exception using
      errcode = 'MC008', message = format('a page of %s rows', coalesce(page_size::text, 'null')),
      hint = 'Ask for 1 to 1000 rows.', constraint = 'page_size';
  end if;
  if organisation is null then
    return; -- the service key too, which no policy holds back
  end if;
  if status = 'active' and from_expires_at < now() then
    from_expires_at := now(); -- with the highest id: what ends at this instant is not active
    from_id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  end if;

  if mentors is not null then
    return query
    select certification.*
    from (
      select members.* from public.peer_mentor_certifications as members where members.peer_mentor_id = any(mentors) offset 0
    ) as certification
    where
      (
        (certification.expires_at, certification.id) > (from_expires_at, from_id) and certification.expires_at < until
        or certification.expires_at is null and certification.id > from_unlimited_id and with_unlimited
      )
      and (certifications_page.status is null or (certification.status = 'suspended') = suspended)
      and (
        certifications_page.certification_type is null
        or certification.certification_type = certifications_page.certification_type
      )
      and certification.chapter_ids && chapters
    order by certification.expires_at, certification.id
    limit page_size;
    return;
  elsif few then
    return query
    select certification.*
    from (
      -- The policy's own conditions find the rows. Offset 0 keeps the filters out of there: with them the planner
      -- would read the whole index of expires_at as well.
      select reach.* from public.peer_mentor_certifications as reach offset 0
    ) as certification
    where
      (
        (certification.expires_at, certification.id) > (from_expires_at, from_id) and certification.expires_at < until
        or certification.expires_at is null and certification.id > from_unlimited_id and with_unlimited
      )
      and (certifications_page.status is null or (certification.status = 'suspended') = suspended)
      and (
        certifications_page.certification_type is null
        or certification.certification_type = certifications_page.certification_type
      )
    order by certification.expires_at, certification.id
    limit page_size;
    return;
  end if;

  return query
  select * from mentorcert_private.scan_certifications(
    organisation, chapters, suspended, until, from_expires_at, from_id, from_unlimited_id, page_size,
    status, certification_type, chapter_id
  );
end
$$;
COMMENT ON FUNCTION public.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) IS 'The caller''s certifications by expires_at and id, unlimited ones last; the next page comes after the last row''s expires_at and id. Filters: current status, type, chapter (and those under it), expiring before.';
REVOKE ALL ON FUNCTION public.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) TO authenticated;
GRANT ALL ON FUNCTION public.certifications_page(after_expires_at timestamp with time zone, after_id uuid, page_size integer, status text, certification_type text, chapter_id uuid, expiring_before timestamp with time zone) TO service_role;

CREATE FUNCTION public.change_certifications(change text, certification_ids uuid[], renewed_on date DEFAULT NULL::date, note text DEFAULT NULL::text, evidence jsonb DEFAULT NULL::jsonb) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  changed integer;
  refused jsonb;
  violated text;
begin
  perform mentorcert_private.require_certifications();
  if change in ('suspend', 'revert') then
    perform mentorcert_private.require_reason(note);
  end if;
  perform 1 from public.peer_mentor_certifications as certification
  where certification.id = any(certification_ids)
  order by certification.id -- everybody locks in this order, so nobody waits in a circle
  for no key update;
  select jsonb_object_agg(outcome.certification_id, outcome.refusal), min(outcome.refusal) into refused, violated
  from public.preview_changes(change, certification_ids, renewed_on) as outcome
  where outcome.refusal is not null;
  if refused is not null then
    raise exception using
      errcode = case violated
        when 'certification_right' then '42501'
        when 'certification_transition' then 'MC001'
        when 'certification_change_revertible' then 'MC006'
        else 'MC003'
      end,
      message = format('%s of the certifications cannot be changed so', (select count(*) from jsonb_object_keys(refused))),
      detail = refused,
      hint = 'Nothing was changed. preview_changes names the rule against each.',
      schema = 'public', table = 'peer_mentor_certifications', constraint = violated;
  end if;
  perform mentorcert_private.set_change_context(
    jsonb_build_object('note', note, 'evidence', mentorcert_private.evidence(evidence))
    || case when change = 'revert' then '{"kind": "reverted", "reverts_latest": true}' else '{}' end::jsonb
  );
  update public.peer_mentor_certifications as certification
  set
    certification_type = outcome.type, issued_at = outcome.issued_at, expires_at = outcome.expires_at,
    status = case when change = 'renew' then certification.status else outcome.status end
  from public.preview_changes(change, certification_ids, renewed_on) as outcome
  where certification.id = outcome.certification_id;
  get diagnostics changed = row_count;
  perform mentorcert_private.set_change_context(null);
  return changed;
end
$$;
COMMENT ON FUNCTION public.change_certifications(change text, certification_ids uuid[], renewed_on date, note text, evidence jsonb) IS 'Renews, suspends, reinstates or reverts (the latest change of) all of these certifications, as preview_changes says, or none; returns how many.';
REVOKE ALL ON FUNCTION public.change_certifications(change text, certification_ids uuid[], renewed_on date, note text, evidence jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.change_certifications(change text, certification_ids uuid[], renewed_on date, note text, evidence jsonb) TO authenticated;
GRANT ALL ON FUNCTION public.change_certifications(change text, certification_ids uuid[], renewed_on date, note text, evidence jsonb) TO service_role;

CREATE FUNCTION public.check_certificate(code uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.check_endpoint('certifications');
  return exists (
    select from public.peer_mentor_certifications as certification
    join mentorcert.peer_mentors as mentor
      on mentor.organisation_id = certification.organisation_id and mentor.id = certification.peer_mentor_id
    where certification.id = check_certificate.code
      and mentor.erased_at is null
      and certification.issued_at <= now()
      and mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) = 'active'
  );
end
$$;
COMMENT ON FUNCTION public.check_certificate(code uuid) IS 'Whether the certificate with this code (the certification''s id) is valid now, by its dates: false alike for one that is unknown, expired, suspended or of somebody erased.';
REVOKE ALL ON FUNCTION public.check_certificate(code uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.check_certificate(code uuid) TO anon;
GRANT ALL ON FUNCTION public.check_certificate(code uuid) TO authenticated;
GRANT ALL ON FUNCTION public.check_certificate(code uuid) TO service_role;

CREATE FUNCTION public.create_calendar_feed() RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  token constant text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  insert into mentorcert_private.calendar_feeds as feed (organisation_id, peer_mentor_id, token_hash)
  select mentor.organisation_id, mentor.id, sha256(convert_to(token, 'UTF8'))
  from mentorcert.peer_mentors as mentor
  where mentor.id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    and mentor.user_id = (select auth.uid()) -- asked again once the lock is had: an erasure may have come first
  for no key update
  on conflict on constraint calendar_feeds_pkey
  do update set token_hash = excluded.token_hash, created_at = excluded.created_at;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  return token;
end
$$;
COMMENT ON FUNCTION public.create_calendar_feed() IS 'Gives the caller, who must be a peer mentor, a new calendar feed and returns its token, this once; the feed there was ends with it.';
REVOKE ALL ON FUNCTION public.create_calendar_feed() FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_calendar_feed() TO authenticated;
GRANT ALL ON FUNCTION public.create_calendar_feed() TO service_role;

CREATE FUNCTION public.current_status(certification public.peer_mentor_certifications) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$ select mentorcert_private.status_at(certification.status = 'suspended', certification.expires_at, now()) $$;
COMMENT ON FUNCTION public.current_status(certification public.peer_mentor_certifications) IS 'What the status truly is now, also after a missed nightly run; a computed column of the Data API.';
REVOKE ALL ON FUNCTION public.current_status(certification public.peer_mentor_certifications) FROM PUBLIC;
GRANT ALL ON FUNCTION public.current_status(certification public.peer_mentor_certifications) TO authenticated;
GRANT ALL ON FUNCTION public.current_status(certification public.peer_mentor_certifications) TO service_role;

CREATE FUNCTION public.extend_certifications(certification_type text, last_valid_day date, reason text, chapter_id uuid DEFAULT NULL::uuid, expired_since date DEFAULT NULL::date) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  batch constant uuid := gen_random_uuid();
  organisation constant uuid := mentorcert_private.check_extension(certification_type, last_valid_day, expired_since);
  locked_ids uuid[];
begin
  perform mentorcert_private.require_reason(reason);
  locked_ids := array(
    select candidate.id from public.peer_mentor_certifications as candidate
    where candidate.id in (
      select preview.certification_id
      from mentorcert_private.preview_extension(
        extend_certifications.certification_type, last_valid_day, extend_certifications.chapter_id, expired_since
      ) as preview
      where preview.outcome = 'extended'
    )
    order by candidate.id -- everybody locks in this order, so nobody waits in a circle
    for no key update
  );
  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'batch_id', batch));
  with changed as (
    update public.peer_mentor_certifications as extended set expires_at = preview.new_expires_at
    -- Once more: what was waited for may have been changed meanwhile.
    from mentorcert_private.preview_extension(
      extend_certifications.certification_type, last_valid_day, extend_certifications.chapter_id, expired_since
    ) as preview
    where preview.outcome = 'extended' and extended.id = preview.certification_id and extended.id = any(locked_ids)
    returning extended.id
  )
  insert into mentorcert_private.extensions (
    batch_id, organisation_id, certification_type, last_valid_day, chapter_id, expired_since, reason,
    certification_ids, extended_by
  )
  select
    batch, organisation, extend_certifications.certification_type, extend_certifications.last_valid_day,
    extend_certifications.chapter_id, extend_certifications.expired_since, extend_certifications.reason,
    array_agg(changed.id), auth.uid()
  from changed
  having count(*) > 0;
  if not found then
    raise exception using
      errcode = 'MC008',
      message = format('nothing of type %L would be extended to %s', extend_certifications.certification_type, last_valid_day),
      hint = 'Only what is valid now (or expired since the day given) and ends before that day is extended; look at type, day and chapter.',
      constraint = 'extension_not_empty';
  end if;
  perform mentorcert_private.set_change_context(null);
  return batch;
end
$$;
COMMENT ON FUNCTION public.extend_certifications(certification_type text, last_valid_day date, reason text, chapter_id uuid, expired_since date) IS 'Extends all certifications of a type (of a chapter and those under it) that end before a day, to that day; with expired_since also those that expired since then. Administrator only. Returns the batch, which revert_change takes back.';
REVOKE ALL ON FUNCTION public.extend_certifications(certification_type text, last_valid_day date, reason text, chapter_id uuid, expired_since date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.extend_certifications(certification_type text, last_valid_day date, reason text, chapter_id uuid, expired_since date) TO authenticated;
GRANT ALL ON FUNCTION public.extend_certifications(certification_type text, last_valid_day date, reason text, chapter_id uuid, expired_since date) TO service_role;

CREATE FUNCTION public.get_user_organisation_id() RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  ids constant uuid[] := array(
    select membership.organisation_id
    from mentorcert.memberships as membership
    where membership.user_id = (select auth.uid()) and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  );
begin
  if ids[1] = all(ids) then
    return ids[1];
  end if;
  return (
    select distinct id from unnest(ids) as id
    where id::text = lower(auth.jwt() #>> '{app_metadata,organisation_id}')
  );
end
$$;
COMMENT ON FUNCTION public.get_user_organisation_id() IS 'The organisation the caller acts in: that of the memberships; where there are several, the one named in app_metadata.organisation_id of the token if the caller is a member of it; else null.';


SET default_tablespace = '';

SET default_table_access_method = heap;
REVOKE ALL ON FUNCTION public.get_user_organisation_id() FROM PUBLIC;
GRANT ALL ON FUNCTION public.get_user_organisation_id() TO authenticated;
GRANT ALL ON FUNCTION public.get_user_organisation_id() TO service_role;

CREATE FUNCTION public.own_organisations() RETURNS TABLE(id uuid, slug text, name text, time_zone text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select organisation.id, organisation.slug, organisation.name, organisation.time_zone
  from mentorcert.organisations as organisation
  where mentorcert_private.check_endpoint('organisations') and exists (
    select from mentorcert.memberships as membership
    where
      membership.organisation_id = organisation.id
      and membership.user_id = (select auth.uid())
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )
$$;
COMMENT ON FUNCTION public.own_organisations() IS 'The organisations in which the caller has a membership; the token names one of them in app_metadata.organisation_id.';
REVOKE ALL ON FUNCTION public.own_organisations() FROM PUBLIC;
GRANT ALL ON FUNCTION public.own_organisations() TO authenticated;

CREATE FUNCTION public.preview_changes(change text, certification_ids uuid[], renewed_on date DEFAULT NULL::date) RETURNS TABLE(certification_id uuid, type text, issued_at timestamp with time zone, expires_at timestamp with time zone, status text, takes_back text, refusal text)
    LANGUAGE plpgsql STABLE ROWS 500
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  gone constant uuid[] := mentorcert_private.left_peer_mentor_ids();
  as_owner constant boolean := auth.uid() is null;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('renewed_on', renewed_on));
  if change is null or change not in ('renew', 'suspend', 'reinstate', 'revert') then
    raise exception using
      errcode = 'MC008', message = format('unknown change %L', change),
      hint = 'Ask for renew, suspend, reinstate or revert.', constraint = 'change';
  elsif coalesce(cardinality(certification_ids), 0) not between 1 and 5000 then
    raise exception using
      errcode = 'MC008', message = format('%s certifications at once', coalesce(cardinality(certification_ids), 0)),
      hint = 'Name 1 to 5000 of them.', constraint = 'certification_ids';
  end if;
  return query
  with held as materialized (
    select
      asked.id as asked_id, certification, organisation.time_zone,
      coalesce(preview_changes.renewed_on, mentorcert_private.day_of(now(), organisation.time_zone)) as renewed_on,
      -- What the policies for UPDATE and the trigger ask.
      coalesce(
        (
          certification.organisation_id = administered or as_owner
          or certification.chapter_ids && coordinated and certification.peer_mentor_id <> all(gone)
        )
        and mentor.erased_at is null,
        false
      ) as permitted,
      case when change = 'revert' then mentorcert_private.latest_change(certification.id) end as entry
    from (select distinct id from unnest(certification_ids) as id) as asked
    left join public.peer_mentor_certifications as certification on certification.id = asked.id
    left join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
    left join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
  ),
  -- Once for each: in a query that is merged with this one, each column would ask for its own.
  outcomes as materialized (
    select
      held.*,
      (case change
        when 'renew' then jsonb_populate_record(
          held.certification,
          jsonb_build_object(
            'issued_at', mentorcert_private.day_starts(held.renewed_on, held.time_zone),
            'expires_at', case
              when (held.certification).expires_at is not null
                then mentorcert_private.expires_at_by_rule(held.certification, held.renewed_on, held.time_zone)
            end
          )
        )
        when 'suspend' then jsonb_populate_record(held.certification, '{"status": "suspended"}')
        when 'reinstate' then jsonb_populate_record(held.certification, '{"status": "active"}')
        else mentorcert_private.state_before(held.certification, held.entry)
      end) as outcome
    from held
  )
  select
    asked_id,
    (outcomes.outcome).certification_type,
    (outcomes.outcome).issued_at,
    (outcomes.outcome).expires_at,
    mentorcert_private.status_at((outcomes.outcome).status = 'suspended', (outcomes.outcome).expires_at, now()),
    outcomes.entry ->> 'kind',
    case
      when not outcomes.permitted then 'certification_right'
      when change = 'renew' and (outcomes.outcome).issued_at <= (outcomes.certification).issued_at
        then 'certification_renewal_after_issue'
      when change = 'renew' and (outcomes.outcome).issued_at > now() then 'certification_issued_at_not_future'
      when change = 'suspend' and (outcomes.certification).status = 'suspended'
        or change = 'reinstate' and (outcomes.certification).status <> 'suspended' then 'certification_transition'
      when change = 'revert' and (outcomes.outcome).id is null then 'certification_change_revertible'
      when change = 'revert' and not as_owner and (outcomes.certification).organisation_id is distinct from administered
        and outcomes.entry ->> 'kind' not in ('renewed', 'suspended', 'reinstated') then 'certification_right'
    end
  from outcomes;
end
$$;
COMMENT ON FUNCTION public.preview_changes(change text, certification_ids uuid[], renewed_on date) IS 'What renew (as of a day, by the type''s rule), suspend, reinstate or revert (of the latest change) would give for each of these certifications, one row for each id; refusal names the rule against it. Changes nothing.';
REVOKE ALL ON FUNCTION public.preview_changes(change text, certification_ids uuid[], renewed_on date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.preview_changes(change text, certification_ids uuid[], renewed_on date) TO authenticated;
GRANT ALL ON FUNCTION public.preview_changes(change text, certification_ids uuid[], renewed_on date) TO service_role;

CREATE FUNCTION public.public_organisation(slug text) RETURNS TABLE(name text, chapters text[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select
    name,
    array(
      select chapter.name from mentorcert.chapters as chapter
      where chapter.organisation_id = organisation.id and exists (
        -- From the chapter, not from the list: that ends with the first one found, however long the list is.
        select from mentorcert.peer_mentor_chapters as link
        join public.listed_peer_mentors as listed on listed.peer_mentor_id = link.peer_mentor_id
        where link.chapter_id = chapter.id and (link.ended_at is null or link.ended_at > statement_timestamp()) and listed.listed_until > now()
      )
      group by chapter.name
      order by chapter.name
    )
  from mentorcert.organisations as organisation
  where mentorcert_private.check_endpoint('public_list') and mentorcert_private.check_endpoint('organisations')
    and organisation.slug = public_organisation.slug
$$;
COMMENT ON FUNCTION public.public_organisation(slug text) IS 'The name of an organisation, and the names of the chapters in which somebody is on the public list now; no row for an unknown slug.';
REVOKE ALL ON FUNCTION public.public_organisation(slug text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.public_organisation(slug text) TO anon;
GRANT ALL ON FUNCTION public.public_organisation(slug text) TO authenticated;
GRANT ALL ON FUNCTION public.public_organisation(slug text) TO service_role;

CREATE FUNCTION public.register_certification(peer_mentor_id uuid, certification_type text, issued_on date DEFAULT NULL::date, last_valid_day date DEFAULT NULL::date, note text DEFAULT NULL::text, evidence jsonb DEFAULT NULL::jsonb) RETURNS public.peer_mentor_certifications
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  certification public.peer_mentor_certifications;
  time_zone text;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object('issued_on', issued_on, 'last_valid_day', last_valid_day));
  select mentor.organisation_id into certification.organisation_id
  from mentorcert.peer_mentors as mentor where mentor.id = register_certification.peer_mentor_id;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  if exists (
    select from public.peer_mentor_certifications as held
    where held.organisation_id = certification.organisation_id
      and held.peer_mentor_id = register_certification.peer_mentor_id
      and held.certification_type = register_certification.certification_type
  ) then
    raise exception using
      errcode = 'unique_violation', message = 'the peer mentor has a certification of this type already',
      hint = 'Renew it with renew_certification.',
      schema = 'public', table = 'peer_mentor_certifications',
      constraint = 'peer_mentor_certifications_one_of_a_type';
  end if;
  certification.certification_type := register_certification.certification_type;
  time_zone := mentorcert_private.time_zone_of(certification.organisation_id);
  issued_on := coalesce(issued_on, mentorcert_private.day_of(now(), time_zone));
  perform mentorcert_private.set_change_context(jsonb_build_object('note', note, 'evidence', mentorcert_private.evidence(evidence)));
  insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at, expires_at)
  values (
    peer_mentor_id,
    certification_type,
    mentorcert_private.day_starts(issued_on, time_zone),
    coalesce(
      mentorcert_private.day_starts(last_valid_day + 1, time_zone),
      mentorcert_private.expires_at_by_rule(certification, issued_on, time_zone)
    )
  )
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
COMMENT ON FUNCTION public.register_certification(peer_mentor_id uuid, certification_type text, issued_on date, last_valid_day date, note text, evidence jsonb) IS 'Registers a certification issued on a day (today), valid to a last day (by the type''s rule). The caller certifies the peer mentor: else 42501.';
REVOKE ALL ON FUNCTION public.register_certification(peer_mentor_id uuid, certification_type text, issued_on date, last_valid_day date, note text, evidence jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.register_certification(peer_mentor_id uuid, certification_type text, issued_on date, last_valid_day date, note text, evidence jsonb) TO authenticated;
GRANT ALL ON FUNCTION public.register_certification(peer_mentor_id uuid, certification_type text, issued_on date, last_valid_day date, note text, evidence jsonb) TO service_role;

CREATE FUNCTION public.reinstate_certification(certification_id uuid, note text DEFAULT NULL::text) RETURNS public.peer_mentor_certifications
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
begin
  if certification.status <> 'suspended' then
    perform mentorcert_private.reject_transition(certification.status, certification.status);
  end if;
  perform mentorcert_private.set_change_context(jsonb_build_object('note', note));
  update public.peer_mentor_certifications as reinstated set status = 'active' -- or expired: the trigger looks at the date
  where reinstated.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
COMMENT ON FUNCTION public.reinstate_certification(certification_id uuid, note text) IS 'Takes a suspension away; the certification is active or expired then, by its date.';
REVOKE ALL ON FUNCTION public.reinstate_certification(certification_id uuid, note text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reinstate_certification(certification_id uuid, note text) TO authenticated;
GRANT ALL ON FUNCTION public.reinstate_certification(certification_id uuid, note text) TO service_role;

CREATE FUNCTION public.renew_certification(certification_id uuid, renewed_on date DEFAULT NULL::date, last_valid_day date DEFAULT NULL::date, note text DEFAULT NULL::text, evidence jsonb DEFAULT NULL::jsonb) RETURNS public.peer_mentor_certifications
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
  time_zone constant text := mentorcert_private.time_zone_of(certification.organisation_id);
  until timestamptz;
begin
  perform mentorcert_private.require_instants(jsonb_build_object('renewed_on', renewed_on, 'last_valid_day', last_valid_day));
  renewed_on := coalesce(renewed_on, mentorcert_private.day_of(now(), time_zone));
  until := coalesce(
    mentorcert_private.day_starts(last_valid_day + 1, time_zone),
    case
      when certification.expires_at is not null
        then mentorcert_private.expires_at_by_rule(certification, renewed_on, time_zone)
    end
  );
  if mentorcert_private.day_starts(renewed_on, time_zone) <= certification.issued_at then
    raise exception using
      errcode = 'MC003',
      message = format(
        'issued or renewed on %s already: a renewal is of a later day',
        mentorcert_private.day_of(certification.issued_at, time_zone)
      ),
      hint = 'Look at the certification again: somebody may have renewed it already.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'issued_at',
      constraint = 'certification_renewal_after_issue';
  elsif until < coalesce(certification.expires_at, 'infinity') then
    raise exception using
      errcode = 'MC003',
      message = 'a renewal does not shorten what is held',
      detail = format('held until %s', certification.expires_at),
      hint = 'Leave last_valid_day out, or let the administrator correct the certification.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'expires_at',
      constraint = 'certification_renewal_keeps_validity';
  end if;
  perform mentorcert_private.set_change_context(jsonb_build_object('note', note, 'evidence', mentorcert_private.evidence(evidence)));
  update public.peer_mentor_certifications as renewed
  set issued_at = mentorcert_private.day_starts(renewed_on, time_zone), expires_at = until
  where renewed.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
COMMENT ON FUNCTION public.renew_certification(certification_id uuid, renewed_on date, last_valid_day date, note text, evidence jsonb) IS 'Renews a certification as of a day (today), valid to a last day (by the type''s rule, counted from what is still held).';
REVOKE ALL ON FUNCTION public.renew_certification(certification_id uuid, renewed_on date, last_valid_day date, note text, evidence jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.renew_certification(certification_id uuid, renewed_on date, last_valid_day date, note text, evidence jsonb) TO authenticated;
GRANT ALL ON FUNCTION public.renew_certification(certification_id uuid, renewed_on date, last_valid_day date, note text, evidence jsonb) TO service_role;

CREATE FUNCTION public.revert_change(batch_id uuid, reason text) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  organisation uuid;
  noted uuid[];
  members uuid[];
  reverted integer;
begin
  perform mentorcert_private.require_certifications();
  organisation := mentorcert_private.require_administered_organisation();
  perform mentorcert_private.require_reason(reason);
  select extension.certification_ids into noted
  from mentorcert_private.extensions as extension where extension.batch_id = revert_change.batch_id;
  members := array(
    select certification.id
    from public.peer_mentor_certifications as certification
    where certification.organisation_id = organisation and (noted is null or certification.id = any(noted)) and exists (
      select from public.certification_history(certification.id) as entry
      where entry ->> 'batch_id' = revert_change.batch_id::text and entry ->> 'kind' = 'extended'
    ) and not exists (
      select from mentorcert.peer_mentors as mentor where mentor.id = certification.peer_mentor_id and mentor.erased_at is not null
    )
    order by certification.id
    for no key update
  );
  perform mentorcert_private.set_change_context(
    jsonb_build_object('kind', 'reverted', 'reverts_batch', revert_change.batch_id, 'note', reason)
  );
  update public.peer_mentor_certifications as certification
  set expires_at = target.expires_at, status = target.status
  from (
    select (mentorcert_private.state_before(member, mentorcert_private.upgrade_history_entry(entry))).*
    from public.peer_mentor_certifications as member
    cross join lateral public.certification_history(member.id) as entry
    where member.id = any(members) and entry ->> 'batch_id' = revert_change.batch_id::text
  ) as target
  where certification.id = target.id;
  get diagnostics reverted = row_count;
  perform mentorcert_private.set_change_context(null);
  if cardinality(members) = 0 then
    perform mentorcert_private.reject_revert('the organisation has no such batch', 'Take batch_id from the history of a certification.');
  elsif reverted < cardinality(members) then
    perform mentorcert_private.reject_revert(
      format(
        'of the %s certifications of this batch, %s were changed since',
        cardinality(members), cardinality(members) - reverted
      ),
      'Nothing was taken back. Take the later changes back first, or the batch''s entries one by one.'
    );
  end if;
  perform mentorcert_private.record_reversal(batch_id, reason);
  return reverted;
end
$$;
COMMENT ON FUNCTION public.revert_change(batch_id uuid, reason text) IS 'Takes a whole batch of extend_certifications back, for a reason; all or nothing (MC006). Administrator only. Returns how many.';
CREATE FUNCTION public.revert_change(certification_id uuid, entry_id uuid, reason text) RETURNS public.peer_mentor_certifications
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
  entry jsonb;
  target public.peer_mentor_certifications;
begin
  perform mentorcert_private.require_reason(reason);
  select mentorcert_private.upgrade_history_entry(history) into entry
  from public.certification_history(certification_id) as history
  where history ->> 'entry_id' = entry_id::text;
  if not found then
    perform mentorcert_private.reject_revert('the certification has no such history entry', 'Take entry_id from certification_history.');
  end if;
  target := mentorcert_private.state_before(certification, entry);
  if target.id is null then
    perform mentorcert_private.reject_revert();
  end if;
  perform mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts', entry_id, 'note', reason));
  update public.peer_mentor_certifications as reverted
  set
    certification_type = target.certification_type, issued_at = target.issued_at,
    expires_at = target.expires_at, status = target.status
  where reverted.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
COMMENT ON FUNCTION public.revert_change(certification_id uuid, entry_id uuid, reason text) IS 'Takes one change of a certification back by a compensating entry, for a reason; MC006 where it cannot be, or a later change stands on it.';
REVOKE ALL ON FUNCTION public.revert_change(batch_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.revert_change(batch_id uuid, reason text) TO authenticated;
GRANT ALL ON FUNCTION public.revert_change(batch_id uuid, reason text) TO service_role;
REVOKE ALL ON FUNCTION public.revert_change(certification_id uuid, entry_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.revert_change(certification_id uuid, entry_id uuid, reason text) TO authenticated;
GRANT ALL ON FUNCTION public.revert_change(certification_id uuid, entry_id uuid, reason text) TO service_role;

CREATE FUNCTION public.revoke_calendar_feed() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  delete from mentorcert_private.calendar_feeds as feed
  where feed.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    and feed.organisation_id = (select public.get_user_organisation_id());
  return found;
end
$$;
COMMENT ON FUNCTION public.revoke_calendar_feed() IS 'Ends the caller''s calendar feed with the next request; false where there is none.';
REVOKE ALL ON FUNCTION public.revoke_calendar_feed() FROM PUBLIC;
GRANT ALL ON FUNCTION public.revoke_calendar_feed() TO authenticated;
GRANT ALL ON FUNCTION public.revoke_calendar_feed() TO service_role;

CREATE FUNCTION public.search_certifications(query text DEFAULT NULL::text, status text DEFAULT NULL::text, certification_type text DEFAULT NULL::text, chapter_id uuid DEFAULT NULL::uuid, first_day date DEFAULT NULL::date, last_day date DEFAULT NULL::date, unlimited boolean DEFAULT NULL::boolean, sort text DEFAULT 'expires'::text, descending boolean DEFAULT false, after_key text DEFAULT NULL::text, after_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, after_id uuid DEFAULT NULL::uuid, page_size integer DEFAULT 50) RETURNS TABLE(id uuid, organisation_id uuid, peer_mentor_id uuid, external_id text, full_name text, type text, issued_at timestamp with time zone, expires_at timestamp with time zone, status_now text, chapter_ids uuid[], sort_key text)
    LANGUAGE plpgsql STABLE ROWS 50
    SET search_path TO ''
    AS $_$
#variable_conflict use_variable
declare
  organisation constant uuid := public.get_user_organisation_id();
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  administers constant boolean := mentorcert_private.administered_organisation_id() is not null;
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  chapters constant uuid[] := case when chapter_id is not null then mentorcert_private.with_chapters_below(array[chapter_id]) end;
  patterns constant text[] := mentorcert_private.name_patterns(query);
  found_at_most constant integer := 1000;
  mentors uuid[];
  key constant text := case sort
    when 'expires' then 'null::text'
    when 'issued' then 'certification.issued_at'
    -- Not every server has Norwegian collations: å comes after ø here.
    when 'name' then 'replace(lower(mentor.full_name), ''å'', ''ÿ'') collate "C"'
    when 'type' then 'certification.certification_type'
  end;
  direction constant text := case when descending then 'desc' else 'asc' end;
  beyond constant text := case when descending then '<' else '>' end;
  after_unlimited constant boolean := after_id is not null and after_expires_at is null;
  later_than timestamptz;
  no_later_than timestamptz;
  ends text;
  ends_not text := 'certification.expires_at is null';
  filters text := 'true';
  source text;
  names text := '';
  pages text;
begin
  perform mentorcert_private.require_certifications();
  perform mentorcert_private.require_instants(jsonb_build_object(
    'first_day', first_day, 'last_day', last_day, 'after_expires_at', after_expires_at
  ));
  later_than := coalesce(mentorcert_private.day_starts(first_day, time_zone), '-infinity');
  no_later_than := coalesce(mentorcert_private.day_starts(last_day + 1, time_zone), 'infinity');
  if status not in ('active', 'expired', 'suspended') then
    raise exception using
      errcode = 'MC008', message = format('unknown status %L', status),
      hint = 'Ask for active, expired or suspended.', constraint = 'status';
  elsif page_size is null or page_size not between 1 and 1000000 then
    raise exception using
      errcode = 'MC008', message = format('a page of %s rows', coalesce(page_size::text, 'null')),
      hint = 'Ask for 1 to 1000000 rows.', constraint = 'page_size';
  elsif key is null then
    raise exception using
      errcode = 'MC008', message = format('unknown order %L', sort),
      hint = 'Ask for expires, issued, name or type.', constraint = 'sort';
  end if;
  if organisation is null then
    return; -- the service key too, which no policy holds back
  end if;

  -- Whose: the page of few peer mentors is sorted, that of many is walked to (see mentorcert_private.use_sort_plan). Offset 0 keeps the
  -- other conditions away from what finds the rows: with them the planner would walk an index of everybody's as well.
  if patterns <> '{}' then
    mentors := mentorcert_private.found_peer_mentors(organisation, patterns, chapters, found_at_most + 1);
    if cardinality(mentors) > found_at_most then
      mentors := null;
      filters := format('lower(mentor.full_name || '' '' || mentor.external_id) like all(%L::text[])', patterns);
    end if;
  elsif chapters is not null and mentorcert_private.use_sort_plan(chapters, page_size)
    -- Who sees somebody by another chapter than these does not see that the person is in these.
    and (administers or coordinated = '{}' or chapters <@ coordinated) then
    mentors := array(
      select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
      where link.chapter_id = any(chapters) and (link.ended_at is null or link.ended_at > statement_timestamp())
    );
  end if;
  source := case
    when mentors is not null then format(
      '(select * from public.peer_mentor_certifications as held where held.peer_mentor_id = any(%L::uuid[]) offset 0)', mentors
    )
    when not administers and mentorcert_private.use_sort_plan(coordinated, page_size)
      then '(select * from public.peer_mentor_certifications as reach offset 0)'
    else format('(select * from public.peer_mentor_certifications as reach where reach.organisation_id = %L)', organisation)
  end;
  if sort = 'name' or filters <> 'true' then
    names := format(
      'join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id and mentor.organisation_id = %L',
      organisation
    );
  end if;

  -- Which
  if status is not null then
    filters := filters || format(' and (certification.status = ''suspended'') = %L', status = 'suspended');
  end if;
  if certification_type is not null then
    filters := filters || format(' and certification.certification_type = %L', certification_type);
  end if;
  if chapters is not null then
    filters := filters || format(' and certification.chapter_ids && %L::uuid[]', chapters);
  end if;
  if status = 'active' then
    later_than := greatest(later_than, now());
  elsif status = 'expired' then
    no_later_than := least(no_later_than, now());
  end if;
  if unlimited is not true then
    ends := format('certification.expires_at > %L and certification.expires_at <= %L', later_than, no_later_than);
  end if;
  if unlimited is false or first_day is not null or last_day is not null or status = 'expired' then
    ends_not := null;
  end if;

  -- From where on, in which order. In the order of expiry what ends and what does not are read apart, so that the
  -- index knows where to begin; in the others what lies before is read too, and left out.
  if sort <> 'expires' and after_id is not null then
    filters := filters || format(
      ' and (%s, coalesce(certification.expires_at, ''infinity''), certification.id) %s (%L, %L::timestamptz, %L::uuid)',
      key, beyond, after_key, coalesce(after_expires_at, 'infinity'), after_id
    );
  elsif after_unlimited then
    ends := case when descending then ends end;
    ends_not := format('%s and certification.id %s %L', ends_not, beyond, after_id);
  elsif after_id is not null then
    ends := format('%s and (certification.expires_at, certification.id) %s (%L, %L)', ends, beyond, after_expires_at, after_id);
    ends_not := case when not descending then ends_not end;
  end if;
  select string_agg(
    format(
      '(select certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type, '
      'certification.issued_at, certification.expires_at, certification.status, certification.chapter_ids, %1$s as sort_key '
      'from %2$s as certification %3$s where %4$s and (%5$s) '
      'order by %6$s certification.expires_at %7$s, certification.id %7$s limit %8$s)',
      key, source, names, filters, part.condition,
      case when sort <> 'expires' then format('%s %s, ', key, direction) end, direction, page_size
    ),
    ' union all '
  ) into pages
  from unnest(
    case when sort = 'expires' then array[ends, ends_not] else array[concat_ws(' or ', ends, ends_not)] end
  ) as part (condition)
  where part.condition <> '';
  if pages is null then
    return;
  end if;
  for id, organisation_id, peer_mentor_id, external_id, full_name, type, issued_at, expires_at, status_now, chapter_ids, sort_key in execute format(
    'select page.id, page.organisation_id, page.peer_mentor_id, mentor.external_id, mentor.full_name, page.certification_type, '
    'page.issued_at, page.expires_at, mentorcert_private.status_at(page.status = ''suspended'', page.expires_at, now()), page.chapter_ids, '
    'page.sort_key::text from (%1$s) as page join mentorcert.peer_mentors as mentor on mentor.id = page.peer_mentor_id '
    'order by %2$s page.expires_at %3$s, page.id %3$s limit %4$s',
    pages, case when sort <> 'expires' then format('page.sort_key %s, ', direction) end, direction, page_size
  ) loop
    return next;
  end loop;
end
$_$;
COMMENT ON FUNCTION public.search_certifications(query text, status text, certification_type text, chapter_id uuid, first_day date, last_day date, unlimited boolean, sort text, descending boolean, after_key text, after_expires_at timestamp with time zone, after_id uuid, page_size integer) IS 'The caller''s certifications by expires, issued, name or type (then by expiry and id), each way; the next page comes after the last row''s sort_key, expires_at and id. Filters: words of name and external id, current status, type, chapter (and those under it), last valid day between two days, unlimited only (or not at all).';
REVOKE ALL ON FUNCTION public.search_certifications(query text, status text, certification_type text, chapter_id uuid, first_day date, last_day date, unlimited boolean, sort text, descending boolean, after_key text, after_expires_at timestamp with time zone, after_id uuid, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.search_certifications(query text, status text, certification_type text, chapter_id uuid, first_day date, last_day date, unlimited boolean, sort text, descending boolean, after_key text, after_expires_at timestamp with time zone, after_id uuid, page_size integer) TO authenticated;
GRANT ALL ON FUNCTION public.search_certifications(query text, status text, certification_type text, chapter_id uuid, first_day date, last_day date, unlimited boolean, sort text, descending boolean, after_key text, after_expires_at timestamp with time zone, after_id uuid, page_size integer) TO service_role;

CREATE FUNCTION public.set_my_language(language text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if set_my_language.language is null or set_my_language.language not in ('nb', 'en') then
    raise exception using
      errcode = 'MC008', message = 'this is no language of ours', hint = 'Give nb or en.', constraint = 'language';
  end if;
  update mentorcert.peer_mentors as mentor set language = set_my_language.language
  where mentor.id = any(mentorcert_private.own_peer_mentor_ids()) and mentor.language <> set_my_language.language;
  return cardinality(mentorcert_private.own_peer_mentor_ids()) > 0;
end
$$;
COMMENT ON FUNCTION public.set_my_language(language text) IS 'Sets the language of what is written to the caller; returns whether the caller is a peer mentor at all.';
REVOKE ALL ON FUNCTION public.set_my_language(language text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.set_my_language(language text) TO authenticated;
GRANT ALL ON FUNCTION public.set_my_language(language text) TO service_role;

CREATE FUNCTION public.suspend_certification(certification_id uuid, reason text) RETURNS public.peer_mentor_certifications
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  certification public.peer_mentor_certifications := mentorcert_private.lock_certification(certification_id);
begin
  if certification.status = 'suspended' then
    perform mentorcert_private.reject_transition('suspended', 'suspended');
  end if;
  perform mentorcert_private.require_reason(reason);
  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason));
  update public.peer_mentor_certifications as suspended set status = 'suspended'
  where suspended.id = certification_id
  returning * into certification;
  perform mentorcert_private.set_change_context(null);
  return certification;
end
$$;
COMMENT ON FUNCTION public.suspend_certification(certification_id uuid, reason text) IS 'Suspends a certification, for a reason; its time goes on running.';
REVOKE ALL ON FUNCTION public.suspend_certification(certification_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.suspend_certification(certification_id uuid, reason text) TO authenticated;
GRANT ALL ON FUNCTION public.suspend_certification(certification_id uuid, reason text) TO service_role;
