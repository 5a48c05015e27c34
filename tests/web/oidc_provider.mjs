// A certified OpenID Connect provider on a port of its own, for the tests: it says its issuer, then does what each line asks.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const { client, cookieKey } = JSON.parse(process.argv[2]);
const now = Date.now;
let behindMs = 0;
let answer;
console.info = console.warn = () => {}; // its advice for production
Date.now = () => now() - behindMs;

const accounts = {
  kari: { email: "kari@example.org", email_verified: true },
  anyone: { email: "anyone@example.org", email_verified: false },
};

function key(algorithm) {
  const pair =
    algorithm === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...pair.privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: algorithm, use: "sig" };
}

// What is asked for on standard input; each is answered by a line.
const orders = {
  sign_by(algorithm) {
    const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
      clients: [{ ...client, id_token_signed_response_alg: algorithm }],
      jwks: { keys: [key(algorithm)] },
      cookies: { keys: [cookieKey] },
      claims: { openid: ["sub"], email: ["email", "email_verified"] },
      ttl: { AuthorizationCode: 24 * 3600 }, // so that it is still good when the clock was set
      pkce: { required: () => true },
      async findAccount(ctx, sub) {
        return { accountId: sub, claims: async () => ({ sub, ...accounts[sub] }) };
      },
    });
    answer = provider.callback();
  },
  clock_behind(seconds) {
    behindMs = seconds * 1000;
  },
};

const server = createServer((request, response) => answer(request, response));
server.listen(0, "127.0.0.1", () => {
  orders.sign_by("RS256");
  console.log(`http://127.0.0.1:${server.address().port}`);
});
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [order, value] = line.split(" ");
    orders[order](value);
    console.log("done");
  })
  .on("close", () => process.exit()); // with the test that started it
