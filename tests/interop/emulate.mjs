// A GitHub by other people (`emulate` from npm) on a free port of loopback, with one repository. Prints its address, and
// serves until standard input ends.
import { Server } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error("usage: emulate.mjs NODE_MODULES_PARENT");
  process.exit(2);
}

// It listens on every interface and does not tell a port that the system chose.
const listen = Server.prototype.listen;
Server.prototype.listen = function () {
  return listen.call(this, 0, "127.0.0.1", () => console.log(`http://127.0.0.1:${this.address().port}`));
};

const { createEmulator } = await import(pathToFileURL(resolve(folder, "node_modules/emulate/dist/api.js")));
await createEmulator({
  service: "github",
  // Only the addresses it hands out, of which none is followed, would need the real one.
  port: 0,
  baseUrl: "http://emulate.invalid",
  seed: {
    tokens: {
      owner: { login: "calimero-network", scopes: ["repo"] },
      stranger: { login: "stranger", scopes: ["repo"] },
    },
    github: {
      users: [{ login: "calimero-network", name: "Ada" }, { login: "stranger" }],
      repos: [{ owner: "calimero-network", name: "mero-tee", default_branch: "master", auto_init: true }],
    },
  },
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
