// Runs oidc-provider (a certified OpenID provider) on a free loopback port, prints its address, and ends
// with its standard input: run_openid.mjs PORT REDIRECT_URI
//
// Its login page asks nothing: whoever is sent there says in the query who he is (sub, email, verified,
// name). `forged` is JSON of claims that its identity is signed anew with, which no provider would do by
// itself. BURSAR_PEERS names the folder that holds
// node/node_modules.
import { createServer } from "node:http";
import { generateKeyPairSync, sign } from "node:crypto";
import path from "node:path";
import { pathToFileURL } from "node:url";

// Standard output is the address alone, and nobody reads on.
console.info = console.warn = console.log = () => {};

const modules = path.resolve(process.env.BURSAR_PEERS, "node", "node_modules");
const library = path.join(modules, "oidc-provider", "lib", "index.js");
const { default: Provider } = await import(pathToFileURL(library));

const people = new Map();
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = { ...privateKey.export({ format: "jwk" }), kid: "peer-1", alg: "RS256", use: "sig" };

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decode = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

function signed(claims) {
  const message = `${encode({ alg: "RS256", kid: jwk.kid })}.${encode(claims)}`;
  return `${message}.${sign("RSA-SHA256", message, privateKey).toString("base64url")}`;
}

const client = (id) => ({
  client_id: id,
  client_secret: `secret of ${id}: it has + and %`,
  redirect_uris: [process.argv[3]],
  response_types: ["code"],
  grant_types: ["authorization_code"],
  token_endpoint_auth_method: "client_secret_basic",
});

const configuration = {
  clients: [client("bursar"), client("another")],
  jwks: { keys: [jwk] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["a key for tests"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub)?.claims }) }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
};

const server = createServer();
server.listen(Number(process.argv[2] || 0), "127.0.0.1", async () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(base, configuration);

  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route !== "token" || !ctx.body?.id_token) return;
    const claims = decode(ctx.body.id_token);
    const forged = people.get(claims.sub)?.forged;
    if (forged) ctx.body.id_token = signed({ ...claims, ...forged });
  });

  const answer = provider.callback();
  server.on("request", async (request, response) => {
    const url = new URL(request.url, base);
    if (!url.pathname.startsWith("/login/")) return answer(request, response);
    const { sub, email, verified, name, forged, denied } = Object.fromEntries(url.searchParams);
    if (denied) {
      return provider.interactionFinished(request, response, { error: "access_denied" });
    }
    const claims = { email, email_verified: verified === "true", name };
    people.set(sub, { claims, forged: forged && JSON.parse(forged) });
    return provider.interactionFinished(request, response, { login: { accountId: sub } });
  });
  process.stdout.write(`${base}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
