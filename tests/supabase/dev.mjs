// What an app does against `mentorcert dev`, with the official JavaScript client: every sample login signs in by the code that
// it was sent. In: what `mentorcert dev --json` prints. Out: JSON, by login.
import { createClient } from "@supabase/supabase-js";

const started = JSON.parse(process.env.STARTED);

// There is no Realtime, and Node.js 20 has no WebSocket, without which the client would not start.
class NoWebSocket {}

function client(headers = {}) {
  return createClient(started.url, started.publishable_key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: NoWebSocket },
    global: { headers },
  });
}

async function codeFor(email) {
  const answer = await fetch(`${started.codes}?email=${encodeURIComponent(email)}`);
  return (await answer.json()).code;
}

async function asLogin({ email, role }) {
  const supabase = client();
  const sent = await supabase.auth.signInWithOtp({ email, options: { shouldCreateUser: false } });
  const wrong = await supabase.auth.verifyOtp({ email, token: "000000x", type: "email" });
  const signedIn = await supabase.auth.verifyOtp({ email, token: await codeFor(email), type: "email" });
  const own = await supabase
    .from("peer_mentor_certifications")
    .select("id, peer_mentor_id, last_valid_day, current_status, certification_type")
    .order("last_valid_day", { ascending: true })
    .order("id");
  const people = await supabase.schema("mentorcert").from("peer_mentors").select("id, full_name");
  const organisations = await supabase.schema("mentorcert").from("organisations").select("slug");
  const said = {
    sent: sent.error,
    wrong: wrong.error?.code,
    signedIn: signedIn.error,
    own: own.data,
    people: people.data,
    organisations: organisations.data,
  };
  if (role === "coordinator") {
    const { id } = own.data.find((row) => row.last_valid_day !== null);
    said.asked = id;
    said.tooLate = (await supabase.rpc("renew_certification", { certification_id: id, renewed_on: "2001-01-01" })).error;
    said.renewed = await supabase.rpc("renew_certification", { certification_id: id, note: "Diploma seen" });
    said.again = (await supabase.rpc("renew_certification", { certification_id: id })).error;
    said.history = (await supabase.rpc("certification_history", { certification_id: id })).data;
    said.after = (await supabase.from("peer_mentor_certifications").select("last_valid_day").eq("id", id).single()).data;
  }
  const { access_token: token } = (await supabase.auth.refreshSession()).data.session;
  await supabase.auth.signOut({ scope: "local" });
  const copied = client({ Authorization: `Bearer ${token}` });
  said.copied = (await copied.from("peer_mentor_certifications").select("id")).error?.code;
  return said;
}

const answers = {};
for (const login of started.logins) answers[login.email] = await asLogin(login);
const stranger = client();
answers.stranger = {
  sent: (await stranger.auth.signInWithOtp({ email: "nobody@example.org", options: { shouldCreateUser: false } })).error?.code,
  signUp: (await stranger.auth.signUp({ email: "nobody@example.org", password: "long enough" })).error?.code,
  list: (await stranger.from("listed_peer_mentors").select("display_name").limit(1)).data,
};
console.log(JSON.stringify(answers));
