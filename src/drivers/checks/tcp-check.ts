// Does something accept connections?

import { connect } from "node:net";
import type { TcpCheck } from "#model/config.ts";
import { networkProblem, type Probe, verdict } from "./verdict.ts";

export function tcpProbe(check: TcpCheck): Probe {
  return (answer, settled) => {
    const socket = connect({ host: check.host, port: check.port });
    socket.once("connect", () => {
      socket.destroy();
      answer(verdict("ok", `${check.host} port ${check.port} accepts connections`));
    });
    // Stays for the whole life of the socket: an error without a listener would end the daemon.
    socket.on("error", (error) => {
      answer(verdict("critical", `${check.host} port ${check.port}: ${networkProblem(error)}`));
    });
    socket.once("close", settled);
    return () => socket.destroy();
  };
}
