// Runs stripe-stateful-mock on a free loopback port, prints its address, and ends with its
// standard input. BURSAR_PEERS names the folder that holds node/node_modules.
"use strict";

const path = require("path");
const http = require("http");

const modules = path.resolve(process.env.BURSAR_PEERS, "node", "node_modules");
const { createExpressApp } = require(path.join(modules, "stripe-stateful-mock"));

const server = http.createServer(createExpressApp());
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
