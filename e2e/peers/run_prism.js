// Judges HTTP by Zoom's own OpenAPI document: run_prism.js PORT UPSTREAM
//
// prism as a proxy before UPSTREAM: a request that the document does not allow is stopped with 422, an
// answer that it does not allow becomes a 500. Paths are served as Zoom serves them, below /v2; the
// token's, which the document lacks, is added. Listens on loopback (port 0: any), prints its address,
// and ends with its standard input. BURSAR_PEERS names the folder that holds node/node_modules.
"use strict";

const fs = require("fs");
const path = require("path");

const peers = path.resolve(process.env.BURSAR_PEERS);
const modules = path.join(peers, "node", "node_modules", "@stoplight");
const { createLogger } = require(path.join(modules, "prism-core"));
const { getHttpOperationsFromSpec } = require(path.join(modules, "prism-http"));
const { createServer } = require(path.join(modules, "prism-http-server"));

const SERVED = ["/users/{userId}/meetings", "/meetings/{meetingId}"];

const text = (schema) => ({ "application/json": { schema } });
const TOKEN = {
  post: {
    security: [{ App: [] }],
    requestBody: {
      required: true,
      content: {
        "application/x-www-form-urlencoded": {
          schema: {
            type: "object",
            required: ["grant_type", "account_id"],
            properties: {
              grant_type: { type: "string", enum: ["account_credentials"] },
              account_id: { type: "string", minLength: 1 },
            },
          },
        },
      },
    },
    responses: {
      200: {
        description: "granted",
        content: text({
          type: "object",
          required: ["access_token", "token_type", "expires_in"],
          properties: {
            access_token: { type: "string" },
            token_type: { type: "string" },
            expires_in: { type: "integer" },
            scope: { type: "string" },
          },
        }),
      },
    },
  },
};

async function main(port, upstream) {
  const document = JSON.parse(fs.readFileSync(path.join(peers, "zoom.us.json"), "utf8"));
  document.servers = [{ url: "/" }];
  document.components.securitySchemes.App = { type: "http", scheme: "basic" };
  const served = SERVED.map((name) => [`/v2${name}`, document.paths[name]]);
  document.paths = Object.fromEntries([...served, ["/oauth/token", TOKEN]]);
  const operations = await getHttpOperationsFromSpec(document);
  const config = {
    isProxy: true,
    upstream: new URL(upstream),
    validateRequest: true,
    validateResponse: true,
    checkSecurity: true,
    errors: true,
    mock: { dynamic: false },
  };
  const logger = createLogger("judge", { level: "silent" });
  const server = createServer(operations, { cors: false, config, components: { logger } });
  console.log(await server.listen(Number(port), "127.0.0.1"));
}

process.stdin.on("end", () => process.exit(0)).resume();
main(process.argv[2] || 0, process.argv[3]).catch((error) => {
  console.error(error);
  process.exit(1);
});
