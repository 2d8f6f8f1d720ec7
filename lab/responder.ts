// A small service that answers with its host's name, over HTTP and UDP, on every address of its host:
//   node responder.ts --name chip [--port 7777] [--address 10.77.0.100]...
// The floating addresses are bound by name too, so that a datagram is answered from the address it came to.
import dgram from "node:dgram";
import http from "node:http";
import { isIPv6 } from "node:net";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    name: { type: "string", default: "unnamed" },
    port: { type: "string", default: "7777" },
    address: { type: "string", multiple: true, default: [] },
  },
});
const port = Number(options.port);

http
  .createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/plain", connection: "close" });
    response.end(`${options.name}\n`);
  })
  .listen(port, "::");

for (const address of ["0.0.0.0", "::", ...options.address]) echo(address);

/** Answers `N` with `N name`. The wildcard and the named addresses share the port: the named one is preferred. */
function echo(address: string): void {
  const type = isIPv6(address) ? "udp6" : "udp4";
  const socket = dgram.createSocket({ type, reuseAddr: true, ipv6Only: type === "udp6" });
  socket.on("message", (question, from) => {
    // An answer that cannot leave (the address is gone, or guarded) is one that the client does not get.
    socket.send(`${question.toString("latin1", 0, 32)} ${options.name}`, from.port, from.address, () => {});
  });
  socket.on("error", (error) => console.error(`${address}: ${error.message}`));
  socket.bind(port, address);
}
