// Supabase Lite, an npm package, for as long as standard input stays open: whatever ends the process that started it, it ends
// too. In: the package's folder as argument, a line of JSON (address, database, config), and one for each mail that was taken. Out, a
// line of JSON each: the SQL of its schema `auth`, that it takes connections, and every mail.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const manifest = join(process.argv[2], "package.json");
const { exports } = JSON.parse(readFileSync(manifest, "utf8"));
const load = (name) => import(pathToFileURL(join(process.argv[2], exports[name].import)));
const taken = [];
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// What Lite itself prints goes into the log.
console.log = console.info = console.error;

// Supabase Auth calls a code by mail `email`; Lite knows it by its older name alone.
async function withOldName(request) {
  if (request.method !== "POST" || new URL(request.url).pathname !== "/auth/v1/verify") return request;
  const text = await request.text();
  const body = text.replace(/("type"\s*:\s*)"email"/, '$1"magiclink"');
  return new Request(request.url, { method: "POST", headers: request.headers, body });
}

// Of an error with a SQLSTATE of the registry's own, Lite passes the message alone, where PostgREST passes it all. So it is put as
// what a function may raise to say what PostgREST shall answer.
function asPostgrest(error) {
  if (!/^MC\d{3}$/.test(error?.code)) return error;
  const { code, message, detail: details = null, hint = null } = error;
  const answer = { code: "PGRST", message: JSON.stringify({ code, message, details, hint }) };
  return Object.assign(new Error(), answer, { detail: JSON.stringify({ status: 400, headers: {} }) });
}

// Lite gives the driver the JSON of an argument as a text, which the driver would encode once more.
const json = { serialize: (value) => (typeof value === "string" && /^[[{]/.test(value) ? value : JSON.stringify(value)) };
const types = {
  json: { to: 114, from: [114], parse: JSON.parse, ...json },
  jsonb: { to: 3802, from: [3802], parse: JSON.parse, ...json },
};

// Whoever asked for a code finds it when the answer comes.
function send({ to, subject }) {
  say({ to, subject });
  return new Promise((resolve) => taken.push(resolve));
}

async function serve({ address, database, config }) {
  const { createPostgresConnection } = await load("./postgres");
  const { createAdaptorServer } = createRequire(manifest)("@hono/node-server");
  const connection = createPostgresConnection({ url: "postgresql://", postgresOptions: { ...database, types } });
  connection.normalizeDbError = asPostgrest;
  const app = new App({
    ...config,
    connection,
    options: {
      // Requests without a key would bypass row-level security.
      server: { admin: false, disableStudio: true },
      drivers: { email: { send } },
    },
  });
  // Each sets default privileges at its first request, and both at once would collide.
  for (const path of ["/auth/v1/health", "/rest/v1/listed_peer_mentors?limit=0"]) {
    await app.fetch(new Request(`http://localhost${path}`, { headers: { apikey: config.auth.publishable_key } }));
  }
  const fetch = async (request) => app.fetch(await withOldName(request), { peerAddress: null });
  createAdaptorServer({ fetch }).listen(address, () => say({ address }));
}

const { App, getAuthSchemaSql, SUPABASE_AUTH_HELPERS_SQL } = await load(".");
say({ tables: getAuthSchemaSql(), functions: SUPABASE_AUTH_HELPERS_SQL });
const input = createInterface({ input: process.stdin }).on("close", () => process.exit());
input.once("line", (line) => {
  input.on("line", () => taken.shift()());
  serve(JSON.parse(line));
});
