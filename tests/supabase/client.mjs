// The main promises with the official JavaScript client: it signs up and in by itself, and prints what it is told.
// In: LITE_URL, LITE_KEY, and LITE_QUESTIONS as JSON. Out: JSON.
import { createClient } from "@supabase/supabase-js";

const { LITE_URL: url, LITE_KEY: key, LITE_QUESTIONS: questions } = process.env;
const { email, password, own, foreign } = JSON.parse(questions);

// Lite has no Realtime, and Node.js 20 no WebSocket, without which the client would not start.
class NoWebSocket {}

function client(headers = {}) {
  return createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: NoWebSocket },
    global: { headers },
  });
}

function told({ data, error, count, status }) {
  return {
    data,
    count,
    status,
    error: error && { code: error.code, message: error.message, hint: error.hint, details: error.details },
  };
}

const newcomer = client();
const signedUp = await newcomer.auth.signUp({
  email: `js-${email}`,
  password,
  options: { data: { role: "org_admin" } },
});
const signedIn = client();
const session = await signedIn.auth.signInWithPassword({ email, password });
const refreshed = await signedIn.auth.refreshSession();
const wrongPassword = await client().auth.signInWithPassword({ email, password: "wrong" });
const certifications = () => signedIn.from("peer_mentor_certifications");

const answers = {
  signUp: signedUp.error ?? signedUp.data.user.email,
  userId: session.data.user?.id,
  refreshed: refreshed.data.user?.id,
  wrongPassword: wrongPassword.error?.code,
  newcomer: told(await newcomer.from("peer_mentor_certifications").select("id")),
  select: told(await certifications().select("id").order("id")),
  count: told(await certifications().select("*", { count: "exact", head: true })),
  embedding: told(
    await signedIn
      .schema("mentorcert")
      .from("peer_mentor_certifications")
      .select("peer_mentors(full_name, peer_mentor_chapters(chapters(code)))")
      .eq("id", own)
      .single(),
  ),
  foreign: told(await certifications().select("id").eq("id", foreign).maybeSingle()),
  csv: told(await certifications().select("id").csv()),
  page: told(await signedIn.rpc("certifications_page", { page_size: 1 }).select("id")),
  renewed: told(await signedIn.rpc("renew_certification", { certification_id: own, note: "Diploma seen" })),
  history: told(await signedIn.rpc("certification_history", { certification_id: own })),
  renewedForeign: told(await signedIn.rpc("renew_certification", { certification_id: foreign })),
  updatedForeign: told(await certifications().update({ status: "suspended" }).eq("id", foreign).select("id")),
  deleted: told(await certifications().delete().eq("id", own)),
  anonList: told(await client().from("listed_peer_mentors").select("display_name, listed_until")),
  anon: told(await client().from("peer_mentor_certifications").select("id")),
};
// Of this session only: by default it is everywhere, and others are signed in as the same user.
await signedIn.auth.signOut({ scope: "local" });
answers.signedOut = told(await certifications().select("id"));
const copied = client({ Authorization: `Bearer ${refreshed.data.session?.access_token}` });
answers.copiedToken = told(await copied.from("peer_mentor_certifications").select("id"));
console.log(JSON.stringify(answers));
