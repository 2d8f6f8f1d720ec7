// How the doctor recognises what it hears: datagrams of daemons, and of other doctors.

import { createOpener, type Opened } from "#drivers/datagrams/seal.ts";
import { ByteReader } from "#lib/bytes.ts";
import type { Config } from "#model/config.ts";
import { type NodeId, nodeId } from "#model/ids.ts";

/** A datagram by a holder of the cluster key, who says to be this member. */
export interface Recognised {
  readonly by: "daemon" | "doctor";
  readonly from: NodeId;
  readonly boot: number;
  readonly body: Uint8Array;
}

/**
 * Doctors seal under keys of their own, so that no daemon takes a probe for a pulse (or its sender for a newer life
 * of a member). A blank is in no cluster's name.
 */
export const doctorsCluster = (config: Config): string => `${config.cluster} doctor`;

/** The first port is that of pulses, the next one that of messages. */
export const purposeOf = (config: Config, port: number) => (port === config.port ? "pulse" : "message");

/** Null: a stranger's, or damaged. Never throws. */
export function createRecogniser(
  config: Config,
  key: Uint8Array,
): (bytes: Uint8Array, port: number) => Recognised | null {
  const open = (cluster: string) => ({
    pulse: createOpener({ key, cluster, purpose: "pulse" }),
    message: createOpener({ key, cluster, purpose: "message" }),
  });
  const openers = { daemon: open(config.cluster), doctor: open(doctorsCluster(config)) };
  return (bytes, port) => {
    const purpose = purposeOf(config, port);
    for (const by of ["daemon", "doctor"] as const) {
      const opened = openers[by][purpose](bytes);
      if (opened.kind === "opened") return readEnvelope(opened, by);
    }
    return null;
  };
}

/** As drivers/datagrams writes it: the sender's name and its boot number, then the body. */
function readEnvelope(
  { content }: Opened & { readonly kind: "opened" },
  by: Recognised["by"],
): Recognised | null {
  const reader = new ByteReader(content);
  const from = nodeId(reader.name());
  const boot = reader.whole();
  const body = reader.rest();
  return reader.ok ? { by, from, boot, body } : null;
}
